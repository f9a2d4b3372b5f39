using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Nobody loses an account because of what could not be seen, what is another rule's, or what has changed since the plan was made.</summary>
public sealed class OrphanTests
{
    private const string Employees = "employees";

    [Theory]
    [InlineData(OrphanAction.DeleteInTarget)]
    [InlineData(OrphanAction.DisableInTarget)]
    public async Task Whoever_is_back_in_the_source_since_the_plan_was_made_keeps_the_account(OrphanAction action)
    {
        var bench = new Bench(Bench.Repairing with { Orphan = action });
        bench.Target.Put(Bench.Person("1", "ann"));
        bench.Target.Put(Bench.Person("2", "bob"));
        var plan = await bench.PlanAsync();
        plan.Changes.Count.ShouldBe(2);

        bench.Source.Put(Bench.Person("1", "ann"));
        var report = await bench.ApplyAsync(plan);

        var skipped = report.Skipped.Single();
        skipped.Change.Account.ShouldBe(new AccountId("1"));
        skipped.Message.ShouldBe("It may be no orphan any more: It is 1 in people. Plan again.");
        report.Applied.ShouldBe(1);
        bench.Target.Rows[new AccountId("1")]["active"].ShouldBe(FieldValue.Boolean(true));
        bench.Target.Writes.ShouldBe(1);
    }

    // Nothing in the system guards a place that only the config names.
    [Fact]
    public async Task An_orphan_to_whom_something_refers_is_not_deleted()
    {
        var bench = new Bench();
        var app = bench.Topology.Systems["app"] with { References = [new ReferencePlace { Table = "notes", Fields = ["author"], AccountFields = ["username"] }] };
        bench = new Bench { Topology = bench.Topology with { Systems = new Dictionary<string, SystemConfig>(bench.Topology.Systems) { ["app"] = app } } };
        bench.Target.Put(Bench.Person("1", "ann"));
        bench.Target.Put(Bench.Person("2", "bob"));
        bench.Target.Refer("notes", ["id"], ("id", "n1"), ("author", "ann"));
        var plan = await bench.PlanAsync();

        plan.Changes.Single().Account.ShouldBe(new AccountId("2"));
        plan.NotPlanned.Single().Because.ShouldBe("notes.author (1) refer to ann (id 1), and would be left behind: delete or move these in the application first.");

        bench.Target.Refer("notes", ["id"], ("id", "n2"), ("author", "bob"));
        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldStartWith("notes.author (1) refer to it");
        bench.Target.Rows.Count.ShouldBe(2);
    }

    // Its plan said one row of posts; 49 more had come, and a table of invoices, and all of them went.
    [Theory]
    [InlineData("posts", "posts.author (2 rows, 1 in the plan)")]
    [InlineData("invoices", "invoices.author (1 row, 0 in the plan)")]
    public async Task An_orphan_takes_no_more_along_than_the_plan_says(string table, string said)
    {
        var bench = new Bench();
        bench.Target.Cascades.Add(new ReferencePlace { Table = "posts", Fields = ["author"], AccountFields = ["id"], Enforced = true });
        bench.Target.Put(Bench.Person("1", "ann"));
        bench.Target.Put(Bench.Person("2", "bob"));
        bench.Target.Refer("posts", ["id"], ("id", "p1"), ("author", "1"));
        var plan = await bench.PlanAsync();
        plan.Changes[0].TakesAlong!.Select(taken => $"{taken.Place} {taken.Rows}").ShouldBe(["posts.author 1"]);
        bench.Target.Cascades.Add(new ReferencePlace { Table = "invoices", Fields = ["author"], AccountFields = ["id"], Enforced = true });
        bench.Target.Refer(table, ["id"], ("id", "p2"), ("author", "1"));

        var report = await bench.ApplyAsync(PlanJson.Read(PlanJson.Write(plan)).Plan!);

        report.Skipped.ShouldHaveSingleItem().Message.ShouldBe($"More would go along with it than the plan says: {said}. Plan again.");
        bench.Target.Rows.Keys.ShouldBe([new AccountId("1")]);
        bench.Target.Table("posts").Concat(bench.Target.Table("invoices")).Count().ShouldBe(2);
        (await bench.ApplyAsync(await bench.PlanAsync(2))).IsComplete.ShouldBeTrue();
        bench.Target.ReferringNow.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_plan_of_an_older_version_takes_no_orphan_with_whom_rows_would_go()
    {
        var bench = new Bench();
        bench.Target.Cascades.Add(new ReferencePlace { Table = "posts", Fields = ["author"], AccountFields = ["id"], Enforced = true });
        bench.Target.Put(Bench.Person("1", "ann"));
        bench.Target.Refer("posts", ["id"], ("id", "p1"), ("author", "1"));
        var plan = await bench.PlanAsync();

        var report = await bench.ApplyAsync(plan with { Changes = [plan.Changes[0] with { TakesAlong = null }] });

        report.Skipped.ShouldHaveSingleItem().Message.ShouldContain("posts.author (1 row, 0 in the plan)");
        bench.Target.Rows.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task What_went_along_with_an_orphan_is_told_by_its_undo_as_not_taken_back()
    {
        var bench = new Bench
        {
            Target = new InMemorySystem(Bench.People)
            {
                Facts = new SystemFacts { TakesChosenId = true, AtomicPreconditions = true, DeletionEffects = ["Rows of posts that refer to the account by author are deleted with it."] },
            },
        };
        bench.Target.ForeignKeys.Add(new ReferencePlace { Table = "posts", Fields = ["author"], AccountFields = ["id"], Enforced = true });
        bench.Target.Put(Bench.Person("1", "ann"));
        bench.Target.Refer("posts", ["id"], ("id", "p1"), ("author", "1"));
        bench.Target.Refer("posts", ["id"], ("id", "p2"), ("author", "1"));
        var plan = await bench.PlanAsync();
        var change = plan.Changes.Single();
        change.Effects.ShouldBe(["Rows of posts that refer to the account by author are deleted with it.", "When the plan was made, there referred to it: posts.author (2 rows)."]);
        change.Reversible.ShouldBeFalse();
        await bench.ApplyAsync(plan);

        var undo = await bench.PlanUndoAsync(plan.Id, 2);

        undo.Changes.Single().Action.ShouldBe(ChangeAction.Create);
        undo.NotPlanned.Single().Because.ShouldBe(
            "The account comes back. What went with it stays away, for no journal has it: Rows of posts that refer to the account by author are deleted with it. When the plan was made, there referred to it: posts.author (2 rows).");
    }

    [Fact]
    public async Task Whoever_is_in_the_source_on_a_guess_since_the_plan_was_made_keeps_the_account()
    {
        var bench = new Bench();
        bench.Target.Put(Bench.Person("1", "anna", "ann@example.org", verified: false));
        var plan = await bench.PlanAsync();

        bench.Source.Put(Bench.Person("7", "ann", "Ann@example.org", verified: false));
        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldContain("There is somebody in people who may be the same person");
        bench.Target.Writes.ShouldBe(0);
    }

    [Fact]
    public async Task Whom_the_service_made_since_the_plan_was_made_keeps_the_account()
    {
        var links = new Dictionary<AccountId, AccountId>();
        var known = new KnownLinks(
            new Dictionary<(string, string), IReadOnlyDictionary<AccountId, AccountId>>(),
            _ => Task.FromResult(new KnownLinks(new Dictionary<(string, string), IReadOnlyDictionary<AccountId, AccountId>> { [("people", "app")] = links })));
        var topology = new Bench(Bench.Repairing with { Correlate = [new CorrelationRule(null, "did")] }).Topology;
        var bench = new Bench { Topology = topology with { Decisions = PersonDecisions.None.With(known) } };
        bench.Target.Put(Bench.Person("did:plc:1"));
        var plan = await bench.PlanAsync();
        plan.Changes.Single().Reason.ShouldBe(ChangeReason.OrphanDeleted);

        bench.Source.Put(Bench.Person("1"));
        links.Add(new AccountId("1"), new AccountId("did:plc:1"));
        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldContain("It is 1 in people.");
        bench.Target.Writes.ShouldBe(0);
    }

    // A line of the source that can't be read may be anybody's.
    [Fact]
    public async Task While_a_record_of_the_source_can_not_be_read_nobody_is_an_orphan()
    {
        var bench = new Bench();
        bench.Target.Put(Bench.Person("1", "ann"));
        bench.Source.Unreadable.Add(new UnreadableRecord("line 7", "it is not JSON."));

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.Single(left => left.Finding == "Orphan").Because
            .ShouldBe("people holds 1 record that can't be read (line 7: it is not JSON.) and may be anybody's: put that right there, then plan again.");
    }

    [Fact]
    public async Task While_a_record_of_the_target_can_not_be_read_nobody_is_made_there()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Target.Unreadable.Add(new UnreadableRecord("row 7", "its id is null."));

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.Single(left => left.Finding == "Missing").Because.ShouldContain("row 7: its id is null.");
    }

    // A record of the other side that can't be read takes nothing from who is seen on both.
    [Fact]
    public async Task What_can_not_be_read_in_the_target_keeps_no_orphan_there()
    {
        var bench = new Bench();
        bench.Target.Put(Bench.Person("1", "ann"));
        bench.Target.Unreadable.Add(new UnreadableRecord("row 7", "its id is null."));

        (await bench.PlanAsync()).Changes.Single().Reason.ShouldBe(ChangeReason.OrphanDeleted);
    }

    // Employees and customers have accounts in one application: neither are the other's orphans.
    [Fact]
    public async Task The_people_of_one_source_are_no_orphans_of_another()
    {
        var bench = TwoSources(out var employees);
        employees.Put(Bench.Person("e1", "eva"));
        bench.Source.Put(Bench.Person("c1", "cy"));
        bench.Target.Put(Bench.Person("e1", "eva"));
        bench.Target.Put(Bench.Person("c1", "cy"));
        bench.Target.Put(Bench.Person("x1", "nobody"));

        var audit = await AuditAsync(bench, employees);

        Orphans(audit.Findings).ShouldBe(["x1"]);
        Orphans(Situations.Find(bench.Topology, audit.Pictures)).ShouldBe(["x1"]);
    }

    [Fact]
    public async Task Whom_another_source_has_at_the_second_look_is_no_orphan()
    {
        var bench = TwoSources(out var employees);
        employees.Put(Bench.Person("e1", "eva"));
        bench.Target.Put(Bench.Person("e1", "eva"));
        employees.HiddenFromBulkReads.Add("e1");

        (await AuditAsync(bench, employees)).Findings.Where(finding => finding.Fault is null).ShouldBeEmpty();
    }

    [Fact]
    public async Task Rules_that_want_different_things_of_one_orphan_change_nothing_and_say_so()
    {
        var bench = TwoSources(out var employees);
        bench.Source.Put(Bench.Person("c1", "cy"));
        bench.Target.Put(Bench.Person("c1", "cy"));
        bench.Target.Put(Bench.Person("x1", "nobody"));

        var (audit, plan) = await PlanAsync(bench, employees);

        audit.Findings.Single(finding => finding.Fault == SystemFault.RulesInConflict).Sentence.ShouldContain("'orphan' is disableInTarget in one and deleteInTarget in the other");
        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.Where(one => one.Because.Contains("give them the same 'orphan'", StringComparison.Ordinal)).Count().ShouldBe(2);
    }

    [Fact]
    public async Task An_orphan_of_several_rules_is_changed_once()
    {
        var bench = TwoSources(out var employees, OrphanAction.DeleteInTarget);
        bench.Source.Put(Bench.Person("c1", "cy"));
        bench.Target.Put(Bench.Person("c1", "cy"));
        bench.Target.Put(Bench.Person("x1", "nobody"));

        var (audit, plan) = await PlanAsync(bench, employees);

        audit.Findings.ShouldNotContain(finding => finding.Fault == SystemFault.RulesInConflict);
        plan.Changes.Single().Account.ToString().ShouldBe("x1");
        plan.NotPlanned.Single().Because.ShouldContain("planned already");
    }

    // Low numbers are everywhere: an id of one source is nobody's in another.
    [Fact]
    public async Task Of_two_sources_people_with_one_name_and_one_number_one_gets_the_account()
    {
        var bench = TwoSources(out var employees);
        employees.Put(Bench.Person("1", "admin"));
        bench.Source.Put(Bench.Person("1", "admin"));

        var (_, plan) = await PlanAsync(bench, employees);

        plan.Changes.Single().Action.ShouldBe(ChangeAction.Create);
        plan.NotPlanned.ShouldContain(one => one.Because.Contains("is to get, the username admin"));
    }

    private static async Task<(AuditResult Audit, Plan Plan)> PlanAsync(Bench bench, InMemorySystem employees)
    {
        var audit = await AuditAsync(bench, employees);
        return (audit, Planner.Plan(bench.Topology, audit.Pictures, audit.Findings, new PlanStamp(Guid.NewGuid(), bench.Clock.GetUtcNow(), "", "", RandomSource.System)));
    }

    private static Bench TwoSources(out InMemorySystem employees, OrphanAction ofEmployees = OrphanAction.DisableInTarget)
    {
        employees = new InMemorySystem(Bench.People);
        var topology = new Bench().Topology;
        return new Bench
        {
            Topology = topology with
            {
                Systems = topology.Systems.Append(new(Employees, topology.Systems["people"] with { Name = Employees })).ToDictionary(pair => pair.Key, pair => pair.Value),
                Rules = [Bench.Repairing with { Source = Employees, Orphan = ofEmployees }, Bench.Repairing],
            },
        };
    }

    private static IEnumerable<string> Orphans(IEnumerable<Finding> findings)
        => findings.Where(finding => finding.Situation == Situation.Orphan).Select(finding => finding.Accounts.Single().Id.ToString()).Distinct();

    private static async Task<AuditResult> AuditAsync(Bench bench, InMemorySystem employees)
    {
        var systems = new Dictionary<string, IConnectedSystem>(bench.Systems) { [Employees] = employees };
        return await new Auditor(bench.Topology, systems, IdentifierKeys.TryKey, bench.Clock, RandomSource.System).AuditAsync(_ => null, CancellationToken.None);
    }
}
