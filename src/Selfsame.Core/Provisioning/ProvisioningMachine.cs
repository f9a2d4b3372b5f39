using Selfsame.Core.Accounts;

namespace Selfsame.Core.Provisioning;

/// <summary>What was found out or decided about a row.</summary>
public abstract record ProvisioningEvent;

/// <summary>The account is missing and will be made under this id.</summary>
public sealed record Intended(AccountId TargetId) : ProvisioningEvent;

/// <summary>A plan is about to make the account under this id, as the service would.</summary>
public sealed record Announced(AccountId TargetId) : ProvisioningEvent;

/// <summary>The account is missing and will be made with these fields and this password; the system gives the id.</summary>
/// <param name="Account">What will be sent.</param>
/// <param name="Note">Why these fields and not the first choice; null where they are.</param>
public sealed record IntendedWithPassword(IntendedAccount Account, string? Note = null) : ProvisioningEvent;

/// <summary>The account is there, is ours and is as it should be.</summary>
public sealed record FoundOurs(AccountId TargetId) : ProvisioningEvent;

/// <summary>
/// The account is there and is ours; what it was made of may be older than its source is now, so that it is looked at again, whatever comes between.
/// </summary>
/// <param name="TargetId">Its id.</param>
/// <param name="Disabled">Whether it was made disabled: then the service enables it again.</param>
public sealed record FoundOursOlder(AccountId TargetId, bool Disabled) : ProvisioningEvent
{
    /// <summary>Why such a row is due.</summary>
    public const string Reason = "It was made from what its source was before.";
}

/// <summary>Our account could not get this handle, which its source has come by since it was asked for: it keeps the one that it has.</summary>
/// <param name="Handle">It is not sent again.</param>
/// <param name="Note">Why, for people.</param>
public sealed record HandlePassed(string Handle, string Note) : ProvisioningEvent;

/// <summary>Nobody can go on without a person's decision.</summary>
public sealed record FoundConflict(string Evidence) : ProvisioningEvent;

/// <summary>The account that was made is gone there, and still wanted: another is made by a person's word only.</summary>
public sealed record FoundGone : ProvisioningEvent
{
    /// <summary>The end of its evidence, which tells such a conflict from others.</summary>
    public const string Advice = "is gone there. If it should be made again, retry.";
}

/// <summary>It did not work and may later.</summary>
public sealed record Failed(string Problem, TimeSpan? RetryAfter = null) : ProvisioningEvent;

/// <summary>An update of our account got no answer. It may arrive after what is sent later, so that the account is looked at once more when it no longer can.</summary>
public sealed record UpdateUnanswered(string Problem) : ProvisioningEvent
{
    /// <summary>Why the row is due until the account is as it should be.</summary>
    public const string Reason = "An update got no answer.";

    /// <summary>Why it is due once more after that.</summary>
    public const string Late = "An update that got no answer may still arrive.";

    /// <summary>Why it is due where the service changed the account of the source before that: also what only looks again then wakes nobody further.</summary>
    public const string AskedByChain = "The service changed the account for which it is made, while an update may still arrive.";

    /// <summary>Why it is due where a person asked before that.</summary>
    public const string AskedToRetry = "An administrator asked to try again, while an update may still arrive.";
}

/// <summary>An unanswered update has arrived by now or got lost: a row that was settled meanwhile is looked at once more.</summary>
public sealed record LateTimeOver : ProvisioningEvent;

/// <summary>The config's condition does not hold yet.</summary>
public sealed record NotWantedYet : ProvisioningEvent;

/// <summary>The account of the source is gone or disabled, and ours is active: it is to be disabled.</summary>
public sealed record Disabling : ProvisioningEvent;

/// <summary>An update leaves for an account on which others hang: also where its answer is lost, whoever looks next tells them.</summary>
public sealed record UpdateLeaves : ProvisioningEvent
{
    /// <summary>Why such a row is due.</summary>
    public const string Reason = "It was being changed.";
}

/// <summary>The user was purged, and the config has the account deleted.</summary>
public sealed record Deleting : ProvisioningEvent;

/// <summary>The account of the source is there again before ours was disabled.</summary>
public sealed record WantedAgain : ProvisioningEvent;

/// <summary>The account is gone, and a person wants another.</summary>
public sealed record MadeAgain : ProvisioningEvent;

/// <summary>
/// No account is wanted any more and none is there, but one was asked for: the request may still arrive, from a node that died or through a slow network.
/// </summary>
public sealed record MayStillArrive : ProvisioningEvent
{
    /// <summary>Why such a row is due: what arrives is disabled, and that counts under the guard as any other.</summary>
    public const string Reason = "What was asked for may still arrive.";

    /// <summary>Why it is due before its time: somebody may be wanted again, and who is not is waited for anew.</summary>
    public const string AskedMeanwhile = "It changed while what was asked for may still arrive.";
}

/// <summary>Nothing of the person is active in the system, and nothing should be.</summary>
public sealed record NothingLeft : ProvisioningEvent;

/// <summary>Something changed, or somebody asks: what is settled is looked at again.</summary>
public sealed record LookAgain(string Reason) : ProvisioningEvent
{
    /// <summary>The reason where the service itself changed the account of the source: what only looks again then wakes nobody further.</summary>
    public const string OfChain = "The service changed the account for which it is made.";

    /// <summary>The same where the row was in conflict about an account that was linked: once that is as it should be, what hangs on it hears of it.</summary>
    public const string OfChainInConflict = "The service changed the account for which it is made, after a conflict.";

    /// <summary>The reason where a person asked, whose word makes again what is gone.</summary>
    public const string OfRetry = "An administrator asked to try again.";

    /// <summary>The reason where a plan changed the account, of what its source was when the plan was made.</summary>
    public const string OfPlan = "A plan changed the account.";

    /// <summary>The reason where a row waited for an address.</summary>
    public const string OfAddress = "The account that had the same verified e-mail address gave it up.";

    /// <summary>The reason where a row's address was taken by another.</summary>
    public const string OfAddressGone = "Another account has its verified e-mail address by now.";

    /// <summary>The reason where the user for whom it was made was purged.</summary>
    public const string OfPurge = "The user was purged.";

    /// <summary>The reason where a node that had lost the row may have written last.</summary>
    public const string OfLateWrite = "A node that had lost the row had sent something.";
}

/// <summary>
/// <c>pending → intent → linked | conflict | compensating → compensated</c>. A linked row that is due again stays linked while it is
/// looked at. Pure: the row after an event; an event that a state can't have is a bug and throws.
/// </summary>
public static class ProvisioningMachine
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromHours(1);

    /// <param name="row">The row as it is.</param>
    /// <param name="happened">What happened.</param>
    /// <param name="now">The present instant.</param>
    /// <param name="jitter">A random number in [0, 1) that spreads retries.</param>
    public static ProvisioningRow Next(ProvisioningRow row, ProvisioningEvent happened, DateTimeOffset now, double jitter)
        => (row.State, happened) switch
        {
            (ProvisioningState.Pending, Intended intended) => row with { State = ProvisioningState.Intent, TargetId = intended.TargetId },
            // A creation that did not arrive is made again under the same id.
            (ProvisioningState.Intent, Intended intended) when row.TargetId is null || intended.TargetId.Equals(row.TargetId) => row with { TargetId = intended.TargetId },
            (ProvisioningState.Pending or ProvisioningState.Intent, Announced announced) when row.Intended is null && (row.TargetId is null || announced.TargetId.Equals(row.TargetId))
                => row with { State = ProvisioningState.Intent, TargetId = announced.TargetId, NotBefore = now + Provisioner.LateTime },
            // Other fields after a refusal, but never another password: the first may have signed up after all.
            (ProvisioningState.Pending or ProvisioningState.Intent, IntendedWithPassword intended) when row.Intended is null || row.Intended.Password == intended.Account.Password
                => row with { State = ProvisioningState.Intent, Intended = intended.Account, Note = intended.Note },
            (ProvisioningState.Pending or ProvisioningState.Intent or ProvisioningState.Linked, FoundOurs ours)
                // An unanswered update may still disable it, and then the service enables it again.
                => Settled(row, ProvisioningState.Linked, null, now) with { TargetId = ours.TargetId, Disabled = row.Disabled && DueReason.IsUnanswered(row.DueBecause), Deleting = false },
            (ProvisioningState.Pending or ProvisioningState.Intent, FoundOursOlder ours)
                => row with
                {
                    State = ProvisioningState.Linked,
                    TargetId = ours.TargetId,
                    Disabled = ours.Disabled,
                    Attempts = 0,
                    Problem = null,
                    DueBecause = DueReason.IsUnanswered(row.DueBecause) ? UpdateUnanswered.Reason : FoundOursOlder.Reason,
                },
            (not ProvisioningState.Conflict and not ProvisioningState.Compensated, FoundConflict conflict)
                => Settled(row, ProvisioningState.Conflict, conflict.Evidence, now),
            (ProvisioningState.Linked, FoundGone) => Settled(row, ProvisioningState.Conflict, $"The account {row.TargetId} that was made in {row.Key.System} {FoundGone.Advice}", now),
            (not ProvisioningState.Conflict and not ProvisioningState.Compensated, Failed failed) => Later(row, failed, now, jitter),
            // The account has arrived, and was counted under no guard yet.
            (ProvisioningState.Compensating, UpdateUnanswered unanswered) when IsAwaited(row)
                => Later(row, new Failed(unanswered.Problem), now, jitter) with { State = ProvisioningState.Intent, DueBecause = UpdateUnanswered.Reason },
            (not ProvisioningState.Conflict and not ProvisioningState.Compensated, UpdateUnanswered unanswered)
                => Later(row, new Failed(unanswered.Problem), now, jitter) with { DueBecause = UpdateUnanswered.Reason },
            (ProvisioningState.Conflict or ProvisioningState.Compensated, LateTimeOver) when row.DueBecause == UpdateUnanswered.Late => Reopened(row, UpdateUnanswered.Late, now),
            // Nobody waits for it until its source changes, which puts it back among the people: many of them must not come before who was verified just now.
            (ProvisioningState.Pending, NotWantedYet) => row with { Lane = ProvisioningLane.Backfill, Attempts = 0, Problem = null, DueBecause = Unanswered(row), NotBefore = now + LongestDelay },
            (ProvisioningState.Compensating, Disabling) when IsAwaited(row)
                => row with { Attempts = 0, Problem = null, DueBecause = null },
            (ProvisioningState.Pending or ProvisioningState.Intent or ProvisioningState.Linked, Disabling)
                => row with { State = ProvisioningState.Compensating, Disabled = true, Attempts = 0, Problem = null, DueBecause = Unanswered(row) },
            (not ProvisioningState.Conflict and not ProvisioningState.Compensated, Deleting) when row.Purged
                => row with { State = ProvisioningState.Compensating, Deleting = true, Attempts = 0, Problem = null, DueBecause = Unanswered(row) },
            (ProvisioningState.Intent or ProvisioningState.Compensating, MayStillArrive) when row.State == ProvisioningState.Intent || IsAwaited(row)
                => row with
                {
                    State = ProvisioningState.Compensating,
                    Disabled = true,
                    Attempts = 0,
                    Problem = null,
                    DueBecause = MayStillArrive.Reason,
                    NotBefore = now + Provisioner.LateTime,
                },
            (ProvisioningState.Pending or ProvisioningState.Intent or ProvisioningState.Linked, UpdateLeaves)
                => row with { DueBecause = Unanswered(row) is null ? UpdateLeaves.Reason : UpdateUnanswered.Reason },
            (ProvisioningState.Linked, MadeAgain)
                => row with { State = ProvisioningState.Pending, TargetId = null, Intended = null, Note = null, DueBecause = Unanswered(row), Attempts = 0 },
            (ProvisioningState.Compensating, WantedAgain) => row with { State = ProvisioningState.Intent, Deleting = false, Attempts = 0, Problem = null, DueBecause = Unanswered(row) },
            (not ProvisioningState.Conflict and not ProvisioningState.Compensated, NothingLeft) => Settled(row, ProvisioningState.Compensated, null, now),
            (ProvisioningState.Intent or ProvisioningState.Linked, HandlePassed passed) when row.Intended is { } sent
                => row with { Intended = sent with { PassedHandles = [.. sent.PassedHandles, passed.Handle] }, Note = passed.Note },
            (ProvisioningState.Linked, LookAgain again) => row with { DueBecause = DueReason.AfterAsking(row.DueBecause, again.Reason), Attempts = 0, NotBefore = now },
            (ProvisioningState.Conflict or ProvisioningState.Compensated, LookAgain again) => Reopened(row, DueWhenReopened(row, again.Reason), now),
            // A look before its time tells who is wanted again; that nothing will arrive only the whole time tells.
            (ProvisioningState.Compensating, LookAgain) when IsAwaited(row) => row with { DueBecause = MayStillArrive.AskedMeanwhile, NotBefore = now },
            (ProvisioningState.Intent, LookAgain again) when DueReason.IsKept(again.Reason) => row with { DueBecause = DueReason.AfterAsking(row.DueBecause, again.Reason), NotBefore = now },
            (_, LookAgain) => row with { NotBefore = now },
            _ => throw new InvalidOperationException($"A row that is {row.State} can't have the event {happened.GetType().Name}."),
        };

    /// <summary>Whether an account may have been made.</summary>
    private static bool Begun(ProvisioningRow row) => row.TargetId is not null || row.Intended is not null;

    /// <summary>Whether the account of a row in conflict was there: what the service made under an id of its own choice tells that by its evidence only.</summary>
    private static bool WasLinked(ProvisioningRow row)
        => row is { State: ProvisioningState.Conflict, TargetId: not null }
            && (row.Intended is not null || row.Problem?.EndsWith(FoundGone.Advice, StringComparison.Ordinal) == true);

    private static bool IsAwaited(ProvisioningRow row) => DueReason.IsAwaited(row.DueBecause);

    /// <summary>Why the row goes on to be due for an update that got no answer; null where there was none.</summary>
    private static string? Unanswered(ProvisioningRow row)
        => DueReason.IsUnanswered(row.DueBecause) ? UpdateUnanswered.Reason : row.DueBecause == UpdateUnanswered.Late ? row.DueBecause : null;

    /// <summary>Settles the row; for good, unless an update got no answer.</summary>
    private static ProvisioningRow Settled(ProvisioningRow row, ProvisioningState state, string? problem, DateTimeOffset now)
    {
        var settled = row with { State = state, Attempts = 0, Problem = problem, DueBecause = null };
        return DueReason.IsUnanswered(row.DueBecause) ? settled with { DueBecause = UpdateUnanswered.Late, NotBefore = now + Provisioner.LateTime } : settled;
    }

    /// <summary>A settled row that is looked at again. An account that was linked is not made a second time, whatever the conflict about it was.</summary>
    private static ProvisioningRow Reopened(ProvisioningRow row, string? due, DateTimeOffset now) => row with
    {
        State = WasLinked(row) ? ProvisioningState.Linked : Begun(row) ? ProvisioningState.Intent : ProvisioningState.Pending,
        DueBecause = due,
        Attempts = 0,
        Problem = null,
        NotBefore = now,
    };

    private static string? DueWhenReopened(ProvisioningRow row, string reason) => (WasLinked(row), row.DueBecause) switch
    {
        (true, null) when reason == LookAgain.OfChain => LookAgain.OfChainInConflict,
        (false, null) when !Begun(row) || !DueReason.MayBeOlder(reason) => null,
        (_, var due) => DueReason.AfterAsking(due, reason),
    };

    private static ProvisioningRow Later(ProvisioningRow row, Failed failed, DateTimeOffset now, double jitter)
    {
        var ceiling = FirstDelay * Math.Pow(2, Math.Min(row.Attempts, 20));
        var delay = (ceiling < LongestDelay ? ceiling : LongestDelay) * (0.5 + (jitter / 2));
        return row with
        {
            Attempts = row.Attempts + 1,
            Problem = failed.Problem,
            NotBefore = now + (failed.RetryAfter > delay ? failed.RetryAfter.Value : delay),
        };
    }
}
