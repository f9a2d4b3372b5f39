namespace Selfsame.Core.Provisioning;

/// <summary>
/// What <see cref="ProvisioningRow.DueBecause"/> says besides that the row is to be looked at. One text says it all: of two reasons that one stands which has everything
/// done that the other would, and where neither has, one that says both.
/// </summary>
public static class DueReason
{
    /// <summary>Whether the account may have been written of what its source was before: until it was looked at that is not forgotten, and its handle is put right.</summary>
    /// <param name="reason">Why the row is due; null where it is not.</param>
    public static bool MayBeOlder(string? reason)
        => reason is FoundOursOlder.Reason or LookAgain.OfPlan or LookAgain.OfLateWrite or UpdateUnanswered.Late || IsUnanswered(reason);

    /// <summary>Whether an update got no answer, so that the row is looked at once more after it is settled.</summary>
    /// <param name="reason">Why the row is due; null where it is not.</param>
    public static bool IsUnanswered(string? reason) => reason is UpdateUnanswered.Reason or UpdateUnanswered.AskedByChain or UpdateUnanswered.AskedToRetry;

    /// <summary>Whether a person asked, whose word makes again what is gone.</summary>
    /// <param name="reason">Why the row is due; null where it is not.</param>
    public static bool IsRetry(string? reason) => reason is LookAgain.OfRetry or UpdateUnanswered.AskedToRetry;

    /// <summary>Whether it waits for what may still arrive; a compensating row that does not was counted under the guard.</summary>
    /// <param name="reason">Why the row is due; null where it is not.</param>
    public static bool IsAwaited(string? reason) => reason is MayStillArrive.Reason or MayStillArrive.AskedMeanwhile;

    /// <summary>Whether what hangs on the account is to hear of the look also where nothing is written: something may have been, or became of the account. Where rules form a circle, a chain's reason ends it.</summary>
    /// <param name="reason">Why the row is due; null where it is not.</param>
    public static bool IsNews(string? reason)
        => reason is not (null or LookAgain.OfChain or LookAgain.OfChainInConflict or UpdateUnanswered.Late or UpdateUnanswered.AskedByChain);

    /// <summary>Whether whoever holds the row must not forget it when it was asked meanwhile.</summary>
    /// <param name="reason">Why the row is due; null where it is not.</param>
    public static bool IsKept(string? reason)
        => IsRetry(reason) || (MayBeOlder(reason) && reason is not (UpdateUnanswered.Late or UpdateUnanswered.AskedByChain));

    /// <summary>Somebody asked while the row was worked on: again for what they asked, where that must not be forgotten.</summary>
    /// <param name="reason">What the row says by now of why it is due.</param>
    public static LookAgain Meanwhile(string? reason) => new(IsKept(reason) ? reason! : "It changed meanwhile.");

    /// <summary>Why a row is due when somebody asks who has a reason.</summary>
    /// <param name="due">Why it was due before; null where it was not.</param>
    /// <param name="reason">Of who asks.</param>
    public static string AfterAsking(string? due, string reason) => (due, reason) switch
    {
        (_, LookAgain.OfRetry or UpdateUnanswered.AskedToRetry) => MayBeOlder(due) ? UpdateUnanswered.AskedToRetry : reason,
        (LookAgain.OfRetry, _) when MayBeOlder(reason) => UpdateUnanswered.AskedToRetry,
        (LookAgain.OfRetry or UpdateUnanswered.AskedToRetry, _) => due,
        (_, UpdateUnanswered.Reason) => reason,
        // What is sent from now on may be overtaken as well: the late time begins anew.
        (UpdateUnanswered.Late or UpdateUnanswered.AskedByChain, LookAgain.OfChain) => UpdateUnanswered.AskedByChain,
        (UpdateUnanswered.Reason or UpdateUnanswered.Late or UpdateUnanswered.AskedByChain, _) => UpdateUnanswered.Reason,
        _ when due is not null && (MayBeOlder(due) || reason == LookAgain.OfChain) => due,
        _ => reason,
    };
}
