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
            return await LookAsync(system, rule, source, sent, null, cancellation);
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
                return await IntendAsync(new IntendedWithPassword(account, NoteOf(change)), cancellation) && await SendAsync(system, rule, source, cancellation);
            case OneChange other:
                return await ConcludeAsync(new FoundConflict($"{other.Change.Sentence} It can't be made in {Target}."), cancellation);
            case Decided decided:
                return await ConcludeAsync(new FoundConflict(decided.Evidence), cancellation);
            default:
                return await ConcludeAsync(row.State == ProvisioningState.Pending ? new NotWantedYet() : new NothingLeft(), cancellation);
        }
    }

    /// <summary>Makes what is to be sent durable before it leaves; false where another holds the row by now.</summary>
    private async Task<bool> IntendAsync(IntendedWithPassword intended, CancellationToken cancellation)
    {
        var saved = await AdvanceAsync(intended, cancellation);
        parts.CrashPoints.Reach(ProvisioningCrashPoints.IntentDurable);
        return saved;
    }

    private async Task<bool> SendAsync(ICreatesWithPassword system, ReconcileRule rule, SystemPicture source, CancellationToken cancellation)
    {
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
                return await TryOtherHandleAsync(system, rule, source, refused.Fields, refused.Message, cancellation);
            case NotCreated doubtful:
                return await LookAsync(system, rule, source, sent, doubtful.Outcome, cancellation);
            default:
                throw new ConnectorContractException(Target, $"the outcome {outcome.GetType().Name} is unknown.");
        }
    }

    /// <summary>Looks whether what was sent, now or by an earlier attempt, became an account of ours.</summary>
    /// <param name="system">The target.</param>
    /// <param name="rule">The config's.</param>
    /// <param name="source">The account for which it is made.</param>
    /// <param name="sent">What was sent.</param>
    /// <param name="answer">What it was answered; null where an earlier attempt sent it.</param>
    /// <param name="cancellation">Gives up.</param>
    private async Task<bool> LookAsync(
        ICreatesWithPassword system, ReconcileRule rule, SystemPicture source, IntendedAccount sent, WriteOutcome? answer, CancellationToken cancellation)
    {
        switch (await FindOursAsync(system, sent))
        {
            case Ours ours:
                return await AdvanceAsync(new FoundOursOlder(ours.Id, IsDisabled(sent.Fields)), cancellation);
            case var _ when source.Accounts.Count == 0:
                return await ConcludeAsync(new NothingLeft(), cancellation);
            case Anothers anothers:
                return await TryOtherHandleAsync(system, rule, source, anothers.Fields, anothers.Evidence, cancellation);
            case Nobodys when answer is AlreadyExists exists:
                return await TryOtherHandleAsync(
                    system, rule, source, exists.Fields, $"{exists.Message} The stored password signs in nowhere, so it is not ours.", cancellation);
            case Nobodys when answer is not null:
                return await ConcludeAsync(new Failed(answer is Unknown unknown ? unknown.Message : $"{answer}"), cancellation);
            case Nobodys:
                return await SendAsync(system, rule, source, cancellation);
            default:
                throw new ConnectorContractException(Target, "it gave an unknown answer about whose an account is.");
        }
    }

    /// <summary>
    /// Where nothing but the handle stands in the way, the template's next choice is sent under the same password; anything else is for a person.
    /// </summary>
    private async Task<bool> TryOtherHandleAsync(
        ICreatesWithPassword system, ReconcileRule rule, SystemPicture source, IReadOnlyList<string> fields, string evidence, CancellationToken cancellation)
    {
        var field = system.Mapping.Identifiers.GetValueOrDefault(IdentifierKind.Handle);
        if (fields is not [var only] || only != field || rule.Handle is not { } template || source.Accounts is not [var person])
        {
            return await ConcludeAsync(new FoundConflict(evidence), cancellation);
        }

        var sent = row.Intended!;
        var refused = sent.Fields.ValueOrNull(field).AsText;
        var next = template.Choices(person.Account).Where(choice => IdentifierKeys.TryKey(IdentifierKind.Handle, choice, out _, out _))
            .SkipWhile(choice => !string.Equals(choice, refused, StringComparison.OrdinalIgnoreCase)).Skip(1).FirstOrDefault();
        if (next is null)
        {
            return await ConcludeAsync(new FoundConflict(evidence), cancellation);
        }

        var fallback = sent with { Fields = sent.Fields.With(new Fields([KeyValuePair.Create(field, FieldValue.Text(next))])) };
        var note = $"The handle {refused} was not taken ({evidence}) The account gets {next}.";
        return await IntendAsync(new IntendedWithPassword(fallback, note), cancellation) && await SendAsync(system, rule, source, cancellation);
    }

    private async Task<Ownership> FindOursAsync(ICreatesWithPassword system, IntendedAccount sent)
        => await CallAsync<Ownership?>(async timeout => await system.FindOursAsync(sent.Fields, sent.Password, timeout), _ => null)
            ?? throw new SystemUnavailableException($"'{Target}' did not tell within {Provisioner.CallTimeout.TotalSeconds} seconds whether an account is ours.");

    // The planner chose another handle than the first choice, and says why.
    private static string? NoteOf(Change change) => change.Effects.FirstOrDefault(effect => effect.StartsWith("The handle ", StringComparison.Ordinal));
}
