using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Accounts that have each other's ids take their own at once, and what refers to them goes along.</summary>
public sealed class IdExchangeTests
{
    private static readonly ReconcileRule Rule = Bench.Repairing with
    {
        Correlate = [new CorrelationRule(IdentifierKind.Email), CorrelationRule.ById],
        IdMismatch = IdMismatchAction.RekeyTarget,
    };

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public async Task Ids_that_go_round_in_a_circle_are_put_right_by_one_change_with_all_that_refers_to_them(int people)
    {
        var bench = Circle(people);
        var before = State(bench);
        var (plan, problem) = PlanJson.Read(PlanJson.Write(await bench.PlanAsync()));
        problem.ShouldBeNull();
        plan!.Changes.ShouldHaveSingleItem().Exchanged!.Count.ShouldBe(people - 1);
        plan.Changes[0].References!.Single(place => place.Table == "printers").Rows.ShouldBe(people);
        plan.NotPlanned.ShouldBeEmpty();

        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        ShouldBeRight(bench, people);
        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
        (await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2))).IsComplete.ShouldBeTrue();
        State(bench).ShouldBe(before);
        (await bench.PlanUndoAsync(plan.Id, 3)).Changes.ShouldBeEmpty();
    }

    public static TheoryData<string> EveryCrash => [.. ApplyCrashPoints.All];

    [Theory]
    [MemberData(nameof(EveryCrash))]
    public async Task A_crash_anywhere_and_the_same_plan_again_put_all_right_and_undo_takes_it_back(string point)
    {
        var bench = Circle(3);
        var before = State(bench);
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, point);

        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        ShouldBeRight(bench, 3);
        (await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2))).IsComplete.ShouldBeTrue();
        State(bench).ShouldBe(before);
    }

    [Theory]
    [MemberData(nameof(EveryCrash))]
    public async Task A_crash_anywhere_in_its_undo_and_the_same_again_take_all_back(string point)
    {
        var bench = Circle(3);
        var before = State(bench);
        var plan = await bench.PlanAsync();
        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        await bench.CrashAsync(undo, point);

        (await bench.ApplyAsync(undo)).IsComplete.ShouldBeTrue();

        State(bench).ShouldBe(before);
        (await bench.ApplyAsync(await bench.PlanUndoAsync(undo.Id, 3))).IsComplete.ShouldBeTrue();
        ShouldBeRight(bench, 3);
    }

    [Fact]
    public async Task Undo_takes_along_what_came_since_and_leaves_what_was_given_to_somebody_else()
    {
        var bench = Circle(3);
        var plan = await bench.PlanAsync();
        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();
        bench.Target.Refer("printers", ["id"], ("id", "since"), ("owner", "id0"));
        bench.Target.Refer("printers", ["id"], ("id", "printer1"), ("owner", "id2"));

        (await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2))).IsComplete.ShouldBeTrue();

        // name0 has id1 again, and name2 id0.
        bench.Target.ReferringNow.Where(row => row.StartsWith("printers", StringComparison.Ordinal))
            .ShouldBe(["printers: id=printer0, owner=id1", "printers: id=printer1, owner=id0", "printers: id=printer2, owner=id0", "printers: id=since, owner=id1"], ignoreOrder: true);
    }

    [Fact]
    public async Task What_refers_to_one_who_left_after_the_exchange_is_not_taken_for_the_others()
    {
        var bench = Circle(2);
        var plan = await bench.PlanAsync();
        bench.Target.Answer = () =>
        {
            bench.Target.Answer = () => new Done();
            bench.Target.Remove("id1");
            bench.Target.Refer("printers", ["id"], ("id", "left"), ("owner", "id1"));
            return new Done();
        };

        await bench.ApplyAsync(plan);

        bench.Target.Table("printers").Single(row => row["id"].AsText == "left")["owner"].AsText.ShouldBe("id1");
    }

    [Fact]
    public async Task A_decision_about_any_of_them_since_the_plan_was_made_stops_it()
    {
        var bench = Circle(3);
        var plan = await bench.PlanAsync();
        var (other, state) = (plan.Changes.Single().Exchanged![0], State(bench));
        DecidedAccount[] apart = [new("app", other.Account), new("people", new AccountId(other.After["id"].AsText!))];
        bench.Topology = bench.Topology with { Decisions = new PersonDecisions([new PersonDecision(Verdict.Different, apart, null, "decided")]) };

        var report = await bench.ApplyAsync(plan);

        report.Skipped.ShouldHaveSingleItem().Message.ShouldBe($"By now the config says that {apart[0]} and {apart[1]} are different people. Plan again.");
        State(bench).ShouldBe(state);
    }

    // After a lost answer a row that names both looks the same before and after.
    [Fact]
    public async Task A_lost_answer_is_looked_for_and_nothing_is_exchanged_twice()
    {
        var bench = Circle(2);
        bench.Target.Answer = () => new Unknown("The connection broke.");
        var plan = await bench.PlanAsync();
        (await bench.ApplyAsync(plan)).Pending.ShouldHaveSingleItem();
        bench.Target.Answer = () => new Done();

        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        ShouldBeRight(bench, 2);
    }

    [Fact]
    public async Task A_reference_that_arrives_between_the_look_and_the_change_goes_along()
    {
        var bench = Circle(2);
        var plan = await bench.PlanAsync();
        bench.Target.BeforeWritingTogether = () => bench.Target.Refer("printers", ["id"], ("id", "late"), ("owner", "id0"));

        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        // id0 was the account of name1 when the reference came.
        bench.Target.Table("printers").Single(row => row["id"].AsText == "late")["owner"].AsText.ShouldBe("id1");
    }

    [Theory]
    [InlineData(2, 0)]
    [InlineData(2, 1)]
    [InlineData(2, 0, 1)]
    [InlineData(3, 0)]
    [InlineData(3, 1)]
    [InlineData(3, 2)]
    [InlineData(3, 1, 2)]
    [InlineData(3, 0, 1, 2)]
    public async Task What_was_made_before_a_crash_counts_as_made_whoever_of_them_changed_since_and_undo_leaves_that(int people, params int[] edited)
    {
        var bench = Circle(people);
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, ApplyCrashPoints.ChangeLeft);
        Edit(edited, number => $"id{number}");
        var state = State(bench);

        var report = await bench.ApplyAsync(plan);

        (report.Applied, report.Skipped.Count, report.Pending.Count).ShouldBe((1, 0, 0));
        State(bench).ShouldBe(state);
        var told = report.Unverified.ShouldHaveSingleItem().Message;
        told.ShouldStartWith("The ids were exchanged before the apply was stopped, and since then somebody changed ");
        edited.ShouldAllBe(number => told.Contains($"(id{number}): email"));
        (await bench.Journal.ReadAsync(plan.Id, CancellationToken.None))!.Entries[1].Rows.ShouldNotBeEmpty();
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        var left = undo.NotPlanned.ShouldHaveSingleItem().Because;
        left.ShouldStartWith("The accounts exchange their ids back. What somebody changed since stays: ");
        edited.ShouldAllBe(number => left.Contains($"(id{number}): email"));

        (await bench.ApplyAsync(undo)).IsComplete.ShouldBeTrue();

        var untouched = Circle(people);
        (bench, var undone) = (untouched, bench);
        Edit(edited, number => $"id{(number + 1) % people}");
        State(undone).ShouldBe(State(untouched));

        void Edit(int[] numbers, Func<int, string> id) => Array.ForEach(numbers, number => bench.Target.Put(Bench.Person(id(number), $"name{number}", $"new{number}@example.org")));
    }

    [Fact]
    public async Task What_nothing_tells_any_more_after_a_crash_stays_in_the_journal_and_undo_names_the_accounts()
    {
        var bench = Circle(2);
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, ApplyCrashPoints.ChangeLeft);
        bench.Target.Put(Bench.Person("id0", "other", "other@example.org"));
        bench.Target.Put(Bench.Person("id1", "another", "another@example.org"));
        var state = State(bench);

        var report = await bench.ApplyAsync(plan);

        report.Skipped.ShouldHaveSingleItem().Message.ShouldStartWith("An earlier apply may have exchanged the ids, and since then so much changed that nothing tells whether it did: ");
        State(bench).ShouldBe(state);
        (await bench.Journal.ReadAsync(plan.Id, CancellationToken.None))!.Entries[1].Rows.ShouldNotBeEmpty();
        (await bench.PlanUndoAsync(plan.Id, 2)).NotPlanned.ShouldHaveSingleItem().Because.ShouldStartWith("The accounts are not those to which the run gave these ids any more: ");
    }

    [Fact]
    public async Task What_was_not_made_before_a_crash_is_not_made_to_whoever_changed_since()
    {
        var bench = Circle(2);
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, ApplyCrashPoints.IntentDurable);
        bench.Target.Put(Bench.Person("id0", "name1", "new1@example.org"));
        bench.Target.Put(Bench.Person("id1", "name0", "new0@example.org"));
        var state = State(bench);

        var report = await bench.ApplyAsync(plan);

        report.Skipped.ShouldHaveSingleItem().Message.ShouldContain("changed: email. Plan again.");
        State(bench).ShouldBe(state);
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        (undo.Changes.Count, undo.NotPlanned.Count).ShouldBe((0, 0));
    }

    [Fact]
    public async Task Where_one_changed_before_a_crash_that_made_nothing_the_other_shows_that_nothing_was_made()
    {
        var bench = Circle(2);
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, ApplyCrashPoints.IntentDurable);
        bench.Target.Put(Bench.Person("id1", "name0", "new@example.org"));

        var report = await bench.ApplyAsync(plan);

        report.Skipped.ShouldHaveSingleItem().Message.ShouldNotContain("earlier attempt");
        (await bench.PlanUndoAsync(plan.Id, 2)).NotPlanned.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_account_that_drifted_is_brought_up_to_date_and_takes_its_id_by_one_plan(bool circle)
    {
        var bench = circle ? Circle(2) : Bare();
        bench.Topology = bench.Topology with { Rules = [Rule with { Drifted = DriftedAction.UpdateTarget }] };
        if (circle)
        {
            bench.Target.Put(Bench.Person("id1", "other", "name0@example.org"));
        }
        else
        {
            bench.Source.Put(Bench.Person("new", "ann", "ann@example.org"));
            bench.Target.Put(Bench.Person("old", "other", "ann@example.org"));
        }

        var plan = await bench.PlanAsync();
        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        plan.Changes.Select(change => change.Action).ShouldBe([ChangeAction.Update, ChangeAction.Rekey]);
        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_exchanges_an_id_is_put_into_the_normal_form_by_the_next_plan()
    {
        var bench = Circle(2);
        var app = bench.Topology.Systems["app"] with { Unique = [IdentifierKind.Username] };
        bench.Topology = bench.Topology with { Systems = new Dictionary<string, SystemConfig> { ["people"] = bench.Topology.Systems["people"], ["app"] = app } };
        bench.Target.Put(Bench.Person("id1", "name0 ", "name0@example.org"));

        var plan = await bench.PlanAsync();

        plan.NotPlanned.ShouldContain(left => left.Because == "The account takes another id by this plan: plan again afterwards.");
        (await bench.ApplyAsync(plan)).Skipped.ShouldBeEmpty();
        bench.Target.Rows[new AccountId("id0")]["username"].AsText.ShouldBe("name0 ");
    }

    [Fact]
    public async Task Who_changed_since_the_plan_was_made_stops_it_for_all()
    {
        var bench = Circle(3);
        var plan = await bench.PlanAsync();
        bench.Target.Put(Bench.Person("id1", "renamed", "name0@example.org"));
        var state = State(bench);

        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldContain("changed: username. Plan again.");
        State(bench).ShouldBe(state);
    }

    [Fact]
    public async Task Where_nothing_is_made_at_once_the_plan_says_so()
    {
        var bench = Circle(2, new SystemFacts { TakesChosenId = true, AtomicPreconditions = false });

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.ShouldHaveSingleItem().Because.ShouldBe(
            "2 accounts of app have each other's ids, and can only exchange them at once, in a transaction, and app has none: make it a replica set, or correct the ids in the source.");
    }

    [Fact]
    public async Task Whoever_waits_for_one_who_can_not_take_another_id_yet_is_told_to_plan_again()
    {
        var bench = Bare();
        bench.Source.Put(Bench.Person("taken", "ann", "ann@example.org"));
        bench.Source.Put(Bench.Person("1", "bob", "bob@example.org"));
        bench.Target.Put(Bench.Person("1", "ann", "ann@example.org"));
        bench.Target.Put(Bench.Person("2", "bob", "bob@example.org"));
        bench.Target.Put(Bench.Person("taken", "cy", "cy@example.org"));
        var plan = await bench.PlanAsync();
        plan.Changes.ShouldNotContain(change => change.Action == ChangeAction.Rekey);
        plan.NotPlanned.Where(left => left.Finding == nameof(Situation.IdMismatch)).Select(left => left.Because).ShouldBe(
            [
                "Another account of app has the id taken: decide who that is first.",
                "Another account of app has the id 1, and is to take another itself: plan again when that is done.",
            ],
            ignoreOrder: true);
        bench.Target.Remove("taken");

        await bench.ApplyAsync(await bench.PlanAsync(2));

        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    private const string Among = "One of those who would exchange their ids refers to itself or to another of them by people.chief. Exchange these ids in the application.";

    [Fact]
    public async Task Two_of_whom_one_refers_to_the_other_are_left_to_the_application_by_the_plan()
    {
        var bench = Chiefs();
        bench.Target.Refer("people", ["id"], ("id", "id0"), ("chief", "id1"));

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.ShouldHaveSingleItem().Because.ShouldBe(Among);
    }

    [Fact]
    public async Task Two_of_whom_one_came_to_refer_to_the_other_since_the_plan_was_made_are_left_alone_by_apply()
    {
        var bench = Chiefs();
        var plan = await bench.PlanAsync();
        bench.Target.Refer("people", ["id"], ("id", "id0"), ("chief", "id1"));
        var state = State(bench);

        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldBe(Among);
        State(bench).ShouldBe(state);
    }

    [Fact]
    public async Task Where_the_free_id_has_no_place_the_plan_says_so()
    {
        var bench = Circle(2, new SystemFacts
        {
            TakesChosenId = true,
            AtomicPreconditions = true,
            Spelling = value => value.Value.ToString().StartsWith("selfsame", StringComparison.Ordinal) ? Spelled.Not("takes ten characters at most") : value.Value,
        });

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.ShouldHaveSingleItem().Because.ShouldMatch(
            "^No free id like id. can be made, by way of which they could exchange theirs. Do it in the application. id of app takes ten characters at most, and the free id would be selfsame-");
    }

    private static Bench Chiefs()
    {
        var bench = Circle(2);
        bench.Target.ForeignKeys.Add(new ReferencePlace { Table = "people", Fields = ["chief"], AccountFields = ["id"], Enforced = true });
        return bench;
    }

    /// <summary>name0 has the id of name1, and so on round; each owns a printer, all are in the chess club, and each but the first in one of its own.</summary>
    private static Bench Circle(int people, SystemFacts? facts = null)
    {
        var bench = Bare(facts);
        foreach (var number in Enumerable.Range(0, people))
        {
            var next = $"id{(number + 1) % people}";
            bench.Source.Put(Bench.Person($"id{number}", $"name{number}", $"name{number}@example.org"));
            bench.Target.Put(Bench.Person(next, $"name{number}", $"name{number}@example.org"));
            bench.Target.Refer("printers", ["id"], ("id", $"printer{number}"), ("owner", next));
            bench.Target.Refer("members", ["user", "club"], ("user", next), ("club", "chess"), ("since", number));
            if (number > 0)
            {
                bench.Target.Refer("members", ["user", "club"], ("user", next), ("club", $"own{number}"), ("since", number));
            }
        }

        return bench;
    }

    private static Bench Bare(SystemFacts? facts = null)
    {
        var plain = new Bench(Rule).Topology;
        var app = plain.Systems["app"] with { References = [new ReferencePlace { Table = "printers", Fields = ["owner"], AccountFields = ["id"] }] };
        var bench = new Bench(Rule)
        {
            Topology = plain with { Systems = new Dictionary<string, SystemConfig> { ["people"] = plain.Systems["people"], ["app"] = app } },
            Target = new InMemorySystem(Bench.People) { Facts = facts ?? new SystemFacts { TakesChosenId = true, AtomicPreconditions = true } },
        };
        bench.Target.ForeignKeys.Add(new ReferencePlace { Table = "members", Fields = ["user"], AccountFields = ["id"], UniqueSets = [["user", "club"]], Enforced = true });
        return bench;
    }

    private static void ShouldBeRight(Bench bench, int people)
    {
        foreach (var number in Enumerable.Range(0, people))
        {
            bench.Target.Rows[new AccountId($"id{number}")]["username"].AsText.ShouldBe($"name{number}");
        }

        bench.Target.Rows.Count.ShouldBe(people);
        bench.Target.ReferringNow.ShouldBe(Enumerable.Range(0, people).SelectMany(number => new[]
        {
            $"members: club=chess, since={number}, user=id{number}", $"members: club=own{number}, since={number}, user=id{number}", $"printers: id=printer{number}, owner=id{number}",
        }).Where(row => !row.Contains("own0", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    private static IReadOnlyList<string> State(Bench bench) => [.. bench.Target.Snapshot.Select(row => row.ToString()), .. bench.Target.ReferringNow];
}
