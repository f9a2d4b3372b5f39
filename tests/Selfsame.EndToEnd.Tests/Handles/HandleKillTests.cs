using Selfsame.Core.Accounts;
using Selfsame.Databases;
using Selfsame.EndToEnd.Tests.Api;
using Selfsame.EndToEnd.Tests.Reconciliation;
using Selfsame.Server.Handles;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Handles;

/// <summary>kill -9 of the service in each step of a change of a handle.</summary>
[Trait("needs", "pds")]
public sealed class HandleKillTests : IDisposable
{
    private const string Password = "correct horse battery staple";

    private readonly Workspace workspace = new(
        """
        systems:
          users: { connector: selfsame }
          pds: { connector: atproto, url: "${PDS_URL}", adminPassword: "${PDS_ADMIN_PASSWORD}", handleDomain: "${PDS_DOMAIN}", plcUrl: "${PLC_URL}" }
        reconcile:
          - { source: users, target: pds, when: emailVerified, correlate: [did], missing: createInTarget, drifted: updateTarget, handle: "{handle|code}" }
        """);

    public static TheoryData<string> CrashPoints => [.. HandleCrashPoints.All];

    public void Dispose() => workspace.Dispose();

    [Theory]
    [MemberData(nameof(CrashPoints))]
    public async Task Killed_at_any_step_the_change_ends_whole_and_nobody_else_could_take_either_handle(string point)
    {
        await using var pds = await PdsUsers.OpenAsync();
        var wanted = PdsUsers.NewName();
        var environment = Environment(pds.Server);
        (await SelfsameProcess.RunAsync(
            ["users", "create", "--username", "ann", "--email", $"{wanted}@example.org", "--superuser"], $"{Password}\n", environment, workspace.Folder)).ExitCode.ShouldBe(0);
        var user = Guid.Parse(workspace.Sql(Store, "UPDATE users SET email_verified_at = created_at RETURNING uuid")[0]);
        var id = await LinkAsync(environment, user);

        await using (var doomed = await ServeAsync(environment, point))
        {
            var me = await SignInAsync(doomed);
            await Should.ThrowAsync<HttpRequestException>(() => me.PutAsync("/api/v1/me/handle", new { handle = wanted }));
            (await doomed.WaitForExitAsync()).ShouldBe(137);
        }

        var reserved = workspace.Sql(Store, "SELECT key FROM identifiers WHERE space = 'handle'");
        reserved.ShouldContain(wanted);
        // The loans of the killed process have a minute left; nobody is made to wait for them here.
        workspace.Sql(Store, "UPDATE handle_changes SET leased_until = NULL");
        workspace.Sql(Store, "UPDATE provisioning SET leased_until = NULL");
        await using var next = await ServeAsync(environment);
        var again = await SignInAsync(next);
        await UntilAsync(async () => (await again.GetAsync("/api/v1/me/handle")).TextOf("state") == "settled");

        (await again.GetAsync("/api/v1/me")).TextOf("handle").ShouldBe(wanted);
        (await pds.HandleAsync(id)).ShouldBe(wanted);
        workspace.Sql(Store, "SELECT count(*) FROM audit_events WHERE event = 'handle.changed'").ShouldBe(["1"]);
        workspace.Sql(Store, "SELECT count(*) FROM identifiers WHERE space = 'handle'").ShouldBe(["2"]);
    }

    private static string Store => Path.Combine("data", "selfsame.db");

    private static Dictionary<string, string?> Environment(PersonalDataServer server) => new()
    {
        ["SELFSAME_SECRET_KEY"] = Convert.ToBase64String(new byte[32]),
        ["PDS_URL"] = server.Url,
        ["PDS_ADMIN_PASSWORD"] = PersonalDataServer.AdminPassword,
        ["PDS_DOMAIN"] = PersonalDataServer.HandleDomain,
        ["PLC_URL"] = server.DirectoryUrl,
    };

    private Task<SelfsameProcess> ServeAsync(Dictionary<string, string?> environment, string? crashAt = null)
        => SelfsameProcess.ServeAsync(
            workspace.Data, ["--config", workspace["selfsame.yaml"]], new Dictionary<string, string?>(environment) { ["SELFSAME_CRASH_AT"] = crashAt });

    /// <summary>Has the service make the user's account at the PDS; its DID.</summary>
    private async Task<AccountId> LinkAsync(Dictionary<string, string?> environment, Guid user)
    {
        await using var server = await ServeAsync(environment);
        await using var store = SqliteDatabase.File(workspace[Store], new DatabaseOptions(), TimeProvider.System, Core.RandomSource.System);
        return await PdsUsers.LinkedAsync(store, user);
    }

    private static async Task<ApiClient> SignInAsync(SelfsameProcess server)
    {
        var answer = await new ApiClient(server.Address).PostAsync("/api/v1/sessions", new { login = "ann", password = Password });
        return new ApiClient(server.Address, answer.ShouldHaveStatus(201).TextOf("token"));
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!await holds())
        {
            await Task.Delay(100, limit.Token);
        }
    }
}
