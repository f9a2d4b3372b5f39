using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Selfsame.Connectors.AtProto;
using Selfsame.Connectors.Auth0;
using Selfsame.Connectors.Supabase;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Server.Handles;
using Selfsame.Simulation.Tests.Remotes.Services;
using Selfsame.Store;
using Selfsame.Store.Inbox;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>Which rules a run's config has besides those that every one has: from our users into Supabase Auth and the PDS, and from Auth0 into the application.</summary>
internal enum Flow
{
    /// <summary>None.</summary>
    Plain,

    /// <summary>The application's people go on into the PDS; at Auth0 people also delete themselves and change their addresses.</summary>
    Chain,

    /// <summary>Whoever is purged is deleted at the PDS as well.</summary>
    Purge,
}

/// <summary>How the servers reach the connected systems. The tests of the simulation itself put something broken in.</summary>
internal sealed record RemoteOptions
{
    /// <summary>Whether the system that gives ids itself says that it refuses what another has, so that nobody looks before the first creation; null for every second seed.</summary>
    public bool? PasswordSystemRefuses { get; init; }

    public Func<IProvisioningRows, StoreContext, IProvisioningRows> Rows { get; init; } = (rows, _) => rows;

    public Func<IConnectedSystem, Network, ObservedChosenIdSystem> ChosenId { get; init; } = (inner, network) => new ObservedChosenIdSystem(inner, network);

    public Func<IConnectedSystem, RemoteAccounts, Network, bool, ObservedPasswordSystem> Password { get; init; }
        = (inner, _, network, refuses) => new ObservedPasswordSystem(inner, network, refuses);
}

/// <summary>A server's own view of the connected systems, and what works on them.</summary>
internal sealed record NodeParts(
    IReadOnlyDictionary<string, IConnectedSystem> Systems,
    Provisioner Provisioner,
    ObservedRows Rows,
    LeaseHolder Holder,
    HandleProvisioning Handles,
    IReadOnlyCollection<ProvisioningState> Asked);

/// <summary>
/// The connected systems of a run with the servers' provisioners, and what must hold of them. A PDS, Supabase Auth and Auth0 are reached by the real connectors, over
/// HTTP in memory; the application's own records, which have no HTTP, by a model of a connector.
/// </summary>
internal sealed class RemoteSystems
{
    public const string Users = "users";
    public const string Auth = "auth";
    public const string Pds = "pds";
    public const string Idp = "idp";
    public const string App = "app";

    // Enough of a secret to be of use to who reads it, where a message is cut.
    private const int TellingPart = 12;

    private static readonly ConcurrentDictionary<(IdentifierKind Kind, string Value), string> Keys = new();

    private static readonly Topology Plain = new()
    {
        Systems = new Dictionary<string, SystemConfig>
        {
            [Users] = Config(Users, SelfsameConnector.Kind.FixedMapping!),
            [Auth] = Config(Auth, SupabaseSystem.Kind.FixedMapping!, ("url", SimulatedSupabase.Address.ToString()), ("serviceRoleKey", SimulatedSupabase.Key)),
            [Pds] = Config(
                Pds,
                AtProtoSystem.Kind.FixedMapping!,
                ("url", SimulatedPds.Address.ToString()),
                ("adminPassword", SimulatedPds.AdminPassword),
                ("handleDomain", SimulatedPds.Domain),
                ("plcUrl", SimulatedPds.Directory.ToString())),
            [Idp] = Config(Idp, Auth0System.Kind.FixedMapping!, ("domain", SimulatedAuth0.Domain), ("clientId", "client"), ("clientSecret", SimulatedAuth0.ClientSecret)),
            [App] = Config(App, ApplicationConnector.AccountsMapping),
        },
        Rules =
        [
            new ReconcileRule
            {
                Source = Users,
                Target = Auth,
                Correlate = [CorrelationRule.ById],
                Missing = MissingAction.CreateInTarget,
                Drifted = DriftedAction.UpdateTarget,
                Orphan = OrphanAction.DeleteInTarget,
            },
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

    // The record of the application says whether the address is proved; its people have no handle, and get one of their code.
    private static readonly ReconcileRule FromApplication = Plain.Rules.Single(rule => rule.Target == Pds) with { Source = App };

    private readonly World world;
    private readonly RemoteOptions options;
    private readonly Network network;
    private readonly SeededRandom chance;
    private readonly Dictionary<StoreContext, NodeParts> nodes = [];
    private readonly Dictionary<string, ProvisioningKey> passwords = new(StringComparer.Ordinal);
    private readonly Dictionary<(string System, AccountId Person), AccountId> made = [];
    private readonly Dictionary<(string System, AccountId Account), (string Source, AccountId Person)> madeFor = [];
    private readonly HashSet<string> secrets = [SimulatedPds.AdminPassword, SimulatedSupabase.Key, SimulatedAuth0.ClientSecret, "passphrase"];
    private readonly HashSet<ProvisioningKey> touched = [];
    private readonly Dictionary<ProvisioningKey, TimeSpan> claimed = [];
    private readonly Dictionary<ProvisioningKey, TimeSpan> written = [];
    private readonly Dictionary<(string Node, ProvisioningKey Row), TimeSpan> unanswered = [];
    private readonly Dictionary<string, HttpService> services;
    private readonly List<string> violations = [];
    private readonly bool saysThatItRefuses;
    private TaskCompletionSource due = new();

    public RemoteSystems(World world, RemoteOptions options, int seed)
    {
        this.world = world;
        this.options = options;
        network = new Network(world, new SeededRandom(seed + 4_000_000));
        chance = new SeededRandom(seed + 5_000_000);
        saysThatItRefuses = options.PasswordSystemRefuses ?? (seed % 2 == 0);
        Flow = (seed % 7) switch { < 3 => Flow.Chain, < 5 => Flow.Purge, _ => Flow.Plain };
        Topology = Flow switch
        {
            Flow.Chain => Plain with { Rules = [.. Plain.Rules, FromApplication] },
            Flow.Purge => Plain with { Rules = [.. Plain.Rules.Select(rule => rule.Target == Pds ? rule with { Orphan = OrphanAction.DeleteInTarget } : rule)] },
            _ => Plain,
        };
        var random = new SeededRandom(seed + 6_000_000);
        Systems =
        [
            new RemoteAccounts(Auth, SimulatedSupabase.Mapping, [IdentifierKind.Email], world.Clock),
            new RemoteAccounts(Pds, SimulatedPds.Mapping, [IdentifierKind.Handle, IdentifierKind.Email], world.Clock),
            // An application may take any number of accounts with one address.
            new RemoteAccounts(App, ApplicationConnector.AccountsMapping, seed % 5 < 3 ? [] : [IdentifierKind.Email], world.Clock),
        ];
        Provider = new SimulatedAuth0(new RemoteAccounts(Idp, SimulatedAuth0.Mapping, [], world.Clock), world.Clock, App);
        services = new Dictionary<string, HttpService>
        {
            [Auth] = new SimulatedSupabase(Systems[0], world.Clock, random, newErrors: seed % 3 == 0),
            [Pds] = new SimulatedPds(Systems[1], world.Clock, random, wantsInvites: seed % 4 == 0),
            [Idp] = Provider,
        };
        foreach (var remote in Systems)
        {
            remote.Made = (id, password) => NoteMade(remote, id, password);
            remote.Changed = id => NoteChanged(remote, id);
            remote.Removed = (id, account) => NoteRemoved(remote, id, account);
        }

        Log = new SecretWatch(this);
    }

    /// <summary>Which rules there are besides the usual ones.</summary>
    public Flow Flow { get; }

    /// <summary>The config of every server.</summary>
    public Topology Topology { get; }

    /// <summary>Those into which accounts are made: from users the first two, from the identity provider the last, and from that the second where the rules chain.</summary>
    public IReadOnlyList<RemoteAccounts> Systems { get; }

    /// <summary>Where people sign up who are not our users, and whose events come through the inbox.</summary>
    public SimulatedAuth0 Provider { get; }

    /// <summary>Where the servers log: what is secret must not come here.</summary>
    public ILogger Log { get; }

    /// <summary>The key of an identifier, or the value where it has none; null where there is no value.</summary>
    public static string? KeyOf(IdentifierKind kind, string? value)
        => value is null ? null : Keys.GetOrAdd((kind, value), pair => IdentifierKeys.TryKey(pair.Kind, pair.Value, out var key, out _) ? key : pair.Value);

    /// <summary>What a server works with.</summary>
    public NodeParts Of(StoreContext context) => nodes[context];

    /// <summary>The states of the rows that a server holds, or asks a system about just now.</summary>
    public IEnumerable<ProvisioningState> HeldBy(SimulatedProcess node)
        => nodes[node.Store].Rows.Held.Concat(nodes[node.Store].Asked);

    /// <summary>The state of the row into this system of whom an id is; null where there is none.</summary>
    public ProvisioningState? StateOf(string system, string who) => StatesOf(system, [who]) is [var first, ..] ? first : null;

    /// <summary>The states of the rows into this system of whom ids, addresses or handles are.</summary>
    public IReadOnlyList<ProvisioningState> StatesOf(string system, IReadOnlyList<string> about)
    {
        if (about.Count == 0)
        {
            return [];
        }

        var labels = about.Where(who => who.EndsWith($".{SimulatedPds.Domain}", StringComparison.Ordinal)).Select(who => who.Split('.')[0]).ToList();
        var isByName = labels.Count > 0 || about.Any(who => who.Contains('@'));
        const string byId = "SELECT DISTINCT p.state FROM provisioning p WHERE p.system = @system AND (p.source_id IN @about OR p.target_id IN @about)";
        const string byName =
            """
             UNION SELECT p.state FROM users u JOIN provisioning p ON p.source_id = CAST(u.uuid AS text) AND p.system = @system
            WHERE u.email IN @about OR u.handle IN @labels OR u.user_code IN @labels
            """;
        return [.. world.Inspect(transaction => transaction.QueryAsync<string>(isByName ? byId + byName : byId, new { system, about, labels })).Select(state => Enum.Parse<ProvisioningState>(state))];
    }

    /// <summary>A request left for a system: what is secret in it is known from here on.</summary>
    public void NoteSent(ServiceRequest request)
    {
        if (request.Text("password") is { } password)
        {
            secrets.Add(password);
        }

        if (request.Authorization is { } authorization)
        {
            secrets.Add(authorization.Split(' ')[1]);
        }
    }

    /// <summary>A server writes this row, or has: what it then says is looked at.</summary>
    public void NoteWriting(string node, ProvisioningRow row, bool? saved)
    {
        touched.Add(row.Key);
        if (saved is not { } isSaved)
        {
            unanswered[(node, row.Key)] = world.Clock.Elapsed;
            return;
        }

        unanswered.Remove((node, row.Key));
        if (isSaved)
        {
            written[row.Key] = world.Clock.Elapsed;
        }

        world.Note($"{node}: {row.Key.System} of {row.Key.Account} is {row.State} {row.TargetId} {row.DueBecause}{row.Problem}{(isSaved ? "" : ", in vain")}");
    }

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
        var rows = new ObservedRows(
            options.Rows(new ProvisioningRows(store.Database, store.Secrets, store.Clock, holder), store),
            node,
            () => !world.IsQuiet && chance.OneIn(2),
            key => claimed.TryAdd(key, world.Clock.Elapsed),
            (row, saved) => NoteWriting(node.Name, row, saved),
            (password, key) => passwords[password] = key);
        var asked = new List<ProvisioningState>();
        HttpMessageInvoker Way(string system) => new(new HttpWay(services[system], network, asked));
        var systems = new Dictionary<string, IConnectedSystem>
        {
            [Users] = new SelfsameConnector(store, World.Tenant),
            [Auth] = options.ChosenId(new SupabaseSystem(Topology.Systems[Auth], store.Clock, store.Random, Way(Auth), Patience.OfService), network),
            [Pds] = options.Password(new AtProtoSystem(Topology.Systems[Pds], store.Clock, Way(Pds), Patience.OfService), Systems[1], network, saysThatItRefuses),
            [App] = new ApplicationConnector(Systems[2], network),
            [Idp] = new Auth0System(Topology.Systems[Idp], store.Clock, store.Random, VerificationEvents.CountsOf(store.Database, Idp), Way(Idp), Patience.OfService),
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
        var handles = new HandleProvisioning(store, new UserAdministration(store), Topology, systems);
        nodes.Add(store, new NodeParts(systems, provisioner, rows, holder, handles, asked));
        foreach (var lane in provisioner.Lanes)
        {
            node.Context.Post(_ => WorkAsync(node, lane.System, () => lane.RunOnceAsync(CancellationToken.None)), null);
        }

        node.Context.Post(_ => WorkAsync(node, "inbox", () => ReadInboxAsync(store, (IReportsEvents)systems[Idp], systems)), null);
        node.Context.Post(_ => WorkAsync(node, "handles", () => handles.RunOnceAsync(CancellationToken.None)), null);
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
            var links = new Dictionary<(string, string), IReadOnlyDictionary<AccountId, AccountId>>();
            foreach (var rule in Topology.Rules.Where(rule => rule.Target == Pds))
            {
                links[(rule.Source, Pds)] = await new ProvisioningReports(store.Database, store.Clock).LinksAsync(rule.Source, Pds, CancellationToken.None);
            }

            var known = new KnownLinks(links);
            // What has no user is a stranger's, or is about to be the purge's: no plan deletes it here.
            var rules = Topology.Rules.Select(rule => rule with { Orphan = OrphanAction.Report });
            var topology = Topology with { Rules = [.. rules], Decisions = Topology.Decisions.With(known) };
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

    /// <summary>What must hold at every moment, of what was touched since it was asked last.</summary>
    public IEnumerable<string> FindViolationsOfTouched()
    {
        if (touched.Count > 0)
        {
            var linked = touched.Select(key => world.Inspect(transaction => transaction.QueryFirstOrDefaultAsync<LinkedRow>(
                "SELECT source_id, system, target_id FROM provisioning WHERE source = @Source AND source_id = @account AND system = @System AND state = 'Linked'",
                new { key.Source, account = key.Account.ToText(), key.System }))).OfType<LinkedRow>().ToList();
            touched.Clear();
            violations.AddRange(linked.Select(BrokenLink).OfType<string>());
        }

        return violations;
    }

    /// <summary>What must hold at every moment.</summary>
    public IEnumerable<string> FindViolations()
    {
        var linked = world.Inspect(transaction => transaction.QueryAsync<LinkedRow>("SELECT source_id, system, target_id FROM provisioning WHERE state = 'Linked'"));
        return violations.Concat(linked.Select(BrokenLink).OfType<string>());
    }

    /// <summary>What must hold when everything has come to rest.</summary>
    /// <param name="acknowledged">The users who were told to somebody.</param>
    public IEnumerable<string> FindUnfinished(IReadOnlySet<Guid> acknowledged)
        => new FinalState(world, this).Find(acknowledged)
            .Concat(StoredTexts.Read(world).Where(stored => HoldsSecret(stored.Text)).Select(stored => $"A secret stands in the table {stored.Table}: {stored.Text}"));

    /// <summary>Whose password that is; null for nobody's of ours.</summary>
    public ProvisioningKey? OwnerOf(string password) => passwords.GetValueOrDefault(password);

    /// <summary>
    /// When what stands in a row was found out: from when it was first worked on, before which nobody had asked a system about it, less how old an answer may be, until it was last
    /// written. A write whose answer was lost may have been the last.
    /// </summary>
    public (TimeSpan From, TimeSpan To) TimeOf(ProvisioningKey key)
        => (claimed.GetValueOrDefault(key) - Network.MostLag,
            unanswered.Where(pair => pair.Key.Row == key).Select(pair => pair.Value).Append(written.GetValueOrDefault(key)).Max());

    /// <summary>Whether a text holds something, or the greater part of it, that only a sealed column may.</summary>
    public bool HoldsSecret(string text)
        => secrets.Concat(passwords.Keys).Any(secret => text.AsSpan().IndexOf(secret.AsSpan(0, Math.Min(secret.Length, TellingPart)), StringComparison.Ordinal) >= 0);

    /// <summary>For whom an account was made by us; null for a stranger's.</summary>
    public AccountId? OwnerOf(string system, AccountId account) => madeFor.GetValueOrDefault((system, account)).Person;

    /// <summary>The system of whom an account was made for; null for a stranger's.</summary>
    public string? SourceOf(string system, AccountId account) => madeFor.GetValueOrDefault((system, account)).Source;

    private static SystemConfig Config(string name, AccountMapping mapping, params (string Name, string Value)[] settings)
        => new() { Name = name, Connector = "", Settings = settings.ToDictionary(pair => pair.Name, pair => pair.Value), Mapping = mapping };

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
        var key = password is null ? null : OwnerOf(password)!;
        var person = key?.Account ?? id;
        world.Note($"{remote.Name}: {id} is made for {person}");
        if (!made.TryAdd((remote.Name, person), id))
        {
            violations.Add($"User {person} has two accounts in {remote.Name}.");
        }

        madeFor[(remote.Name, id)] = (key?.Source ?? (remote.Name == App ? Idp : Users), person);
    }

    private void NoteRemoved(RemoteAccounts remote, AccountId id, StoredAccount account)
    {
        world.Note($"{remote.Name}: {id} is deleted");
        if (madeFor.TryGetValue((remote.Name, id), out var person))
        {
            touched.Add(new ProvisioningKey(person.Source, person.Person, remote.Name));
        }

        if (account.IsStrangers)
        {
            violations.Add($"The account {id} of {remote.Name} is a stranger's and was deleted.");
        }
        else if (SourceOf(remote.Name, id) != Users)
        {
            violations.Add($"The account {id} of {remote.Name} was deleted, and nobody purges whom it was made for.");
        }
        else if (world.Inspect(transaction => transaction.ScalarAsync<long>(
            "SELECT count(*) FROM users WHERE CAST(uuid AS text) = @person", new { person = OwnerOf(remote.Name, id)!.ToText() })) > 0)
        {
            violations.Add($"The account {id} of {remote.Name} was deleted, and its user is there.");
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
        var id = AccountId.FromText(row.TargetId);
        var account = Systems.Single(remote => remote.Name == row.System).Accounts.GetValueOrDefault(id);
        return account is null ? $"User {row.SourceId} is linked to an account of {row.System} that is not there."
            : account.IsStrangers ? $"User {row.SourceId} is linked to a stranger's account in {row.System}: it was adopted."
            : OwnerOf(row.System, id)!.ToText() != row.SourceId ? $"User {row.SourceId} is linked to the account {id} of {row.System}, which was made for {OwnerOf(row.System, id)}."
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
