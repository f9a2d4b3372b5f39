using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>The part of an attempt that gives created accounts their passwords.</summary>
internal sealed partial class ApplyAttempt
{
    private int notified;

    /// <summary>
    /// The hashes that creations carry over, read freshly from where they stand, as fields by the change's number. A hash that is not the one
    /// that was planned is left out.
    /// </summary>
    private async Task<Dictionary<int, Fields>> ReadPasswordsAsync(IEnumerable<Change> changes, CancellationToken cancellation)
    {
        var carried = new Dictionary<int, Fields>();
        foreach (var group in changes.Where(change => change.PasswordFrom is not null).GroupBy(change => change.PasswordFrom!.System))
        {
            if (systems.GetValueOrDefault(group.Key) is not IReadsAccountsById system)
            {
                throw new SystemUnavailableException($"Single accounts of '{group.Key}' can't be read, so no password can be carried over from it. Map no passwordHash there, and plan again.");
            }

            var accounts = await system.ReadFreshAsync(group.Key, [.. group.Select(change => change.PasswordFrom!.Account)], cancellation);
            foreach (var change in group)
            {
                var from = change.PasswordFrom!;
                if (accounts.TryGetValue(from.Account, out var account) && account.Record.ValueOrNull(from.Field) is var hash && from.Digest.Matches(hash, salt))
                {
                    carried.Add(change.Number, new Fields([KeyValuePair.Create(from.Into, hash)]));
                }
            }
        }

        return carried;
    }

    /// <summary>
    /// Mails whoever got an account without a password. This comes before the outcomes are durable: a crash in between sends a mail twice,
    /// and never none.
    /// </summary>
    private async Task<List<JournalOutcome>> NotifyAsync(IReadOnlyList<Change> portion, List<JournalOutcome> outcomes)
    {
        if (!notify)
        {
            return outcomes;
        }

        var changes = portion.ToDictionary(change => change.Number);
        var told = new List<JournalOutcome>();
        foreach (var outcome in outcomes)
        {
            var change = changes[outcome.Number];
            var mailing = outcome.State == ChangeState.Applied && change is { Action: ChangeAction.Create, PasswordFrom: null }
                && systems[change.System] is ISendsRecoveryMails system
                ? await PatientlyAsync(change, () => UnforeseenAnswers.WriteAsync(change.System, () => system.SendRecoveryMailAsync(change.Account, CancellationToken.None)))
                : null;
            notified += mailing is Done ? 1 : 0;
            told.Add(mailing is null or Done ? outcome : outcome with { Message = $"The account is made; no mail went to its owner: {Why(mailing)}" });
        }

        return told;
    }

    private static string Why(WriteOutcome outcome) => outcome switch
    {
        AlreadyExists exists => exists.Message,
        Refused refused => refused.Message,
        Drifted drifted => drifted.Message,
        Unavailable unavailable => unavailable.Message,
        Unknown unknown => unknown.Message,
        _ => "the system asks for fewer mails. They can ask for one themselves.",
    };
}
