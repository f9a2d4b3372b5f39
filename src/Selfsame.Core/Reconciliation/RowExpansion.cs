using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What a change of several rows comes to with the rows that are there now.</summary>
/// <param name="Rows">Every row's write, in the order in which they are made.</param>
/// <param name="NoneLeft">What must not refer to an account that goes any more.</param>
internal sealed record ExpandedChange(IReadOnlyList<RowWrite> Rows, IReadOnlyList<NoReferenceLeft> NoneLeft)
{
    /// <summary>The account that the change is about, as it was looked at: whatever refers to it afterwards relies on it.</summary>
    public RowWrite? Kept { get; init; }

    /// <summary>Why the change can't be made with the rows that are there now; null where it can.</summary>
    public string? Hindrance { get; init; }
}

/// <summary>
/// Expands a planned merge, a new id or a guarded deletion into the writes of single rows: the references that exist now,
/// not those that existed when the plan was made. Pure.
/// </summary>
internal sealed class RowExpansion(Change change, string accountsTable, AccountMapping mapping, IReadOnlyList<ReferencePlace> places)
{
    private readonly ReferenceMoves moves = new(accountsTable, mapping);

    /// <summary>Whether another account takes the old id next: what would still refer to that one would be the other's.</summary>
    public bool IsIdTakenNext { get; init; }

    /// <param name="account">The account that the change is about, as it is now.</param>
    /// <param name="losers">Those of a merge's losers that are still there.</param>
    /// <param name="referring">All rows that refer to the account or to one of the losers now.</param>
    /// <param name="staying">The account on which the change relies: the same, or the survivor of a deleted duplicate.</param>
    public ExpandedChange Expand(Account account, IReadOnlyList<Account> losers, IReadOnlyList<ReferringRow> referring, Account staying)
        => change.Action switch
        {
            ChangeAction.Merge => Merge(account, losers, referring) with { Kept = Kept(account, change.Precondition) },
            ChangeAction.Rekey or ChangeAction.Update => Renamed(account, referring) with { Kept = Kept(account, change.Precondition) },
            ChangeAction.Delete => new ExpandedChange([Deleted(account)], [.. NoneLeft(account, null)]) { Kept = change.Survivor is null ? null : Kept(staying, change.Survivor.Precondition) },
            _ => new ExpandedChange(change.Rows ?? [], []),
        };

    private ExpandedChange Merge(Account survivor, IReadOnlyList<Account> losers, IReadOnlyList<ReferringRow> referring)
    {
        var survivorNow = survivor with { Record = survivor.Record.With(change.After) };
        var gone = losers.Select(loser => loser.Id).ToHashSet();
        var moved = moves.Of(referring, gone, survivor, change.After);
        var rows = moved.Writes.ToList();
        var own = moved.Writes.Where(write => write.Table == accountsTable).ToList();
        rows.AddRange(losers.Select(loser => Deleted(loser with { Record = own.Where(write => IsOf(loser, write)).Aggregate(loser.Record, (record, write) => record.With(write.After)) })));
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

        return new ExpandedChange(rows, [.. losers.Append(survivor).SelectMany(account => NoneLeft(account, survivorNow))]) { Hindrance = Hindrance(moved) };
    }

    // Connectors make the id or the name and what refers to it change as one, whatever order their constraints ask for.
    private ExpandedChange Renamed(Account account, IReadOnlyList<ReferringRow> referring)
    {
        var moved = moves.Of(referring, new HashSet<AccountId>(), account, change.After);
        // What the account's own row says of itself changes with it.
        var own = moved.Writes.Where(write => IsOf(account, write)).ToList();
        var after = own.Aggregate(change.After, (set, row) => set.With(row.After));
        var update = new RowWrite { Table = accountsTable, Action = RowAction.Update, Key = account.Record.Only(mapping.Id), Before = account.Record.OrMissing(after.Keys), After = after };
        // An id that nobody takes is swept for what arrives late; a name is not.
        var left = NoneLeft(account, account with { Record = account.Record.With(after) });
        var noneLeft = change.Action == ChangeAction.Update ? left : IsIdTakenNext ? left.Where(one => !one.Place.IsGuarded) : [];
        return new ExpandedChange([update, .. moved.Writes.Except(own)], [.. noneLeft]) { Hindrance = Hindrance(moved) };
    }

    /// <summary>The writes for references that arrived at accounts which are gone; with a hindrance where some stay as they are.</summary>
    /// <param name="gone">The accounts as they were.</param>
    /// <param name="staying">Whom the references are of now.</param>
    /// <param name="referring">All rows that refer to them or to it.</param>
    public ExpandedChange Moved(IReadOnlyList<Account> gone, Account staying, IReadOnlyList<ReferringRow> referring)
    {
        var moved = moves.Of(referring, gone.Select(account => account.Id).ToHashSet(), staying, Fields.Empty);

        // The merge is made; nobody reads again what would go. What says something else stays as it is, for a person to look at.
        var differing = moved.Differing.ToList();
        return new ExpandedChange([.. moved.Writes.Except(differing.Select(row => row.Write))], [])
        {
            Hindrance = differing.Count == 0 ? null : $"References that arrived late were not all moved: the row {differing[0]} {differing[0].Loss}.",
        };
    }

    /// <summary>Why rows may not go: a person must look at them first, or has read in the plan that fewer would.</summary>
    private string? Hindrance(MovedReferences moved)
    {
        if (moved.Hindrance is { } hindrance)
        {
            return hindrance;
        }

        var more = moved.Differing.FirstOrDefault(row => row.Places.Any(place => moved.CountDiffering(place) > Planned(place)));
        return more is null ? null : $"The row {more} would go, and it {more.Loss}, which the plan did not say: plan again.";
    }

    private int Planned(ReferencePlace place) => change.References?.FirstOrDefault(planned => planned.IsAt(place))?.Differing ?? 0;

    private bool IsOf(Account account, RowWrite write)
        => write is { Action: RowAction.Update } && write.Table == accountsTable && AccountId.FromRecord(write.Key, mapping.Id)?.Equals(account.Id) == true;

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

    private IReadOnlyList<FieldValue> Held(ReferencePlace place, Account account) => [.. place.AccountFields.Select(mapping.WithoutBlanks(account).Record.ValueOrNull)];
}
