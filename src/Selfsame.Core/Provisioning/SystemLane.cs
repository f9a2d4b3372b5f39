namespace Selfsame.Core.Provisioning;

/// <summary>The work on the rows of one target system: a few at a time.</summary>
public sealed class SystemLane
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(120);

    /// <summary>Every so many rows one is the backfill's, if it has any; people who wait come first for the others.</summary>
    private const int BackfillEvery = 4;

    private readonly ProvisionerParts parts;
    private readonly int atOnce;
    private long claimed;

    internal SystemLane(ProvisionerParts parts, string system)
    {
        this.parts = parts;
        System = system;
        atOnce = 4;
    }

    public string System { get; }

    /// <summary>Takes as many rows as may be worked on at once and brings them as far as they go now; how many those were.</summary>
    public async Task<int> RunOnceAsync(CancellationToken cancellation)
    {
        var claims = await ClaimAsync(atOnce, cancellation);
        var begun = new List<Task>();
        foreach (var claim in claims)
        {
            if (cancellation.IsCancellationRequested)
            {
                // What a node that stops had not begun is due at once. A row in work keeps its lease: its call may still be on its way.
                await parts.Rows.SaveAsync(claim.Row, release: true, [], CancellationToken.None);
            }
            else
            {
                begun.Add(WorkAsync(claim, cancellation));
            }
        }

        await Task.WhenAll(begun);
        cancellation.ThrowIfCancellationRequested();
        return claims.Count;
    }

    private async Task<IReadOnlyList<ClaimedRow>> ClaimAsync(int most, CancellationToken cancellation)
    {
        var backfill = (int)(((claimed + most) / BackfillEvery) - (claimed / BackfillEvery));
        var claims = await parts.Rows.ClaimAsync(new ProvisioningClaim(System, most, backfill, Lease, null), cancellation);
        claimed += claims.Count;
        return claims;
    }

    private async Task WorkAsync(ClaimedRow claim, CancellationToken cancellation)
    {
        parts.CrashPoints.Reach(ProvisioningCrashPoints.Claimed);
        await new RowWork(parts, claim).RunAsync(cancellation);
    }
}
