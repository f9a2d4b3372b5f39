using Selfsame.Core.Accounts;

namespace Selfsame.Core.Provisioning;

/// <summary>How far an account of one system is in becoming one of another.</summary>
public enum ProvisioningState
{
    /// <summary>To be looked at.</summary>
    Pending,

    /// <summary>An account is being made; whether it arrived is found out by looking.</summary>
    Intent,

    /// <summary>The account is there and is ours.</summary>
    Linked,

    /// <summary>A person must look: the evidence stands in the row.</summary>
    Conflict,

    /// <summary>The account of the source is gone or disabled, and ours is being disabled, or deleted.</summary>
    Compensating,

    /// <summary>Nothing of the person is active in the system.</summary>
    Compensated,
}

/// <summary>Who waits for a row.</summary>
public enum ProvisioningLane
{
    /// <summary>A person: claimed first.</summary>
    Interactive,

    /// <summary>Nobody in particular; it keeps a share.</summary>
    Backfill,
}

/// <summary>Names a row.</summary>
/// <param name="Source">The system whose account is provisioned.</param>
/// <param name="Account">Its id there.</param>
/// <param name="System">The system into which it is provisioned.</param>
public sealed record ProvisioningKey(string Source, AccountId Account, string System);

/// <summary>
/// What is sent to a system that gives ids itself. Stored, sealed, before it is sent: that the password signs in is the
/// only proof that an account is ours.
/// </summary>
public sealed record IntendedAccount(Fields Fields, string Password)
{
    /// <summary>The handles that the system did not take, in order: none of them is sent again.</summary>
    public IReadOnlyList<string> PassedHandles { get; init; } = [];

    public bool Equals(IntendedAccount? other)
        => other is not null && Fields.Equals(other.Fields) && Password == other.Password && PassedHandles.SequenceEqual(other.PassedHandles);

    public override int GetHashCode() => HashCode.Combine(Fields, Password);

    /// <summary>Never the password.</summary>
    public override string ToString() => $"IntendedAccount({Fields})";
}

/// <summary>One account and one system into which it is provisioned.</summary>
public sealed record ProvisioningRow
{
    public required ProvisioningKey Key { get; init; }

    public required ProvisioningState State { get; init; }

    /// <summary>Grows with every claim; a row changes only for whoever holds its epoch.</summary>
    public required long Epoch { get; init; }

    /// <summary>How often somebody asked to look again; when it has grown meanwhile, what was read is too old.</summary>
    public long Asked { get; init; }

    /// <summary>
    /// Why a linked row is to be looked at again, null when it is not; of a compensating one <see cref="MayStillArrive.Reason"/>, or <see cref="MayStillArrive.AskedMeanwhile"/>
    /// where that is before its time, until there is something to disable; of one on the way, that its account may be older than its source, or that others hang on what was
    /// sent to it. In any state that an update got no answer, or once it is settled <see cref="UpdateUnanswered.Late"/>; else null in every other state. <see cref="DueReason"/> tells
    /// what follows from it.
    /// </summary>
    public string? DueBecause { get; init; }

    public ProvisioningLane Lane { get; init; }

    /// <summary>The account's id in the system: the one that we chose, set with the intent, or the one that the system gave.</summary>
    public AccountId? TargetId { get; init; }

    /// <summary>In a system that gives ids itself, what was or will be sent.</summary>
    public IntendedAccount? Intended { get; init; }

    /// <summary>The service disabled the account, so that it may enable it again: what somebody else disabled stays so.</summary>
    public bool Disabled { get; init; }

    /// <summary>The user for whom it was made was purged: the row is forgotten once nothing of them is left.</summary>
    public bool Purged { get; init; }

    /// <summary>That the account of the purged user is deleted was counted under the guard.</summary>
    public bool Deleting { get; init; }

    /// <summary>Attempts in a row that came to nothing.</summary>
    public int Attempts { get; init; }

    /// <summary>It is not looked at before.</summary>
    public required DateTimeOffset NotBefore { get; init; }

    /// <summary>The last error, or the evidence of a conflict.</summary>
    public string? Problem { get; init; }

    /// <summary>What was decided on the way and a person may want to know, as a handle that was refused.</summary>
    public string? Note { get; init; }

    /// <summary>Leads to the webhook or the request that had it looked at last; null where that was neither.</summary>
    public string? CorrelationId { get; init; }
}

/// <summary>A row on loan.</summary>
/// <param name="Row">The row under the epoch of this claim.</param>
/// <param name="Taken">The clock's timestamp (monotonic) just before it was claimed.</param>
/// <param name="Lease">For how long nobody else claims it.</param>
public sealed record ClaimedRow(ProvisioningRow Row, long Taken, TimeSpan Lease)
{
    public TimeSpan Remaining(TimeProvider clock) => Lease - clock.GetElapsedTime(Taken);
}

/// <summary>Which rows a node takes.</summary>
/// <param name="System">Of this target system.</param>
/// <param name="Most">At most so many.</param>
/// <param name="Backfill">So many of them from the backfill, where it has them; people who wait come first for the others.</param>
/// <param name="Lease">For how long.</param>
/// <param name="PerSecond">The system's limit of rows a second over all nodes; null for none.</param>
public sealed record ProvisioningClaim(string System, int Most, int Backfill, TimeSpan Lease, double? PerSecond)
{
    /// <summary>Every so many rows one is the backfill's, if it has any; people who wait come first for the others.</summary>
    public const int BackfillEvery = 4;

    /// <summary>How many rows came since the backfill's last turn, for claims that get fewer than they ask for.</summary>
    public int SinceBackfill { get; init; }

    /// <summary>The backfill's share of so many rows, where the system's rate allows no more now.</summary>
    public int BackfillOf(int rows) => rows >= Most ? Backfill : Math.Min(Backfill, (SinceBackfill + rows) / BackfillEvery);
}

/// <summary>What came of giving a row back and taking the next.</summary>
/// <param name="Saved">Whether the row was written: false where another holder has it.</param>
/// <param name="Next">What was taken.</param>
public sealed record ReleasedRow(bool Saved, IReadOnlyList<ClaimedRow> Next);

/// <summary>What came of announcing the accounts that a plan is about to make.</summary>
/// <param name="Kept">The rows that keep it.</param>
/// <param name="Busy">The rows that somebody works on just now.</param>
public sealed record AnnouncedCreations(IReadOnlySet<ProvisioningKey> Kept, IReadOnlySet<ProvisioningKey> Busy);

/// <summary>What came of asking to disable or delete an account.</summary>
public abstract record DisablingAnswer;

/// <summary>It was counted, and the row is <see cref="ProvisioningState.Compensating"/>.</summary>
public sealed record DisablingCounted : DisablingAnswer;

/// <summary>As many as the guard allows were disabled, or deleted, within the hour; nothing was written.</summary>
public sealed record DisablingGuarded(TimeSpan RetryAfter) : DisablingAnswer;

/// <summary>Another holder has the row, or the purged user is back; nothing was written.</summary>
public sealed record DisablingLost : DisablingAnswer;

/// <summary>Where the rows stand.</summary>
public interface IProvisioningRows
{
    /// <summary>Takes rows that are due and nobody's, each under a new epoch; none while the system asked for a pause.</summary>
    Task<IReadOnlyList<ClaimedRow>> ClaimAsync(ProvisioningClaim claim, CancellationToken cancellation);

    /// <summary>
    /// Takes this row whatever its state and time are, and makes it where it is missing; null while another holder has it. A row in
    /// conflict, or whose account was given up, is looked at again; what may still arrive, before its time.
    /// </summary>
    Task<ClaimedRow?> ClaimAsync(ProvisioningKey key, TimeSpan lease, CancellationToken cancellation);

    /// <summary>
    /// Writes the row if its epoch still stands; false means that another holder has it and nothing was written. Where somebody asked
    /// meanwhile to look again, a released row is due again. One that is compensated gives its address up. In the same transaction the account's own rows, which
    /// <paramref name="followers"/> name by system, are made, or are due again where they are there.
    /// </summary>
    Task<bool> SaveAsync(ProvisioningRow row, bool release, IReadOnlyList<string> followers, CancellationToken cancellation);

    /// <summary>
    /// Gives a row back as <see cref="SaveAsync"/> does, without followers, and where that can be one transaction takes the next rows in it: of the backfill
    /// where the claim has a share for it, else of those for which people wait. That the row could not be written keeps no other from being taken.
    /// </summary>
    Task<ReleasedRow> ReleaseAsync(ProvisioningRow row, ProvisioningClaim next, CancellationToken cancellation);

    /// <summary>
    /// Writes a row that has become <see cref="ProvisioningState.Compensating"/>, if fewer than <paramref name="mostPerHour"/> accounts of its system did so within the hour before.
    /// Those that are to be disabled and those that are to be deleted (<see cref="ProvisioningRow.Deleting"/>) are counted apart.
    /// </summary>
    Task<DisablingAnswer> SaveDisablingAsync(ProvisioningRow row, int mostPerHour, CancellationToken cancellation);

    /// <summary>
    /// Has the row hold a verified address, alone among the rows from its source into its system, and give up any other that it held, for which other rows may wait.
    /// </summary>
    /// <param name="row">The row, under the epoch of its claim.</param>
    /// <param name="address">The address's key; null where it has none.</param>
    /// <param name="former">Whose row had it and was seen to have it no more: it is taken from that one, which is looked at again; null for nobody.</param>
    /// <param name="others">Who are decided to be other people: beside these, and nobody else, the row may have it too.</param>
    /// <param name="cancellation">Gives up.</param>
    Task<AddressClaim> ClaimAddressAsync(ProvisioningRow row, string? address, AccountId? former, IReadOnlyCollection<AccountId> others, CancellationToken cancellation);

    /// <summary>
    /// Keeps in the rows of accounts that a plan is about to make, under the ids of the accounts of which they are made, that they may be on their way: whatever becomes of the plan and of
    /// their sources, they are looked for. A row that is not there is not made.
    /// </summary>
    /// <param name="keys">Of whom, into what.</param>
    /// <param name="cancellation">Gives up.</param>
    Task<AnnouncedCreations> AnnounceAsync(IReadOnlyCollection<ProvisioningKey> keys, CancellationToken cancellation);

    /// <summary>
    /// Has rows looked at again, as far as they are there: somebody who does not hold them had sent something to the other system, which may have arrived last.
    /// </summary>
    /// <param name="keys">The rows.</param>
    /// <param name="reason"><see cref="LookAgain.OfLateWrite"/> or <see cref="LookAgain.OfPlan"/>.</param>
    /// <param name="disabled">Whether that disabled the account: then it is the service that may enable it, whatever the present holder writes.</param>
    /// <param name="cancellation">Gives up.</param>
    Task AskAgainAsync(IReadOnlyCollection<ProvisioningKey> keys, string reason, bool disabled, CancellationToken cancellation);

    /// <summary>
    /// Has the rows looked at again whose accounts are these: a plan changed them, made of what their source was then. An account that has no row is nothing to the service.
    /// </summary>
    /// <param name="system">The system of the accounts.</param>
    /// <param name="targets">Their ids there.</param>
    /// <param name="disabled">Whether that disabled them: then it is the service that may enable them.</param>
    /// <param name="cancellation">Gives up.</param>
    Task AskAgainAboutAsync(string system, IReadOnlyCollection<AccountId> targets, bool disabled, CancellationToken cancellation);

    /// <summary>No row of the system, nor one of which it is the source, is claimed for this long, on any node: it said so.</summary>
    Task PauseAsync(string system, TimeSpan pause, CancellationToken cancellation);

    /// <summary>How long such a pause still lasts; zero where there is none.</summary>
    Task<TimeSpan> PausedForAsync(string system, CancellationToken cancellation);

    /// <summary>
    /// Takes one token of the bucket that claims with a rate take theirs from, for what no claim is made for; zero where there was one, else how long it takes until there is.
    /// </summary>
    Task<TimeSpan> TakeTokenAsync(string system, double perSecond, CancellationToken cancellation);
}
