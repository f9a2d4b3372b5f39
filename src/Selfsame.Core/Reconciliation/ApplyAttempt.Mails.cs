using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// The part of an attempt that has the owners of accounts mailed that were created without a password. Mails leave when all changes are made: a system that takes
/// few mails an hour holds up no change. What was not sent is journaled as owed, and whoever applies the same plan again with it asks for the rest.
/// </summary>
internal sealed partial class ApplyAttempt
{
    private static readonly TimeSpan LongestWaitForMail = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LongestWaitForMails = TimeSpan.FromMinutes(5);

    // One that does not say for how long is asked less and less often, up to this.
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private int notified;
    private TimeSpan waitedForMails;

    /// <summary>Notes with each account that is made now that its owner is to be mailed, also where nobody asks for it this time.</summary>
    private List<JournalOutcome> WithOwedMails(IReadOnlyList<Change> portion, List<JournalOutcome> outcomes)
    {
        var mailable = portion
            .Where(change => change is { Action: ChangeAction.Create, PasswordFrom: null } && systems[change.System] is ISendsRecoveryMails)
            .Select(change => change.Number).ToHashSet();
        return outcomes.ConvertAll(outcome => outcome.State == ChangeState.Applied && mailable.Contains(outcome.Number) ? outcome with { Mail = new OwedMail(false, null) } : outcome);
    }

    /// <summary>Asks for the mails that this run still owes, where it is to; false when it was interrupted or lost its lease.</summary>
    public Task<bool> MailAsync(CancellationToken cancellation) => notify ? WhileKeepingLeaseAsync(MailOwedAsync(cancellation)) : Task.FromResult(true);

    private async Task<bool> MailOwedAsync(CancellationToken cancellation)
    {
        var throttled = new Dictionary<string, string>();
        foreach (var change in plan.Changes)
        {
            if (entries.GetValueOrDefault(change.Number) is not { State: ChangeState.Applied, Mail.Taken: false } entry || systems[change.System] is not ISendsRecoveryMails system)
            {
                continue;
            }

            if (cancellation.IsCancellationRequested || !await KeepLeaseAsync(CancellationToken.None))
            {
                return false;
            }

            var problem = throttled.GetValueOrDefault(change.System);
            if (problem is null)
            {
                var account = entry.After is { } image && AccountId.FromRecord(image, systems[change.System].Mapping.Id) is { } id ? id : change.Account;
                var mailing = await AskForMailAsync(change.System, system, account, cancellation);
                problem = mailing is Done ? null : Why(mailing);
                notified += mailing is Done ? 1 : 0;
                if (mailing is Throttled)
                {
                    throttled.Add(change.System, problem!);
                }
            }

            // What the system has taken is durable before the next leaves.
            if (!await RecordAsync([new JournalOutcome(change.Number, entry.State, entry.After, entry.Message) { Mail = new OwedMail(problem is null, problem) }]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Asks again for as long as the system's limit of mails is bearable.</summary>
    private async Task<WriteOutcome> AskForMailAsync(string name, ISendsRecoveryMails system, AccountId account, CancellationToken cancellation)
    {
        for (var pause = TimeSpan.FromSeconds(1); ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            var outcome = await UnforeseenAnswers.WriteAsync(name, () => system.SendRecoveryMailAsync(account, CancellationToken.None));
            outcome.Checked(name, creating: false);
            if (outcome is not Throttled throttled)
            {
                return outcome;
            }

            var wait = throttled.RetryAfter > pause ? throttled.RetryAfter : pause;
            if (wait > LongestWaitForMail || waitedForMails + wait > LongestWaitForMails)
            {
                return outcome;
            }

            waitedForMails += wait;
            try
            {
                await Task.Delay(wait, clock, cancellation);
            }
            catch (OperationCanceledException)
            {
                return outcome;
            }
        }
    }

    private IEnumerable<ChangeNote> NotMailed()
        => from change in plan.Changes
           let problem = entries.GetValueOrDefault(change.Number) is { State: ChangeState.Applied, Mail: { Taken: false, Problem: { } why } } ? why : null
           where problem is not null
           select new ChangeNote(change, $"The account is made; no mail went to its owner: {problem} To ask for it again: apply the same plan with --notify.");

    private static string Why(WriteOutcome outcome) => outcome switch
    {
        AlreadyExists exists => exists.Message,
        Refused refused => refused.Message,
        Drifted drifted => drifted.Message,
        Unavailable unavailable => unavailable.Message,
        Unknown unknown => unknown.Message,
        Throttled { RetryAfter.TotalMinutes: > 1 } throttled => $"the system takes no more mails for another {Math.Ceiling(throttled.RetryAfter.TotalMinutes):0} minutes.",
        _ => "the system asks for fewer mails.",
    };
}
