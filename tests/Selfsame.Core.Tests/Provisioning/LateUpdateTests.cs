using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>An update that got no answer arrives after what was sent later: the account is looked at once more when none can arrive any longer.</summary>
public sealed class LateUpdateTests
{
    private PasswordBench bench = new();

    [Fact]
    public async Task The_older_value_of_a_lost_update_does_not_stay()
    {
        await LinkAsync();
        Address("first@example.org");
        await LoseNextUpdateAsync();
        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Linked, UpdateUnanswered.Reason));
        Address("second@example.org");
        await AskAsync();
        bench.Pds.Records.Single()["email"].AsText.ShouldBe("second@example.org");
        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Linked, UpdateUnanswered.Late));
        (bench.Rows.Only.NotBefore - TimeProvider.System.GetUtcNow()).ShouldBeInRange(Provisioner.LateTime - TimeSpan.FromMinutes(1), Provisioner.LateTime);

        bench.Pds.Set(bench.Rows.Only.TargetId!, "email", "first@example.org");
        await bench.RunAsync();

        bench.Pds.Records.Single()["email"].AsText.ShouldBe("second@example.org");
        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Linked, null));
    }

    // An audit takes any choice of the template for right: nothing else would move an older one.
    [Fact]
    public async Task Nor_does_an_older_handle()
    {
        await LinkAsync();
        Person(handle: "anna", email: "first@example.org");
        await LoseNextUpdateAsync();
        await AskAsync();

        bench.Pds.Set(bench.Rows.Only.TargetId!, "handle", PasswordBench.Code("1"));
        await bench.RunAsync();

        bench.Pds.Records.Single()["handle"].AsText.ShouldBe("anna");
    }

    [Fact]
    public async Task Who_was_enabled_late_is_disabled_again_and_counted_once_for_each_time()
    {
        await LinkAsync();
        await DisableAsync();
        bench.App.Put(PasswordBench.Person("1", "ann"));
        await LoseNextUpdateAsync();
        bench.App.Put(PasswordBench.Person("1", "ann", active: false));
        await AskAsync();
        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Compensated, UpdateUnanswered.Late));

        bench.Pds.Set(bench.Rows.Only.TargetId!, "active", true);
        await bench.RunAsync();

        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(false));
        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Compensated, null));
        bench.Rows.Disablings.ShouldBe(2);
    }

    [Fact]
    public async Task Who_was_disabled_late_is_enabled_again_though_drift_is_only_reported()
    {
        bench = new PasswordBench(rule => rule with { Drifted = DriftedAction.Report });
        await LinkAsync();
        bench.App.Put(PasswordBench.Person("1", "ann", active: false));
        await LoseNextUpdateAsync();
        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Compensating, UpdateUnanswered.Reason));
        bench.App.Put(PasswordBench.Person("1", "ann"));
        await AskAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);

        bench.Pds.Set(bench.Rows.Only.TargetId!, "active", false);
        await bench.RunAsync();

        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(true));
        bench.Rows.Disablings.ShouldBe(1);
    }

    [Fact]
    public async Task A_disabling_without_an_answer_is_counted_once_though_it_is_sent_again()
    {
        bench = new PasswordBench(guards: new Guards { MaxDisablesPerHour = 1 });
        await LinkAsync();
        bench.App.Remove("1");
        await LoseNextUpdateAsync();

        await bench.RunAsync();

        bench.Pds.Records.Single()["active"].ShouldBe(FieldValue.Boolean(false));
        (bench.Rows.Only.State, bench.Rows.Disablings).ShouldBe((ProvisioningState.Compensated, 1));
    }

    // Refused because of what is on its way, perhaps: once that has arrived there is nothing left to refuse.
    [Fact]
    public async Task A_refusal_that_the_late_update_caused_is_no_conflict_for_good()
    {
        await LinkAsync();
        Address("first@example.org");
        await LoseNextUpdateAsync();
        bench.Pds.UpdateFault = _ => new Refused("Proposed prev does not match the most recent operation.");
        await AskAsync();
        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Conflict, UpdateUnanswered.Late));

        bench.Pds.Set(bench.Rows.Only.TargetId!, "email", "first@example.org");
        await bench.RunAsync();

        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Linked, null));
    }

    // A person's word and the late update are both known: of what is there, and of what is gone.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_retry_before_the_late_update_came_forgets_neither(bool gone)
    {
        await LinkAsync();
        Address("first@example.org");
        await LoseNextUpdateAsync();
        bench.Pds.UpdateFault = _ => new Refused("It is refused.");
        await AskAsync();
        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Conflict, UpdateUnanswered.Late));
        bench.Pds.UpdateFault = _ => null;
        if (gone)
        {
            bench.Pds.Remove(bench.Rows.Only.TargetId!);
        }

        bench.Rows.Ask(bench.Rows.Only.Key, LookAgain.OfRetry);
        bench.Rows.Ask();
        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Linked, UpdateUnanswered.AskedToRetry));
        await bench.RunAsync();

        bench.Pds.Creations.ShouldBe(gone ? 2 : 1);
        bench.Pds.Records.Single()["email"].AsText.ShouldBe("first@example.org");
        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Linked, UpdateUnanswered.Late));
    }

    private async Task LoseNextUpdateAsync()
    {
        var lost = false;
        bench.Pds.UpdateFault = _ =>
        {
            if (lost)
            {
                return null;
            }

            lost = true;
            return new Unknown("'pds' did not answer within 15 s.");
        };
        await AskAsync();
        lost.ShouldBeTrue();
    }

    private void Address(string email) => Person("ann", email);

    private void Person(string handle, string email)
        => bench.App.Put([.. PasswordBench.Person("1", handle).Where(field => field.Item1 != "email"), ("email", email)]);

    private async Task LinkAsync()
    {
        bench.SignUp("1", "ann");
        await bench.RunAsync();
        (bench.Rows.Only.State, bench.Rows.Only.DueBecause).ShouldBe((ProvisioningState.Linked, null));
    }

    private async Task DisableAsync()
    {
        bench.App.Put(PasswordBench.Person("1", "ann", active: false));
        await AskAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Compensated);
    }

    private async Task AskAsync()
    {
        bench.Rows.Ask();
        await bench.RunAsync();
    }
}
