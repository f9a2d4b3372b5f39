using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Tests.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>An application whose people get accounts on a system that gives ids itself, as config 3 has it, and all that works on them.</summary>
internal sealed class PasswordBench
{
    public static readonly AccountMapping People = new()
    {
        Id = ["id"],
        Identifiers = new Dictionary<IdentifierKind, string>
        {
            [IdentifierKind.Email] = "email",
            [IdentifierKind.Handle] = "handle",
            [IdentifierKind.UserCode] = "code",
        },
        Attributes = new Dictionary<string, AttributeMapping> { [AccountMapping.EmailVerified] = new("verified"), [AccountMapping.Active] = new("active") },
    };

    public PasswordBench(Func<ReconcileRule, ReconcileRule>? change = null, Guards? guards = null, Func<IReadOnlyList<ReconcileRule>, IReadOnlyList<ReconcileRule>>? rules = null)
    {
        var rule = new ReconcileRule
        {
            Source = "app",
            Target = "pds",
            When = AccountMapping.EmailVerified,
            Correlate = [new CorrelationRule(null, "did")],
            Missing = MissingAction.CreateInTarget,
            Drifted = DriftedAction.UpdateTarget,
            Handle = HandleTemplate.Parse("{handle|code}"),
        };
        Topology = new Topology
        {
            Systems = new Dictionary<string, SystemConfig>
            {
                ["idp"] = Config("idp", People),
                ["app"] = Config("app", People),
                ["pds"] = Config("pds", PasswordSystem.AccountsMapping),
            },
            Rules =
            [
                new ReconcileRule { Source = "idp", Target = "app", Correlate = [CorrelationRule.ById], Missing = MissingAction.CreateInTarget, Drifted = DriftedAction.UpdateTarget },
                change is null ? rule : change(rule),
            ],
            Tenants = new Dictionary<string, TenantConfig>(),
            Fingerprint = "fingerprint",
            MinimumAge = TimeSpan.Zero,
            Guards = guards ?? new Guards(),
        };
        Topology = rules is null ? Topology : Topology with { Rules = rules(Topology.Rules) };
        Journal = new InMemoryJournal(TimeProvider.System);
    }

    public Topology Topology { get; set; }

    public InMemorySystem Idp { get; } = new(People);

    public InMemorySystem App { get; } = new(People);

    public PasswordSystem Pds { get; init; } = new();

    public InMemoryRows Rows { get; init; } = new();

    public InMemoryJournal Journal { get; }

    public IReadOnlyDictionary<string, IConnectedSystem> Systems
        => new Dictionary<string, IConnectedSystem> { ["idp"] = Idp, ["app"] = App, ["pds"] = Pds };

    public static (string, object?)[] Person(string id, string? handle = null, bool verified = true, bool active = true)
        => [("id", id), ("email", $"{id}@example.org"), ("handle", handle), ("code", Code(id)), ("verified", verified), ("active", active)];

    /// <summary>The user code of the person whose id is this digit.</summary>
    public static string Code(string id) => $"ac26baba{"bcdfghjklm"[id[0] - '0']}ab";

    /// <summary>A person of the application whose row waits.</summary>
    public void SignUp(string id, string? handle = null, bool verified = true, bool active = true)
    {
        App.Put(Person(id, handle, verified, active));
        Rows.Only = InMemoryRows.New(new ProvisioningKey("app", new AccountId(id), "pds"));
    }

    public Provisioner NewProvisioner(CrashPoints? crashPoints = null) => new(new ProvisionerParts
    {
        Topology = Topology,
        Systems = Systems,
        Rows = Rows,
        Keying = IdentifierKeys.TryKey,
        Clock = TimeProvider.System,
        Random = RandomSource.System,
        Unforeseen = (_, exception) => throw exception,
        CrashPoints = crashPoints ?? CrashPoints.None,
    });

    public Task<int> RunAsync(CrashPoints? crashPoints = null) => NewProvisioner(crashPoints).RunOnceAsync(CancellationToken.None);

    /// <summary>An audit that knows the links of the rows.</summary>
    public Task<AuditResult> AuditAsync()
    {
        var links = Rows.All.Where(row => row.Key.System == "pds" && row.TargetId is not null).ToDictionary(row => row.Key.Account, row => row.TargetId!);
        var known = new KnownLinks(new Dictionary<(string, string), IReadOnlyDictionary<AccountId, AccountId>> { [("app", "pds")] = links });
        return new Auditor(Topology with { Decisions = Topology.Decisions.With(known) }, Systems, IdentifierKeys.TryKey, TimeProvider.System, RandomSource.System).AuditAsync(_ => null, CancellationToken.None);
    }

    public async Task<Plan> PlanAsync(int number)
    {
        var audit = await AuditAsync();
        return Planner.Plan(Topology, audit.Pictures, audit.Findings, Bench.Stamp(number));
    }

    public async Task<Plan> PlanUndoAsync(Guid run, int number)
    {
        var record = (await Journal.ReadAsync(run, CancellationToken.None))!;
        return UndoPlanner.Plan(record, await PresentState.ReadAsync(record, Systems, CancellationToken.None), Topology, record.Plan.Accounts, Bench.Stamp(number));
    }

    public async Task<ApplyReport> ApplyAsync(Plan plan, CrashPoints? crashPoints = null)
        => (await new Applier(Topology, Systems, Journal, TimeProvider.System, CrashPoints.None, NewProvisioner(crashPoints)).ApplyAsync(plan, null, CancellationToken.None))
            .ShouldBeOfType<ApplyReport>();

    private static SystemConfig Config(string name, AccountMapping mapping)
        => new() { Name = name, Connector = "memory", Settings = new Dictionary<string, string>(), Mapping = mapping };
}
