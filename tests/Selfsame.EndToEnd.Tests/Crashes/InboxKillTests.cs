using Selfsame.Core;
using Selfsame.Databases;
using Selfsame.Store.Inbox;
using Selfsame.Testing;
using Selfsame.Testing.Auth0;

namespace Selfsame.EndToEnd.Tests.Crashes;

/// <summary>
/// kill -9 of the service while webhooks arrive, at every crash point of the inbox and at random: what was acknowledged is there, and what it led to
/// happened once.
/// </summary>
[Trait("needs", "executable")]
public sealed class InboxKillTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string Token = "the token of the log stream";

    private readonly TemporaryFolder folder = new();
    private Auth0StandIn auth0 = null!;

    public async ValueTask InitializeAsync()
    {
        SqliteLibrary.EnsureLoaded();
        auth0 = await Auth0StandIn.StartAsync();
        // The triggers keep every making of a record, and every code that took another's place.
        App(
            """
            CREATE TABLE users (id text PRIMARY KEY, email text UNIQUE, verified integer, code text UNIQUE);
            CREATE TABLE verifications (sub text PRIMARY KEY, count integer);
            CREATE TABLE made (id text);
            CREATE TRIGGER users_made AFTER INSERT ON users BEGIN INSERT INTO made VALUES (new.id); END;
            CREATE TRIGGER verifications_made AFTER INSERT ON verifications BEGIN INSERT INTO made VALUES ('record of ' || new.sub); END;
            CREATE TRIGGER code_changed AFTER UPDATE OF code ON users WHEN old.code <> new.code BEGIN INSERT INTO made VALUES (new.id); END;
            """);
        await File.WriteAllTextAsync(
            folder["selfsame.yaml"],
            $$"""
            systems:
              idp: { connector: auth0, domain: "{{auth0.Url}}", clientId: {{Auth0StandIn.ClientId}}, clientSecret: {{Auth0StandIn.ClientSecret}}, hook: { token: "{{Token}}" } }
              app:
                connector: sqlite
                connection: {{folder["app.db"]}}
                table: users
                identifiers: { email: email }
                attributes: { emailVerified: verified }
                userCode: { field: code, prefix: ac }
                records: { verifications: { table: verifications, id: sub, fields: { verificationCount: count } } }
            reconcile:
              - { source: idp, target: app, correlate: [id], missing: createInTarget, drifted: updateTarget }
            """);
    }

    public async ValueTask DisposeAsync()
    {
        await auth0.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Every_acknowledged_event_is_kept_and_leads_to_its_effect_once()
    {
        var load = new HookLoad(auth0, Token);
        var server = new ServerUnderKill(folder.Path, null, load.RunAsync);
        var random = new Random(42_26);
        var points = InboxCrashPoints.All;
        var missed = new List<string>(points);
        for (var round = 0; round < TestRun.Rounds(2 * points.Count, 3 * points.Count, 100); round++)
        {
            if (round >= points.Count && missed.Count == 0 && round % 3 > 0)
            {
                await server.RunForAsync(TimeSpan.FromMilliseconds(random.Next(50, 1500)));
            }
            else if (await server.RunUntilAsync($"{points[round % points.Count]}:{random.Next(1, 5)}"))
            {
                missed.Remove(points[round % points.Count]);
            }

            await ReleaseAsync();
        }

        missed.ShouldBeEmpty("these crash points were never hit");
        await server.SettleAsync(async () => (await UnsettledAsync()).Count == 0, UnsettledAsync);
        await CheckAsync(load);
    }

    private async Task CheckAsync(HookLoad load)
    {
        load.Unexpected.ShouldBeEmpty();
        load.Acknowledged.ShouldNotBeEmpty();
        await using var store = OpenStore();
        var kept = (await store.ReadAsync(transaction => transaction.QueryAsync<string>("SELECT event_id FROM inbox"))).ToHashSet();
        load.Acknowledged.Keys.Where(id => !kept.Contains(id)).ShouldBeEmpty("acknowledged, and not there");
        kept.Where(id => !load.Sent.ContainsKey(id)).ShouldBeEmpty("there, and never sent");

        // What was not acknowledged may be there or not: what is there counts, once.
        var byAccount = kept.Select(id => load.Sent[id]).ToLookup(one => one.Account, one => one.Type);
        output.WriteLine($"{load.Sent.Count} events sent, {load.Acknowledged.Count} acknowledged, {kept.Count} kept, of {byAccount.Count} accounts");
        App("SELECT u.id || ' ' || v.count FROM users u JOIN verifications v ON v.sub = u.id ORDER BY u.id")
            .ShouldBe(byAccount.Select(account => $"{account.Key} {account.Count(type => type == "sv")}").Order(StringComparer.Ordinal));
        App("SELECT count(*) FROM users WHERE code IS NULL OR verified <> 1").ShouldBe(["0"]);
        App("SELECT id FROM made GROUP BY id HAVING count(*) > 1").ShouldBeEmpty("made twice, or given another code");
        (await store.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM verification_events")))
            .ShouldBe(byAccount.Sum(account => account.Count(type => type == "sv")));
    }

    /// <summary>Nobody is made to wait here for the loans of the killed process.</summary>
    private async Task ReleaseAsync()
    {
        await using var store = OpenStore();
        await store.TransactAsync(transaction => transaction.ExecuteAsync(
            """
            UPDATE inbox SET leased_until = NULL, not_before = received_at WHERE state = 'Waiting';
            UPDATE provisioning SET leased_until = NULL, not_before = created_at
            """));
    }

    private async Task<IReadOnlyList<string>> UnsettledAsync()
    {
        await using var store = OpenStore();
        return await store.ReadAsync(transaction => transaction.QueryAsync<string>(
            """
            SELECT 'event ' || event_id || ': ' || state || ', ' || attempts || ' attempts, ' || coalesce(outcome, '') || ', not before ' || not_before
            FROM inbox WHERE state <> 'Done'
            UNION ALL
            SELECT 'row of ' || source_id || ': ' || state || ', ' || attempts || ' attempts, ' || coalesce(problem, due_because, '') || ', not before ' || not_before
            FROM provisioning WHERE state <> 'Linked' OR due_because IS NOT NULL
            """));
    }

    private SqliteDatabase OpenStore() => SqliteDatabase.File(folder["data/selfsame.db"], new DatabaseOptions(), TimeProvider.System, RandomSource.System);

    private List<string> App(string sql) => OtherProgram.Sql(folder["app.db"], sql);
}
