using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>The making of an account where the system gives ids itself, and ours is what the stored password signs in.</summary>
internal sealed partial class RowWork
{
    /// <summary>Whether to look again at once.</summary>
    private async Task<bool> MakeWithPasswordAsync(
        ICreatesWithPassword system, ReconcileRule rule, SystemPicture source, SystemPicture target, CancellationToken cancellation)
    {
        if (row.Intended is { } sent)
        {
            return await LookAsync(new Sides(system, rule, source, target, Looked: true), sent, null, cancellation);
        }

        if (source.Accounts.Count == 0)
        {
            return await ConcludeAsync(new NothingLeft(), cancellation);
        }

        switch (PersonalPlan.ForNew(parts.Topology, rule, source, target, Stamp()))
        {
            case OneChange { Change: { Action: ChangeAction.Create, For: not null } change } when planned is not null && !change.After.Equals(planned):
                return await ConcludeUnchangedAsync(cancellation);
            case OneChange { Change: { Action: ChangeAction.Create, For: not null } change }:
                // A password that was never sent signs in nowhere: the first look is the creation itself.
                var account = new IntendedAccount(change.After, parts.Random.NextToken());
                var sides = new Sides(system, rule, source, target, Looked: !LooksLater(target.Facts));
                return await IntendAsync(new IntendedWithPassword(account, NoteOf(change)), cancellation) && await SendAsync(sides, cancellation);
            case OneChange other:
                return await ConcludeAsync(new FoundConflict($"{other.Change.Sentence} It can't be made in {Target}."), cancellation);
            case Decided decided:
                return await ConcludeAsync(new FoundConflict(decided.Evidence), cancellation);
            default:
                return await ConcludeAsync(row.State == ProvisioningState.Pending ? new NotWantedYet() : new NothingLeft(), cancellation);
        }
    }

    /// <summary>
    /// Whether the first creation goes before the first look: nothing of ours was ever sent, so that none of it can be there, and the system refuses by itself
    /// what another has. Who applies a plan is promised a look.
    /// </summary>
    private bool LooksLater(SystemFacts facts)
        => facts.RefusesTakenIdentifiers && planned is null && parts.Systems[Target] is ICreatesWithPassword
            && row is { State: ProvisioningState.Pending, Intended: null, TargetId: null };

    /// <summary>Makes what is to be sent durable before it leaves; false where another holds the row by now.</summary>
    private async Task<bool> IntendAsync(IntendedWithPassword intended, CancellationToken cancellation)
    {
        var saved = await AdvanceAsync(intended, cancellation);
        parts.CrashPoints.Reach(ProvisioningCrashPoints.IntentDurable);
        return saved;
    }

    private async Task<bool> SendAsync(Sides sides, CancellationToken cancellation)
    {
        var system = sides.System;
        var sent = row.Intended!;
        if (claim.Remaining(parts.Clock) < Provisioner.CallTimeout)
        {
            return false;
        }

        var outcome = await CallAsync<CreationOutcome>(
            timeout => system.CreateAsync(sent.Fields, sent.Password, timeout), problem => new NotCreated(new Unknown(problem)));
        parts.CrashPoints.Reach(ProvisioningCrashPoints.CreateLeft);
        switch (outcome.Checked(Target, system.Mapping))
        {
            case CreatedAccount made when claim.Row.Intended is null && !IsDisabled(sent.Fields):
                return await ConcludeAsync(new FoundOurs(made.Id), cancellation);
            case CreatedAccount made:
                return await AdvanceAsync(new FoundOursOlder(made.Id, IsDisabled(sent.Fields)), cancellation);
            case NotCreated { Outcome: Throttled throttled }:
                return await ThrottleAsync(throttled, cancellation);
            case NotCreated { Outcome: Unavailable unavailable }:
                return await ConcludeAsync(new Failed(unavailable.Message), cancellation);
            case NotCreated { Outcome: Refused refused }:
                return await TryOtherwiseAsync(sides, refused.Fields, refused.Message, cancellation);
            case NotCreated doubtful:
                var looked = sides.Looked ? sides : sides with { Target = await ReadTargetAsync(sides.Rule, sides.Source, cancellation), Looked = true };
                return await LookAsync(looked, sent, doubtful.Outcome, cancellation);
            default:
                throw new ConnectorContractException(Target, $"the outcome {outcome.GetType().Name} is unknown.");
        }
    }

    /// <summary>Looks whether what was sent, now or by an earlier attempt, became an account of ours.</summary>
    /// <param name="sides">Between whom.</param>
    /// <param name="sent">What was sent.</param>
    /// <param name="answer">What it was answered; null where an earlier attempt sent it.</param>
    /// <param name="cancellation">Gives up.</param>
    private async Task<bool> LookAsync(Sides sides, IntendedAccount sent, WriteOutcome? answer, CancellationToken cancellation)
    {
        switch (await FindOursAsync(sides.System, sent, cancellation))
        {
            case Ours ours:
                return await AdvanceAsync(new FoundOursOlder(ours.Id, IsDisabled(sent.Fields)), cancellation);
            case var _ when sides.Source.Accounts.Count == 0:
                return await ConcludeAsync(NothingThere(), cancellation);
            case Anothers anothers:
                return await TryOtherwiseAsync(sides, anothers.Fields, anothers.Evidence, cancellation);
            case Nobodys when answer is AlreadyExists exists:
                return await TryOtherwiseAsync(sides, exists.Fields, $"{exists.Message} The stored password signs in nowhere, so it is not ours.", cancellation);
            case Nobodys when answer is not null:
                return await ConcludeAsync(new Failed(answer is Unknown unknown ? unknown.Message : $"{answer}"), cancellation);
            // An earlier request may still be on its way: it is sent again as it was, or not at all.
            case Nobodys when planned is not null && !sent.Fields.Equals(planned):
                return await ConcludeUnchangedAsync(cancellation);
            case Nobodys:
                return await SendAsync(sides, cancellation);
            default:
                throw new ConnectorContractException(Target, "it gave an unknown answer about whose an account is.");
        }
    }

    /// <summary>
    /// After a refusal that leaves no doubt: what the source has become since is sent under the same password, or the template's next choice where the handle
    /// stands in the way. Where that would be the same again it is for a person.
    /// </summary>
    private async Task<bool> TryOtherwiseAsync(Sides sides, IReadOnlyList<string> fields, string evidence, CancellationToken cancellation)
    {
        var refused = row.Intended!;
        var handle = sides.System.Mapping.Identifiers.GetValueOrDefault(IdentifierKind.Handle);
        var tried = fields is [var only] && only == handle ? refused.Fields.ValueOrNull(only).AsText : null;
        IReadOnlyList<string> passed = tried is null ? refused.PassedHandles : [.. refused.PassedHandles, tried];
        var need = sides.Source.Accounts.Count == 1 ? PersonalPlan.ForNew(parts.Topology, sides.Rule, sides.Source, sides.Target, Stamp()) : null;
        // The first look came after the creation: it comes to what it would have come to before.
        if (need is Decided decided && sides.Target.Facts.RefusesTakenIdentifiers)
        {
            return await ConcludeAsync(new FoundConflict($"{evidence} {decided.Evidence}"), cancellation);
        }

        if (WouldSend(sides, need, refused, handle, passed) is not { } fresh || fresh.Equals(refused.Fields))
        {
            return await ConcludeAsync(new FoundConflict(evidence), cancellation);
        }

        var next = handle is null ? null : fresh.ValueOrNull(handle).AsText;
        if (planned is not null && !Except(fresh, handle).Equals(Except(planned, handle)))
        {
            return await ConcludeUnchangedAsync(cancellation);
        }

        var note = tried is not null ? $"The handle {tried} was not taken ({evidence}) The account gets {next}."
            : handle is not null && refused.Fields.ValueOrNull(handle).AsText == next ? row.Note
            : null;
        // Its source may have another address since.
        if (await IsAnothersAddressAsync(sides.Rule, sides.Source, VerifiedAddress(sides.Source), cancellation))
        {
            return false;
        }

        return await IntendAsync(new IntendedWithPassword(refused with { Fields = fresh, PassedHandles = passed }, note), cancellation) && await SendAsync(sides, cancellation);
    }

    /// <summary>What the source would have made now, with the first of its handles that was not refused before; null where there is none left.</summary>
    private static Fields? WouldSend(Sides sides, Need? need, IntendedAccount refused, string? handle, IReadOnlyList<string> passed)
    {
        if (sides.Source.Accounts is not [var person])
        {
            return null;
        }

        var now = need is OneChange { Change: { Action: ChangeAction.Create, For: not null } change } ? change.After : refused.Fields;
        if (handle is null || sides.Rule.Handle is not { } template)
        {
            return now;
        }

        return NextHandle(template, person.Account, passed) is { } next ? now.With(new Fields([KeyValuePair.Create(handle, FieldValue.Text(next))])) : null;
    }

    private static string? NextHandle(HandleTemplate template, Account person, IReadOnlyList<string> passed)
        => template.Choices(person)
            .Where(choice => IdentifierKeys.TryKey(IdentifierKind.Handle, choice, out _, out _))
            .FirstOrDefault(choice => !passed.Contains(choice, StringComparer.OrdinalIgnoreCase));

    /// <summary>
    /// The handle with which an account would be made now that was made, or changed by a plan, a late node or a late update, of what its source was before; null where it has it. An
    /// audit takes every choice of the template for right, so nothing else would ever move it. One that was passed over and that it has by now was taken since.
    /// </summary>
    private Fields? HandleSince(ReconcileRule rule, SystemPicture source, Account ours)
        => DueReason.MayBeOlder(row.DueBecause) && row.Intended is { } sent && rule.Handle is { } template
            && parts.Systems[Target].Mapping.Identifiers.GetValueOrDefault(IdentifierKind.Handle) is { } field
            && ours.Record.ValueOrNull(field).AsText is var present
            && NextHandle(template, source.Accounts.Single().Account, [.. sent.PassedHandles.Where(passed => !string.Equals(passed, present, StringComparison.OrdinalIgnoreCase))]) is { } next
            && !string.Equals(next, present, StringComparison.OrdinalIgnoreCase)
            ? new Fields([KeyValuePair.Create(field, FieldValue.Text(next))])
            : null;

    /// <summary>Gives our account the handle that its source has come by; one that the system does not take is passed over, as at a creation.</summary>
    private async Task<bool> CatchUpAsync(Account ours, Fields handle, CancellationToken cancellation)
    {
        if (parts.Systems[Target] is not IUpdatesAccounts system)
        {
            return await ConcludeAsync(new FoundOurs(ours.Id), cancellation);
        }

        if (!await KeepNewsAsync(cancellation) || claim.Remaining(parts.Clock) < Provisioner.CallTimeout)
        {
            return false;
        }

        var (field, wanted) = handle.Single();
        var present = ours.Record.ValueOrNull(field);
        sentDisabled = false;
        var outcome = (await CallAsync(timeout => system.UpdateAsync(ours.Id, handle, new Fields([KeyValuePair.Create(field, present)]), timeout)))
            .Checked(Target, creating: false);
        wrote = true;
        parts.CrashPoints.Reach(ProvisioningCrashPoints.UpdateLeft);
        var refusal = outcome switch
        {
            AlreadyExists exists when exists.Fields.Contains(field) => exists.Message,
            Refused refused when refused.Fields.Contains(field) => refused.Message,
            _ => null,
        };
        return refusal is null
            ? await JudgeUpdateAsync(outcome, cancellation)
            : await AdvanceAsync(new HandlePassed(wanted.AsText!, $"The handle {wanted} was not taken ({refusal}) The account keeps {present}."), cancellation);
    }

    private static Fields Except(Fields fields, string? handle) => handle is null ? fields : fields.Without(new HashSet<string>(StringComparer.Ordinal) { handle });

    /// <summary>What was asked for and has arrived since, of which the id is not known; null for nothing.</summary>
    private async Task<FoundOursOlder?> FindArrivedAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return parts.Systems[Target] is ICreatesWithPassword system && row is { TargetId: null, Intended: { } sent } && await FindOursAsync(system, sent, cancellation) is Ours ours
            ? new FoundOursOlder(ours.Id, IsDisabled(sent.Fields))
            : null;
    }

    private Task<Ownership> FindOursAsync(ICreatesWithPassword system, IntendedAccount sent, CancellationToken cancellation)
        => PoliteAsync(
            Target,
            () => CallAsync<Ownership>(
                timeout => system.FindOursAsync(sent.Fields, sent.Password, timeout),
                problem => throw new SystemUnavailableException($"{problem} Whether an account is ours is not known.")),
            cancellation);

    // The planner chose another handle than the first choice, and says why.
    private static string? NoteOf(Change change) => change.Effects.FirstOrDefault(effect => effect.StartsWith("The handle ", StringComparison.Ordinal));

    /// <summary>Between whom an account is made.</summary>
    /// <param name="System">The system that makes it.</param>
    /// <param name="Rule">By which rule.</param>
    /// <param name="Source">Whose account it is to be.</param>
    /// <param name="Target">Who could have it already; of those that identifiers find, nobody while it was not <paramref name="Looked"/> for them.</param>
    /// <param name="Looked">Whether it was.</param>
    private sealed record Sides(ICreatesWithPassword System, ReconcileRule Rule, SystemPicture Source, SystemPicture Target, bool Looked);
}
