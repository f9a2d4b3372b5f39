using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// The durable record of intended and applied changes with their before-images. What a method has returned from is
/// durable. Whoever writes holds the lease: where a method answers false, the lease is another's by now, nothing was
/// written and the caller stops.
/// </summary>
public interface IJournal
{
    /// <summary>Takes the lease by which one apply runs at a time.</summary>
    Task<LeaseAnswer> AcquireAsync(CancellationToken cancellation);

    /// <summary>The lease for its whole duration from now; null when it is another's.</summary>
    Task<ApplyLease?> RenewAsync(ApplyLease lease, CancellationToken cancellation);

    Task ReleaseAsync(ApplyLease lease, CancellationToken cancellation);

    /// <summary>Begins the plan's run, or goes on with the one that was begun; what is journaled of it by now, or null without the lease.</summary>
    Task<RunRecord?> BeginAsync(ApplyLease lease, Plan plan, CancellationToken cancellation);

    /// <summary>Notes that these changes are about to leave, with what was there before. An intent that stands is renewed.</summary>
    Task<bool> RecordIntentsAsync(ApplyLease lease, Guid run, IReadOnlyList<JournalIntent> intents, CancellationToken cancellation);

    /// <summary>Adds to what an applied change did to rows, before those writes leave.</summary>
    Task<bool> RecordLateRowsAsync(ApplyLease lease, Guid run, IReadOnlyList<JournalIntent> rows, CancellationToken cancellation);

    /// <summary>Notes what came of changes.</summary>
    Task<bool> RecordOutcomesAsync(ApplyLease lease, Guid run, IReadOnlyList<JournalOutcome> outcomes, CancellationToken cancellation);

    /// <summary>Marks the run finished: every change has its outcome. With an undo the run that it took back is at its end too, and so is every other undo of that.</summary>
    Task<bool> FinishAsync(ApplyLease lease, Guid run, CancellationToken cancellation);

    /// <summary>The runs, the newest first.</summary>
    Task<IReadOnlyList<RunSummary>> ListAsync(CancellationToken cancellation);

    /// <summary>A run with its plan and entries; null when there is none of that id.</summary>
    Task<RunRecord?> ReadAsync(Guid run, CancellationToken cancellation);
}

/// <summary>The answer to asking for the lease.</summary>
public abstract record LeaseAnswer;

public sealed record LeaseGranted(ApplyLease Lease) : LeaseAnswer;

/// <summary>Another apply has it.</summary>
public sealed record LeaseHeld(string Holder, DateTimeOffset Until) : LeaseAnswer;

/// <summary>The right to apply.</summary>
/// <param name="Epoch">Grows with every holder; journal writes carry it.</param>
/// <param name="Taken">The clock's timestamp (monotonic) just before the lease was asked for.</param>
/// <param name="Duration">How long it holds from then.</param>
public sealed record ApplyLease(long Epoch, long Taken, TimeSpan Duration)
{
    /// <summary>How long it surely still holds.</summary>
    public TimeSpan Remaining(TimeProvider clock) => Duration - clock.GetElapsedTime(Taken);
}

/// <summary>What the journal knows of one change.</summary>
public enum ChangeState
{
    /// <summary>It was about to leave; whether it arrived is not known.</summary>
    Intent,

    /// <summary>It happened.</summary>
    Applied,

    /// <summary>The account was not as planned; it was left alone.</summary>
    Skipped,

    /// <summary>The system refused it.</summary>
    Refused,
}

/// <summary>What was there before a change leaves; null where there was no record.</summary>
/// <param name="Number">The change's number in the plan.</param>
/// <param name="Before">The record.</param>
/// <param name="Rows">For a change of several rows what happens to each, with its before-image; else null.</param>
public sealed record JournalIntent(int Number, Fields? Before, IReadOnlyList<RowWrite>? Rows = null);

/// <summary>What came of a change.</summary>
/// <param name="Number">The change's number in the plan.</param>
/// <param name="State">Its final state.</param>
/// <param name="After">The record as it stands afterwards; null where there is none.</param>
/// <param name="Message">What is to be said about it.</param>
/// <param name="Rows">For a change of several rows that was not made as a whole, the writes that stay; null leaves what the intent noted.</param>
public sealed record JournalOutcome(int Number, ChangeState State, Fields? After, string? Message, IReadOnlyList<RowWrite>? Rows = null)
{
    /// <summary>The mail that its account's owner is to get; null where there is none to send.</summary>
    public OwedMail? Mail { get; init; }
}

/// <summary>A mail by which the owner of a created account sets a password.</summary>
/// <param name="Taken">Whether the system took it for sending; it is then asked for no more.</param>
/// <param name="Problem">Why it was not taken; null where nobody asked for it yet.</param>
public sealed record OwedMail(bool Taken, string? Problem);

/// <summary>One change's entry.</summary>
public sealed record JournalEntry(
    int Number, ChangeState State, Fields? Before, Fields? After, string? Message, IReadOnlyList<RowWrite>? Rows = null)
{
    /// <summary>The mail that its account's owner is to get; null where there is none to send, or where an older version made the account.</summary>
    public OwedMail? Mail { get; init; }
}

/// <summary>A run with all that is journaled of it.</summary>
public sealed record RunRecord
{
    public required Plan Plan { get; init; }

    public required DateTimeOffset Started { get; init; }

    public DateTimeOffset? Finished { get; init; }

    public required IReadOnlyDictionary<int, JournalEntry> Entries { get; init; }
}

/// <summary>A run in a list.</summary>
public sealed record RunSummary
{
    public required Guid Id { get; init; }

    public required DateTimeOffset Started { get; init; }

    public DateTimeOffset? Finished { get; init; }

    public Guid? Undoes { get; init; }

    public required string Holder { get; init; }

    public required long Changes { get; init; }

    public required long Applied { get; init; }

    public required long Skipped { get; init; }

    public required long Refused { get; init; }
}

/// <summary>What the journal holds of a run can't be opened: it was made under another secret.</summary>
public sealed class ForeignSecretException()
    : InvalidOperationException(
        "This run was made under another secret, so that what the journal holds of it can't be read here, and nothing was changed. Set SELFSAME_SECRET_KEY to the secret of whoever made it (theirs, or what stands in "
        + "the file secret.key of their data folder), and where your own data folder was made with another one, name an empty folder with --data.");
