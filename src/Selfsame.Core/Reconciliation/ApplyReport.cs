namespace Selfsame.Core.Reconciliation;

/// <summary>What came of asking to apply a plan.</summary>
public abstract record ApplyResult;

/// <summary>Another apply is running; nothing was changed.</summary>
public sealed record ApplyLocked(string Holder, DateTimeOffset Until) : ApplyResult;

/// <summary>The plan's run was taken back, or that has begun; nothing was changed.</summary>
/// <param name="By">The run that took it back.</param>
/// <param name="Finished">Whether that is at its end.</param>
public sealed record ApplyTakenBack(Guid By, bool Finished) : ApplyResult;

/// <summary>It ran, to the end or not.</summary>
public sealed record ApplyReport : ApplyResult
{
    public required Guid Run { get; init; }

    /// <summary>Why it ended before the end, or null.</summary>
    public ApplyStop? Stop { get; init; }

    /// <summary>How many changes the run has made by now, earlier attempts included.</summary>
    public required int Applied { get; init; }

    /// <summary>How many changes this attempt made.</summary>
    public required int AppliedNow { get; init; }

    /// <summary>How many owners of created accounts this attempt had mailed.</summary>
    public int Notified { get; init; }

    /// <summary>Changes that the system called done, and that a look afterwards did not find as planned, or whose mail could not be sent.</summary>
    public required IReadOnlyList<ChangeNote> Unverified { get; init; }

    /// <summary>Changes that were left alone, because the account was not as planned.</summary>
    public required IReadOnlyList<ChangeNote> Skipped { get; init; }

    /// <summary>Changes that the system refused.</summary>
    public required IReadOnlyList<ChangeNote> Refused { get; init; }

    /// <summary>Changes still to be made: apply the same plan again.</summary>
    public required IReadOnlyList<ChangeNote> Pending { get; init; }

    /// <summary>Whether every change of the plan is made and was seen in the system afterwards.</summary>
    public bool IsComplete => Stop is null && Unverified.Count == 0 && Skipped.Count == 0 && Refused.Count == 0 && Pending.Count == 0;
}

/// <summary>Why an apply ended before its end.</summary>
public enum ApplyStop
{
    /// <summary>It was asked to stop; apply the same plan again to go on.</summary>
    Interrupted,

    /// <summary>It was held up for so long that another apply took the lease.</summary>
    LeaseLost,
}

/// <summary>One change and what is to be said about it.</summary>
public sealed record ChangeNote(Change Change, string Message);
