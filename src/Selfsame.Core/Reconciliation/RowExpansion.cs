using System.Globalization;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What a change of several rows comes to with the rows that are there now.</summary>
/// <param name="Rows">Every row's write, in the order in which they are made.</param>
/// <param name="NoneLeft">What must not refer to an account that goes any more.</param>
internal sealed record ExpandedChange(IReadOnlyList<RowWrite> Rows, IReadOnlyList<NoReferenceLeft> NoneLeft)
{
    /// <summary>The account that the change is about, as it was looked at: whatever refers to it afterwards relies on it.</summary>
    public RowWrite? Kept { get; init; }
}

/// <summary>
/// Expands a planned merge, a new id or a guarded deletion into the writes of single rows: the references that exist now,
/// not those that existed when the plan was made. Pure.
/// </summary>
internal sealed class RowExpansion(Change change, string accountsTable, AccountMapping mapping, IReadOnlyList<ReferencePlace> places)
{
    /// <param name="account">The account that the change is about, as it is now.</param>
    /// <param name="losers">Those of a merge's losers that are still there.</param>
    /// <param name="referring">All rows that refer to the account or to one of the losers now.</param>
    /// <param name="staying">The account on which the change relies: the same, or the survivor of a deleted duplicate.</param>
    public ExpandedChange Expand(Account account, IReadOnlyList<Account> losers, IReadOnlyList<ReferringRow> referring, Account staying)
        => change.Action switch
        {
            ChangeAction.Merge => Merge(account, losers, referring) with { Kept = Kept(account, change.Precondition) },
            ChangeAction.Rekey => Rekey(account, referring) with { Kept = Kept(account, change.Precondition) },
            ChangeAction.Delete => new ExpandedChange([Deleted(account)], [.. NoneLeft(account, null)]) { Kept = change.Survivor is null ? null : Kept(staying, change.Survivor.Precondition) },
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
                Before = survivor.Record.OrMissing(set.Keys),
                After = set,
            });
        }

        return new ExpandedChange(rows, [.. losers.SelectMany(loser => NoneLeft(loser, survivorNow))]);
    }

    // Connectors make the id and what refers to it change as one, whatever order their constraints ask for.
    private ExpandedChange Rekey(Account account, IReadOnlyList<ReferringRow> referring)
    {
        var key = account.Record.Only(mapping.Id);
        var renewed = account with { Record = account.Record.With(change.After) };
        var update = new RowWrite { Table = accountsTable, Action = RowAction.Update, Key = key, Before = key, After = change.After };
        return new ExpandedChange([update, .. Moves(referring, [account.Id], renewed)], []);
    }

    /// <summary>The writes for references that arrived at accounts which are gone.</summary>
    /// <param name="gone">The accounts as they were.</param>
    /// <param name="staying">Whom the references are of now.</param>
    /// <param name="referring">All rows that refer to them or to it.</param>
    public IReadOnlyList<RowWrite> Moved(IReadOnlyList<Account> gone, Account staying, IReadOnlyList<ReferringRow> referring)
        => [.. Moves(referring, gone.Select(account => account.Id).ToHashSet(), staying)];

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
                set = set.With(new Fields(place.Fields.Zip(place.AccountFields, (field, held) => KeyValuePair.Create(field, Like(before.ValueOrNull(field), to.Record.ValueOrNull(held))))));
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

    // One collection may hold ids as text and another as the id's own type: a reference keeps the type that it has.
    private static FieldValue Like(FieldValue old, FieldValue value) => (old.AsNative, value.AsNative) switch
    {
        (null, { } native) when old.AsText is not null => FieldValue.Text(native.Text),
        ({ } native, null) when value.AsText is { } text => FieldValue.Native(native.Type, text),
        (null, null) when old.AsText is not null && value.Raw is long number => FieldValue.Text(number.ToString(CultureInfo.InvariantCulture)),
        (null, null) when old.Raw is long && value.AsText is { } text && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            && number.ToString(CultureInfo.InvariantCulture) == text => FieldValue.Integer(number),
        _ => value,
    };

    /// <summary>What a row holds in each unique set of its place; a null there is equal to nothing.</summary>
    private static IEnumerable<(string Place, Fields Values)> Values(ReferencePlace place, Fields row)
        => place.UniqueSets.Select(set => (Place: $"{place.Table}: {string.Join('+', set)}", Values: row.Only(set))).Where(pair => !pair.Values.Values.Any(value => value.IsNull));

    private RowWrite Kept(Account account, Fields precondition)
        => new() { Table = accountsTable, Action = RowAction.Keep, Key = account.Record.Only(mapping.Id), Before = account.Record.OrMissing(precondition.Keys), After = Fields.Empty };

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
