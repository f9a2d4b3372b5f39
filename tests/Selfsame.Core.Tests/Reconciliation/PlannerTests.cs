using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

public sealed class PlannerTests
{
    [Fact]
    public async Task A_missing_account_is_created_with_the_sources_id_identifiers_and_attributes()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann", "ann@example.org", name: "Ann"));

        var change = (await bench.PlanAsync()).Changes.Single();

        change.Action.ShouldBe(ChangeAction.Create);
        change.Reason.ShouldBe(ChangeReason.MissingInTarget);
        change.After.ShouldBe(InMemorySystem.Record(
            ("id", "1"), ("username", "ann"), ("email", "ann@example.org"), ("verified", true), ("active", true), ("name", "Ann")));
    }

    [Fact]
    public async Task Two_sources_with_one_key_never_become_two_accounts()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "dobbeltop"));
        bench.Source.Put(Bench.Person("2", "Dobbeltop"));

        var plan = await bench.PlanAsync();

        plan.Changes.Count.ShouldBe(1);
        plan.NotPlanned.Select(left => left.Finding).ShouldBe(["Duplicate", "Missing"]);
    }

    [Fact]
    public async Task A_value_without_a_key_is_not_carried_over()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "two words"));

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.Select(left => left.Finding).ShouldBe(["NotCanonical", "Missing"]);
    }

    [Fact]
    public async Task An_orphans_deletion_holds_the_whole_record_without_noise_as_precondition()
    {
        var bench = new Bench();
        bench.Target.Put([.. Bench.Person("9", "gone"), ("password", "pbkdf2$abc")]);

        var change = (await bench.PlanAsync()).Changes.Single();

        change.Action.ShouldBe(ChangeAction.Delete);
        change.Precondition.Keys.ShouldBe(["active", "email", "id", "name", "password", "username", "verified"]);
        change.Before["password"].IsDigest.ShouldBeTrue();
    }

    [Fact]
    public async Task An_orphan_that_is_to_be_disabled_is_settled_once_it_is()
    {
        var bench = new Bench(Bench.Repairing with { Orphan = OrphanAction.DisableInTarget });
        bench.Target.Put(Bench.Person("9", "gone"));

        var plan = await bench.PlanAsync();
        plan.Changes.Single().After.ShouldBe(InMemorySystem.Record(("active", false)));
        await bench.ApplyAsync(plan);

        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task Drift_sets_only_what_differs_and_noise_is_none()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann", name: "Ann"));
        bench.Target.Put(("id", "1"), ("username", "ann"), ("email", null), ("verified", 1L), ("active", 1L), ("name", "Anna"), ("seen", 77L));

        var change = (await bench.PlanAsync()).Changes.Single();

        change.Before.ShouldBe(InMemorySystem.Record(("name", "Anna")));
        change.After.ShouldBe(InMemorySystem.Record(("name", "Ann")));
        change.Precondition.Keys.ShouldBe(["email", "id", "name", "username"]);
    }

    [Fact]
    public async Task A_drifted_identifier_that_another_account_has_is_not_planned()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Source.Put(Bench.Person("2", "bob"));
        bench.Target.Put(Bench.Person("1", "bob"));
        bench.Target.Put(Bench.Person("2", "ann"));

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Verified_is_never_carried_to_another_address()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann", "no address", verified: true));
        bench.Target.Put(Bench.Person("1", "ann", "victim@example.org", verified: false));

        (await bench.PlanAsync()).Changes.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_the_config_only_reports_is_not_planned()
    {
        var bench = new Bench(new ReconcileRule { Source = "people", Target = "app", Correlate = [CorrelationRule.ById] });
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Target.Put(Bench.Person("9", "gone"));

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.Select(left => left.Finding).ShouldBe(["Missing", "Orphan"]);
    }

    [Fact]
    public async Task Whoever_the_condition_excludes_is_not_missing()
    {
        var bench = new Bench(Bench.Repairing with { When = "emailVerified" });
        bench.Source.Put(Bench.Person("1", "ann", "ann@example.org", verified: false));

        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_target_that_numbers_its_accounts_itself_gets_none_whose_answer_could_be_lost()
    {
        var bench = new Bench { Target = new InMemorySystem(Bench.People) { Facts = new SystemFacts { TakesChosenId = false, AtomicPreconditions = true } } };
        bench.Source.Put(Bench.Person("1", "ann"));

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.Single().Because.ShouldContain("gives ids itself");
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(1L, 0L)]
    [InlineData("2026-11-21T00:00:00Z", null)]
    public async Task A_changed_address_of_which_the_source_does_not_say_that_it_was_proved_loses_the_mark_of_the_one_before(object mark, object? unmarked)
    {
        var silent = Bench.People with { Attributes = Bench.People.Attributes.Where(pair => pair.Key != AccountMapping.EmailVerified).ToDictionary(pair => pair.Key, pair => pair.Value) };
        var bench = new Bench(people: silent, app: Bench.People);
        bench.Source.Put(Bench.Person("1", "ann", "new@example.org"));
        bench.Target.Put([.. Bench.Person("1", "ann", "old@example.org").Where(field => field.Item1 != "verified"), ("verified", mark)]);

        var change = (await bench.PlanAsync()).Changes.Single();

        change.After["verified"].ShouldBe(FieldValue.From(unmarked));
        change.Before["verified"].ShouldBe(FieldValue.From(mark));
    }

    // Between plan and apply somebody wrote to the old address.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_reference_by_an_address_that_arrives_after_the_plan_keeps_the_change_from_being_made(bool undone)
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann", "new@example.org"));
        bench.Source.Put(Bench.Person("2", "bob", "bob@example.org", name: "Bob"));
        bench.Target.Put(Bench.Person("1", "ann", "old@example.org"));
        bench.Target.Put(Bench.Person("2", "bob", "bob@example.org", name: "Rob"));
        bench.Target.ForeignKeys.Add(new ReferencePlace { Table = "letters", Fields = ["to"], AccountFields = ["email"] });
        var plan = await bench.PlanAsync();
        if (undone)
        {
            await bench.ApplyAsync(plan);
            plan = await bench.PlanUndoAsync(plan.Id, 2);
        }

        bench.Target.Refer("letters", ["id"], ("id", "l1"), ("to", undone ? "new@example.org" : "old@example.org"));
        bench.Target.Refer("letters", ["id"], ("id", "l2"), ("to", "bob@example.org"));

        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldBe("letters.to (1) refer to it by what would change, and would be left behind. Change it in the application.");
        report.AppliedNow.ShouldBe(1);
    }

    [Fact]
    public async Task An_address_by_which_something_refers_is_not_changed_from_under_it()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann", "new@example.org"));
        bench.Target.Put(Bench.Person("1", "ann", "old@example.org"));
        bench.Target.ForeignKeys.Add(new ReferencePlace { Table = "letters", Fields = ["to"], AccountFields = ["email"] });
        bench.Target.Refer("letters", ["id"], ("id", "l1"), ("to", "old@example.org"));

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.Single().Because.ShouldContain("letters.to (1) refer to ann (id 1) by what would change");
    }

    // Atlassian CWD-6330 and the empty source of CASES 23
    [Fact]
    public async Task A_read_that_ends_early_finds_nothing_at_all()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Target.Put(Bench.Person("1", "ann"));
        bench.Source.EndsEarlyAfter = 0;

        var error = await Should.ThrowAsync<SystemUnavailableException>(bench.AuditAsync());

        error.Message.ShouldContain("ended early");
    }

    [Fact]
    public async Task Rules_that_want_opposite_things_are_a_finding()
    {
        var back = Bench.Repairing with { Source = "app", Target = "people", Missing = MissingAction.CreateInTarget, Orphan = OrphanAction.Report };
        var bench = new Bench();
        bench = new Bench { Topology = bench.Topology with { Rules = [Bench.Repairing, back] } };

        var sentences = (await bench.AuditAsync()).Findings.Where(finding => finding.Fault == SystemFault.RulesInConflict).Select(finding => finding.Sentence).ToList();

        sentences.Count.ShouldBe(2);
        sentences[0].ShouldContain("who is in app alone is deleted there by one, and made in people by the other");
        sentences[1].ShouldContain("where attributes differ each takes its own source to be right");
    }

    [Fact]
    public async Task Rules_that_agree_are_none()
        => (await new Bench { Topology = new Bench().Topology with { Rules = [Bench.Repairing, Bench.Repairing with { Source = "app", Target = "people", Missing = MissingAction.Report, Orphan = OrphanAction.Report, Drifted = DriftedAction.Report }] } }
            .AuditAsync()).Findings.ShouldBeEmpty();

    [Fact]
    public async Task Keys_made_under_older_rules_are_a_finding()
    {
        var bench = new Bench();
        var pictures = (await bench.AuditAsync()).Pictures.ToDictionary(
            pair => pair.Key, pair => pair.Key == "people" ? pair.Value with { StoredKeys = [new StoredKeys("0/14.0.0", 3), new StoredKeys(KeyRules.Version, 5)] } : pair.Value);

        var finding = Situations.Find(bench.Topology, pictures).Single();

        finding.Fault.ShouldBe(SystemFault.KeysOfOlderRules);
        finding.Sentence.ShouldStartWith("3 keys in people were made under 0/14.0.0;");
    }
}
