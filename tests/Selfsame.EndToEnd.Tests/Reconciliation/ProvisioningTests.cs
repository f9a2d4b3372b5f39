using Selfsame.Core.Provisioning;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>Our own users, brought into a second database and repaired there.</summary>
[Trait("needs", "executable")]
public sealed class ProvisioningTests : IDisposable
{
    private const string Config =
        """
        systems:
          users: { connector: selfsame }
          app: { connector: sqlite, connection: "${APP_DB}", table: members, identifiers: { username: login, email: mail }, attributes: { active: is_active, role: role } }
        reconcile:
          - { source: users, target: app, correlate: [id], missing: createInTarget, drifted: updateTarget }
        """;

    private readonly Workspace workspace = new(Config);

    public ProvisioningTests()
        => workspace.Sql("app.db", "CREATE TABLE members (id text PRIMARY KEY, login text UNIQUE, mail text UNIQUE, is_active integer NOT NULL, role text, joined text DEFAULT 'now')");

    public static TheoryData<string> CrashPoints => [.. ProvisioningCrashPoints.OfCreation];

    public static TheoryData<string> DisablingCrashPoints => [.. ProvisioningCrashPoints.OfDisabling];

    public static TheoryData<string> DeletionCrashPoints => [.. ProvisioningCrashPoints.OfDeletion];

    public void Dispose() => workspace.Dispose();

    [Fact]
    public async Task People_of_the_store_are_provisioned_and_one_who_is_lost_there_is_found_repaired_and_taken_back()
    {
        await SignUpAsync("Ann");
        await SignUpAsync("bob");
        await ServeUntilAsync(2);
        await workspace.ExpectAsync(0, "audit");

        workspace.Sql("app.db", "DELETE FROM members WHERE login = 'Ann'");
        (await workspace.ExpectAsync(2, "audit")).StandardOutput.ShouldContain("Ann is in users and not in app.");
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        await workspace.ExpectAsync(0, "apply", "plan.json");
        workspace.Sql("app.db", "SELECT login, mail, is_active FROM members ORDER BY login").ShouldBe(["Ann|Ann@example.org|1", "bob|bob@example.org|1"]);
        await workspace.ExpectAsync(0, "audit");

        var run = (await workspace.ExpectAsync(0, "runs", "--json")).StandardOutput.Split("\"id\": \"")[1][..36];
        await workspace.ExpectAsync(0, "undo", run, "--yes");
        workspace.Sql("app.db", "SELECT login FROM members").ShouldBe(["bob"]);
    }

    [Theory]
    [MemberData(nameof(CrashPoints))]
    public async Task Kill_9_of_the_service_leaves_each_user_exactly_one_account_in_the_end(string point)
    {
        await SignUpAsync("Ann");
        var doomed = await workspace.RunAsync(point, ["serve", "--urls", "http://127.0.0.1:0"]);
        doomed.ExitCode.ShouldBe(137);

        // The claim of the killed process has two minutes left; nobody is made to wait for them here.
        workspace.Sql(Path.Combine("data", "selfsame.db"), "UPDATE provisioning SET leased_until = NULL");
        await ServeUntilAsync(1);

        workspace.Sql("app.db", "SELECT login FROM members").ShouldBe(["Ann"]);
        await workspace.ExpectAsync(0, "audit");
    }

    [Theory]
    [MemberData(nameof(DisablingCrashPoints))]
    public async Task Kill_9_of_the_service_while_it_disables_somebody_leaves_them_disabled_in_the_end(string point)
    {
        await SignUpAsync("Ann");
        await ServeUntilAsync(1);
        await workspace.ExpectAsync(0, "users", "disable", "Ann");
        var doomed = await workspace.RunAsync(point, ["serve", "--urls", "http://127.0.0.1:0"]);
        doomed.ExitCode.ShouldBe(137);

        workspace.Sql(Path.Combine("data", "selfsame.db"), "UPDATE provisioning SET leased_until = NULL");
        await ServeUntilAsync(1, "Compensated");

        workspace.Sql("app.db", "SELECT login, is_active FROM members").ShouldBe(["Ann|0"]);
        await workspace.ExpectAsync(0, "audit");
    }

    [Theory]
    [MemberData(nameof(DeletionCrashPoints))]
    public async Task Kill_9_of_the_service_while_it_deletes_a_purged_users_account_leaves_nothing_of_them_in_the_end(string point)
    {
        await SignUpAsync("Ann");
        await SignUpAsync("bob");
        await ServeUntilAsync(2);
        await workspace.ExpectAsync(0, "users", "delete", "Ann");
        await ServeUntilAsync(1, "Compensated");
        workspace.Sql("app.db", "SELECT login, is_active FROM members ORDER BY login").ShouldBe(["Ann|0", "bob|1"]);
        await File.WriteAllTextAsync(
            workspace["selfsame.yaml"],
            $"tenants: {{ main: {{ deletionGraceDays: 0 }} }}\n{Config.Replace("drifted: updateTarget", "drifted: updateTarget, orphan: deleteInTarget", StringComparison.Ordinal)}",
            TestContext.Current.CancellationToken);
        var doomed = await workspace.RunAsync(point, ["serve", "--urls", "http://127.0.0.1:0"]);
        doomed.ExitCode.ShouldBe(137);

        workspace.Sql(Path.Combine("data", "selfsame.db"), "UPDATE provisioning SET leased_until = NULL");
        await ServeUntilAsync(1, "SELECT count(*) FROM provisioning", "data/selfsame.db");

        workspace.Sql("app.db", "SELECT login, is_active FROM members").ShouldBe(["bob|1"]);
        workspace.Sql(Path.Combine("data", "selfsame.db"), "SELECT count(*) FROM provisioning").ShouldBe(["1"]);
        await workspace.ExpectAsync(0, "audit");
    }

    private Task<CommandResult> SignUpAsync(string username)
        => SelfsameProcess.RunAsync(["users", "create", "--username", username, "--email", $"{username}@example.org"], "correct horse battery staple\n", workspace.Environment(), workspace.Folder);

    private Task ServeUntilAsync(int rows, string state = "Linked") => ServeUntilAsync(rows, $"SELECT count(*) FROM provisioning WHERE state = '{state}'", "data/selfsame.db");

    private async Task ServeUntilAsync(int rows, string sql, string file)
    {
        await using var server = await SelfsameProcess.ServeAsync(workspace.Data, ["--config", workspace["selfsame.yaml"]], workspace.Environment());
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (workspace.Sql(file, sql)[0] != $"{rows}")
        {
            await Task.Delay(100, timeout.Token);
        }
    }
}
