using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>The work on one claimed row: looks at both sides, and takes the row as far as it goes now.</summary>
/// <param name="parts">What it works with.</param>
/// <param name="claim">The row.</param>
/// <param name="planned">The fields that a person read in a plan: nothing else is made; null where the service works by itself.</param>
/// <param name="lane">Whose place takes the next row when this one is given back; null where none is to be taken.</param>
internal sealed partial class RowWork(ProvisionerParts parts, ClaimedRow claim, Fields? planned = null, SystemLane? lane = null)
{
    // What is written is read again with its source; one that changes faster than this is looked at later.
    private const int MaximumRounds = 4;

    private ProvisioningRow row = claim.Row;
    private bool wrote;

    // Whether the update that was sent last leaves the account disabled; null before one. A creation that arrives late is refused, or found by the other holder.
    private bool? sentDisabled;
    private bool lost;

    /// <summary>Takes the row as far as it goes; what the world does to it ends in the row, not in an exception.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await StepAsync(cancellation);
        }
        catch (SystemUnavailableException exception)
        {
            TellUnforeseen(exception.Unforeseen);
            await ConcludeAsync(new Failed(exception.Message, exception.RetryAfter), cancellation);
        }
        catch (ConnectorContractException exception)
        {
            await ConcludeAsync(new FoundConflict(exception.Message), cancellation);
        }
        catch (Exception exception) when (UnforeseenAnswers.Is(exception))
        {
            // A mistake of ours about one account: it has its back-off as any other failure has, and holds no other row up.
            TellUnforeseen(exception);
            await ConcludeAsync(new Failed($"The work on it failed in a way that was not foreseen ({exception.GetType().Name}). The log has the whole: report it."), cancellation);
        }

        // The other holder may have read the account before what we sent arrived.
        if (lost && sentDisabled is { } disabled)
        {
            await parts.Rows.AskAgainAsync([row.Key], LookAgain.OfLateWrite, disabled, cancellation);
        }
    }

    /// <summary>The row as it was last written.</summary>
    public ProvisioningRow Row => row;

    /// <summary>Whether the plan would now be another, so that nothing was done.</summary>
    public bool PlanIsOld { get; private set; }

    private string Target => row.Key.System;

    private void TellUnforeseen(Exception? exception)
    {
        if (exception is not null)
        {
            parts.Unforeseen(row, exception);
        }
    }

    private async Task StepAsync(CancellationToken cancellation)
    {
        if (row.State is ProvisioningState.Conflict or ProvisioningState.Compensated)
        {
            row = Next(new LateTimeOver());
        }

        var rule = parts.Topology.Rules.FirstOrDefault(
            rule => rule.Source == row.Key.Source && rule.Target == Target && rule.Missing == MissingAction.CreateInTarget);
        if (rule is null)
        {
            await ConcludeAsync(new FoundConflict($"The config no longer provisions from '{row.Key.Source}' into '{Target}'."), cancellation);
            return;
        }

        for (var round = 1; round <= MaximumRounds; round++)
        {
            var read = await ReadByIdAsync(rule.Source, [row.Key.Account], cancellation);
            var source = Picture(rule.Source, await DescribeAsync(rule.Source, cancellation), read.Values);
            var target = await ReadTargetAsync(rule, source, cancellation);
            var ours = target.Accounts.FirstOrDefault(account => account.Account.Id.Equals(OurIdIn(target.Facts)));
            // It may stand under the id that we chose without this row, by a plan: whatever the row comes to, and the purge, must know of it.
            row = ours is null ? row : row with { TargetId = ours.Account.Id };
            var again = ours is null ? await MakeAsync(rule, source, target, cancellation)
                : row.Purged && source.Accounts.Count == 0 && parts.Topology.DeletesPurged(rule) ? await DeleteAsync(target, ours.Account, cancellation)
                : await FollowAsync(rule, source, target, ours.Account, cancellation);
            if (!again)
            {
                return;
            }
        }

        await ConcludeAsync(new Failed($"The account in {Target} changes faster than it can be brought up to date."), cancellation);
    }

    /// <summary>
    /// The id under which the account is, or will be, ours: the source's own where we choose it. Where the system gives ids itself an equal one
    /// is chance, or somebody's intention: there is none before the link.
    /// </summary>
    private AccountId? OurIdIn(SystemFacts facts) => row.TargetId ?? (facts.GivesNumbers || parts.Systems[Target] is ICreatesWithPassword ? null : row.Key.Account);

    /// <summary>What is done where there is no account of ours; whether to look again at once.</summary>
    private async Task<bool> MakeAsync(ReconcileRule rule, SystemPicture source, SystemPicture target, CancellationToken cancellation)
    {
        if (row.State == ProvisioningState.Linked)
        {
            if (!Following.Wants(source))
            {
                return await ConcludeAsync(new NothingLeft(), cancellation);
            }

            // A person read that it is missing, or asked, and wants it.
            if (planned is null && !DueReason.IsRetry(row.DueBecause))
            {
                return await ConcludeAsync(new FoundGone(), cancellation);
            }

            row = Next(new MadeAgain());
            wrote = true;
        }

        if (row.State == ProvisioningState.Compensating)
        {
            if (!Following.Wants(source))
            {
                return await FindArrivedAsync(cancellation) is { } arrived
                    ? await AdvanceAsync(new WantedAgain(), cancellation) && await AdvanceAsync(arrived, cancellation)
                    : await ConcludeAsync(NothingThere(), cancellation);
            }

            if (!await AdvanceAsync(new WantedAgain(), cancellation))
            {
                return false;
            }
        }

        // What was sent already goes its way; who is not to have an account, or has no proved address any more, holds none for others to wait for.
        var address = IsFor(rule, source) ? VerifiedAddress(source) : null;
        if ((row.Intended is null || address is null) && await IsAnothersAddressAsync(rule, source, address, cancellation))
        {
            return false;
        }

        if (parts.Systems[Target] is ICreatesWithPassword system)
        {
            return await MakeWithPasswordAsync(system, rule, source, target, cancellation);
        }

        // For who is disabled none is made where it could not be disabled.
        if (source.Accounts.Count == 0 || (!Following.Wants(source) && !target.Config.Mapping.Attributes.ContainsKey(AccountMapping.Active)))
        {
            return await ConcludeAsync(NothingThere(), cancellation);
        }

        switch (PersonalPlan.ForNew(parts.Topology, rule, source, target, Stamp()))
        {
            case OneChange { Change.Action: ChangeAction.Create } creation when creation.Change.Account.Equals(OurIdIn(target.Facts)):
                return await CreateAsync(creation.Change, cancellation);
            case OneChange { Change.Numbered: true } numbered:
                return await ConcludeAsync(new FoundConflict($"{numbered.Change.Sentence} {Target} numbers its accounts itself: the service makes none there, a plan does (selfsame plan)."), cancellation);
            case OneChange other:
                return await ConcludeAsync(new FoundConflict($"{other.Change.Sentence} Its id in {Target} can't be chosen by us."), cancellation);
            case Decided decided:
                return await ConcludeAsync(new FoundConflict(decided.Evidence), cancellation);
            default:
                return await ConcludeAsync(row.State == ProvisioningState.Pending ? new NotWantedYet() : NothingThere(), cancellation);
        }
    }

    /// <summary>
    /// What it comes to that no account is wanted and none is there: what was asked for may still arrive, unless it had and was deleted, or it was waited for long enough.
    /// </summary>
    private ProvisioningEvent NothingThere()
        => row is { State: ProvisioningState.Intent, Deleting: false } or { DueBecause: MayStillArrive.AskedMeanwhile } ? new MayStillArrive() : new NothingLeft();

    /// <summary>Brings our account up to date; whether to look again at once.</summary>
    private async Task<bool> FollowAsync(ReconcileRule rule, SystemPicture source, SystemPicture target, Account ours, CancellationToken cancellation)
    {
        var following = new Following(parts.Topology, rule, source, target, ours, row.Disabled);
        if (following.IsWanted && row.State == ProvisioningState.Compensating && !await AdvanceAsync(new WantedAgain(), cancellation))
        {
            return false;
        }

        var set = following.Set(Stamp(), out var problem);
        // Who is disabled gives the address up with that; who can't be does it here.
        if ((following.IsWanted || problem is not null)
            && await IsAnothersAddressAsync(rule, source, following.IsWanted ? VerifiedAddress(source) : null, cancellation, unless: problem is null && !MakesShared(set)))
        {
            return false;
        }

        if (problem is not null)
        {
            return await ConcludeAsync(new FoundConflict(problem), cancellation);
        }

        if (set.Count == 0 && following.IsWanted && HandleSince(rule, source, ours) is { } handle)
        {
            return await CatchUpAsync(ours, handle, cancellation);
        }

        if (set.Count == 0)
        {
            return await ConcludeAsync(following.IsWanted ? new FoundOurs(ours.Id) : new NothingLeft(), cancellation);
        }

        if (parts.Systems[Target] is not IUpdatesAccounts system)
        {
            return await ConcludeAsync(new FoundConflict($"'{Target}' can't update accounts."), cancellation);
        }

        if (await LeftBehindAsync(ours, set, cancellation) is { } left)
        {
            // What can't follow must not keep an account active that should not be, nor the other way round.
            if (!following.ChangesActivity(set))
            {
                return await ConcludeAsync(!following.IsWanted ? new NothingLeft()
                    : new FoundConflict($"{left} refer to {ours.Label} (id {ours.Id}) by what would change, and would be left behind: change it in the application."), cancellation);
            }

            set = following.OnlyActivity(set);
        }

        var isCounted = row.State == ProvisioningState.Compensating && !DueReason.IsAwaited(row.DueBecause);
        if (following.Disables(set) && !isCounted && !await MayDisableAsync(cancellation))
        {
            return false;
        }

        if (!await KeepNewsAsync(cancellation) || claim.Remaining(parts.Clock) < Provisioner.CallTimeout)
        {
            return false;
        }

        sentDisabled = following.Disables(set);
        var outcome = await CallAsync(timeout => system.UpdateAsync(ours.Id, set, following.Precondition(set), timeout));
        wrote = true;
        parts.CrashPoints.Reach(ProvisioningCrashPoints.UpdateLeft);
        if (outcome is Refused or AlreadyExists && following.Disables(set) && set.Count > 1)
        {
            if (claim.Remaining(parts.Clock) < Provisioner.CallTimeout)
            {
                return false;
            }

            // What else can't follow must not keep an account active that should not be. The refusal is found again by the next look.
            var only = following.OnlyActivity(set);
            outcome = await CallAsync(timeout => system.UpdateAsync(ours.Id, only, following.Precondition(only), timeout));
        }

        return await JudgeUpdateAsync(outcome.Checked(Target, creating: false), cancellation);
    }

    /// <summary>What refers to our account by a field that would change, where only the config says so and no system minds, as a clause; null for nothing.</summary>
    private async Task<string?> LeftBehindAsync(Account ours, Fields set, CancellationToken cancellation)
    {
        var config = parts.Topology.Systems[Target];
        var changing = set.Where(pair => pair.Value != ours.Record.ValueOrNull(pair.Key)).Select(pair => pair.Key).Except(config.Mapping.Id).ToHashSet(StringComparer.Ordinal);
        var declared = config.References.Where(place => place.AccountFields.Any(changing.Contains)).ToList();
        if (declared.Count == 0 || parts.Systems[Target] is not IHasReferences system)
        {
            return null;
        }

        var places = await PoliteAsync(Target, () => system.FindPlacesAsync(declared, cancellation), cancellation);
        var counts = await PoliteAsync(Target, () => system.CountReferringAsync([.. places.Where(place => !place.Enforced && declared.Exists(place.IsSamePlaceAs))], [ours], cancellation), cancellation);
        return counts.Count == 0 ? null : string.Join(", ", counts.Select(count => $"{count.Place} ({count.Rows})"));
    }

    private async Task<bool> JudgeUpdateAsync(WriteOutcome outcome, CancellationToken cancellation)
    {
        switch (outcome)
        {
            // Read again with its source, so that attributes converge whoever wrote last.
            case Done or Drifted: return true;
            case Unknown unknown: return await ConcludeAsync(new UpdateUnanswered(unknown.Message), cancellation);
            case Refused refused: return await ConcludeAsync(new FoundConflict(refused.Message), cancellation);
            case AlreadyExists exists: return await ConcludeAsync(new FoundConflict(exists.Message), cancellation);
            case Throttled throttled: return await ThrottleAsync(throttled, cancellation);
            case Unavailable unavailable: return await ConcludeAsync(new Failed(unavailable.Message), cancellation);
            default: throw new ConnectorContractException(Target, $"the outcome {outcome.GetType().Name} is unknown.");
        }
    }

    /// <summary>Counts a disabling under the hourly guard; one that exceeds it waits and says so.</summary>
    private async Task<bool> MayDisableAsync(CancellationToken cancellation)
    {
        var most = parts.Topology.Guards.MaxDisablesPerHour;
        return await MayEndAsync(new Disabling(), most, $"It waits to be disabled: the guard maxDisablesPerHour allows {most} in {Target} within an hour.", ProvisioningCrashPoints.DisablingDurable, cancellation);
    }

    private async Task<bool> MayEndAsync(ProvisioningEvent end, int most, string waits, string durable, CancellationToken cancellation)
    {
        var next = Next(end);
        switch (await parts.Rows.SaveDisablingAsync(next, most, cancellation))
        {
            case DisablingCounted:
                row = next;
                parts.CrashPoints.Reach(durable);
                return true;
            case DisablingGuarded guarded:
                return await ConcludeAsync(new Failed(waits, guarded.RetryAfter), cancellation);
            default:
                lost = true;
                return false;
        }
    }

    private async Task<bool> CreateAsync(Change change, CancellationToken cancellation)
    {
        if (parts.Systems[Target] is not ICreatesAccounts system)
        {
            return await ConcludeAsync(new FoundConflict($"'{Target}' can't create accounts."), cancellation);
        }

        var saved = await AdvanceAsync(new Intended(change.Account), cancellation);
        parts.CrashPoints.Reach(ProvisioningCrashPoints.IntentDurable);
        if (!saved || claim.Remaining(parts.Clock) < Provisioner.CallTimeout)
        {
            return false;
        }

        var outcome = await CallAsync(timeout => system.CreateAsync(change.Account, change.After, timeout));
        outcome.Checked(Target, creating: true);
        parts.CrashPoints.Reach(ProvisioningCrashPoints.CreateLeft);
        return await JudgeCreationAsync(outcome, change, cancellation);
    }

    /// <summary>What an answer means, after a look where it leaves doubt: a lost answer is unknown, never failed.</summary>
    private async Task<bool> JudgeCreationAsync(WriteOutcome outcome, Change change, CancellationToken cancellation)
    {
        var chosen = change.Account;
        switch (outcome)
        {
            case Refused refused: return await ConcludeAsync(new FoundConflict(refused.Message), cancellation);
            case Throttled throttled: return await ThrottleAsync(throttled, cancellation);
            case Unavailable unavailable: return await ConcludeAsync(new Failed(unavailable.Message), cancellation);
        }

        var found = (await ReadByIdAsync(Target, [chosen], cancellation)).ContainsKey(chosen);
        return (found, outcome) switch
        {
            (true, Done) when !IsDisabled(change.After) => await ConcludeAsync(new FoundOurs(chosen), cancellation),
            // An earlier request of ours may have arrived in between, with what the source was then.
            (true, _) => await AdvanceAsync(new FoundOursOlder(chosen, IsDisabled(change.After)), cancellation),
            (false, AlreadyExists exists)
                => await ConcludeAsync(new FoundConflict($"{exists.Message} It is not under the id that we chose, so it is not ours."), cancellation),
            (false, Unknown unknown) => await ConcludeAsync(new Failed(unknown.Message), cancellation),
            _ => await ConcludeAsync(new Failed("The account was made and can't be seen yet."), cancellation),
        };
    }

    // An account that we make disabled is disabled by us: once its source is active, it is enabled.
    private bool IsDisabled(Fields made) => parts.Topology.Systems[Target].Mapping.LeavesDisabled(made);

    /// <summary>The system asked for patience: it gets it for all its rows, unless it was this account's doing.</summary>
    private async Task<bool> ThrottleAsync(Throttled throttled, CancellationToken cancellation)
    {
        await (throttled.LimitIsOfAccount ? Task.CompletedTask : parts.Rows.PauseAsync(Target, throttled.RetryAfter, cancellation));
        return await ConcludeAsync(new Failed("The system asked to be called later.", throttled.RetryAfter), cancellation);
    }

    private PlanStamp Stamp() => new(parts.Random.NextUuid(), parts.Clock.GetUtcNow(), "", "", parts.Random);
}
