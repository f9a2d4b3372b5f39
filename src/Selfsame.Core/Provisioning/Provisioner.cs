using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>What the provisioner works with.</summary>
public sealed record ProvisionerParts
{
    public required Topology Topology { get; init; }

    /// <summary>The systems whose accounts are the users of the rows: one for each tenant of the store.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    public required IReadOnlyDictionary<string, IConnectedSystem> Systems { get; init; }

    public required IProvisioningRows Rows { get; init; }

    public required IdentifierKeying Keying { get; init; }

    public required TimeProvider Clock { get; init; }

    public required RandomSource Random { get; init; }

    public CrashPoints CrashPoints { get; init; } = CrashPoints.None;
}

/// <summary>
/// Brings each row to its end: looks, asks the planner what the person needs, commits the intent, creates, looks again.
/// One failing row or system holds no other up.
/// </summary>
public sealed class Provisioner(ProvisionerParts parts)
{
    /// <summary>No remote call may take longer; a call leaves only while the row's lease outlasts this.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(120);
    private const int Batch = 20;

    /// <summary>Works on what is due now; how many rows that were.</summary>
    public async Task<int> RunOnceAsync(CancellationToken cancellation)
    {
        var claimed = await parts.Rows.ClaimAsync(Batch, Lease, cancellation);
        var begun = 0;
        try
        {
            foreach (var claim in claimed)
            {
                cancellation.ThrowIfCancellationRequested();
                begun++;
                parts.CrashPoints.Reach(ProvisioningCrashPoints.Claimed);
                await WorkAsync(claim, cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            await GiveBackAsync(claimed.Skip(begun));
            throw;
        }

        return claimed.Count;
    }

    /// <summary>What a node that stops had not begun is due at once. The row in work keeps its lease: its call may still be on its way.</summary>
    private async Task GiveBackAsync(IEnumerable<ClaimedRow> claims)
    {
        foreach (var claim in claims)
        {
            await parts.Rows.SaveAsync(claim.Row, release: true, CancellationToken.None);
        }
    }

    private async Task WorkAsync(ClaimedRow claim, CancellationToken cancellation)
    {
        if (claim.Remaining(parts.Clock) < CallTimeout)
        {
            // Held up by the rows before it; another claim takes it.
            return;
        }

        await new RowWork(parts, claim).RunAsync(cancellation);
    }
}
