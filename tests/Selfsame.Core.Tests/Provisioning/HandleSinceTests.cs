using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>A person comes by a handle while the account is being made: an audit takes the code for right too, so nothing else would ever move it.</summary>
public sealed class HandleSinceTests
{
    private readonly PasswordBench bench = new(rule => rule with { Drifted = DriftedAction.Report });

    [Theory]
    [InlineData(ProvisioningCrashPoints.IntentDurable)]
    [InlineData(ProvisioningCrashPoints.CreateLeft)]
    public async Task A_handle_that_came_while_the_creation_was_on_its_way_is_the_accounts_in_the_end(string point)
    {
        bench.SignUp("1");
        await Should.ThrowAsync<Crash>(bench.RunAsync(new CrashPoints(name =>
        {
            if (name == point)
            {
                throw new Crash();
            }
        })));
        bench.App.Put(PasswordBench.Person("1", "ann"));

        await bench.RunAsync();

        ShouldBeLinkedAs("ann");
        bench.Rows.Only.Note.ShouldBeNull();
    }

    [Fact]
    public async Task A_handle_that_came_while_the_answer_was_lost_is_the_accounts_in_the_end()
    {
        bench.SignUp("1");
        bench.Pds.BeforeCreation = () => bench.App.Put(PasswordBench.Person("1", "ann"));
        bench.Pds.Lost = () => new Unknown("The connection broke.");

        await bench.RunAsync();

        ShouldBeLinkedAs("ann");
    }

    [Fact]
    public async Task A_look_for_another_reason_does_not_forget_that_the_account_may_be_older_than_its_source()
    {
        bench.SignUp("1");
        bench.Pds.BeforeCreation = () => bench.App.Put(PasswordBench.Person("1", "ann"));
        bench.Pds.Lost = () => new Unknown("The connection broke.");
        await Should.ThrowAsync<Crash>(bench.RunAsync(new CrashPoints(name =>
        {
            if (name == ProvisioningCrashPoints.UpdateLeft)
            {
                throw new Crash();
            }
        })));
        // As if that update had never arrived.
        bench.Pds.Set(new AccountId("did:plc:1"), "handle", PasswordBench.Code("1"));
        bench.Rows.Ask();

        await bench.RunAsync();

        ShouldBeLinkedAs("ann");
    }

    // A plan that was made before the person had the handle gives the code back, or a node does that had read the person before; another look may come between.
    [Theory]
    [InlineData(LookAgain.OfPlan, false)]
    [InlineData(LookAgain.OfPlan, true)]
    [InlineData(LookAgain.OfLateWrite, false)]
    [InlineData(LookAgain.OfLateWrite, true)]
    public async Task A_handle_that_an_older_plan_or_a_late_node_took_away_is_the_accounts_in_the_end(string reason, bool alsoAskedOtherwise)
    {
        bench.SignUp("1");
        await bench.RunAsync();
        bench.App.Put(PasswordBench.Person("1", "ann"));
        bench.Pds.Set(new AccountId("did:plc:1"), "handle", PasswordBench.Code("1"));
        await bench.Rows.AskAgainAsync([bench.Rows.Only.Key], reason, disabled: false, CancellationToken.None);
        if (alsoAskedOtherwise)
        {
            bench.Rows.Ask();
        }

        await bench.RunAsync();

        ShouldBeLinkedAs("ann");
    }

    [Fact]
    public async Task One_that_is_another_s_leaves_the_code_with_a_note_and_is_asked_for_once()
    {
        bench.SignUp("1");
        bench.Pds.Put("ann", "ann@elsewhere.example", "hers");
        bench.Pds.BeforeCreation = () => bench.App.Put(PasswordBench.Person("1", "ann"));
        bench.Pds.Lost = () => new Unknown("The connection broke.");

        await bench.RunAsync();
        bench.Rows.Ask();
        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records[^1]["handle"].AsText.ShouldBe(PasswordBench.Code("1"));
        bench.Rows.Only.Note!.ShouldContain("The handle ann was not taken");
        bench.Rows.Only.Intended!.PassedHandles.ShouldBe(["ann"]);
        bench.Pds.Updates.ShouldBe(0);
    }

    // It was another's when the account was made; once it was free, the user asked for it again and got it.
    [Fact]
    public async Task One_that_was_passed_over_and_is_the_accounts_by_now_stays_it()
    {
        bench.SignUp("1");
        bench.Pds.Put("ann", "ann@elsewhere.example", "hers");
        bench.Pds.BeforeCreation = () => bench.App.Put(PasswordBench.Person("1", "ann"));
        bench.Pds.Lost = () => new Unknown("The connection broke.");
        await bench.RunAsync();
        bench.Rows.Only.Intended!.PassedHandles.ShouldBe(["ann"]);
        bench.Pds.Remove(PasswordSystem.AccountsMapping.ToAccount(bench.Pds.Records[0])!.Id);
        bench.Pds.Set(bench.Rows.Only.TargetId!, "handle", "ann");
        await bench.Rows.AskAgainAsync([bench.Rows.Only.Key], LookAgain.OfLateWrite, disabled: false, CancellationToken.None);

        await bench.RunAsync();

        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Pds.Records.Single()["handle"].AsText.ShouldBe("ann");
    }

    // That is the change of a handle, which asks the system and answers the user.
    [Fact]
    public async Task A_handle_that_comes_when_the_account_is_settled_moves_nothing()
    {
        bench.SignUp("1");
        await bench.RunAsync();
        bench.App.Put(PasswordBench.Person("1", "ann"));
        bench.Rows.Ask();

        await bench.RunAsync();

        ShouldBeLinkedAs(PasswordBench.Code("1"));
    }

    private void ShouldBeLinkedAs(string handle)
    {
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
        bench.Rows.Only.DueBecause.ShouldBeNull();
        bench.Pds.Creations.ShouldBe(1);
        bench.Pds.Records.Single()["handle"].AsText.ShouldBe(handle);
    }
}
