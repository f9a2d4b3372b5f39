using Npgsql;
using Selfsame.Connectors.AtProto;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.EndToEnd.Tests.Handles;
using Selfsame.Testing;
using Selfsame.Testing.Supabase;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>An account as one of the two systems has it, asked without the service.</summary>
internal sealed record SeenAccount(string Email, bool Active);

/// <summary>The stand-in for Supabase Auth and a real PDS, into both of which the service provisions (config 4, twice).</summary>
internal sealed class SupabaseAndPds : IAsyncDisposable
{
    /// <summary>The config's systems and rules; <c>SUPABASE_URL</c> and <c>PDS_URL</c> come from the environment, so that each node may have its own way there.</summary>
    public const string Systems =
        """
          users: { connector: selfsame }
          auth: { connector: supabase, url: "${SUPABASE_URL}", serviceRoleKey: "${SUPABASE_SERVICE_ROLE_KEY}" }
          pds: { connector: atproto, url: "${PDS_URL}", adminPassword: "${PDS_ADMIN_PASSWORD}", handleDomain: "${PDS_DOMAIN}", plcUrl: "${PLC_URL}" }
        """;

    public const string Rules =
        """
          - { source: users, target: auth, correlate: [id], missing: createInTarget, drifted: updateTarget }
          - { source: users, target: pds, when: emailVerified, correlate: [did], missing: createInTarget, drifted: updateTarget, handle: "{handle|code}" }
        """;

    private readonly NpgsqlDataSource authDatabase;
    private readonly AtProtoSystem system;

    private SupabaseAndPds(NpgsqlDataSource authDatabase, SupabaseStandIn auth, PersonalDataServer pds)
    {
        this.authDatabase = authDatabase;
        Auth = auth;
        Pds = pds;
        system = new AtProtoSystem(
            new SystemConfig { Name = "pds", Connector = "atproto", Settings = PdsUsers.Settings(pds, pds.Url), Mapping = AtProtoSystem.Kind.FixedMapping! }, TimeProvider.System);
    }

    public SupabaseStandIn Auth { get; }

    public PersonalDataServer Pds { get; }

    public static async Task<SupabaseAndPds> StartAsync()
    {
        var connection = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        // A PDS of its own: all of its accounts are this test's.
        return new SupabaseAndPds(NpgsqlDataSource.Create(connection), await SupabaseStandIn.StartAsync(connection), await PersonalDataServer.StartAsync());
    }

    /// <summary>What the config names.</summary>
    /// <param name="authUrl">The way to Supabase Auth.</param>
    /// <param name="pdsUrl">The way to the PDS.</param>
    public Dictionary<string, string?> Environment(string? authUrl = null, string? pdsUrl = null) => new()
    {
        ["SELFSAME_SECRET_KEY"] = Convert.ToBase64String(new byte[32]),
        ["SUPABASE_URL"] = authUrl ?? Auth.Url,
        ["SUPABASE_SERVICE_ROLE_KEY"] = SupabaseStandIn.ServiceRoleKey,
        ["PDS_URL"] = pdsUrl ?? Pds.Url,
        ["PDS_ADMIN_PASSWORD"] = PersonalDataServer.AdminPassword,
        ["PDS_DOMAIN"] = PersonalDataServer.HandleDomain,
        ["PLC_URL"] = Pds.DirectoryUrl,
    };

    /// <summary>Every account at Supabase Auth.</summary>
    public async Task<IReadOnlyList<SeenAccount>> InAuthAsync()
    {
        await using var command = authDatabase.CreateCommand("SELECT email, banned_until IS NULL OR banned_until < now() FROM auth.users ORDER BY email");
        await using var reader = await command.ExecuteReaderAsync();
        var seen = new List<SeenAccount>();
        while (await reader.ReadAsync())
        {
            seen.Add(new SeenAccount(reader.GetString(0), reader.GetBoolean(1)));
        }

        return seen;
    }

    /// <summary>Every account on the PDS.</summary>
    public async Task<IReadOnlyList<SeenAccount>> InPdsAsync()
        => [.. (await system.ReadEverythingAsync("pds", null, CancellationToken.None)).Accounts
            .Select(account => new SeenAccount(account.Identifiers[IdentifierKind.Email], account.Attributes.ValueOrNull(AccountMapping.Active).IsTruthy))
            .OrderBy(account => account.Email, StringComparer.Ordinal)];

    public async ValueTask DisposeAsync()
    {
        await system.DisposeAsync();
        await Auth.DisposeAsync();
        await Pds.DisposeAsync();
        await authDatabase.DisposeAsync();
    }
}
