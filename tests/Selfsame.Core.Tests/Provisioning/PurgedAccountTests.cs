using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>The accounts of purged users: deleted where the config has orphans deleted, disabled elsewhere, and nobody else's ever.</summary>
public sealed class PurgedAccountTests
{
    private static readonly ProvisioningKey Key = new("app", new AccountId("1"), "pds");

    private PasswordBench bench = new(Deletes, rules: OnlyInto("pds"));

    [Fact]
    public async Task The_linked_account_is_deleted_and_nobody_elses_although_it_looks_alike()
    {
        await LinkAsync();
        bench.Pds.Put("ann2", "1@example.net", "another's");

        await PurgeAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        bench.Pds.Records.ShouldHaveSingleItem()["handle"].AsText.ShouldBe("ann2");
        bench.Pds.Deletions.ShouldBe(1);
        (bench.Rows.Deletions, bench.Rows.Disablings).ShouldBe((1, 0));
    }

    [Theory]
    [InlineData(OrphanAction.Report)]
    [InlineData(OrphanAction.DisableInTarget)]
    public async Task Where_the_config_does_not_ask_for_it_nothing_is_deleted(OrphanAction orphan)
    {
        bench = new PasswordBench(rule => rule with { Orphan = orphan }, rules: OnlyInto("pds"));
        await LinkAsync();

        await PurgeAsync();

        bench.Pds.Records.ShouldHaveSingleItem()["active"].ShouldBe(FieldValue.Boolean(false));
        bench.Pds.Deletions.ShouldBe(0);
    }

    // In another source the account may be somebody's: an audit asks them all.
    [Fact]
    public async Task Where_several_rules_lead_into_the_system_nothing_is_deleted()
    {
        bench = new PasswordBench(Deletes, rules: rules => [.. rules, new ReconcileRule { Source = "idp", Target = "pds", Correlate = [new CorrelationRule(IdentifierKind.Email)] }]);
        await LinkAsync();

        await PurgeAsync();

        bench.Pds.Records.ShouldHaveSingleItem()["active"].ShouldBe(FieldValue.Boolean(false));
    }

    [Fact]
    public async Task Who_is_only_deleted_and_may_be_restored_is_disabled()
    {
        await LinkAsync();
        bench.App.Remove("1");
        bench.Rows.Ask();

        await bench.RunAsync();

        bench.Pds.Records.ShouldHaveSingleItem()["active"].ShouldBe(FieldValue.Boolean(false));
    }

    [Fact]
    public async Task Whoever_is_back_under_the_same_id_keeps_the_account()
    {
        await LinkAsync();
        bench.Rows.Purge(Key);

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.ShouldHaveSingleItem()["active"].ShouldBe(FieldValue.Boolean(true));
    }

    [Fact]
    public async Task No_more_are_deleted_within_an_hour_than_the_guard_allows_and_who_waits_says_so()
    {
        bench = new PasswordBench(Deletes, new Guards { MaxDeletesPerHour = 0 }, OnlyInto("pds"));
        await LinkAsync();

        await PurgeAsync();

        bench.Pds.Records.Count.ShouldBe(1);
        bench.Rows.Only.Problem!.ShouldContain("maxDeletesPerHour");
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Rows.Only.DueBecause.ShouldNotBeNull();
    }

    [Theory]
    [MemberData(nameof(CrashPoints))]
    public async Task A_deletion_that_crashes_anywhere_is_finished_and_counted_once(string point)
    {
        await LinkAsync();
        bench.App.Remove("1");
        bench.Rows.Purge(Key);
        var crashed = false;
        await Should.ThrowAsync<InvalidOperationException>(bench.RunAsync(new CrashPoints(name =>
        {
            if (name == point)
            {
                crashed = true;
                throw new InvalidOperationException("A crash of the test.");
            }
        })));

        await bench.RunAsync();

        crashed.ShouldBeTrue();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        bench.Pds.Records.ShouldBeEmpty();
        (bench.Rows.Deletions, bench.Pds.Deletions).ShouldBe((1, 1));
    }

    public static TheoryData<string> CrashPoints => [.. ProvisioningCrashPoints.OfDeletion];

    [Fact]
    public async Task What_the_system_does_not_do_yet_is_tried_again_and_not_counted_again()
    {
        await LinkAsync();
        bench.Pds.DeletionFault = () => new Unavailable("It is down.");
        await PurgeAsync();
        (bench.Rows.Only.State, bench.Rows.Only.Problem).ShouldBe((ProvisioningState.Compensating, "It is down."));
        bench.Pds.DeletionFault = () => null;

        await bench.RunAsync();

        bench.Pds.Records.ShouldBeEmpty();
        (bench.Rows.Only.State, bench.Rows.Deletions).ShouldBe((ProvisioningState.Compensated, 1));
    }

    [Fact]
    public async Task A_refusal_waits_for_a_person_who_may_try_again()
    {
        await LinkAsync();
        bench.Pds.DeletionFault = () => new Refused("Something refers to it.");
        await PurgeAsync();
        (bench.Rows.Only.State, bench.Rows.Only.Problem).ShouldBe((ProvisioningState.Conflict, "Something refers to it."));
        bench.Pds.DeletionFault = () => null;
        bench.Rows.Ask();

        await bench.RunAsync();

        bench.Pds.Records.ShouldBeEmpty();
        (bench.Rows.Only.State, bench.Rows.Deletions).ShouldBe((ProvisioningState.Compensated, 1));
    }

    [Fact]
    public async Task An_account_that_is_gone_already_is_fine()
    {
        await LinkAsync();
        bench.Pds.Remove(bench.Rows.Only.TargetId!);

        await PurgeAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        (bench.Rows.Deletions, bench.Pds.Deletions).ShouldBe((0, 0));
    }

    [Fact]
    public async Task An_account_of_which_the_answer_was_lost_is_found_by_its_password_and_deleted()
    {
        bench.SignUp("1", "ann");
        bench.Pds.Lost = () => new Unknown("The answer was lost.");
        await Should.ThrowAsync<InvalidOperationException>(bench.RunAsync(new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.CreateLeft)
            {
                throw new InvalidOperationException("A crash of the test.");
            }
        })));

        await PurgeAsync();

        bench.Pds.Records.ShouldBeEmpty();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Compensated);
    }

    // What was made of the deleted account ends with it, by the rule that leads there.
    [Fact]
    public async Task A_chain_of_accounts_is_deleted_one_after_the_other()
    {
        bench = new PasswordBench(Deletes, rules: rules => [.. rules.Select(Deletes)]);
        bench.Idp.Put(PasswordBench.Person("1", "ann"));
        var first = new ProvisioningKey("idp", new AccountId("1"), "app");
        bench.Rows.Only = InMemoryRows.New(first);
        await bench.RunAsync();
        await bench.RunAsync();
        bench.Pds.Records.Count.ShouldBe(1);
        bench.Idp.Remove("1");
        bench.Rows.Purge(first);

        await bench.RunAsync();
        await bench.RunAsync();

        bench.App.Rows.ShouldBeEmpty();
        bench.Pds.Records.ShouldBeEmpty();
    }

    private static ReconcileRule Deletes(ReconcileRule rule) => rule with { Orphan = OrphanAction.DeleteInTarget };

    private static Func<IReadOnlyList<ReconcileRule>, IReadOnlyList<ReconcileRule>> OnlyInto(string target) => rules => [.. rules.Where(rule => rule.Target == target)];

    private async Task LinkAsync()
    {
        bench.SignUp("1", "ann");
        await bench.RunAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
    }

    private async Task PurgeAsync()
    {
        bench.App.Remove("1");
        bench.Rows.Purge(Key);
        await bench.RunAsync();
    }
}
