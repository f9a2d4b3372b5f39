namespace Selfsame.Core.Provisioning;

/// <summary>How what happened is written, and the row given back.</summary>
internal sealed partial class RowWork
{
    /// <summary>Writes the row on the way to something; false where another holds it by now.</summary>
    private async Task<bool> AdvanceAsync(ProvisioningEvent happened, CancellationToken cancellation)
    {
        var next = Next(happened);
        lost = !await parts.Rows.SaveAsync(next, release: false, [], cancellation);
        row = next;
        return !lost;
    }

    /// <summary>Writes the row and gives it back. Always false: there is nothing to look at again.</summary>
    private async Task<bool> ConcludeAsync(ProvisioningEvent happened, CancellationToken cancellation)
    {
        var next = Next(happened);
        var followers = IsNews(happened) ? parts.Topology.ProvisionedFrom(Target) : [];
        lost = !await ReleaseAsync(next, followers, cancellation);
        row = next;
        parts.CrashPoints.Reach(ProvisioningCrashPoints.OutcomeDurable);
        if (!lost)
        {
            parts.Concluded(claim.Row, row);
        }

        return false;
    }

    /// <summary>Writes the row and gives it back; false where another holds it by now. A lane that has more to do takes its next row with the same transaction.</summary>
    private async Task<bool> ReleaseAsync(ProvisioningRow next, IReadOnlyList<string> followers, CancellationToken cancellation)
    {
        if (followers.Count > 0 || lane?.NextAfter(row, cancellation) is not { } wanted)
        {
            return await parts.Rows.SaveAsync(next, release: true, followers, cancellation);
        }

        var released = await parts.Rows.ReleaseAsync(next, wanted, cancellation);
        lane.TakeOver(released.Next);
        return released.Saved;
    }

    /// <summary>
    /// Whether what hangs on the account is to hear of it: that it is there, that it changed, that it was disabled, also where no more of it can follow. Where rules form a circle,
    /// a look that changes nothing ends it.
    /// </summary>
    private bool IsNews(ProvisioningEvent happened) => happened switch
    {
        FoundOurs => wrote || claim.Row.State != ProvisioningState.Linked || claim.Row.DueBecause == LookAgain.OfChainInConflict || DueReason.IsNews(claim.Row.DueBecause),
        NothingLeft or FoundConflict or FoundGone => wrote || claim.Row.State == ProvisioningState.Compensating || DueReason.IsNews(claim.Row.DueBecause),
        _ => false,
    };

    /// <summary>
    /// Keeps, before an update leaves, that what hangs on the account is to hear of it where nothing else would tell whoever looks after a lost answer, or a crash; false where another
    /// holds the row by now.
    /// </summary>
    private async Task<bool> KeepNewsAsync(CancellationToken cancellation)
        => row.State == ProvisioningState.Compensating || DueReason.IsNews(row.DueBecause) || parts.Topology.ProvisionedFrom(Target).Count == 0
            || await AdvanceAsync(new UpdateLeaves(), cancellation);

    /// <summary>Gives the row back as it is: what a person read is no longer what would be done.</summary>
    private async Task<bool> ConcludeUnchangedAsync(CancellationToken cancellation)
    {
        PlanIsOld = true;
        await parts.Rows.SaveAsync(claim.Row, release: true, [], cancellation);
        return false;
    }

    private ProvisioningRow Next(ProvisioningEvent happened)
        => ProvisioningMachine.Next(row, happened, parts.Clock.GetUtcNow(), parts.Random.NextInt32(1 << 20) / (double)(1 << 20));
}
