using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>Cuts a list of writes, in its order, into runs that go to the server together.</summary>
internal static class RowRuns
{
    /// <summary>
    /// Deletions from one table are a run, because what they would take along is asked before; so are updates around one that changes a key
    /// that others refer to, so far as none writes a row twice; and all that stands between these.
    /// </summary>
    public static IReadOnlyList<IReadOnlyList<RowWrite>> Of(
        IReadOnlyList<RowWrite> writes, ILookup<uint, PostgresForeignKey> foreignKeys, IReadOnlyDictionary<string, PostgresTable> tables)
    {
        var runs = new List<List<RowWrite>>();
        foreach (var write in writes)
        {
            if (runs.Count > 0 && runs[^1] is var last && BelongTogether(last, write, foreignKeys, tables))
            {
                last.Add(write);
            }
            else
            {
                runs.Add([write]);
            }
        }

        return runs;
    }

    /// <summary>Whether one of the updates changes a value that a foreign key refers to.</summary>
    public static bool MovesKeys(
        IReadOnlyList<RowWrite> run, ILookup<uint, PostgresForeignKey> foreignKeys, IReadOnlyDictionary<string, PostgresTable> tables)
        => run.Count > 1 && run.All(write => write.Action == RowAction.Update) && run.Any(write => MovesKey(write, foreignKeys, tables));

    private static bool MovesKey(RowWrite write, ILookup<uint, PostgresForeignKey> foreignKeys, IReadOnlyDictionary<string, PostgresTable> tables)
        => foreignKeys[tables[write.Table].Id].Any(key => key.AccountFields.Any(write.After.ContainsKey));

    private static bool BelongTogether(
        List<RowWrite> run, RowWrite next, ILookup<uint, PostgresForeignKey> foreignKeys, IReadOnlyDictionary<string, PostgresTable> tables)
    {
        if (run[0].Action == RowAction.Delete || next.Action == RowAction.Delete)
        {
            // A table that refers to itself is emptied row by row: the first row may be what the second refers to.
            var table = tables[next.Table];
            return run[0].Action == next.Action && run[0].Table == next.Table
                && PostgresRows.ShapeOf(run[0].Key) == PostgresRows.ShapeOf(next.Key)
                && !foreignKeys[table.Id].Any(key => key.Cascades && key.From == table.Id);
        }

        if (run[0].Action != RowAction.Update || next.Action != RowAction.Update)
        {
            return !MovesKeys(run, foreignKeys, tables) && !MovesKey(next, foreignKeys, tables);
        }

        return !run.Exists(write => write.Table == next.Table && (write.Key.Equals(next.Key) || write.KeyAfter.Equals(next.Key)))
            || !(MovesKeys(run, foreignKeys, tables) || MovesKey(next, foreignKeys, tables));
    }
}
