using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What a change of several rows comes to with the rows that are there now.</summary>
/// <param name="Rows">Every row's write, in the order in which they are made.</param>
/// <param name="NoneLeft">What must not refer to an account that goes any more.</param>
internal sealed record ExpandedChange(IReadOnlyList<RowWrite> Rows, IReadOnlyList<NoReferenceLeft> NoneLeft);

/// <summary>
/// Expands a planned merge, a new id or a guarded deletion into the writes of single rows: the references that exist now,
/// not those that existed when the plan was made. Pure.
/// </summary>
internal sealed class RowExpansion(Change change, string accountsTable, AccountMapping mapping, IReadOnlyList<ReferencePlace> places)
{
    /// <param name="account">The account that the change is about, as it is now.</param>
    /// <param name="losers">Those of a merge's losers that are still there.</param>
    /// <param name="referring">All rows that refer to the account or to one of the losers now.</param>
    /// <param name="uniqueFields">For a new id: the accounts' fields that a unique index covers alone.</param>
    public ExpandedChange Expand(Account account, IReadOnlyList<Account> losers, IReadOnlyList<ReferringRow> referring, IReadOnlyList<string> uniqueFields)
        => change.Action switch
        {
            ChangeAction.Merge => Merge(account, losers, referring),
            ChangeAction.Rekey => Rekey(account, referring, uniqueFields),
            ChangeAction.Delete => new ExpandedChange([Deleted(account)], [.. NoneLeft(account, null)]),
            _ => new ExpandedChange(change.Rows ?? [], []),
        };

    private ExpandedChange Merge(Account survivor, IReadOnlyList<Account> losers, IReadOnlyList<ReferringRow> referring)
    {
        var survivorNow = survivor with { Record = survivor.Record.With(change.After) };
        var gone = losers.Select(loser => loser.Id).ToHashSet();
        var rows = Moves(referring, gone, survivorNow).ToList();
        rows.AddRange(losers.Select(Deleted));
        var set = new Fields(change.After.Where(pair => survivor.Record.ValueOrNull(pair.Key) != pair.Value));
        if (set.Count > 0)
        {
            rows.Add(new RowWrite
            {
                Table = accountsTable,
                Action = RowAction.Update,
                Key = survivor.Record.Only(mapping.Id),
                Before = new Fields(set.Keys.Select(field => KeyValuePair.Create(field, survivor.Record.ValueOrNull(field)))),
                After = set,
            });
        }

        return new ExpandedChange(rows, [.. losers.SelectMany(loser => NoneLeft(loser, survivorNow))]);
    }

    /// <summary>
    /// A system that guards its references lets no row under them change its id, nor two rows hold one unique value: there a
    /// copy takes the new id, under the values that the old row gives up first.
    /// </summary>
    private ExpandedChange Rekey(Account account, IReadOnlyList<ReferringRow> referring, IReadOnlyList<string> uniqueFields)
    {
        var old = account.Record;
        var key = old.Only(mapping.Id);
        var renewed = account with { Record = old.With(change.After) };
        var moves = Moves(referring, [account.Id], renewed).ToList();
        if (!referring.Any(row => row.Place.Enforced))
        {
            var update = new RowWrite { Table = accountsTable, Action = RowAction.Update, Key = key, Before = key, After = change.After };
            return new ExpandedChange([update, .. moves], []);
        }

        var given = new Fields(uniqueFields
            .Where(field => !mapping.Id.Contains(field) && old.ValueOrNull(field).AsText is not null)
            .Select(field => KeyValuePair.Create(field, FieldValue.Text(InTheMeantime(old[field].AsText!, account.Id)))));
        var rows = new List<RowWrite>();
        if (given.Count > 0)
        {
            rows.Add(new RowWrite { Table = accountsTable, Action = RowAction.Update, Key = key, Before = old.Only(given.Keys), After = given });
        }

        rows.Add(new RowWrite { Table = accountsTable, Action = RowAction.Insert, Key = key.With(change.After), Before = Fields.Empty, After = renewed.Record });
        rows.AddRange(moves);
        rows.Add(Deleted(account with { Record = old.With(given) }));
        return new ExpandedChange(rows, [.. NoneLeft(account, renewed)]);
    }

    // A value of the same kind that nobody has: where a column takes uuids only, the uuid with every bit turned.
    private static string InTheMeantime(string value, AccountId id)
        => Guid.TryParseExact(value, "D", out var uuid) ? new Guid([.. uuid.ToByteArray().Select(part => (byte)~part)]).ToString("D") : $"{value}~{id}";

    /// <summary>The writes that make every row refer to <paramref name="to"/>; a row that would then stand twice goes instead.</summary>
    private IEnumerable<RowWrite> Moves(IReadOnlyList<ReferringRow> referring, HashSet<AccountId> from, Account to)
    {
        var standing = referring.Where(row => !from.Contains(row.Account)).SelectMany(row => Values(row.Place, row.Row)).ToHashSet();
        var byRow = referring.Where(row => from.Contains(row.Account)).GroupBy(row => (row.Place.Table, row.Key));
        foreach (var group in byRow)
        {
            // A loser's own row goes as a loser; what it refers to goes with it.
            if (group.Key.Table == accountsTable && AccountId.FromRecord(group.First().Row, mapping.Id) is { } self && from.Contains(self))
            {
                continue;
            }

            var (before, set) = (group.First().Row, Fields.Empty);
            foreach (var place in group.Select(row => row.Place))
            {
                set = set.With(new Fields(place.Fields.Zip(place.AccountFields, (field, held) => KeyValuePair.Create(field, to.Record.ValueOrNull(held)))));
            }

            var after = before.With(set);
            if (after.Equals(before))
            {
                continue;
            }

            var taken = group.SelectMany(row => Values(row.Place, after)).ToList();
            if (taken.Exists(standing.Contains))
            {
                yield return new RowWrite { Table = group.Key.Table, Action = RowAction.Delete, Key = group.Key.Key, Before = before, After = Fields.Empty };
                continue;
            }

            standing.UnionWith(taken);
            yield return new RowWrite { Table = group.Key.Table, Action = RowAction.Update, Key = group.Key.Key, Before = before.Only(set.Keys), After = set };
        }
    }

    /// <summary>What a row holds in each unique set of its place; a null there is equal to nothing.</summary>
    private static IEnumerable<(string Place, Fields Values)> Values(ReferencePlace place, Fields row)
        => place.UniqueSets.Select(set => (Place: $"{place.Table}: {string.Join('+', set)}", Values: row.Only(set))).Where(pair => !pair.Values.Values.Any(value => value.IsNull));

    private RowWrite Deleted(Account account)
        => new() { Table = accountsTable, Action = RowAction.Delete, Key = account.Record.Only(mapping.Id), Before = account.Record, After = Fields.Empty };

    // A value that the account which stays has too (both spell the name alike) goes on referring to it.
    private IEnumerable<NoReferenceLeft> NoneLeft(Account account, Account? staying)
        => from place in places
           let values = Held(place, account)
           where values.All(value => !value.IsNull) && (staying is null || !values.SequenceEqual(Held(place, staying)))
           select new NoReferenceLeft(place, values);

    private static IReadOnlyList<FieldValue> Held(ReferencePlace place, Account account) => [.. place.AccountFields.Select(account.Record.ValueOrNull)];
}
