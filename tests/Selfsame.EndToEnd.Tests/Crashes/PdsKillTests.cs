using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;
using Selfsame.Connectors.AtProto;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.EndToEnd.Tests.Handles;
using Selfsame.Server.Mail;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Crashes;

/// <summary>
/// kill -9 of the service while it signs people up, mails them, and makes, disables, enables and deletes their accounts on a real PDS: at every named
/// crash point and at random, with the PLC directory stopped and started between. Ten people come in each round, and two go.
/// </summary>
[Trait("needs", "executable")]
[Trait("needs", "pds")]
public sealed class PdsKillTests : IAsyncLifetime
{
    private const int PeoplePerRound = 10;
    private const int DisabledPerRound = 3;
    private const int DeletedPerRound = 2;

    private const string Config =
        """
        tenants: { main: { deletionGraceDays: 0, signUpLimit: { count: 0, seconds: 3600 }, signUpAttemptLimit: { count: 0, seconds: 600 } } }
        guards: { maxDisablesPerHour: 10000, maxDeletesPerHour: 10000 }
        systems:
          users: { connector: selfsame }
          pds: { connector: atproto, url: "${PDS_URL}", adminPassword: "${PDS_ADMIN_PASSWORD}", handleDomain: "${PDS_DOMAIN}", plcUrl: "${PLC_URL}" }
        reconcile:
          - { source: users, target: pds, when: emailVerified, correlate: [did], missing: createInTarget, drifted: updateTarget, orphan: deleteInTarget, handle: "{handle|code}" }
        """;

    private static readonly string[] CrashPoints =
    [
        .. SignUp.CrashPointNames, .. MailSender.CrashPointNames,
        .. ProvisioningCrashPoints.OfCreation.Union(ProvisioningCrashPoints.OfDisabling).Union(ProvisioningCrashPoints.OfDeletion),
    ];

    private readonly TemporaryFolder folder = new();
    private readonly Random random = new(41_26);
    private readonly Dictionary<string, Guid> gone = new(StringComparer.Ordinal);
    private Dictionary<string, string?> environment = [];
    private VerifiedSignUps signUps = null!;
    private PersonalDataServer pds = null!;
    private ServerUnderKill server = null!;

    public async ValueTask InitializeAsync()
    {
        SqliteLibrary.EnsureLoaded();
        var postgres = await PostgresServer.SharedAsync();
        var directory = new NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());
        pds = await PersonalDataServer.StartAsync(new PersonalDataServerOptions
        {
            DirectoryDatabase = $"postgres://{directory.Username}@127.0.0.1:{postgres.Port}/{directory.Database}",
        });
        environment = new()
        {
            ["SELFSAME_SECRET_KEY"] = Convert.ToBase64String(new byte[32]),
            ["PDS_URL"] = pds.Url,
            ["PDS_ADMIN_PASSWORD"] = PersonalDataServer.AdminPassword,
            ["PDS_DOMAIN"] = PersonalDataServer.HandleDomain,
            ["PLC_URL"] = pds.DirectoryUrl,
        };
        await File.WriteAllTextAsync(folder["selfsame.yaml"], Config);
        signUps = new VerifiedSignUps(Path.Combine(folder["data"], "mail"));
        server = new ServerUnderKill(folder.Path, null, signUps.RunAsync, environment);
    }

    public async ValueTask DisposeAsync()
    {
        await pds.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Killed_under_load_each_verified_user_has_exactly_one_active_account_on_the_PDS()
    {
        var rounds = TestRun.Rounds(CrashPoints.Length, CrashPoints.Length + 4, 100);
        var missed = new List<string>(CrashPoints);
        for (var round = 0; round < rounds; round++)
        {
            signUps.Add(PeoplePerRound);
            if (round > 0)
            {
                await PrepareAsync();
            }

            if (PointOf(round, missed) is not { } point)
            {
                await RunWithoutDirectoryAsync();
            }
            else if (await server.RunUntilAsync($"{point}:{random.Next(1, DisabledPerRound)}"))
            {
                missed.Remove(point);
            }
        }

        missed.ShouldBeEmpty("these crash points were never hit");
        await PrepareAsync(somebodyGoes: false);
        await server.SettleAsync(IsSettledAsync, goesOn: true);
        await CheckAsync(rounds * PeoplePerRound);
    }

    /// <summary>Each crash point once; once at random while the directory comes and goes; then those that were missed, and by turns at random and any.</summary>
    private string? PointOf(int round, List<string> missed)
        => round < CrashPoints.Length ? CrashPoints[round]
            : round == CrashPoints.Length ? null
            : missed.Count > 0 ? missed[round % missed.Count]
            : round % 4 == 3 ? CrashPoints[random.Next(CrashPoints.Length)]
            : null;

    /// <summary>A round that starts without the directory, and is killed at random some time after it is back.</summary>
    private Task RunWithoutDirectoryAsync() => server.RunWhileAsync(async () =>
    {
        await pds.StopDirectoryAsync();
        await Task.Delay(random.Next(200, 1500));
        await pds.StartDirectoryAsync();
        await Task.Delay(random.Next(200, 3000));
    });

    /// <summary>
    /// Enables whom the last round had disabled, disables others and deletes some. Nobody is made to wait for the leases of the killed process and for the pauses after failures: a call of
    /// the killed process may then still be on its way, which is harder than what a lease allows.
    /// </summary>
    private async Task PrepareAsync(bool somebodyGoes = true)
    {
        await using var store = OpenStore();
        var disabled = await store.ReadAsync(transaction => transaction.QueryAsync<string>("SELECT username FROM users WHERE NOT is_active AND deleted_at IS NULL"));
        var linked = await store.ReadAsync(transaction => transaction.QueryAsync<string>(
            "SELECT u.username FROM users u JOIN provisioning p ON p.source_id = u.uuid WHERE p.state = 'Linked' AND u.is_active AND u.deleted_at IS NULL"));
        foreach (var username in disabled)
        {
            await CommandAsync("users", "enable", username);
        }

        var chosen = somebodyGoes ? linked.OrderBy(_ => random.Next()).ToList() : [];
        foreach (var username in chosen.Take(DisabledPerRound))
        {
            await CommandAsync("users", "disable", username);
        }

        // Whom the answer of their verification did not reach comes again.
        foreach (var username in chosen.Skip(DisabledPerRound).Where(username => signUps.Verified.Contains(VerifiedSignUps.EmailOf(username))).Take(DeletedPerRound))
        {
            await CommandAsync("users", "delete", username);
            gone.Add(
                VerifiedSignUps.EmailOf(username),
                Guid.Parse((await store.ReadAsync(transaction => transaction.ScalarAsync<string>("SELECT CAST(uuid AS text) FROM users WHERE username = @username", new { username })))!));
        }

        await store.TransactAsync(transaction => transaction.ExecuteAsync(
            """
            UPDATE mails SET leased_until = NULL;
            UPDATE provisioning SET leased_until = NULL, not_before = created_at;
            UPDATE provisioning_systems SET paused_until = NULL
            """));
    }

    private async Task<bool> IsSettledAsync()
    {
        await using var store = OpenStore();
        (await store.ReadAsync(transaction => transaction.QueryAsync<string>("SELECT problem FROM provisioning WHERE state = 'Conflict'"))).ShouldBeEmpty();
        return await store.ReadAsync(transaction => transaction.ScalarAsync<long>(
            """
            SELECT (SELECT count(*) FROM provisioning WHERE state <> 'Linked' OR due_because IS NOT NULL)
                 + (SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM provisioning p WHERE p.source_id = u.uuid))
            """)) == 0;
    }

    private async Task CheckAsync(int people)
    {
        signUps.Unexpected.ShouldBeEmpty();
        signUps.Verified.Distinct().Count().ShouldBe(people);
        var stay = signUps.Verified.Distinct().Except(gone.Keys).Order().ToList();
        await using var store = OpenStore();
        (await StoreInvariants.FindAsync(store, gone.Values.ToHashSet())).ShouldBeEmpty();
        var users = await store.ReadAsync(transaction => transaction.QueryAsync<ProvisionedUser>(
            "SELECT u.email, p.target_id AS did FROM users u JOIN provisioning p ON p.source_id = u.uuid AND p.system = 'pds' WHERE u.email_verified_at IS NOT NULL"));
        users.Select(user => user.Email).Order().ShouldBe(stay);

        await using var system = new AtProtoSystem(
            new SystemConfig { Name = "pds", Connector = "atproto", Settings = PdsUsers.Settings(pds, pds.Url), Mapping = AtProtoSystem.Kind.FixedMapping! }, new LaterClock());
        var repositories = await ListRepositoriesAsync();
        repositories.Where(repository => !repository.Active).ShouldBeEmpty();
        repositories.Select(repository => repository.Did).Order().ShouldBe(users.Select(user => user.Did).Order(), "listRepos and the store name different accounts");
        var accounts = await system.ReadByIdAsync([.. users.Select(user => AccountId.FromText(user.Did))], CancellationToken.None);
        accounts.Select(account => (account.Identifiers[IdentifierKind.Email], account.Id.ToText())).Order().ShouldBe(users.Select(user => (user.Email, user.Did)).Order());

        var orphans = (await ListRegisteredAsync()).Except(repositories.Select(repository => repository.Did)).Order().ToList();
        Figures.Add([$"kills at the PDS: {people} people, {gone.Count} of them gone, {repositories.Count} accounts, {orphans.Count} DIDs without an account: {string.Join(", ", orphans)}"]);
        var listed = (await system.FindLeftoversAsync(CancellationToken.None)).ShouldNotBeNull();
        listed.Select(leftover => leftover.Id).ShouldBe(orphans, "the doctor lists other DIDs than the directory has more than the PDS");
        await CheckAuditAsync(stay.Count);
    }

    /// <summary>That the audit reads everybody on both sides, and finds that they agree.</summary>
    private async Task CheckAuditAsync(int people)
    {
        using var audit = JsonDocument.Parse((await CommandAsync("audit", "--json")).StandardOutput);
        audit.RootElement.GetProperty("findings").EnumerateArray().Select(finding => finding.GetProperty("sentence").GetString()).ShouldBeEmpty();
        audit.RootElement.GetProperty("systems").EnumerateObject().Select(system => (system.Name, system.Value.GetProperty("accounts").GetInt32()))
            .ShouldBe([("users", people), ("pds", people)], ignoreOrder: true);
        audit.RootElement.GetProperty("notes").EnumerateArray().ShouldBeEmpty();
    }

    /// <summary>What the PDS itself lists, asked without our connector.</summary>
    private async Task<IReadOnlyList<Repository>> ListRepositoriesAsync()
    {
        using var client = new HttpClient { BaseAddress = new Uri(pds.Url) };
        var repositories = new List<Repository>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await client.GetFromJsonAsync<JsonElement>($"/xrpc/com.atproto.sync.listRepos?limit=1000{(cursor.Length > 0 ? $"&cursor={Uri.EscapeDataString(cursor)}" : "")}");
            repositories.AddRange(page.GetProperty("repos").EnumerateArray().Select(repository => new Repository(
                repository.GetProperty("did").GetString()!, repository.GetProperty("active").GetBoolean())));
            cursor = page.TryGetProperty("cursor", out var next) ? next.GetString() : null;
        }

        return repositories;
    }

    /// <summary>Every DID that the PLC directory ever registered.</summary>
    private async Task<IReadOnlySet<string>> ListRegisteredAsync()
    {
        using var client = new HttpClient { BaseAddress = new Uri(pds.DirectoryUrl) };
        var registered = new HashSet<string>(StringComparer.Ordinal);
        for (string? after = ""; after is not null;)
        {
            var export = await client.GetStringAsync($"/export?count=1000{(after.Length > 0 ? $"&after={Uri.EscapeDataString(after)}" : "")}");
            var operations = export.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line)).ToList();
            registered.UnionWith(operations.Select(operation => operation.GetProperty("did").GetString()!));
            after = operations.Count == 1000 ? operations[^1].GetProperty("createdAt").GetString() : null;
        }

        return registered;
    }

    private SqliteDatabase OpenStore() => SqliteDatabase.File(folder["data/selfsame.db"], new DatabaseOptions(), TimeProvider.System, RandomSource.System);

    private async Task<CommandResult> CommandAsync(params string[] arguments)
    {
        var result = await SelfsameProcess.RunAsync(arguments, "", environment, folder.Path);
        result.ExitCode.ShouldBe(0, $"{string.Join(' ', arguments)}\n{result.StandardOutput}\n{result.StandardError}");
        return result;
    }

    private sealed record Repository(string Did, bool Active);

    private sealed record ProvisionedUser
    {
        public string Email { get; init; } = "";

        public string Did { get; init; } = "";
    }

    /// <summary>An hour from now: a DID without an account is only told once it is too old to become one.</summary>
    private sealed class LaterClock : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + TimeSpan.FromHours(1);
    }
}
