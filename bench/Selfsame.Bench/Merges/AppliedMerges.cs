using System.Diagnostics;
using Selfsame.Bench.Stores;
using Selfsame.Connectors.Postgres;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Store.Runs;

namespace Selfsame.Bench.Merges;

/// <summary>The pairs merged as <c>apply</c> does it: by a plan of ours, with the journal in a store of ours.</summary>
internal static class AppliedMerges
{
    private const string Name = "app";

    /// <summary>Audits and plans, then measures the apply alone.</summary>
    /// <param name="database">Where the pairs are.</param>
    /// <param name="store">An empty database for the store.</param>
    /// <param name="pairs">How many there are.</param>
    public static async Task<double> SecondsAsync(string database, string store, int pairs)
    {
        await using var opened = await BenchStore.OpenAsync(store, NoHashing.Placeholder);
        var topology = new Topology
        {
            Systems = new Dictionary<string, SystemConfig> { [Name] = Config(database) },
            Rules = [],
            Tenants = new Dictionary<string, TenantConfig>(),
            Fingerprint = "bench",
            MinimumAge = TimeSpan.Zero,
        };
        await using var system = new PostgresSystem(topology.Systems[Name]);
        var systems = new Dictionary<string, IConnectedSystem> { [Name] = system };
        var audit = await new Auditor(topology, systems, IdentifierKeys.TryKey, TimeProvider.System, RandomSource.System).AuditAsync(_ => null, CancellationToken.None);
        var plan = Planner.Plan(topology, audit.Pictures, audit.Findings, new PlanStamp(Guid.NewGuid(), DateTimeOffset.UtcNow, "bench", "bench", RandomSource.System));
        var journal = new RunJournal(opened.Context.Database, opened.Context.Secrets, TimeProvider.System, LeaseHolder.Current);
        var applier = new Applier(topology, systems, journal, TimeProvider.System, CrashPoints.None);
        var started = Stopwatch.GetTimestamp();
        var result = await applier.ApplyAsync(plan, null, CancellationToken.None);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return result is ApplyReport { IsComplete: true } report && report.Applied == pairs
            ? seconds
            : throw new InvalidOperationException($"Of a plan with {plan.Changes.Count} changes came {result}.");
    }

    private static SystemConfig Config(string database) => new()
    {
        Name = Name,
        Connector = "postgres",
        Settings = new Dictionary<string, string> { ["connection"] = database, ["table"] = "users" },
        Mapping = new AccountMapping
        {
            Id = ["id"],
            Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = "username", [IdentifierKind.Email] = "email" },
            Attributes = new Dictionary<string, AttributeMapping> { ["fullName"] = new("full_name"), ["createdAt"] = new("created_at") },
        },
        Duplicates = DuplicatesAction.Merge,
        Survivor = [new SurvivorOrder("createdAt", Descending: false)],
    };
}
