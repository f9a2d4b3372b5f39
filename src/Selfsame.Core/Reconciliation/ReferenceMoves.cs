using System.Globalization;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>A row that can't refer to the account that stays too: one that does has the same unique values already, or it would link that account with itself.</summary>
/// <param name="Write">Its deletion.</param>
/// <param name="Places">The places at which it refers.</param>
/// <param name="Differs">The fields in which it says something else than the one that stays; none where nothing is lost with it.</param>
/// <param name="OnePerAccount">Whether an account can have one such row only (a profile): it is no membership that both have.</param>
/// <param name="IsLink">Whether it links two accounts (one follows the other) that become one.</param>
internal sealed record RepeatedRow(RowWrite Write, IReadOnlyList<ReferencePlace> Places, IReadOnlyList<string> Differs, bool OnePerAccount, bool IsLink = false)
{
    /// <summary>What is lost with it, after "it".</summary>
    public string Loss => IsLink ? "would link the account with itself" : $"differs in {string.Join(", ", Differs)}";

    /// <summary>How a person finds it.</summary>
    public override string ToString() => $"{string.Join(", ", Write.Key.Values)} of {Write.Table}";
}

/// <summary>What makes every row refer to another account.</summary>
/// <param name="Writes">Every row's write, in order; a row that would then stand twice goes.</param>
/// <param name="Repeated">The rows that go.</param>
internal sealed record MovedReferences(IReadOnlyList<RowWrite> Writes, IReadOnlyList<RepeatedRow> Repeated)
{
    /// <summary>One of several rows that are equal in everything, in a table without a key; null where there are none.</summary>
    public ReferringRow? Alike { get; init; }

    /// <summary>The rows that go although they say something that no other does.</summary>
    public IEnumerable<RepeatedRow> Differing => Repeated.Where(row => row.IsLink || row.Differs.Count > 0);

    /// <summary>How many of them refer at a place.</summary>
    public int CountDiffering(ReferencePlace place) => Differing.Count(row => row.Places.Any(place.IsSamePlaceAs));

    /// <summary>Why a person must look at these rows first; null where nobody must.</summary>
    public string? Hindrance => Alike is { } alike
        ? $"Nothing tells equal rows of a table without a key apart, and {alike.Place.Table} has some that refer to {alike.Account} by {string.Join('+', alike.Place.Fields)}: "
            + "give it a key, or leave one of them, then plan again."
        : Differing.FirstOrDefault(row => row.OnePerAccount) is { } one
        ? $"The row {one} differs in {string.Join(", ", one.Differs)} from another that would be of the same account, which can have only one there: "
            + "put what should stay into one of them and delete the other, then plan again."
        : null;
}

/// <summary>Moves references from accounts that go, or change their id, to one that stays. Pure.</summary>
internal sealed class ReferenceMoves(string accountsTable, AccountMapping mapping)
{
    /// <param name="referring">All rows that refer to those accounts or to the one that stays.</param>
    /// <param name="from">From whom the references move.</param>
    /// <param name="to">To whom: as it is.</param>
    /// <param name="set">What it is given; where something refers to it by one of these fields, that moves too.</param>
    public MovedReferences Of(IReadOnlyList<ReferringRow> referring, IReadOnlySet<AccountId> from, Account to, Fields set)
    {
        var (writes, repeated) = (new List<RowWrite>(), new List<RepeatedRow>());
        ReferringRow? alike = null;
        var standing = new Dictionary<(string Place, Fields Values), Fields>();
        var staying = to with { Record = to.Record.With(set) };
        bool Moves(ReferringRow row) => from.Contains(row.Account) || row.Place.AccountFields.Any(set.ContainsKey);
        bool Goes(ReferringRow row) => row.Place.Table == accountsTable && AccountId.FromRecord(row.Row, mapping.Id) is { } self && from.Contains(self);
        foreach (var row in referring.Where(row => !Moves(row) && !Goes(row)))
        {
            Stand(standing, row.Place, row.Row);
        }

        var naming = referring.ToLookup(row => (row.Place.Table, row.Key));
        foreach (var group in InOrder(referring.Where(Moves)).GroupBy(row => (row.Place.Table, row.Key)))
        {
            var (before, places) = (group.First().Row, group.Select(row => row.Place).ToList());
            var goes = Goes(group.First());
            var moved = places.Aggregate(Fields.Empty, (fields, place) => fields.With(goes && ToNobody(place) is { Count: > 0 } nobody ? nobody : Referring(place, before, staying)));
            var after = before.With(moved);
            if (after.Equals(before))
            {
                continue;
            }

            // Whoever goes must not be referred to by then, not even by itself or by another that goes; and undo brings back each before what it refers to.
            if (goes)
            {
                writes.Add(new RowWrite { Table = group.Key.Table, Action = RowAction.Update, Key = group.Key.Key, Before = before.Only(moved.Keys), After = moved });
                continue;
            }

            // By one place a row refers to somebody once.
            alike ??= group.GroupBy(row => row.Account).FirstOrDefault(mine => mine.Select(row => row.Place).Distinct(ReferenceEqualityComparer.Instance).Count() < mine.Count())?.First();
            if (Link(naming[group.Key].ToList(), before, places) is { } link)
            {
                writes.Add(link.Write);
                repeated.Add(link);
                continue;
            }

            if (Repeated(group.Key.Table, group.Key.Key, before, after, places, standing) is { } again)
            {
                writes.Add(again.Write);
                repeated.Add(again);
                continue;
            }

            places.ForEach(place => Stand(standing, place, after));
            writes.Add(new RowWrite { Table = group.Key.Table, Action = RowAction.Update, Key = group.Key.Key, Before = before.Only(moved.Keys), After = moved });
        }

        return new MovedReferences(writes, repeated) { Alike = alike };
    }

    /// <summary>
    /// The row, where it is one of a table that links accounts (a unique constraint over just the two references says so) and the two become one; else null. One that
    /// linked an account with itself before says so on purpose, and moves.
    /// </summary>
    private RepeatedRow? Link(List<ReferringRow> naming, Fields before, List<ReferencePlace> places)
        => naming[0].Place.Table != accountsTable && naming.Exists(one => naming.Exists(other => !other.Account.Equals(one.Account)
            && one.Place.UniqueSets.Any(unique => unique.Count == one.Place.Fields.Count + other.Place.Fields.Count && unique.ToHashSet().SetEquals(one.Place.Fields.Concat(other.Place.Fields)))))
            ? new RepeatedRow(new RowWrite { Table = naming[0].Place.Table, Action = RowAction.Delete, Key = naming[0].Key, Before = before, After = Fields.Empty }, places, [], OnePerAccount: false, IsLink: true)
            : null;

    // Of rows that only one account can have, the same one stays when this is asked for a plan and when it is asked again at its apply.
    private static IEnumerable<ReferringRow> InOrder(IEnumerable<ReferringRow> rows)
        => rows.GroupBy(row => row.Place.Table).SelectMany(table => table.Any(row => row.Place.UniqueSets.Count > 0)
            ? table.OrderBy(row => row.Account, AccountId.Order).ThenBy(row => row.Key.ToString(), StringComparer.Ordinal)
            : table.AsEnumerable());

    private static Fields Referring(ReferencePlace place, Fields row, Account to)
        => new(place.Fields.Zip(place.AccountFields, (field, held) => KeyValuePair.Create(field, Like(row.ValueOrNull(field), to.Record.ValueOrNull(held)))));

    /// <summary>What refers to nobody, where not every account can refer to the same one; else nothing. What is the row's own as well (its key, a tenant's id) stays.</summary>
    private Fields ToNobody(ReferencePlace place)
    {
        var fields = place.Fields.Zip(place.AccountFields).Where(pair => pair.First != pair.Second && !mapping.Id.Contains(pair.First)).Select(pair => pair.First).ToHashSet();
        return place.UniqueSets.Any(set => set.Any(fields.Contains)) ? new Fields(fields.Select(field => KeyValuePair.Create(field, FieldValue.Null))) : Fields.Empty;
    }

    private static void Stand(Dictionary<(string Place, Fields Values), Fields> standing, ReferencePlace place, Fields row)
    {
        foreach (var values in Values(place, row))
        {
            standing.TryAdd(values, row);
        }
    }

    /// <summary>The row, where one that stands has the same unique values as it would have; else null.</summary>
    private static RepeatedRow? Repeated(
        string table, Fields key, Fields before, Fields after, List<ReferencePlace> places, Dictionary<(string Place, Fields Values), Fields> standing)
    {
        var met = places.SelectMany(place => Values(place, after).Where(standing.ContainsKey).Select(values => (Place: place, Values: values))).ToList();
        return met.Count == 0
            ? null
            : new RepeatedRow(
                new RowWrite { Table = table, Action = RowAction.Delete, Key = key, Before = before, After = Fields.Empty },
                places,
                met.Select(pair => Differences(key, after, standing[pair.Values])).MinBy(differences => differences.Count)!,
                met.Exists(pair => pair.Values.Values.Keys.All(pair.Place.Fields.Contains)));
    }

    // A number of its own says nothing of what a row says; a key of several fields, or the whole row where there is none, does.
    private static IReadOnlyList<string> Differences(Fields key, Fields row, Fields other)
    {
        HashSet<string> own = key.Count == 1 && row.Count > 1 ? [.. key.Keys] : [];
        return row.Without(own).DifferencesFromWhole(other, own, "");
    }

    // One collection may hold ids as text and another as the id's own type: a reference keeps the type that it has. Bytes that are no text have no other form.
    private static FieldValue Like(FieldValue old, FieldValue value) => value.AsBrokenText is not null || old.AsBrokenText is not null ? value : (old.AsNative, value.AsNative) switch
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
}
