using Microsoft.Extensions.Logging;
using Selfsame.Connectors.AtProto;
using Selfsame.Connectors.Auth0;
using Selfsame.Connectors.Files;
using Selfsame.Connectors.MongoDb;
using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Sqlite;
using Selfsame.Connectors.Supabase;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Inbox;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Store.Schema;

namespace Selfsame.Server.Reconciliation;

/// <summary>The config's systems with their connectors, and the journal: what the engine works with.</summary>
public sealed class ConnectedSystems : IAsyncDisposable
{
    private readonly Database? ownJournal;
    private readonly IReadOnlyDictionary<string, IConnectedSystem> ofRows;

    private ConnectedSystems(
        Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems, IReadOnlyDictionary<string, IConnectedSystem> ofRows, RunJournal journal, RunRetention retention,
        Database? ownJournal)
    {
        Topology = topology;
        Systems = systems;
        this.ofRows = ofRows;
        Journal = journal;
        Retention = retention;
        this.ownJournal = ownJournal;
    }

    public Topology Topology { get; }

    public IReadOnlyDictionary<string, IConnectedSystem> Systems { get; }

    public IJournal Journal { get; }

    public RunRetention Retention { get; }

    /// <summary>Opens every system; none is asked yet. The journal stands in the store, or where the config says.</summary>
    /// <param name="topology">The config.</param>
    /// <param name="store">Ours.</param>
    /// <param name="patience">How long its reads wait in place where a system asks for it: an audit waits, the service has others to work for.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<ConnectedSystems> OpenAsync(Topology topology, StoreContext store, Patience patience, CancellationToken cancellation)
    {
        var systems = topology.Systems.ToDictionary(pair => pair.Key, pair => Open(pair.Value, store, patience), StringComparer.Ordinal);
        // What a command provisions it does through the rows of the service, and within their leases.
        var ofRows = systems.ToDictionary(
            pair => pair.Key,
            pair => patience != Patience.OfService && WaitsInPlace(topology.Systems[pair.Key]) ? Open(topology.Systems[pair.Key], store, Patience.OfService) : pair.Value,
            StringComparer.Ordinal);
        Database? ownJournal = null;
        if (topology.Journal is { } connection)
        {
            ownJournal = Database.Open(connection, new DatabaseOptions(), store.Clock, store.Random);
            await StoreSchema.MigrateAsync(ownJournal, cancellation);
        }

        var journal = new RunJournal(ownJournal ?? store.Database, store.Secrets, store.Clock, LeaseHolder.Current);
        var retention = new RunRetention(ownJournal ?? store.Database, store.Clock, topology.JournalKept);
        return new ConnectedSystems(topology, systems, ofRows, journal, retention, ownJournal);
    }

    /// <summary>The provisioner that brings the store's users into the systems.</summary>
    public Provisioner Provisioner(StoreContext store) => new(new ProvisionerParts
    {
        Topology = Topology,
        Systems = ofRows,
        Rows = Rows(store),
        Keying = IdentifierKeys.TryKey,
        Clock = store.Clock,
        Random = store.Random,
        Unforeseen = (row, exception) => ServerLogMessages.ProvisioningUnforeseen(store.Logger, row.Key.System, row.Key.Source, row.Key.Account.ToString(), row.CorrelationId, exception),
        Concluded = (before, after) => Tell(store.Logger, before, after),
        CrashPoints = store.CrashPoints,
    });

    /// <summary>The config with what our store knows of accounts that the service made, for rules that correlate by it; as it is now.</summary>
    /// <param name="store">Ours.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="decisions">What people decided since the config was read; null for what it said then.</param>
    public async Task<Topology> WithLinksAsync(StoreContext store, CancellationToken cancellation, PersonDecisions? decisions = null)
    {
        decisions ??= Topology.Decisions;
        return Topology with { Decisions = Topology.Rules.Any(IsByLink) ? decisions.With(await ReadLinksAsync(store, cancellation)) : decisions };
    }

    private async Task<KnownLinks> ReadLinksAsync(StoreContext store, CancellationToken cancellation)
    {
        var reports = new ProvisioningReports(store.Database, store.Clock);
        var links = new Dictionary<(string Source, string Target), IReadOnlyDictionary<AccountId, AccountId>>();
        foreach (var rule in Topology.Rules.Where(IsByLink))
        {
            links[(rule.Source, rule.Target)] = await reports.LinksAsync(rule.Source, rule.Target, cancellation);
        }

        return new KnownLinks(links, again => ReadLinksAsync(store, again));
    }

    private static bool IsByLink(ReconcileRule rule) => rule.Correlate.Any(by => by.Link is not null);

    /// <summary>The provisioning rows, claimed in this process's name.</summary>
    public static ProvisioningRows Rows(StoreContext store) => new(store.Database, store.Secrets, store.Clock, LeaseHolder.Current);

    public async ValueTask DisposeAsync()
    {
        foreach (var system in Systems.Values.Concat(ofRows.Values).Distinct())
        {
            await system.DisposeAsync();
        }

        if (ownJournal is not null)
        {
            await ownJournal.DisposeAsync();
        }
    }

    /// <summary>One line for what a row came to. What its problem is stands in the row: it may name addresses and handles.</summary>
    private static void Tell(ILogger logger, ProvisioningRow before, ProvisioningRow after)
    {
        var (system, source, account) = (after.Key.System, after.Key.Source, after.Key.Account.ToString());
        if (after.State == ProvisioningState.Conflict)
        {
            ServerLogMessages.ProvisioningConflict(logger, system, source, account, after.CorrelationId);
        }
        else if (after.Attempts > 0)
        {
            ServerLogMessages.ProvisioningPutOff(logger, system, source, account, after.State, after.Attempts, after.CorrelationId);
        }
        else if ((before.State, after.State) == (ProvisioningState.Pending, ProvisioningState.Pending))
        {
            ServerLogMessages.ProvisioningNotWanted(logger, system, source, account, after.CorrelationId);
        }
        else
        {
            ServerLogMessages.ProvisioningDone(logger, system, source, account, after.State, after.CorrelationId);
        }
    }

    private static bool WaitsInPlace(SystemConfig config) => config.Connector is "supabase" or "atproto" or "auth0";

    private static IConnectedSystem Open(SystemConfig config, StoreContext store, Patience patience) => config.Connector switch
    {
        "selfsame" => new SelfsameConnector(store, config.Tenant),
        "sqlite" => new SqliteSystem(config, store.Clock, store.Random),
        "postgres" => new PostgresSystem(config, store.Clock, store.Random),
        "mongodb" => new MongoDbSystem(config, store.Clock, store.Random, store.CrashPoints),
        "supabase" => new SupabaseSystem(config, store.Clock, store.Random, patience: patience),
        "atproto" => new AtProtoSystem(config, store.Clock, patience: patience),
        "auth0" => new Auth0System(config, store.Clock, store.Random, VerificationEvents.CountsOf(store.Database, config.Name), patience: patience),
        "files" => new FilesSystem(config, store.Clock),
        _ => throw new InvalidOperationException($"The config reader let the connector '{config.Connector}' through."),
    };
}
