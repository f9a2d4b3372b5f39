using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Creations in systems that number their accounts: each takes its number before it is journaled. So it is known by an id that we chose beforehand, whatever
/// becomes of the answer, as where ids are ours to choose.
/// </summary>
internal sealed partial class ApplyAttempt
{
    // Somebody may use a number that was taken ahead: SQLite keeps none for anybody.
    private const int MaximumNumbers = 5;

    /// <summary>The changes as they are made: a numbered creation under its number, the one of an earlier attempt where there was one.</summary>
    private async Task<IReadOnlyList<Change>> NumberAsync(IReadOnlyList<Change> portion, CancellationToken cancellation)
    {
        var numbered = portion.Where(change => change.Numbered && NumberOf(change) is not null).ToDictionary(change => change.Number, change => Under(change, NumberOf(change)!.Value));
        foreach (var group in portion.Where(change => change.Numbered && !numbered.ContainsKey(change.Number)).GroupBy(change => change.System))
        {
            var numbers = await TakeNumbersAsync(group.Key, group.Count(), cancellation);
            foreach (var (change, number) in group.Zip(numbers))
            {
                numbered.Add(change.Number, Under(change, number));
            }
        }

        return [.. portion.Select(change => numbered.GetValueOrDefault(change.Number, change))];
    }

    private async Task<IReadOnlyList<FieldValue>> TakeNumbersAsync(string name, int count, CancellationToken cancellation)
    {
        if (systems[name] is not INumbersAccounts system)
        {
            throw new SystemUnavailableException($"When the plan was made, '{name}' numbered its accounts, and does not any more. Make a new plan.");
        }

        // What an earlier attempt took for another change is that one's.
        var given = plan.Changes.Where(change => change.Numbered && change.System == name).Select(NumberOf).OfType<FieldValue>().ToHashSet();
        var taken = new List<FieldValue>();
        while (taken.Count < count)
        {
            var asked = count - taken.Count;
            var numbers = await UnforeseenAnswers.ReadAsync(name, () => system.TakeNumbersAsync(asked, cancellation));
            if (numbers.Count != asked || numbers.Any(number => taken.Contains(number)))
            {
                throw new ConnectorContractException(name, $"asked for {asked} numbers it gave {numbers.Count}, or one of them twice.");
            }

            taken.AddRange(numbers.Where(given.Add));
        }

        return taken;
    }

    private FieldValue? NumberOf(Change change)
        => entries.GetValueOrDefault(change.Number)?.Rows is [var row] ? row.After[topology.Systems[change.System].Mapping.Id[0]] : null;

    private Change Under(Change change, FieldValue number)
    {
        var id = new Fields([KeyValuePair.Create(topology.Systems[change.System].Mapping.Id[0], number)]);
        return change with { Account = AccountId.FromRecord(id, [.. id.Keys])!, After = change.After.With(id) };
    }

    private JournalIntent IntentOf(Change change, Fields? before)
    {
        if (!change.Numbered)
        {
            return new JournalIntent(change.Number, before);
        }

        var id = change.After.Only(topology.Systems[change.System].Mapping.Id);
        return new JournalIntent(change.Number, before, [new RowWrite { Table = systems[change.System] is IWritesTogether system ? system.AccountsTable : "", Action = RowAction.Insert, Key = id, Before = Fields.Empty, After = id }]);
    }

    /// <summary>Sends a change; where somebody has used its number meanwhile, it is sent under the next, which is journaled first.</summary>
    private async Task<(Change Change, WriteOutcome Outcome)> SendAsync(Change change, Ready ready, Fields password, CancellationToken cancellation)
    {
        for (var left = MaximumNumbers; ; left--)
        {
            var outcome = await SendAsync(change, ready.Precondition, password);
            if (!change.Numbered || left == 0 || outcome is not AlreadyExists { Fields: [var field] } || field != topology.Systems[change.System].Mapping.Id[0])
            {
                return (change, outcome);
            }

            change = Under(change, (await TakeNumbersAsync(change.System, 1, cancellation))[0]);
            if (!await journal.RecordIntentsAsync(Lease, plan.Id, [IntentOf(change, null)], cancellation))
            {
                return (change, new Unavailable("Another apply has taken over."));
            }
        }
    }
}
