using Selfsame.EndToEnd.Tests.Crashes;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>Sign-ups at the built service that become accounts at Supabase Auth and on a real PDS at once, and what becomes of these.</summary>
[Trait("needs", "executable")]
[Trait("needs", "pds")]
[Trait("needs", "postgresql")]
public sealed class BothSystemsTests : IAsyncLifetime
{
    private const string Password = "correct horse battery";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Workspace workspace = new(
        $$"""
        tenants: { main: { signUpLimit: { count: 0, seconds: 3600 }, signUpAttemptLimit: { count: 0, seconds: 600 } } }
        systems:
        {{SupabaseAndPds.Systems}}
        reconcile:
        {{SupabaseAndPds.Rules}}
        """);

    private SupabaseAndPds systems = null!;
    private SelfsameProcess server = null!;

    private string MailFolder => Path.Combine(workspace.Data, "mail");

    public async ValueTask InitializeAsync()
    {
        systems = await SupabaseAndPds.StartAsync();
        server = await SelfsameProcess.ServeAsync(workspace.Data, ["--config", workspace["selfsame.yaml"]], systems.Environment());
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await systems.DisposeAsync();
        workspace.Dispose();
    }

    [Fact]
    public async Task Who_verifies_gets_both_accounts_and_a_new_address_disabling_deletion_and_restoring_reach_both()
    {
        var people = new VerifiedSignUps(MailFolder);
        people.Add(3);
        await people.RunAsync(server.Address, CancellationToken.None);
        people.Unexpected.ShouldBeEmpty();
        await BothShowAsync(("person1@example.com", true), ("person2@example.com", true), ("person3@example.com", true));

        await ChangedAddress.ProveAsync(server.Address, MailFolder, "person1", Password, "another@example.com");
        await CommandAsync("users", "disable", "person2");
        await CommandAsync("users", "delete", "person3");
        await BothShowAsync(("another@example.com", true), ("person2@example.com", false), ("person3@example.com", false));

        await CommandAsync("users", "enable", "person2");
        await CommandAsync("users", "restore", "person3");
        await BothShowAsync(("another@example.com", true), ("person2@example.com", true), ("person3@example.com", true));
        (await CommandAsync("audit")).StandardOutput.ShouldContain("Clean");
    }

    [Fact]
    public async Task Who_has_not_verified_has_an_account_at_one_and_none_where_the_rule_asks_for_that()
    {
        await CommandAsync("users", "create", "--username", "eva", "--email", "eva@example.com");

        await UntilAsync(async () => (await systems.InAuthAsync()).Count == 1);

        (await systems.InPdsAsync()).ShouldBeEmpty();
    }

    private Task BothShowAsync(params (string Email, bool Active)[] expected)
    {
        SeenAccount[] wanted = [.. expected.Select(account => new SeenAccount(account.Email, account.Active)).OrderBy(account => account.Email, StringComparer.Ordinal)];
        return UntilAsync(async () => (await systems.InAuthAsync()).SequenceEqual(wanted) && (await systems.InPdsAsync()).SequenceEqual(wanted));
    }

    private async Task<CommandResult> CommandAsync(params string[] arguments)
    {
        var result = await SelfsameProcess.RunAsync(arguments, Password, systems.Environment(), workspace.Folder);
        result.ExitCode.ShouldBe(0, $"{string.Join(' ', arguments)}\n{result.StandardOutput}\n{result.StandardError}");
        return result;
    }

    private async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await isSo())
        {
            if (patience.IsCancellationRequested)
            {
                Assert.Fail($"At Supabase Auth: {string.Join(", ", await systems.InAuthAsync())}\nOn the PDS: {string.Join(", ", await systems.InPdsAsync())}\n{server.StandardOutput.Text}");
            }

            await Task.Delay(200);
        }
    }
}
