using System.Net;
using Selfsame.Core.Reconciliation;
using Selfsame.EndToEnd.Tests.Api;
using Selfsame.Server.Hosting;
using Selfsame.Server.Reconciliation;
using Selfsame.Testing;
using Selfsame.Testing.Auth0;

namespace Selfsame.EndToEnd.Tests.Hooks;

public sealed class SharedAddressOnSqliteTests() : SharedAddressTests(RunningServer.StartAsync);

[Trait("needs", "postgresql")]
public sealed class SharedAddressOnPostgreSqlTests() : SharedAddressTests(RunningServer.StartOnPostgreSqlAsync);

/// <summary>People who sign up at Auth0 with a password and through Google, and an application whose table keeps nothing unique but its id.</summary>
public abstract class SharedAddressTests(Func<Func<ServerOptions, ServerOptions>, Task<RunningServer>> start) : IAsyncLifetime
{
    private const string Token = "a token of the log stream";
    private const int People = 30;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly TemporaryFolder folder = new();
    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { UseProxy = false });
    private Auth0StandIn auth0 = null!;
    private RunningServer server = null!;

    public async ValueTask InitializeAsync()
    {
        App("CREATE TABLE users (id text PRIMARY KEY, active integer, code text UNIQUE)");
        auth0 = await Auth0StandIn.StartAsync();
        server = await start(options => ConfigFile.Apply(ReadConfig(), options));
        auth0.Log.Endpoint = new Uri(server.Address, "hooks/idp");
        auth0.Log.Authorization = Token;
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await auth0.DisposeAsync();
        http.Dispose();
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Thirty_people_under_two_ids_each_in_one_body_get_one_record_each_and_thirty_conflicts_propose_linking()
    {
        for (var person = 0; person < People; person++)
        {
            auth0.Users.SignUp($"auth0|{person}", $"person{person}@example.org", verified: true);
            auth0.Users.SignUp($"google-oauth2|{person}", $"Person{person}@Example.org", verified: true);
        }

        (await auth0.Log.DeliverAsync(http)).ShouldBe(HttpStatusCode.Accepted);

        await UntilAsync(async () => await CountAsync("state IN ('Linked', 'Conflict') AND due_because IS NULL") == 2 * People);
        App("SELECT count(*), count(DISTINCT code), count(DISTINCT substr(id, instr(id, '|'))) FROM users").ShouldBe([$"{People}|{People}|{People}"]);
        (await CountAsync("state = 'Conflict' AND problem LIKE 'Duplicate: % has the same verified e-mail address%link the accounts%'")).ShouldBe(People);
    }

    [Fact]
    public async Task Who_comes_long_after_waits_until_the_first_has_another_address_or_is_gone()
    {
        await SignUpAsync("auth0|ann", "ann@example.org");
        await UntilAsync(async () => await CountAsync("state = 'Linked'") == 1);
        await SignUpAsync("google-oauth2|ann", "ann@example.org");
        await UntilAsync(async () => await CountAsync("state = 'Conflict'") == 1);

        auth0.Users.ChangeEmail("auth0|ann", "ann@elsewhere.example");
        await DeliverAsync();
        await UntilAsync(async () => await CountAsync("state = 'Linked' AND due_because IS NULL") == 2);
        App("SELECT id FROM users ORDER BY id").ShouldBe(["auth0|ann", "google-oauth2|ann"]);

        await SignUpAsync("auth0|other", "ann@example.org");
        await UntilAsync(async () => await CountAsync("state = 'Conflict'") == 1);
        auth0.Users.Remove("google-oauth2|ann");
        await DeliverAsync();
        await UntilAsync(async () => await CountAsync("state = 'Linked' AND due_because IS NULL AND source_id = 'auth0|other'") == 1);
        App("SELECT active FROM users WHERE id = 'google-oauth2|ann'").ShouldBe(["0"]);
    }

    private async Task SignUpAsync(string id, string email)
    {
        auth0.Users.SignUp(id, email, verified: true);
        await DeliverAsync();
    }

    private async Task DeliverAsync() => (await auth0.Log.DeliverAsync(http)).ShouldBe(HttpStatusCode.Accepted);

    private Topology ReadConfig()
    {
        var yaml =
            $$"""
            systems:
              idp: { connector: auth0, domain: "{{auth0.Url}}", clientId: {{Auth0StandIn.ClientId}}, clientSecret: {{Auth0StandIn.ClientSecret}}, hook: { token: "{{Token}}" } }
              app:
                connector: sqlite
                connection: {{folder["app.db"]}}
                table: users
                identifiers: {}
                attributes: { active: active }
                userCode: { field: code, prefix: ac }
            reconcile:
              - { source: idp, target: app, correlate: [id], missing: createInTarget }
            """;
        var reading = new TopologyReader(ConfigFile.Connectors, _ => null).Read(yaml);
        return reading.Topology.ShouldNotBeNull(string.Join('\n', reading.Errors));
    }

    private Task<long> CountAsync(string where)
        => server.Context.Database.ReadAsync(transaction => transaction.ScalarAsync<long>($"SELECT count(*) FROM provisioning WHERE {where}"));

    private async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await isSo())
        {
            if (patience.IsCancellationRequested)
            {
                Assert.Fail(string.Join('\n', await server.Context.Database.ReadAsync(transaction => transaction.QueryAsync<string>(
                    "SELECT source_id || ' ' || state || ' ' || coalesce(due_because, '') || ' ' || coalesce(problem, '') FROM provisioning ORDER BY source_id"))));
            }

            await Task.Delay(100);
        }
    }

    private List<string> App(string sql) => OtherProgram.Sql(folder["app.db"], sql);
}
