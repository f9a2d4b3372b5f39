using Microsoft.Extensions.Logging;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Store;
using Selfsame.Store.Inbox;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>How the servers reach the connected systems. The tests of the simulation itself put something broken in.</summary>
internal sealed record RemoteOptions
{
    /// <summary>Whether the system that gives ids itself says that it refuses what another has, so that nobody looks before the first creation; null for every second seed.</summary>
    public bool? PasswordSystemRefuses { get; init; }

    public Func<IProvisioningRows, StoreContext, IProvisioningRows> Rows { get; init; } = (rows, _) => rows;

    public Func<RemoteAccounts, Network, ChosenIdConnector> ChosenId { get; init; } = (remote, network) => new ChosenIdConnector(remote, network);

    public Func<RemoteAccounts, Network, PasswordConnector> Password { get; init; } = (remote, network) => new PasswordConnector(remote, network);
}

/// <summary>A server's own view of the connected systems, and what works on them.</summary>
internal sealed record NodeParts(IReadOnlyDictionary<string, IConnectedSystem> Systems, Provisioner Provisioner, ObservedRows Rows, LeaseHolder Holder);

/// <summary>The connected systems of a run with the servers' provisioners, and what must hold of them.</summary>
internal sealed class RemoteSystems
{
    public const string Users = "users";
    public const string Auth = "auth";
    public const string Pds = "pds";
    public const string Idp = "idp";
    public const string App = "app";

    private static readonly Topology Topology = new()
    {
        Systems = new Dictionary<string, SystemConfig>
        {
            [Users] = Config(Users, SelfsameConnector.Kind.FixedMapping!),
            [Auth] = Config(Auth, ChosenIdConnector.AccountsMapping),
            [Pds] = Config(Pds, PasswordConnector.AccountsMapping),
            [Idp] = Config(Idp, ChosenIdConnector.AccountsMapping),
            [App] = Config(App, ChosenIdConnector.AccountsMapping),
        },
        Rules =
        [
            new ReconcileRule { Source = Users, Target = Auth, Correlate = [CorrelationRule.ById], Missing = MissingAction.CreateInTarget, Drifted = DriftedAction.UpdateTarget },
            new ReconcileRule { Source = Idp, Target = App, Correlate = [CorrelationRule.ById], Missing = MissingAction.CreateInTarget, Drifted = DriftedAction.UpdateTarget },
            new ReconcileRule
            {
                Source = Users,
                Target = Pds,
                When = AccountMapping.EmailVerified,
                Correlate = [new CorrelationRule(null, "did")],
                Missing = MissingAction.CreateInTarget,
                Drifted = DriftedAction.UpdateTarget,
                Handle = HandleTemplate.Parse("{handle|code}"),
            },
        ],
        Tenants = new Dictionary<string, TenantConfig>(),
        Fingerprint = "",
    };

    private readonly World world;
    private readonly RemoteOptions options;
    private readonly Network network;
    private readonly SeededRandom chance;
    private readonly Dictionary<StoreContext, NodeParts> nodes = [];
    private readonly Dictionary<string, ProvisioningKey> passwords = new(StringComparer.Ordinal);
    private readonly Dictionary<(string System, AccountId Person), AccountId> made = [];
    private readonly List<string> violations = [];
    private TaskCompletionSource due = new();

    public RemoteSystems(World world, RemoteOptions options, int seed)
    {
        this.world = world;
        this.options = options;
        network = new Network(world, new SeededRandom(seed + 4_000_000));
        chance = new SeededRandom(seed + 5_000_000);
        Systems =
        [
            new RemoteAccounts(Auth, ChosenIdConnector.AccountsMapping, [IdentifierKind.Email], world.Clock),
            new RemoteAccounts(Pds, PasswordConnector.AccountsMapping, [IdentifierKind.Handle, IdentifierKind.Email], world.Clock)
            {
                SaysThatItRefuses = options.PasswordSystemRefuses ?? (seed % 2 == 0),
            },
            new RemoteAccounts(App, ChosenIdConnector.AccountsMapping, [IdentifierKind.Email], world.Clock),
        ];
        Provider = new IdentityProvider(new RemoteAccounts(Idp, ChosenIdConnector.AccountsMapping, [IdentifierKind.Email], world.Clock), world.Clock);
        foreach (var remote in Systems)
        {
            remote.Made = (id, password) => NoteMade(remote, id, password);
            remote.Changed = id => NoteChanged(remote, id);
        }

        Log = new SecretWatch(this);
    }

    /// <summary>Those into which accounts are made: from users the first two, from the identity provider the last.</summary>
    public IReadOnlyList<RemoteAccounts> Systems { get; }

    /// <summary>Where people sign up who are not our users, and whose events come through the inbox.</summary>
    public IdentityProvider Provider { get; }

    /// <summary>Where the servers log: what is secret must not come here.</summary>
    public ILogger Log { get; }

    /// <summary>A record of a system that takes chosen ids.</summary>
    public static Fields Record(AccountId id, string email, string login) => new(new Dictionary<string, FieldValue>
    {
        ["id"] = FieldValue.Text(id.ToText()),
        ["email"] = FieldValue.Text(email),
        ["login"] = FieldValue.Text(login),
        ["first"] = FieldValue.Null,
        ["active"] = FieldValue.Boolean(true),
    });

    /// <summary>The key of an identifier; null where there is none.</summary>
    public static string? KeyOf(IdentifierKind kind, string? value)
        => value is not null && IdentifierKeys.TryKey(kind, value, out var key, out _) ? key : value;

    /// <summary>What a server works with.</summary>
    public NodeParts Of(StoreContext context) => nodes[context];

    /// <summary>The states of the rows that a server holds.</summary>
    public IEnumerable<ProvisioningState> HeldBy(SimulatedProcess node) => nodes[node.Store].Rows.Held;

    /// <summary>The state of the row into this system of whom an id or an address is; null where there is none.</summary>
    public ProvisioningState? StateOf(string system, string who)
        => world.Inspect(transaction => transaction.QueryFirstOrDefaultAsync<string>(
            """
            SELECT p.state FROM provisioning p LEFT JOIN users u ON CAST(u.uuid AS text) = p.source_id
            WHERE p.system = @system AND (p.source_id = @who OR p.target_id = @who OR u.email = @who) LIMIT 1
            """,
            new { system, who })) is { } state ? Enum.Parse<ProvisioningState>(state) : null;

    /// <summary>Has every server look for work, when the noise is over.</summary>
    public void Wake()
    {
        var waiting = due;
        due = new TaskCompletionSource();
        waiting.SetResult();
    }

    /// <summary>Begins a server's work on the systems.</summary>
    public void Start(SimulatedProcess node, int life)
    {
        // A machine of its own for each life: whether a process still runs can't be asked here, and leases decide.
        var holder = new LeaseHolder($"{node.Name} {life}", life);
        var store = node.Store;
        var rows = new ObservedRows(options.Rows(new ProvisioningRows(store.Database, store.Secrets, store.Clock, holder), store), node, () => !world.IsQuiet && chance.OneIn(2), (password, key) => passwords[password] = key);
        var systems = new Dictionary<string, IConnectedSystem>
        {
            [Users] = new SelfsameConnector(store, World.Tenant),
            [Auth] = options.ChosenId(Systems[0], network),
            [Pds] = options.Password(Systems[1], network),
            [App] = new ChosenIdConnector(Systems[2], network),
            [Idp] = new ProviderConnector(Provider, network),
        };
        var provisioner = new Provisioner(new ProvisionerParts
        {
            Topology = Topology,
            Systems = systems,
            Rows = rows,
            Keying = IdentifierKeys.TryKey,
            Clock = store.Clock,
            Random = store.Random,
            Unforeseen = (_, exception) => world.Violate(exception.ToString()),
            CrashPoints = store.CrashPoints,
        });
        nodes.Add(store, new NodeParts(systems, provisioner, rows, holder));
        foreach (var lane in provisioner.Lanes)
        {
            node.Context.Post(_ => WorkAsync(node, lane.System, () => lane.RunOnceAsync(CancellationToken.None)), null);
        }

        node.Context.Post(_ => WorkAsync(node, "inbox", () => ReadInboxAsync(store, (IReportsEvents)systems[Idp], systems)), null);
    }

    /// <summary>Sweeps the provider's log and works on what is in the inbox.</summary>
    private async Task ReadInboxAsync(StoreContext store, IReportsEvents provider, IReadOnlyDictionary<string, IConnectedSystem> systems)
    {
        if (world.IsQuiet || chance.OneIn(3))
        {
            await new InboxSweep(store).RunAsync(Idp, provider, CancellationToken.None);
        }

        await new InboxWork(store, Topology, systems).RunOnceAsync(CancellationToken.None);
    }

    /// <summary>Audits, plans and applies on one server, as an administrator's commands do.</summary>
    public async Task<string> ReconcileAsync(StoreContext store)
    {
        var parts = Of(store);
        try
        {
            var links = await new ProvisioningReports(store.Database, store.Clock).LinksAsync(Users, Pds, CancellationToken.None);
            var known = new KnownLinks(new Dictionary<(string, string), IReadOnlyDictionary<AccountId, AccountId>> { [(Users, Pds)] = links });
            var topology = Topology with { Decisions = Topology.Decisions.With(known) };
            var audit = await new Auditor(topology, parts.Systems, IdentifierKeys.TryKey, store.Clock, store.Random).AuditAsync(_ => null, CancellationToken.None);
            var plan = Planner.Plan(topology, audit.Pictures, audit.Findings, new PlanStamp(store.Random.NextUuid(), store.Clock.GetUtcNow(), "", "", store.Random));
            var journal = new RunJournal(store.Database, store.Secrets, store.Clock, parts.Holder);
            var result = await new Applier(topology, parts.Systems, journal, store.Clock, store.CrashPoints, parts.Provisioner).ApplyAsync(plan, null, CancellationToken.None);
            return $"{plan.Changes.Count} changes, {result.GetType().Name} {(result as ApplyReport)?.AppliedNow}";
        }
        catch (SystemUnavailableException exception)
        {
            return exception.Message;
        }
    }

    /// <summary>What must hold at every moment.</summary>
    public IEnumerable<string> FindViolations()
    {
        var linked = world.Inspect(transaction => transaction.QueryAsync<LinkedRow>("SELECT source_id, system, target_id FROM provisioning WHERE state = 'Linked'"));
        return violations.Concat(linked.Select(BrokenLink).OfType<string>());
    }

    /// <summary>What must hold when everything has come to rest.</summary>
    /// <param name="acknowledged">The users who were told to somebody.</param>
    public IEnumerable<string> FindUnfinished(IReadOnlySet<Guid> acknowledged) => new FinalState(world, this).Find(acknowledged);

    /// <summary>Whose password that is; null for nobody's of ours.</summary>
    public ProvisioningKey? OwnerOf(string password) => passwords.GetValueOrDefault(password);

    /// <summary>Whether a text holds something that only a sealed column may.</summary>
    public bool HoldsSecret(string text)
        => text.Contains("passphrase", StringComparison.Ordinal) || passwords.Keys.Any(password => text.Contains(password, StringComparison.Ordinal));

    private static SystemConfig Config(string name, AccountMapping mapping)
        => new() { Name = name, Connector = "", Settings = new Dictionary<string, string>(), Mapping = mapping };

    private async void WorkAsync(SimulatedProcess node, string what, Func<Task> work)
    {
        while (!node.Context.IsDead)
        {
            try
            {
                await work();
            }
            catch (Exception exception) when (exception is TransientDatabaseException or CommitUnknownException or CrashException or SystemUnavailableException)
            {
                // What it had is taken up again when its lease ends.
                world.Note($"{node.Name}, {what}: {exception.GetType().Name}");
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                world.Violate(exception.ToString());
                return;
            }

            await (world.IsQuiet ? due.Task : Task.Delay(TimeSpan.FromMilliseconds(500 + chance.NextInt32(15_000)), node.Store.Clock));
        }
    }

    private void NoteMade(RemoteAccounts remote, AccountId id, string? password)
    {
        var person = password is null ? id : OwnerOf(password)!.Account;
        world.Note($"{remote.Name}: {id} is made for {person}");
        if (!made.TryAdd((remote.Name, person), id))
        {
            violations.Add($"User {person} has two accounts in {remote.Name}.");
        }
    }

    private void NoteChanged(RemoteAccounts remote, AccountId id)
    {
        world.Note($"{remote.Name}: {id} changes to {remote.Accounts[id].Record}");
        if (remote.Accounts[id].IsStrangers)
        {
            violations.Add($"The account {id} of {remote.Name} is a stranger's and was changed.");
        }
    }

    private string? BrokenLink(LinkedRow row)
    {
        var account = Systems.Single(remote => remote.Name == row.System).Accounts.GetValueOrDefault(AccountId.FromText(row.TargetId));
        return account is null ? $"User {row.SourceId} is linked to an account of {row.System} that is not there."
            : account.IsStrangers ? $"User {row.SourceId} is linked to a stranger's account in {row.System}: it was adopted."
            : null;
    }

    private sealed record LinkedRow
    {
        public string SourceId { get; init; } = "";

        public string System { get; init; } = "";

        public string TargetId { get; init; } = "";
    }

    /// <summary>Reads what the servers log.</summary>
    private sealed class SecretWatch(RemoteSystems systems) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (systems.HoldsSecret($"{formatter(state, exception)} {exception}"))
            {
                systems.violations.Add($"A secret stands in the log: event {eventId.Id}.");
            }
        }
    }
}
