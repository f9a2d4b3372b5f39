using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Makes the changes of a checked plan, and nothing else. The only part of reconciliation with effects. Per change:
/// read freshly, journal intent and before-image, change under the precondition, read again, journal the outcome.
/// It can be killed anywhere and run again.
/// </summary>
public sealed class Applier(
    Topology topology,
    IReadOnlyDictionary<string, IConnectedSystem> systems,
    IJournal journal,
    TimeProvider clock,
    CrashPoints crashPoints,
    Provisioner? provisioner = null)
{
    // Reads and journal writes are shared by this many changes; a crash leaves at most so many to be looked at again.
    private const int PortionSize = 200;

    /// <summary>Applies the plan, or goes on with it where it was begun; applying a finished plan again changes nothing, and one that was taken back is refused.</summary>
    /// <param name="plan">What to do.</param>
    /// <param name="progress">Told how many changes are behind it, as each is made or a portion ends.</param>
    /// <param name="cancellation">Ends it between two changes.</param>
    /// <param name="notify">Whether to mail the owners of accounts that are created without a password.</param>
    public async Task<ApplyResult> ApplyAsync(Plan plan, IProgress<int>? progress, CancellationToken cancellation, bool notify = false)
    {
        switch (await journal.AcquireAsync(cancellation))
        {
            case LeaseHeld held:
                return new ApplyLocked(held.Holder, held.Until);
            case LeaseGranted granted:
                var attempt = new ApplyAttempt(plan, granted.Lease, topology, systems, journal, clock, crashPoints, notify, provisioner, progress);
                try
                {
                    return await RunAsync(attempt, plan, progress, cancellation);
                }
                finally
                {
                    // A lease that is another's by now is not released: the journal compares epochs.
                    await journal.ReleaseAsync(attempt.Lease, CancellationToken.None);
                }

            default:
                throw new InvalidOperationException("The journal gave an unknown answer.");
        }
    }

    private async Task<ApplyResult> RunAsync(ApplyAttempt attempt, Plan plan, IProgress<int>? progress, CancellationToken cancellation)
    {
        crashPoints.Reach(ApplyCrashPoints.LeaseTaken);
        if (TakenBack.By(await journal.ListAsync(cancellation), plan.Id) is [var undo, ..])
        {
            return new ApplyTakenBack(undo.Id, undo.Finished is not null);
        }

        if (!await attempt.BeginAsync(cancellation))
        {
            return attempt.Report(ApplyStop.LeaseLost);
        }

        crashPoints.Reach(ApplyCrashPoints.RunBegun);
        foreach (var portion in Portions(plan.Changes.Where(attempt.IsOpen)))
        {
            if (cancellation.IsCancellationRequested)
            {
                return attempt.Report(ApplyStop.Interrupted);
            }

            if (!await attempt.ApplyAsync(portion, cancellation))
            {
                return attempt.Report(ApplyStop.LeaseLost);
            }

            progress?.Report(portion[^1].Number);
        }

        if (cancellation.IsCancellationRequested)
        {
            return attempt.Report(ApplyStop.Interrupted);
        }

        if (!await attempt.SweepAsync(cancellation))
        {
            return attempt.Report(cancellation.IsCancellationRequested ? ApplyStop.Interrupted : ApplyStop.LeaseLost);
        }

        if (!await attempt.MailAsync(cancellation))
        {
            return attempt.Report(cancellation.IsCancellationRequested ? ApplyStop.Interrupted : ApplyStop.LeaseLost);
        }

        if (!await attempt.FinishAsync(cancellation))
        {
            return attempt.Report(ApplyStop.LeaseLost);
        }

        crashPoints.Reach(ApplyCrashPoints.RunFinished);
        return attempt.Report(null);
    }

    private static (bool Rows, bool Provisioned) Way(Change change) => (change.IsOfRows, change.For is not null);

    /// <summary>Consecutive changes of one way of being made; a change to a system's shape stands alone.</summary>
    private static IEnumerable<IReadOnlyList<Change>> Portions(IEnumerable<Change> changes)
    {
        var portion = new List<Change>();
        foreach (var change in changes)
        {
            var breaks = portion.Count == PortionSize
                || (portion.Count > 0 && (change.Action == ChangeAction.Schema || portion[0].Action == ChangeAction.Schema || Way(change) != Way(portion[0])));
            if (breaks)
            {
                yield return portion;
                portion = [];
            }

            portion.Add(change);
        }

        if (portion.Count > 0)
        {
            yield return portion;
        }
    }
}
