using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What became of the writes that an earlier attempt journaled.</summary>
internal sealed partial class RowChanges
{
    /// <summary>Whether a change that its system makes as one was made, whatever became of its rows since.</summary>
    public async Task<bool> StandsAsync(Change change, IReadOnlyList<RowWrite> journaled, CancellationToken cancellation)
    {
        var system = Writer(change.System);
        var present = await ((IReadsAccountsById)system).ReadFreshAsync(change.System, [.. Involved(change).Append(Final(change, system.Mapping)).Distinct()], cancellation);
        if (change.Exchanged is not null)
        {
            return !new ExchangeTraces(change, journaled, system.AccountsTable, system.Mapping, present.GetValueOrDefault).IsUnmade;
        }

        return !KeptItsId(change, system.Mapping, present) && (await system.DescribeAsync(cancellation)).AtomicPreconditions && (await MadeEarlierAsync(system, [journaled], cancellation)).Any(row => IsOfAccount(change, system, row));
    }

    /// <summary>An exchange of ids that an earlier attempt journaled: made as a whole, or maybe; null where it was not.</summary>
    private static PreparedChange? ExchangedEarlier(Change change, IWritesTogether system, IReadOnlyList<RowWrite> earlier, IReadOnlyDictionary<AccountId, Account> present)
    {
        var traces = new ExchangeTraces(change, earlier, system.AccountsTable, system.Mapping, present.GetValueOrDefault);
        return traces switch
        {
            { IsUnmade: true } => null,
            { IsMade: true } => new PreparedChange(change, new ExpandedChange(earlier, []), null)
            {
                Left = [],
                Since = traces.Changed.Length == 0 ? null
                    : $"The ids were exchanged before the apply was stopped, and since then somebody changed {traces.Changed}. That stays, and nothing is made twice. Undo of the run exchanges the ids back and leaves these changes.",
            },
            _ => new PreparedChange(
                change,
                null,
                $"An earlier apply may have exchanged the ids, and since then so much changed that nothing tells whether it did: {traces.Changed}. What it journaled stays. Look whose ids they are, exchange them in the application where they are wrong, and plan again."),
        };
    }

    /// <summary>
    /// Those of a change's writes that stand in its system although the change as a whole was not made; none where the system has transactions:
    /// what looks as if it were made there is somebody else's work.
    /// </summary>
    public async Task<IReadOnlyList<RowWrite>> LeftBehindAsync(Change change, IReadOnlyList<RowWrite> journaled, CancellationToken cancellation)
    {
        var system = Writer(change.System);
        if (journaled.Count == 0 || (await system.DescribeAsync(cancellation)).AtomicPreconditions)
        {
            return [];
        }

        var made = await MadeAsync(system, journaled, [], cancellation);
        return [.. journaled.Where(made.Contains)];
    }

    /// <summary>Whether an account that was to take another id is still the one with its own, whoever has the other by now.</summary>
    private bool KeptItsId(Change change, AccountMapping mapping, IReadOnlyDictionary<AccountId, Account> present)
        => change is { Action: ChangeAction.Rekey, Exchanged: null } && IdChains.Likeness(change, mapping, present.GetValueOrDefault, salt) < 0;

    // An account that has its new id is not found under the old one; what was journaled is made to its end. What is made to its end is done,
    // whatever happened to its account since.
    private static bool IsReplayed(Change change, List<RowWrite> madeEarlier, IReadOnlyList<RowWrite> earlier) => change switch
    {
        { Action: ChangeAction.Rekey or ChangeAction.Update } => madeEarlier.Count > 0,
        _ => madeEarlier.Count > 0 && madeEarlier.Count == earlier.Count,
    };

    /// <summary>Whether a write is of the account itself that the change is about.</summary>
    private static bool IsOfAccount(Change change, IWritesTogether system, RowWrite row)
        => row.Table == system.AccountsTable && AccountId.FromRecord(row.Key, system.Mapping.Id)?.Equals(change.Account) == true;

    /// <summary>
    /// What is left to make of a change that an earlier attempt began. Where the system makes all of it or nothing, it was made with the account: what is neither as before nor as
    /// after is somebody's change since, and what stands as before came to stand so since, by an old id or name of the account.
    /// </summary>
    private static async Task<IReadOnlyList<RowWrite>?> LeftOfAsync(
        Change change, IWritesTogether system, List<RowWrite> made, IReadOnlyList<RowWrite> earlier, CancellationToken cancellation)
    {
        if (made.Count == earlier.Count)
        {
            return [];
        }

        if (!made.Exists(row => IsOfAccount(change, system, row)) || !(await system.DescribeAsync(cancellation)).AtomicPreconditions)
        {
            return null;
        }

        var rest = earlier.Except(made).ToList();
        var present = await system.ReadRowsAsync([.. rest.Select(row => (row.Table, row.Key))], cancellation);
        return [.. rest.Zip(present).Where(pair => pair.First.Reversed().IsMade(pair.Second)).Select(pair => pair.First)];
    }

    /// <summary>
    /// Those of several changes' writes that were made. Where the system has transactions, a change that left no account as it would leave it was not made: what looks as
    /// if it were is the work of others, who moved the same rows.
    /// </summary>
    private static async Task<IReadOnlySet<RowWrite>> MadeEarlierAsync(IWritesTogether system, IReadOnlyList<IReadOnlyList<RowWrite>> changes, CancellationToken cancellation)
    {
        if (!changes.Any(rows => rows.Count > 0) || !(await system.DescribeAsync(cancellation)).AtomicPreconditions)
        {
            return await MadeAsync(system, [.. changes.SelectMany(rows => rows)], [], cancellation);
        }

        var made = await MadeAsync(system, [.. changes.SelectMany(rows => rows)], changes.SelectMany(PassedThrough).ToHashSet(), cancellation);
        return changes.Where(rows => rows.All(row => row.Table != system.AccountsTable) || rows.Any(row => row.Table == system.AccountsTable && made.Contains(row)))
            .SelectMany(rows => rows).Where(made.Contains).ToHashSet();
    }

    /// <summary>The writes whose rows the same change writes again under another key: nobody ever sees them there, and the key may be one that the column does not even take.</summary>
    private static IEnumerable<RowWrite> PassedThrough(IReadOnlyList<RowWrite> rows)
    {
        var later = new HashSet<(string Table, Fields Key)>();
        foreach (var row in rows.Reverse())
        {
            if (!row.KeyAfter.Equals(row.Key) && later.Contains((row.Table, row.KeyAfter)))
            {
                yield return row;
            }

            later.Add((row.Table, row.Key));
        }
    }

    private static async Task<IReadOnlySet<RowWrite>> MadeAsync(
        IWritesTogether system, IReadOnlyList<RowWrite> rows, HashSet<RowWrite> unseen, CancellationToken cancellation)
    {
        var read = rows.Where(row => !unseen.Contains(row)).ToList();
        if (read.Count == 0)
        {
            return new HashSet<RowWrite>();
        }

        var present = await system.ReadRowsAsync([.. read.Select(row => (row.Table, row.KeyAfter))], cancellation);
        var made = read.Zip(present).Where(pair => pair.First.IsMade(pair.Second)).Select(pair => pair.First).ToHashSet();

        // A row that links two accounts may be written by one change and again by another: who saw it as a write leaves it, or under the key that this gave it, saw that write made.
        var writes = rows.Index().ToLookup(pair => (pair.Item.Table, pair.Item.Key));
        bool IsSeen(int index, RowWrite row) => row.Action == RowAction.Update && writes[(row.Table, row.KeyAfter)].Any(later => made.Contains(later.Item)
            && (!row.KeyAfter.Equals(row.Key) || (later.Index > index && row.After.DifferencesFrom(later.Item.Before, "").Count == 0)));
        for (var count = -1; count != made.Count;)
        {
            count = made.Count;
            made.UnionWith(rows.Index().Where(pair => IsSeen(pair.Index, pair.Item)).Select(pair => pair.Item).ToList());
        }

        return made;
    }
}
