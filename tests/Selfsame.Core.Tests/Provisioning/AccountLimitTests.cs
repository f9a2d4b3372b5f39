using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>A limit of one account has that one wait, and nobody else.</summary>
public sealed class AccountLimitTests
{
    private static readonly TimeSpan Wait = TimeSpan.FromMinutes(10);

    private readonly PasswordBench bench = new();

    [Fact]
    public async Task Of_an_update()
    {
        await LinkAsync();
        bench.App.Put([.. PasswordBench.Person("1", "ann").Where(field => field.Item1 != "email"), ("email", "new@example.org")]);
        bench.Pds.UpdateFault = _ => new Throttled(Wait) { LimitIsOfAccount = true };
        bench.Rows.Ask();

        await bench.RunAsync();

        ShouldWaitAlone(ProvisioningState.Linked);
    }

    [Fact]
    public async Task Of_the_sign_in_that_proves_whose_an_account_is()
    {
        bench.SignUp("1", "ann");
        bench.Pds.Fault = () => new Unknown("502: the directory is down.");
        bench.Pds.BeforeLook = () => throw new SystemUnavailableException("'pds' asks to wait.") { RetryAfter = Wait, LimitIsOfAccount = true };

        await bench.RunAsync();

        ShouldWaitAlone(ProvisioningState.Intent);
    }

    [Fact]
    public async Task One_of_all_is_everybodys()
    {
        bench.SignUp("1", "ann");
        bench.Pds.Fault = () => new Unknown("502: the directory is down.");
        bench.Pds.BeforeLook = () => throw new SystemUnavailableException("'pds' asks to wait.") { RetryAfter = Wait };

        await bench.RunAsync();

        bench.Rows.Pauses.ShouldBe([Wait]);
    }

    private void ShouldWaitAlone(ProvisioningState state)
    {
        bench.Rows.Pauses.ShouldBeEmpty();
        bench.Rows.Only.State.ShouldBe(state);
        (bench.Rows.Only.NotBefore - TimeProvider.System.GetUtcNow()).ShouldBeGreaterThan(Wait - TimeSpan.FromMinutes(1));
    }

    private async Task LinkAsync()
    {
        bench.SignUp("1", "ann");
        await bench.RunAsync();
        bench.Rows.Only.State.ShouldBe(ProvisioningState.Linked);
    }
}
