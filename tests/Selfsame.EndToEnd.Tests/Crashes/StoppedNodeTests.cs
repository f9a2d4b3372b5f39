using System.Globalization;
using System.Net;
using Selfsame.Core;
using Selfsame.Databases;
using Selfsame.EndToEnd.Tests.Reconciliation;
using Selfsame.Testing;
using Selfsame.Testing.Auth0;

namespace Selfsame.EndToEnd.Tests.Crashes;

/// <summary>
/// Two servers on one PostgreSQL, of which one is stopped (SIGSTOP) with creations, an update, and the reading of events, on their way. Its leases and loans end, the other does its work, and then
/// its requests arrive, late, and it wakes.
/// </summary>
[Trait("needs", "executable")]
[Trait("needs", "pds")]
[Trait("needs", "postgresql")]
public sealed class StoppedNodeTests : IAsyncLifetime
{
    private const string Token = "the token of the log stream";
    private const string Password = "correct horse battery";
    private const int Before = 1;
    private const int People = 6;
    private const int Further = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly TemporaryFolder folder = new();
    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { UseProxy = false });
    private string database = "";
    private Database store = null!;
    private Database app = null!;
    private SupabaseAndPds systems = null!;
    private Auth0StandIn auth0 = null!;
    private Dictionary<string, string?> environment = [];

    public async ValueTask InitializeAsync()
    {
        var postgres = await PostgresServer.SharedAsync();
        database = await postgres.CreateDatabaseAsync();
        var appDatabase = await postgres.CreateDatabaseAsync();
        store = Database.Open(database, new DatabaseOptions(), TimeProvider.System, RandomSource.System);
        app = Database.Open(appDatabase, new DatabaseOptions(), TimeProvider.System, RandomSource.System);
        await app.TransactAsync(transaction => transaction.ExecuteAsync(
            "CREATE TABLE members (id text PRIMARY KEY, email text, verified boolean, active boolean, code text UNIQUE); CREATE TABLE verifications (sub text PRIMARY KEY, count bigint)"));
        systems = await SupabaseAndPds.StartAsync();
        auth0 = await Auth0StandIn.StartAsync();
        environment = systems.Environment();
        environment["APP_DB"] = appDatabase;
        environment["AUTH0_URL"] = auth0.Url;
        environment["AUTH0_AUDIENCE"] = $"{auth0.Url}/api/v2/";
        await File.WriteAllTextAsync(
            folder["selfsame.yaml"],
            $$$"""
            tenants: { main: { signUpLimit: { count: 0, seconds: 3600 }, signUpAttemptLimit: { count: 0, seconds: 600 } } }
            systems:
            {{{SupabaseAndPds.Systems}}}
              idp: { connector: auth0, domain: "${AUTH0_URL}", audience: "${AUTH0_AUDIENCE}", clientId: {{{Auth0StandIn.ClientId}}}, clientSecret: {{{Auth0StandIn.ClientSecret}}}, hook: { token: "{{{Token}}}" } }
              app:
                connector: postgres
                connection: ${APP_DB}
                table: members
                identifiers: { email: email }
                attributes: { emailVerified: verified, active: active }
                userCode: { field: code, prefix: ac }
                records: { verifications: { table: verifications, id: sub, fields: { verificationCount: count } } }
            reconcile:
            {{{SupabaseAndPds.Rules}}}
              - { source: idp, target: app, correlate: [id], missing: createInTarget, drifted: updateTarget }
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        await app.DisposeAsync();
        await auth0.DisposeAsync();
        await systems.DisposeAsync();
        http.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task A_server_that_was_stopped_past_its_leases_and_loans_changes_nothing_and_everybody_has_one_account()
    {
        var holds = false;
        await using var authWay = await HoldingProxy.StartAsync(systems.Auth.Url, request => holds && request.Method == "POST" && request.Path.Value!.EndsWith("/admin/users", StringComparison.Ordinal));
        await using var updateWay = await HoldingProxy.StartAsync(authWay.Url, request => holds && request.Method == "PUT");
        await using var pdsWay = await HoldingProxy.StartAsync(systems.Pds.Url, request => holds && request.Path.Value!.EndsWith(".createAccount", StringComparison.Ordinal));
        await using var idpWay = await HoldingProxy.StartAsync(auth0.Url, request => request.Path.StartsWithSegments("/api/v2/users"));
        HoldingProxy[] ways = [authWay, updateWay, pdsWay, idpWay];
        await using var sleeper = await ServeAsync("sleeper", updateWay.Url, pdsWay.Url, idpWay.Url);
        var people = new VerifiedSignUps(Path.Combine(folder["sleeper"], "mail"));
        people.Add(Before);
        await people.RunAsync(sleeper.Address, CancellationToken.None);
        await UntilAsync(async () => await UnsettledAsync() == 0);
        holds = true;
        await ChangedAddress.ProveAsync(sleeper.Address, Path.Combine(folder["sleeper"], "mail"), "person1", Password, "older@example.com");
        await UntilAsync(() => Task.FromResult(updateWay.IsAwaited));
        people.Add(People);
        await people.RunAsync(sleeper.Address, CancellationToken.None);
        await SignUpAtAuth0Async(sleeper);
        await UntilAsync(() => Task.FromResult(ways.All(way => way.IsAwaited)));

        await SignalAsync(sleeper, "STOP");
        await EndLeasesAsync();
        await using var worker = await ServeAsync("worker");
        await UntilAsync(async () => await UnsettledAsync() == 0);
        // What the sleeper has sent is older than this.
        await ChangedAddress.ProveAsync(worker.Address, Path.Combine(folder["worker"], "mail"), "person1", Password, "newer@example.com");
        await ChangedAddress.ProveAsync(worker.Address, Path.Combine(folder["worker"], "mail"), "person3", Password, "another@example.com");
        await CommandAsync("users", "disable", "person2");
        auth0.Users.ChangeEmail("auth0|2", "changed@example.com");
        await DeliverAsync(worker);
        await UntilAsync(async () => await UnsettledAsync() == 0 && await IsDisabledAsync("person2"));
        (await systems.InAuthAsync()).ShouldContain(new SeenAccount("newer@example.com", true));
        foreach (var way in ways)
        {
            way.Release();
        }

        await UntilAsync(() => Task.FromResult(ways.All(way => way.Arrived == way.Held)));
        // The update came last, and nobody but the sleeper knows.
        (await systems.InAuthAsync()).ShouldContain(new SeenAccount("older@example.com", true));
        var before = await StoreAsync();

        await SignalAsync(sleeper, "CONT");
        // Of what it had on loan it says that, or that it was not answered: nobody waits for it any more.
        await UntilAsync(() => Task.FromResult(Output(sleeper).Contains("The loan of event", StringComparison.Ordinal) || Output(sleeper).Contains("failed at attempt 1", StringComparison.Ordinal)));
        // It has its place in every lane again.
        worker.Kill();
        await worker.WaitForExitAsync();
        people.Add(Further);
        await people.RunAsync(sleeper.Address, CancellationToken.None);
        await UntilAsync(async () => (await systems.InAuthAsync()).Contains(new SeenAccount("newer@example.com", true)));
        await UntilAsync(async () => await UnsettledAsync() == 0);

        (await StoreAsync()).Where(before.Contains).ShouldBe(before);
        people.Unexpected.ShouldBeEmpty();
        await StoreInvariants.CheckAsync(store);
        SeenAccount[] expected =
        [
            .. Enumerable.Range(1, Before + People + Further)
                .Select(number => new SeenAccount(number switch { 1 => "newer@example.com", 3 => "another@example.com", _ => $"person{number}@example.com" }, number != 2))
                .OrderBy(account => account.Email, StringComparer.Ordinal),
        ];
        (await systems.InAuthAsync()).ShouldBe(expected);
        (await systems.InPdsAsync()).ShouldBe(expected);
        (await AppAsync("SELECT id || ' ' || email FROM members ORDER BY id")).ShouldBe(Enumerable.Range(0, People).Select(number => $"auth0|{number} {(number == 2 ? "changed" : $"member{number}")}@example.com"));
        (await AppAsync("SELECT count::text FROM verifications")).ShouldBe(Enumerable.Repeat("1", People));
    }

    /// <summary>People who sign up and verify themselves at Auth0, of which the server is told.</summary>
    private async Task SignUpAtAuth0Async(SelfsameProcess server)
    {
        for (var number = 0; number < People; number++)
        {
            auth0.Users.SignUp($"auth0|{number}", $"member{number}@example.com");
            auth0.Users.Verify($"auth0|{number}");
        }

        await DeliverAsync(server);
    }

    private async Task DeliverAsync(SelfsameProcess server)
    {
        auth0.Log.Endpoint = new Uri(server.Address, "hooks/idp");
        auth0.Log.Authorization = Token;
        (await auth0.Log.DeliverAsync(http)).ShouldBe(HttpStatusCode.Accepted);
    }

    private Task<SelfsameProcess> ServeAsync(string name, string? authUrl = null, string? pdsUrl = null, string? idpUrl = null)
        => SelfsameProcess.ServeAsync(
            folder[name],
            ["--database", database, "--config", folder["selfsame.yaml"]],
            new Dictionary<string, string?>(environment)
            {
                ["SUPABASE_URL"] = authUrl ?? environment["SUPABASE_URL"],
                ["PDS_URL"] = pdsUrl ?? environment["PDS_URL"],
                ["AUTH0_URL"] = idpUrl ?? environment["AUTH0_URL"],
            });

    private static string Output(SelfsameProcess server) => server.StandardOutput.Text + server.StandardError.Text;

    private static async Task SignalAsync(SelfsameProcess server, string signal)
        => (await ChildProcess.RunAsync("kill", [$"-{signal}", server.ProcessId.ToString(CultureInfo.InvariantCulture)])).ExitCode.ShouldBe(0);

    /// <summary>
    /// Nobody waits for minutes: what the sleeper holds is over now. It does not know that, by its own clock, which is harder than a stop that outlasts a lease.
    /// </summary>
    private Task<int> EndLeasesAsync()
        => store.TransactAsync(transaction => transaction.ExecuteAsync(
            """
            UPDATE provisioning SET leased_until = now() - interval '1 second' WHERE leased_until IS NOT NULL;
            UPDATE inbox SET leased_until = now() - interval '1 second' WHERE leased_until IS NOT NULL;
            """));

    private Task<long> UnsettledAsync()
        => store.ReadAsync(transaction => transaction.ScalarAsync<long>(
            """
            SELECT (SELECT count(*) FROM inbox WHERE state = 'Waiting')
                 + (SELECT count(*) FROM provisioning WHERE state NOT IN ('Linked', 'Compensated') OR due_because IS NOT NULL)
                 + (SELECT count(*) FROM users u WHERE (SELECT count(*) FROM provisioning p WHERE p.source_id = u.uuid::text) < 2)
            """));

    private Task<bool> IsDisabledAsync(string username)
        => store.ReadAsync(async transaction => await transaction.ScalarAsync<long>(
            "SELECT count(*) FROM provisioning p JOIN users u ON p.source_id = u.uuid::text WHERE u.username = @username AND p.state = 'Compensated'", new { username }) == 2);

    /// <summary>What stands in our store, a line each, without when somebody looked.</summary>
    private async Task<List<string>> StoreAsync()
        => await store.ReadAsync(transaction => transaction.QueryAsync<string>(
            """
            SELECT concat_ws(' ', 'row', source, source_id, system, state, target_id, disabled, problem, note) FROM provisioning
            UNION ALL SELECT concat_ws(' ', 'event', system, event_id, state, attempts, outcome) FROM inbox
            UNION ALL SELECT concat_ws(' ', 'verified', system, account_id, event_id) FROM verification_events
            UNION ALL SELECT concat_ws(' ', 'user', uuid, username, email, is_active, user_code) FROM users
            ORDER BY 1
            """));

    private Task<List<string>> AppAsync(string sql) => app.ReadAsync(transaction => transaction.QueryAsync<string>(sql));

    private async Task CommandAsync(params string[] arguments)
    {
        var result = await SelfsameProcess.RunAsync([.. arguments, "--database", database, "--data", folder["worker"], "--config", folder["selfsame.yaml"]], "", environment, folder.Path);
        result.ExitCode.ShouldBe(0, $"{string.Join(' ', arguments)}\n{result.StandardOutput}\n{result.StandardError}");
    }

    private async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await isSo())
        {
            if (patience.IsCancellationRequested)
            {
                Assert.Fail(string.Join('\n', await StoreAsync()));
            }

            await Task.Delay(200);
        }
    }
}
