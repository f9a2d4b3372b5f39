using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Changes by which accounts take each other's ids one after the other.</summary>
internal sealed partial class RowChanges
{
    /// <summary>
    /// The numbers of those links that an earlier attempt made. A link is made only when the one ahead of it is: of each chain so many are as the accounts speak for together, also where
    /// somebody changed one of them so much that nothing tells of it alone.
    /// </summary>
    private HashSet<int> MadeLinks(IEnumerable<Change> begun, AccountMapping mapping, IReadOnlyDictionary<AccountId, Account> present)
    {
        var made = new HashSet<int>();
        foreach (var chain in chains.Of(begun))
        {
            var (sum, best, count) = (0, 0, 0);
            foreach (var (index, change) in chain.Index())
            {
                sum += IdChains.Likeness(change, mapping, present.GetValueOrDefault, salt);
                (best, count) = sum >= best ? (sum, index + 1) : (best, count);
            }

            // Of the last nothing else tells than the account itself.
            while (count > 0 && !present.ContainsKey(IdChains.IdAfter(chain[count - 1], mapping)))
            {
                count--;
            }

            made.UnionWith(chain.Take(count).Select(change => change.Number));
        }

        return made;
    }

    /// <summary>What refers to the accounts, as a change leaves it; <paramref name="known"/> too. The link behind it is looked at before this one is made.</summary>
    private static ReferringRows AfterLink(
        PreparedChange prepared, IWritesTogether system, Dictionary<AccountId, Account> known, ReferringRows referring)
    {
        var (old, mapping) = (prepared.Change.Account, system.Mapping);
        var written = new Dictionary<(string Table, Fields Key), RowWrite>();
        foreach (var write in prepared.Rows)
        {
            written.TryAdd((write.Table, write.Key), write);
            if (write.Table == system.AccountsTable && AccountId.FromRecord(write.Key, mapping.Id) is { } id && known.Remove(id, out var account)
                && mapping.ToAccount(account.Record.With(write.After)) is { } changed)
            {
                known[changed.Id] = changed;
            }
        }

        var renewed = IdChains.IdAfter(prepared.Change, mapping);
        return new ReferringRows([.. referring.All.Select(row => row with { Account = row.Account.Equals(old) ? renewed : row.Account })
            .Select(row => written.TryGetValue((row.Place.Table, row.Key), out var write) ? row with { Key = write.KeyAfter, Row = row.Row.With(write.After) } : row)]);
    }
}
