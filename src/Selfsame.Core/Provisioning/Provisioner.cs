using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>What the provisioner works with.</summary>
public sealed record ProvisionerParts
{
    public required Topology Topology { get; init; }

    public required IReadOnlyDictionary<string, IConnectedSystem> Systems { get; init; }

    public required IProvisioningRows Rows { get; init; }

    public required IdentifierKeying Keying { get; init; }

    public required TimeProvider Clock { get; init; }

    public required RandomSource Random { get; init; }

    public CrashPoints CrashPoints { get; init; } = CrashPoints.None;
}

/// <summary>
/// Brings each row to its end: looks, asks the planner what the person needs, commits the intent, creates, looks again.
/// Each target system has a lane of its own, so that one which is slow or fails holds no other up.
/// </summary>
public sealed class Provisioner
{
    /// <summary>No remote call may take longer; a call leaves only while the row's lease outlasts this.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(20);

    public Provisioner(ProvisionerParts parts)
    {
        Lanes = [.. parts.Topology.Rules.Where(rule => rule.Missing == MissingAction.CreateInTarget)
            .Select(rule => rule.Target).Distinct().Select(system => new SystemLane(parts, system))];
    }

    /// <summary>One for each system into which the config provisions.</summary>
    public IReadOnlyList<SystemLane> Lanes { get; }

    /// <summary>Works on what is due now in every system; how many rows that were.</summary>
    public async Task<int> RunOnceAsync(CancellationToken cancellation)
        => (await Task.WhenAll(Lanes.Select(lane => lane.RunOnceAsync(cancellation)))).Sum();
}
