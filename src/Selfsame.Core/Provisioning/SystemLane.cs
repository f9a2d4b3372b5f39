using System.Collections.Concurrent;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>The work on the rows of one target system: a few at a time.</summary>
public sealed class SystemLane
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(120);

    private readonly ProvisionerParts parts;
    private readonly ProvisioningPace pace;

    // Rows that were taken when others were given back, each for the place of the one before.
    private readonly ConcurrentQueue<ClaimedRow> handedOver = new();

    // Rows that were claimed or are being claimed. A claim is counted before it is made: two places that ask at once must not step over the backfill's turn.
    private long counted;

    // Whether the last claim got all that it asked for: only then is it worth asking with every row that is given back.
    private volatile bool moreAreDue;

    internal SystemLane(ProvisionerParts parts, string system)
    {
        this.parts = parts;
        System = system;
        pace = parts.Topology.Systems[system].Pace;
    }

    public string System { get; }

    /// <summary>Takes as many rows as may be worked on at once and brings them as far as they go now; how many those were.</summary>
    public async Task<int> RunOnceAsync(CancellationToken cancellation)
    {
        var claims = await ClaimAsync(pace.AtOnce, cancellation);
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
                begun.Add(WorkAsync(claim, handsOver: false, cancellation));
            }
        }

        await Task.WhenAll(begun);
        cancellation.ThrowIfCancellationRequested();
        return claims.Count;
    }

    /// <summary>
    /// Works until it is cancelled: as soon as one row is done the next is claimed, so that a slow one holds up nothing but its own place.
    /// </summary>
    /// <param name="idle">How long to wait when nothing more is due.</param>
    /// <param name="failed">Told of what was not the system's doing, as a database that is away; the row is taken up again when its lease ends.</param>
    /// <param name="cancellation">Stops; what was begun is brought to where it can be left.</param>
    public async Task RunAsync(TimeSpan idle, Action<Exception> failed, CancellationToken cancellation)
    {
        var running = new List<Task>();
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                while (running.Count < pace.AtOnce && handedOver.TryDequeue(out var next))
                {
                    running.Add(WorkAsync(next, handsOver: true, cancellation));
                }

                if (running.Count < pace.AtOnce)
                {
                    running.AddRange((await ClaimAsync(pace.AtOnce - running.Count, cancellation)).Select(claim => WorkAsync(claim, handsOver: true, cancellation)));
                }
            }
            catch (Exception exception) when (!cancellation.IsCancellationRequested)
            {
                failed(exception);
            }
            catch (OperationCanceledException)
            {
                break;
            }

            await Task.WhenAny(running.Count == pace.AtOnce ? running : [.. running, Task.Delay(idle, parts.Clock, cancellation)]);
            Settle(running, failed, cancellation);
        }

        await Task.WhenAny(Task.WhenAll(running));
        Settle(running, failed, cancellation);
        await GiveBackAsync(failed);
    }

    /// <summary>
    /// What the place of a row takes next, in the transaction that gives the row back; null where the lane is to claim by itself: nothing more was due, it is the
    /// backfill's turn, which may have none, the system has a rate, or the work ends.
    /// </summary>
    internal ProvisioningClaim? NextAfter(ProvisioningRow row, CancellationToken cancellation)
        => moreAreDue && row.Lane == ProvisioningLane.Interactive && pace.PerSecond is null && !cancellation.IsCancellationRequested ? Count(1, withBackfill: false) : null;

    /// <summary>Takes the rows for which <see cref="NextAfter"/> asked.</summary>
    internal void TakeOver(IReadOnlyList<ClaimedRow> rows)
    {
        moreAreDue = rows.Count > 0;
        Interlocked.Add(ref counted, rows.Count - 1);
        foreach (var row in rows)
        {
            handedOver.Enqueue(row);
        }
    }

    /// <summary>What was taken and not begun when the work ends is due at once.</summary>
    private async Task GiveBackAsync(Action<Exception> failed)
    {
        while (handedOver.TryDequeue(out var claim))
        {
            try
            {
                await parts.Rows.SaveAsync(claim.Row, release: true, [], CancellationToken.None);
            }
            catch (Exception exception)
            {
                failed(exception);
            }
        }
    }

    /// <summary>Takes the tasks that have ended out, and tells of those that failed.</summary>
    private static void Settle(List<Task> running, Action<Exception> failed, CancellationToken cancellation)
    {
        foreach (var task in running.Where(task => task.IsCompleted).ToList())
        {
            running.Remove(task);
            if (task.Exception?.InnerException is { } exception && !cancellation.IsCancellationRequested)
            {
                failed(exception);
            }
        }
    }

    private async Task<IReadOnlyList<ClaimedRow>> ClaimAsync(int most, CancellationToken cancellation)
    {
        var claims = await parts.Rows.ClaimAsync(Count(most, withBackfill: true)!, cancellation);
        Interlocked.Add(ref counted, claims.Count - most);
        moreAreDue = claims.Count == most;
        return claims;
    }

    /// <summary>The next claim, which is counted from now on; what it did not get is to be taken off again. Null, and not counted, where it would have a share for the backfill and must not.</summary>
    private ProvisioningClaim? Count(int most, bool withBackfill)
    {
        while (true)
        {
            var before = Interlocked.Read(ref counted);
            var backfill = (int)(((before + most) / ProvisioningClaim.BackfillEvery) - (before / ProvisioningClaim.BackfillEvery));
            if (backfill > 0 && !withBackfill)
            {
                return null;
            }

            if (Interlocked.CompareExchange(ref counted, before + most, before) == before)
            {
                return new ProvisioningClaim(System, most, backfill, Lease, pace.PerSecond) { SinceBackfill = (int)(before % ProvisioningClaim.BackfillEvery) };
            }
        }
    }

    private async Task WorkAsync(ClaimedRow claim, bool handsOver, CancellationToken cancellation)
    {
        parts.CrashPoints.Reach(ProvisioningCrashPoints.Claimed);
        await new RowWork(parts, claim, lane: handsOver ? this : null).RunAsync(cancellation);
    }
}
