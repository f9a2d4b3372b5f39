using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Tests.Reconciliation;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>Accounts in a system that gives ids itself: ours is what the stored password signs in.</summary>
public sealed class PasswordProvisioningTests
{
    private PasswordBench bench = new();

    [Fact]
    public async Task An_account_is_made_with_a_password_that_was_stored_before_and_linked_by_the_id_that_the_system_gave()
    {
        bench.SignUp("1", "ann");
        ProvisioningRow? atCreation = null;
        bench.Pds.BeforeCreation = () => atCreation = bench.Rows.Only;

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Rows.Only.TargetId.ShouldBe(new AccountId("did:plc:1"));
        bench.Pds.Records.Single()["handle"].AsText.ShouldBe("ann");
        atCreation!.State.ShouldBe(ProvisioningState.Intent);
        bench.Pds.Passwords.Single().ShouldBe(atCreation.Intended!.Password);
        atCreation.Intended.ToString().ShouldNotContain(atCreation.Intended.Password);
        (await bench.AuditAsync()).Findings.Where(finding => finding.System == "pds").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_lost_answer_is_looked_for_and_never_made_twice()
    {
        bench.SignUp("1");
        bench.Pds.Lost = () => new Unknown("The connection broke.");

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Creations.ShouldBe(1);
    }

    [Theory]
    [InlineData(ProvisioningCrashPoints.Claimed)]
    [InlineData(ProvisioningCrashPoints.IntentDurable)]
    [InlineData(ProvisioningCrashPoints.CreateLeft)]
    [InlineData(ProvisioningCrashPoints.OutcomeDurable)]
    public async Task A_crash_anywhere_leaves_one_account_in_the_end(string point)
    {
        bench.SignUp("1");
        await Should.ThrowAsync<Crash>(bench.RunAsync(CrashAt(point)));

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Creations.ShouldBe(1);
    }

    [Fact]
    public async Task Whatever_changed_while_the_answer_was_lost_is_brought_up_to_date()
    {
        bench.SignUp("1");
        await Should.ThrowAsync<Crash>(bench.RunAsync(CrashAt(ProvisioningCrashPoints.CreateLeft)));
        bench.App.Put([.. PasswordBench.Person("1", active: false)]);

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(false));
    }

    // Anyone can register a victim's address first: an equal e-mail is evidence for a conflict, never proof.
    [Theory]
    [InlineData(DriftedAction.UpdateTarget)]
    [InlineData(DriftedAction.Report)]
    public async Task What_was_to_be_made_disabled_before_a_crash_is_enabled_when_its_person_is_by_then(DriftedAction drifted)
    {
        var world = new PasswordBench(rule => rule with { Drifted = drifted });
        world.SignUp("1", active: false);
        await Should.ThrowAsync<Crash>(world.RunAsync(CrashAt(ProvisioningCrashPoints.IntentDurable)));

        world.App.Put([.. PasswordBench.Person("1")]);
        await world.RunAsync();

        world.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        world.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(true));
    }

    [Fact]
    public async Task Somebody_elses_account_with_the_same_address_is_a_conflict_with_the_evidence_and_stays_untouched()
    {
        bench.SignUp("1", "ann");
        bench.Pds.Put("mallory", "1@example.org", "mallory's");

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        bench.Rows.Only.Problem!.ShouldContain("e");
        bench.Pds.Records.Single()["handle"].AsText.ShouldBe("mallory");
        bench.Pds.Creations.ShouldBe(0);
    }

    // An application may take whatever id somebody gives; that it is a DID of ours proves nothing.
    [Fact]
    public async Task An_account_whose_id_is_merely_equal_is_not_ours()
    {
        bench.Pds.Put("mallory", "mallory@example.org", "mallory's");
        bench.App.Put([.. PasswordBench.Person("1", "ann").Where(field => field.Item1 != "id"), ("id", "did:plc:1")]);
        bench.Rows.Only = InMemoryRows.New(new ProvisioningKey("app", new AccountId("did:plc:1"), "pds"));

        await bench.RunAsync();

        bench.Rows.Only.TargetId.ShouldNotBe(new AccountId("did:plc:1"));
        bench.Pds.Records[0]["handle"].AsText.ShouldBe("mallory");
        bench.Pds.Records[0]["email"].AsText.ShouldBe("mallory@example.org");
    }

    [Fact]
    public async Task A_handle_that_is_another_s_falls_back_to_the_code_and_says_so()
    {
        bench.SignUp("1", "ann");
        // Taken between the look and the creation.
        bench.Pds.BeforeCreation = () =>
        {
            bench.Pds.BeforeCreation = () => { };
            bench.Pds.Put("ann", "ann@elsewhere.example", "hers");
        };

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records[^1]["handle"].AsText.ShouldBe(PasswordBench.Code("1"));
        bench.Rows.Only.Note!.ShouldContain("ann");
    }

    [Fact]
    public async Task What_fell_back_to_the_code_stays_a_note_through_later_looks_and_is_no_finding()
    {
        bench.SignUp("1", "ann");
        bench.Pds.Reserved.Add("ann");
        await bench.RunAsync();
        var note = bench.Rows.Only.Note.ShouldNotBeNull();
        bench.Rows.Ask();

        await bench.RunAsync();

        bench.Rows.Only.Note.ShouldBe(note);
        note.ShouldContain("The handle ann is reserved.");
        (await bench.AuditAsync()).Findings.Where(finding => finding.System == "pds").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_handle_that_the_system_refuses_for_good_falls_back_to_the_code_under_the_same_password()
    {
        bench.SignUp("1", "admin");
        bench.Pds.Reserved.Add("admin");

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.Single()["handle"].AsText.ShouldBe(PasswordBench.Code("1"));
        bench.Rows.Only.Note!.ShouldContain("reserved");
        bench.Rows.Written.Where(row => row.Intended is not null).Select(row => row.Intended!.Password).Distinct().Count().ShouldBe(1);
        (await bench.AuditAsync()).Findings.Where(finding => finding.System == "pds").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_handle_that_our_own_rule_refuses_is_not_even_tried()
    {
        bench.SignUp("1", "ab");

        await bench.RunAsync();

        bench.Pds.Records.Single()["handle"].AsText.ShouldBe(PasswordBench.Code("1"));
        bench.Rows.Only.Note!.ShouldContain("ab");
    }

    [Fact]
    public async Task When_no_choice_of_the_template_is_taken_the_row_is_a_conflict()
    {
        bench.SignUp("1", "admin");
        bench.Pds.Reserved.UnionWith(["admin", PasswordBench.Code("1")]);

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        bench.Rows.Only.Problem!.ShouldContain("reserved");
    }

    [Fact]
    public async Task Nobody_unverified_gets_an_account_until_the_address_is_proved()
    {
        bench.SignUp("1", verified: false);
        await bench.RunAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Pending);
        bench.App.Put(PasswordBench.Person("1"));
        bench.Rows.Ask();

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
    }

    [Fact]
    public async Task A_system_that_is_down_is_tried_again_with_the_same_password()
    {
        bench.SignUp("1");
        bench.Pds.Fault = () => new Unavailable("Down.");
        await bench.RunAsync();
        var password = bench.Rows.Only.Intended!.Password;
        bench.Pds.Fault = () => null;

        await bench.RunAsync();

        bench.Pds.Passwords.Single().ShouldBe(password);
    }

    [Fact]
    public async Task A_system_that_asks_for_patience_is_left_alone_as_long_as_it_said()
    {
        bench.SignUp("1");
        bench.Pds.Fault = () => new Throttled(TimeSpan.FromMinutes(5));

        await bench.RunAsync();

        bench.Rows.Pauses.ShouldBe([TimeSpan.FromMinutes(5)]);
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Intent);
        (bench.Rows.Only.NotBefore - DateTimeOffset.UtcNow).ShouldBeGreaterThan(TimeSpan.FromMinutes(4));
    }

    [Fact]
    public async Task Apply_leaves_a_system_alone_that_asked_the_service_and_tells_the_service_when_it_is_asked_itself()
    {
        bench.SignUp("1");
        var plan = await bench.PlanAsync(1);
        bench.Rows.Paused["pds"] = TimeSpan.FromMinutes(5);

        var paused = await bench.ApplyAsync(plan);

        paused.Pending.ShouldHaveSingleItem().Message.ShouldBe("'pds' asked to be left alone for another 300 s. Apply the same plan again after that.");
        bench.Pds.Creations.ShouldBe(0);
        bench.Rows.Paused.Clear();
        bench.Pds.Fault = () => new Throttled(TimeSpan.FromMinutes(7));
        (await bench.ApplyAsync(plan)).Pending.ShouldHaveSingleItem();
        bench.Rows.PausedSystems.ShouldBe(["pds"]);
        bench.Rows.Pauses.ShouldBe([TimeSpan.FromMinutes(7)]);
    }

    [Fact]
    public async Task A_plans_creations_take_their_turns_where_the_system_has_a_rate()
    {
        bench.Topology = bench.Topology with
        {
            Systems = bench.Topology.Systems.ToDictionary(pair => pair.Key, pair => pair.Key == "pds" ? pair.Value with { Pace = new ProvisioningPace(PerSecond: 2) } : pair.Value),
        };
        foreach (var id in new[] { "1", "2", "3" })
        {
            bench.SignUp(id);
        }

        (await bench.ApplyAsync(await bench.PlanAsync(1))).Applied.ShouldBe(3);

        bench.Rows.Tokens.Count(token => token is { System: "pds", PerSecond: 2, Taken: true }).ShouldBe(3);
    }

    [Fact]
    public async Task An_account_that_vanished_is_a_conflict_and_made_again_when_an_administrator_asks()
    {
        bench.SignUp("1");
        await bench.RunAsync();
        bench.Pds.Remove(bench.Rows.Only.TargetId!);
        bench.Rows.Ask();
        await bench.RunAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        bench.Rows.Ask(bench.Rows.Only.Key, LookAgain.OfRetry);

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Rows.Only.TargetId.ShouldBe(new AccountId("did:plc:2"));
    }

    [Fact]
    public async Task Rules_chain_from_the_provider_to_the_application_to_what_hangs_on_it()
    {
        bench.Idp.Put(PasswordBench.Person("7", "ann"));
        bench.Rows.Only = InMemoryRows.New(new ProvisioningKey("idp", new AccountId("7"), "app"));

        await bench.RunAsync();
        await bench.RunAsync();

        bench.Rows.All.Select(row => (row.Key.Source, row.Key.System, row.State))
            .ShouldBe([("idp", "app", ProvisioningState.Linked), ("app", "pds", ProvisioningState.Linked)]);
        bench.Pds.Records.Single()["handle"].AsText.ShouldBe("ann");
    }

    [Fact]
    public async Task A_change_goes_down_the_chain_and_a_circle_of_rules_comes_to_rest()
    {
        var circle = new ReconcileRule { Source = "app", Target = "idp", Correlate = [CorrelationRule.ById], Missing = MissingAction.CreateInTarget };
        bench = new PasswordBench(rules: rules => [.. rules, circle]);
        bench.Idp.Put(PasswordBench.Person("7", "ann"));
        bench.Rows.Only = InMemoryRows.New(new ProvisioningKey("idp", new AccountId("7"), "app"));
        await RestAsync();
        bench.Rows.All.Count(row => row.State == ProvisioningState.Linked).ShouldBe(3);
        bench.Idp.Put([.. PasswordBench.Person("7", "ann").Where(field => field.Item1 != "email"), ("email", "new@example.org")]);
        bench.Rows.Ask(new ProvisioningKey("idp", new AccountId("7"), "app"), "It changed.");

        await RestAsync();

        bench.Pds.Records.Single()["email"].AsText.ShouldBe("new@example.org");
    }

    [Fact]
    public async Task A_circle_of_rules_comes_to_rest_also_where_an_update_of_each_may_still_arrive()
    {
        var circle = new ReconcileRule { Source = "app", Target = "idp", Correlate = [CorrelationRule.ById], Missing = MissingAction.CreateInTarget };
        bench = new PasswordBench(rules: rules => [.. rules, circle]);
        bench.Idp.Put(PasswordBench.Person("7", "ann"));
        bench.Rows.Only = InMemoryRows.New(new ProvisioningKey("idp", new AccountId("7"), "app"));
        await RestAsync();
        foreach (var row in bench.Rows.All.ToList())
        {
            bench.Rows.Only = row with { DueBecause = UpdateUnanswered.Late };
        }

        bench.Rows.Ask(new ProvisioningKey("idp", new AccountId("7"), "app"), "It changed.");

        await RestAsync();

        bench.Rows.All.ShouldAllBe(row => row.State == ProvisioningState.Linked && row.DueBecause == null);
    }

    [Fact]
    public async Task A_plan_makes_the_accounts_through_the_same_rows_and_its_undo_takes_them_back()
    {
        bench.App.Put(PasswordBench.Person("1", "ann"));
        bench.App.Put(PasswordBench.Person("2", verified: false));
        var plan = await bench.PlanAsync(1);
        var change = plan.Changes.Where(change => change.System == "pds").ShouldHaveSingleItem();
        change.For.ShouldBe(new SourceAccount("app", new AccountId("1")));
        change.Effects.ShouldContain(effect => effect.Contains("undo", StringComparison.Ordinal));

        var report = await bench.ApplyAsync(plan);

        report.Applied.ShouldBe(plan.Changes.Count);
        bench.Rows.All.Single().State.ShouldBe(ProvisioningState.Linked);
        (await bench.AuditAsync()).Findings.Where(finding => finding.System == "pds").ShouldBeEmpty();
        (await bench.ApplyAsync(plan)).AppliedNow.ShouldBe(0);

        var record = (await bench.Journal.ReadAsync(plan.Id, CancellationToken.None))!;
        var undo = UndoPlanner.Plan(
            record, await PresentState.ReadAsync(record, bench.Systems, CancellationToken.None), bench.Topology, plan.Accounts, Bench.Stamp(2));
        var taken = undo.Changes.Single(undone => undone.System == "pds");
        taken.Account.ShouldBe(new AccountId("did:plc:1"));
        taken.Effects.ShouldBe(["Its undo deletes the account. Its repository goes with it."]);
        taken.Reversible.ShouldBeFalse();
        await bench.ApplyAsync(undo);
        bench.Pds.Records.ShouldBeEmpty();

        // Missing again, and a plan makes another.
        await bench.ApplyAsync(await bench.PlanAsync(3));
        bench.Pds.Records.Count.ShouldBe(1);
        bench.Rows.All.Single().TargetId.ShouldBe(new AccountId("did:plc:2"));
    }

    [Fact]
    public async Task A_plan_that_was_killed_after_the_creation_and_is_applied_again_makes_nobody_twice()
    {
        bench.App.Put(PasswordBench.Person("1", "ann"));
        var plan = await bench.PlanAsync(1);
        await Should.ThrowAsync<Crash>(bench.ApplyAsync(plan, CrashAt(ProvisioningCrashPoints.CreateLeft)));

        var report = await bench.ApplyAsync(plan);

        report.Applied.ShouldBe(plan.Changes.Count);
        bench.Pds.Creations.ShouldBe(1);
    }

    [Fact]
    public async Task What_the_service_made_meanwhile_or_would_make_otherwise_now_is_skipped()
    {
        bench.App.Put(PasswordBench.Person("1", "ann"));
        var plan = await bench.PlanAsync(1);
        bench.App.Put(PasswordBench.Person("1", "anna"));

        (await bench.ApplyAsync(plan)).Skipped.ShouldHaveSingleItem().Message.ShouldContain("changed");
        bench.Pds.Creations.ShouldBe(0);

        var second = await bench.PlanAsync(2);
        await bench.RunAsync();
        (await bench.ApplyAsync(second)).Skipped.ShouldHaveSingleItem().Message.ShouldContain("already");
        bench.Pds.Creations.ShouldBe(1);
    }

    [Fact]
    public async Task A_conflict_found_by_a_plan_is_refused_with_the_evidence()
    {
        bench.App.Put(PasswordBench.Person("1", "ann"));
        var plan = await bench.PlanAsync(1);
        bench.Pds.Put("mallory", "1@example.org", "mallory's");

        var report = await bench.ApplyAsync(plan);

        report.Refused.ShouldHaveSingleItem();
        bench.Rows.All.Single().State.ShouldBe(ProvisioningState.Conflict);
    }

    /// <summary>Runs until nothing is due; a circle that wakes itself never ends and fails.</summary>
    private async Task RestAsync()
    {
        for (var round = 0; round < 20; round++)
        {
            if (await bench.RunAsync() == 0)
            {
                return;
            }
        }

        throw new InvalidOperationException("The rows do not come to rest.");
    }

    private static CrashPoints CrashAt(string point) => new(name =>
    {
        if (name == point)
        {
            throw new Crash();
        }
    });
}
