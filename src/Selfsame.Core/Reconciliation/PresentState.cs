using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// The accounts and rows that a run changed, as they are now; and, while an undo is planned from the last change to the first, as
/// they will be when what is planned so far is made: a row that was changed twice is taken back in two steps.
/// </summary>
public sealed class PresentState
{
    private readonly Dictionary<string, (AccountMapping Mapping, string Table)> systems = new(StringComparer.Ordinal);
    private readonly Dictionary<(string System, AccountId Id), Account> accounts = [];
    private readonly Dictionary<string, Fields> indexes = new(StringComparer.Ordinal);
    private readonly Dictionary<(string System, string Table, Fields Key), Fields> rows = [];

    // Those that make the rows of a change together or not at all; asked only where a change was cut off.
    private readonly HashSet<string> atomic = new(StringComparer.Ordinal);

    // How many rows more stand under a key, equal in everything: only where the table has no key.
    private readonly Dictionary<(string System, string Table, Fields Key), int> equal = [];

    /// <summary>The account, or null when it is gone.</summary>
    public Account? Account(string system, AccountId id) => accounts.GetValueOrDefault((system, id));

    /// <summary>The definitions of the indexes, by name, of a system whose shape the run changed.</summary>
    internal Fields Indexes(string system) => indexes[system];

    /// <summary>Whether the system changes several rows as one, and so deletes nobody to whom something refers.</summary>
    public bool WritesTogether(string system) => systems[system].Table.Length > 0;

    /// <summary>The accounts' own table, where the system changes several rows as one.</summary>
    internal string AccountsTable(string system) => systems[system].Table;

    /// <summary>The row, or null when it is gone.</summary>
    public Fields? Row(string system, string table, Fields key) => rows.GetValueOrDefault((system, table, key));

    /// <summary>Reads all that the run changed, freshly; throws <see cref="SystemUnavailableException"/> where the config lacks a system of it.</summary>
    public static async Task<PresentState> ReadAsync(
        RunRecord run, IReadOnlyDictionary<string, IConnectedSystem> systems, CancellationToken cancellation)
    {
        var state = new PresentState();
        foreach (var name in run.Plan.Changes.Where(change => change.Action == ChangeAction.Schema).Select(change => change.System).Distinct())
        {
            var present = systems.GetValueOrDefault(name) is IChangesSchema changing ? await changing.ReadIndexesAsync(cancellation) : throw NotThere(name);
            state.indexes[name] = new Fields(present.Select(index => KeyValuePair.Create(index.Name, FieldValue.Text(index.Definition))));
        }

        foreach (var changes in run.Plan.Changes.Where(change => change.Action != ChangeAction.Schema).GroupBy(change => change.System))
        {
            if (systems.GetValueOrDefault(changes.Key) is not IReadsAccountsById system)
            {
                throw NotThere(changes.Key);
            }

            var table = system is IWritesTogether together ? together.AccountsTable : "";
            state.systems.Add(changes.Key, (system.Mapping, table));
            if (changes.Any(change => change.IsOfRows && run.Entries.GetValueOrDefault(change.Number)?.State == ChangeState.Intent) && (await system.DescribeAsync(cancellation)).AtomicPreconditions)
            {
                state.atomic.Add(changes.Key);
            }

            var written = changes.SelectMany(change => run.Entries.GetValueOrDefault(change.Number)?.Rows ?? []).ToList();
            var own = written.Where(row => row.Table == table).SelectMany(row => new[] { row.Key, row.KeyAfter }).Select(key => AccountId.FromRecord(key, system.Mapping.Id)!);
            foreach (var account in (await system.ReadFreshAsync(changes.Key, [.. changes.Select(change => UndoPlanner.AccountOf(change, run.Entries.GetValueOrDefault(change.Number), system.Mapping)).Concat(own).Distinct()], cancellation)).Values)
            {
                state.Put(changes.Key, table, account.Record.Only(system.Mapping.Id), account.Record);
            }

            var others = written.Where(row => row.Table != table).SelectMany(row => new[] { (row.Table, row.KeyAfter), (row.Table, row.Key) }.Distinct()).CountBy(key => key).ToList();
            await state.ReadRowsAsync(changes.Key, system, others.ConvertAll(pair => pair.Key), cancellation);
            await state.CountEqualAsync(changes.Key, system, [.. others.Where(pair => pair.Value > 1).Select(pair => pair.Key)], cancellation);
        }

        return state;
    }

    private static SystemUnavailableException NotThere(string system) => new($"The run changed '{system}', which the config does not have. Use the config it was made with.");

    /// <summary>
    /// Whether a change of several rows that was cut off surely was not made: its system makes them together, and no account is as it would be. What else looks made
    /// is somebody's own work.
    /// </summary>
    internal bool IsUnmade(string system, IReadOnlyList<RowWrite> rows)
    {
        var own = rows.Where(row => row.Table == systems[system].Table && row.Action != RowAction.Keep).ToList();
        return atomic.Contains(system) && own.Count > 0 && !own.Exists(row => row.IsMade(Row(system, row.Table, row.KeyAfter)));
    }

    /// <summary>Makes a planned change of one account here, so that the change before it is planned on what it leaves.</summary>
    internal void Make(Change change)
    {
        if (change.Action is ChangeAction.Schema or ChangeAction.Restore)
        {
            return;
        }

        var (mapping, table) = systems[change.System];
        var present = Account(change.System, change.Account)?.Record;
        switch (change.Action)
        {
            case ChangeAction.Create: Put(change.System, table, change.After.Only(mapping.Id), change.After); break;
            case ChangeAction.Update: Put(change.System, table, present!.Only(mapping.Id), present!.With(change.After)); break;
            case ChangeAction.Delete: Take(change.System, table, present!.Only(mapping.Id)); break;
        }
    }

    /// <summary>Makes one row's write here.</summary>
    internal void Make(string system, RowWrite write)
    {
        var present = Row(system, write.Table, write.Key) ?? Fields.Empty;
        if (write.Action != RowAction.Insert)
        {
            Take(system, write.Table, write.Key);
        }

        if (write.Action != RowAction.Delete)
        {
            if (Row(system, write.Table, write.KeyAfter) is not null)
            {
                equal[(system, write.Table, write.KeyAfter)] = EqualTo(system, write.Table, write.KeyAfter) + 1;
            }

            Put(system, write.Table, write.KeyAfter, present.With(write.After));
        }
    }

    private void Put(string system, string table, Fields key, Fields row)
    {
        rows[(system, table, key)] = row;
        if (table == systems[system].Table && systems[system].Mapping.ToAccount(row) is { } account)
        {
            accounts[(system, account.Id)] = account;
        }
    }

    private int EqualTo(string system, string table, Fields key) => equal.GetValueOrDefault((system, table, key));

    private void Take(string system, string table, Fields key)
    {
        if (EqualTo(system, table, key) is > 0 and var more)
        {
            equal[(system, table, key)] = more - 1;
            return;
        }

        rows.Remove((system, table, key));
        if (table == systems[system].Table)
        {
            accounts.Remove((system, AccountId.FromRecord(key, systems[system].Mapping.Id)!));
        }
    }

    private async Task ReadRowsAsync(string name, IConnectedSystem system, List<(string Table, Fields Key)> keys, CancellationToken cancellation)
    {
        if (keys.Count == 0)
        {
            return;
        }

        var found = await ((IWritesTogether)system).ReadRowsAsync(keys, cancellation);
        foreach (var ((table, key), row) in keys.Zip(found))
        {
            if (row is not null)
            {
                rows.TryAdd((name, table, key), row);
            }
        }
    }

    private async Task CountEqualAsync(string name, IConnectedSystem system, List<(string Table, Fields Key)> keys, CancellationToken cancellation)
    {
        var counts = keys.Count == 0 ? [] : await ((IWritesTogether)system).CountRowsAsync(keys, cancellation);
        foreach (var ((table, key), count) in keys.Zip(counts))
        {
            equal[(name, table, key)] = Math.Max(0, count - 1);
        }
    }
}
