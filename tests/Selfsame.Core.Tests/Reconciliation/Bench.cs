using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Two systems, <c>people</c> and <c>app</c>, one rule between them, and all that the engine needs.</summary>
internal sealed class Bench
{
    public static readonly AccountMapping People = new()
    {
        Id = ["id"],
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = "username", [IdentifierKind.Email] = "email" },
        Attributes = new Dictionary<string, AttributeMapping>
        {
            ["emailVerified"] = new("verified"),
            ["active"] = new("active"),
            ["name"] = new("name"),
            ["lastSignIn"] = new("seen", Noise: true),
        },
    };

    public Bench(ReconcileRule? rule = null, TimeProvider? clock = null, AccountMapping? people = null, AccountMapping? app = null)
    {
        Source = new InMemorySystem(people ?? People);
        Target = new InMemorySystem(app ?? People);
        Clock = clock ?? TimeProvider.System;
        Journal = new InMemoryJournal(Clock);
        Topology = new Topology
        {
            Systems = new Dictionary<string, SystemConfig> { ["people"] = Config("people", Source.Mapping), ["app"] = Config("app", Target.Mapping) },
            Rules = [rule ?? Repairing],
            Tenants = new Dictionary<string, TenantConfig>(),
            Fingerprint = "fingerprint",
            MinimumAge = TimeSpan.Zero,
        };
    }

    public static ReconcileRule Repairing { get; } = new()
    {
        Source = "people",
        Target = "app",
        Correlate = [CorrelationRule.ById, new CorrelationRule(IdentifierKind.Email), new CorrelationRule(IdentifierKind.Username)],
        Missing = MissingAction.CreateInTarget,
        Orphan = OrphanAction.DeleteInTarget,
        Drifted = DriftedAction.UpdateTarget,
    };

    public TimeProvider Clock { get; }

    public Topology Topology { get; set; }

    public InMemorySystem Source { get; init; }

    public InMemorySystem Target { get; init; }

    public InMemoryJournal Journal { get; }

    public IReadOnlyDictionary<string, IConnectedSystem> Systems
        => new Dictionary<string, IConnectedSystem> { ["people"] = Source, ["app"] = Target };

    public static (string, object?)[] Person(string id, string? username = null, string? email = null, bool verified = true, string? name = null)
        => [("id", id), ("username", username), ("email", email), ("verified", verified), ("active", true), ("name", name), ("seen", 0L)];

    public static KeyedAccount Keyed(params (string, object?)[] fields)
        => KeyedAccount.Of(People.ToAccount(InMemorySystem.Record(fields))!, IdentifierKeys.TryKey);

    public static PlanStamp Stamp(int number = 1)
        => new(new Guid(number, 0, 0, new byte[8]), DateTimeOffset.UnixEpoch, "0.0.0", "rules", new SeededRandom(number));

    public Task<AuditResult> AuditAsync() => new Auditor(Topology, Systems, IdentifierKeys.TryKey, Clock, RandomSource.System).AuditAsync(_ => null, CancellationToken.None);

    public async Task<Plan> PlanAsync(int number = 1)
    {
        var audit = await AuditAsync();
        return Planner.Plan(Topology, audit.Pictures, audit.Findings, Stamp(number));
    }

    /// <summary>The service; what nobody foresaw fails the test unless <paramref name="unforeseen"/> takes it.</summary>
    public Provisioner NewProvisioner(IProvisioningRows rows, CrashPoints? crashPoints = null, Action<Exception>? unforeseen = null) => new(new ProvisionerParts
    {
        Topology = Topology,
        Systems = Systems,
        Rows = rows,
        Keying = IdentifierKeys.TryKey,
        Clock = Clock,
        Random = RandomSource.System,
        Unforeseen = (_, exception) => (unforeseen ?? (other => Assert.Fail(other.ToString())))(exception),
        CrashPoints = crashPoints ?? CrashPoints.None,
    });

    /// <summary>An apply that dies at a point, when it comes there for the given time, and whose lease has run out.</summary>
    public async Task CrashAsync(Plan plan, string point, int time = 1)
    {
        await Should.ThrowAsync<Crash>(ApplyAsync(plan, new CrashPoints(name => _ = name == point && --time == 0 ? throw new Crash() : 0)));
        Journal.Held = false;
    }

    public async Task<ApplyReport> ApplyAsync(Plan plan, CrashPoints? crashPoints = null, bool notify = false, Provisioner? provisioner = null)
        => (await new Applier(Topology, Systems, Journal, Clock, crashPoints ?? CrashPoints.None, provisioner).ApplyAsync(plan, null, CancellationToken.None, notify)).ShouldBeOfType<ApplyReport>();

    public async Task<Plan> PlanUndoAsync(Guid run, int number)
        => (await UndoAsync(run, number)).Plan;

    /// <summary>What takes the run back now; an undo that was cut off goes on.</summary>
    public async Task<RunUndo> UndoAsync(Guid run, int number = 2)
        => await RunUndo.PlanAsync((await Journal.ReadAsync(run, CancellationToken.None))!, Journal, Systems, Topology, Stamp(number), _ => true, CancellationToken.None);

    private static SystemConfig Config(string name, AccountMapping mapping)
        => new() { Name = name, Connector = "memory", Settings = new Dictionary<string, string>(), Mapping = mapping };
}
