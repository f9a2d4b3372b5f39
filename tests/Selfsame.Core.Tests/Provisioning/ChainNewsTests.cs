using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>What hangs on an account hears of what became of it, also where nobody learned that it was changed.</summary>
public sealed class ChainNewsTests
{
    private static readonly ProvisioningKey OfApp = new("idp", new AccountId("1"), "app");
    private static readonly ProvisioningKey OfPds = new("app", new AccountId("1"), "pds");

    private readonly PasswordBench bench = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_change_of_who_is_disabled_is_told_also_where_its_answer_is_lost_or_the_node_dies(bool dies)
    {
        await LinkAsync(verified: false);
        bench.Idp.Put(PasswordBench.Person("1", verified: false, active: false));
        await AskAsync();
        bench.Rows.Of(OfApp).State.ShouldBe(ProvisioningState.Compensated);
        bench.Rows.Of(OfPds).State.ShouldBe(ProvisioningState.Pending);
        bench.Rows.Woken.Clear();
        bench.Idp.Put(PasswordBench.Person("1", active: false));
        bench.Rows.Ask(OfApp, "It changed.");
        bench.App.Answer = () => new Unknown("The connection broke.");

        var working = bench.RunAsync(new CrashPoints(name => _ = dies && name == ProvisioningCrashPoints.UpdateLeft ? throw new Crash() : 0));
        await (dies ? (Task)Should.ThrowAsync<Crash>(working) : working);
        bench.App.Snapshot.Single()["verified"].ShouldBe(FieldValue.Boolean(true));
        bench.Rows.Woken.ShouldBeEmpty();
        bench.App.Answer = () => new Done();
        await bench.RunAsync();

        bench.Rows.Of(OfApp).State.ShouldBe(ProvisioningState.Compensated);
        bench.Rows.Woken.ShouldBe(["pds"]);
    }

    // Somebody else has the new address there: who is disabled is disabled all the same, and so is what hangs on it.
    [Fact]
    public async Task That_an_account_was_disabled_is_told_also_where_no_more_of_it_can_follow()
    {
        await LinkAsync(verified: true);
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(true));
        bench.App.Takes = (field, _) => field != "email";
        bench.Idp.Put([.. PasswordBench.Person("1", active: false).Where(field => field.Item1 != "email"), ("email", "new@example.org")]);

        await AskAsync();
        await bench.RunAsync();

        bench.Rows.Of(OfApp).State.ShouldBe(ProvisioningState.Conflict);
        bench.App.Snapshot.Single()["active"].ShouldBe(FieldValue.Boolean(false));
        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(false));
        bench.Rows.Of(OfPds).State.ShouldBe(ProvisioningState.Compensated);
    }

    [Fact]
    public async Task That_a_plan_made_an_account_again_is_told()
    {
        var bench = new PasswordBench(rules: rules =>
            [.. rules, new ReconcileRule { Source = "pds", Target = "idp", Correlate = [CorrelationRule.ById], Missing = MissingAction.CreateInTarget, Drifted = DriftedAction.Report }]);
        bench.SignUp("1");
        await bench.RunAsync();
        var first = bench.Rows.Of(OfPds).TargetId!;
        bench.Pds.Remove(first);
        var plan = await bench.PlanAsync(1);
        bench.Rows.Woken.Clear();

        await bench.ApplyAsync(plan with { Changes = [.. plan.Changes.Where(change => change.System == "pds")] });

        bench.Rows.Of(OfPds).TargetId.ShouldNotBe(first);
        bench.Rows.Woken.ShouldBe(["idp"]);
    }

    [Fact]
    public async Task What_hangs_on_nothing_before_hangs_on_no_conflict_either()
    {
        bench.App.Put(PasswordBench.Person("1", verified: false));
        bench.App.Takes = (field, _) => field != "email";
        bench.Idp.Put([.. PasswordBench.Person("1", verified: false, active: false).Where(field => field.Item1 != "email"), ("email", "new@example.org")]);
        bench.Rows.Only = InMemoryRows.New(OfApp);

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Conflict);
        bench.App.Snapshot.Single()["active"].ShouldBe(FieldValue.Boolean(false));
    }

    // Where rules form a circle, two rows of which updates may still arrive would tell each other for ever.
    [Fact]
    public async Task A_late_look_that_finds_nothing_tells_nobody_also_where_a_chain_has_it_made_before_its_time()
    {
        await LoseUpdateAsync();
        bench.Rows.Ask(OfApp, LookAgain.OfChain);
        bench.Rows.Of(OfApp).DueBecause.ShouldBe(UpdateUnanswered.AskedByChain);

        await bench.RunAsync();
        bench.Rows.Of(OfApp).DueBecause.ShouldBe(UpdateUnanswered.Late);
        await bench.RunAsync();

        (bench.Rows.Of(OfApp).State, bench.Rows.Of(OfApp).DueBecause).ShouldBe((ProvisioningState.Linked, null));
        bench.Rows.Woken.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_late_look_puts_right_is_told_also_where_the_node_dies(bool dies)
    {
        await LoseUpdateAsync();
        bench.App.Put([.. PasswordBench.Person("1").Where(field => field.Item1 != "email"), ("email", "older@example.org")]);

        var working = bench.RunAsync(new CrashPoints(name => _ = dies && name == ProvisioningCrashPoints.UpdateLeft ? throw new Crash() : 0));
        await (dies ? (Task)Should.ThrowAsync<Crash>(working) : working);
        await bench.RunAsync();

        bench.App.Snapshot.Single()["email"].AsText.ShouldBe("new@example.org");
        bench.Rows.Woken.ShouldBe(["pds"]);
    }

    // A conflict that stays one is no news: where rules form a circle two of them would tell each other for ever.
    [Fact]
    public async Task A_conflict_that_a_chain_ends_is_told()
    {
        await LinkAsync(verified: true);
        bench.App.Remove("1");
        await AskAsync();
        await bench.RunAsync();
        bench.Rows.Of(OfApp).State.ShouldBe(ProvisioningState.Conflict);
        bench.Rows.Woken.Clear();

        bench.Rows.Ask(OfApp, LookAgain.OfChain);
        bench.Rows.Of(OfApp).DueBecause.ShouldBe(LookAgain.OfChainInConflict);
        await bench.RunAsync();
        bench.Rows.Of(OfApp).State.ShouldBe(ProvisioningState.Conflict);
        bench.Rows.Woken.ShouldBeEmpty();

        bench.App.Put(PasswordBench.Person("1"));
        bench.Rows.Ask(OfApp, LookAgain.OfChain);
        await bench.RunAsync();
        bench.Rows.Of(OfApp).State.ShouldBe(ProvisioningState.Linked);
        bench.Rows.Woken.ShouldBe(["pds"]);
    }

    private async Task LoseUpdateAsync()
    {
        await LinkAsync(verified: true);
        bench.Idp.Put([.. PasswordBench.Person("1").Where(field => field.Item1 != "email"), ("email", "new@example.org")]);
        bench.App.Answer = () => new Unknown("The connection broke.");
        bench.Rows.Woken.Clear();
        await AskAsync();
        bench.Rows.Of(OfApp).DueBecause.ShouldBe(UpdateUnanswered.Reason);
        bench.Rows.Woken.ShouldBeEmpty();
        bench.App.Answer = () => new Done();
        await bench.RunAsync();
        bench.Rows.Woken.ShouldBe(["pds"]);
        bench.Rows.Of(OfApp).DueBecause.ShouldBe(UpdateUnanswered.Late);
        bench.Rows.Woken.Clear();
    }

    private async Task LinkAsync(bool verified)
    {
        bench.Idp.Put(PasswordBench.Person("1", verified: verified));
        bench.Rows.Only = InMemoryRows.New(OfApp);
        await bench.RunAsync();
        await bench.RunAsync();
        bench.Rows.Of(OfApp).State.ShouldBe(ProvisioningState.Linked);
        bench.Rows.Of(OfPds).State.ShouldBe(verified ? ProvisioningState.Linked : ProvisioningState.Pending);
    }

    private async Task AskAsync()
    {
        bench.Rows.Ask(OfApp, "It changed.");
        await bench.RunAsync();
    }
}
