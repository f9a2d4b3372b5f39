using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>Writes that go to the server together, in their order.</summary>
internal sealed class RowRun
{
    private readonly List<RowWrite> writes = [];
    private readonly HashSet<(string Table, Fields Key)> touched = [];

    public IReadOnlyList<RowWrite> Writes => writes;

    public RowWrite First => writes[0];

    public bool OnlyUpdates => writes.TrueForAll(write => write.Action == RowAction.Update);

    /// <summary>Whether one of the updates changes a value that a foreign key refers to, so that it must be one statement with those that follow it.</summary>
    public bool MovesKeys { get; private set; }

    public bool Touches(RowWrite write) => touched.Contains((write.Table, write.Key)) || touched.Contains((write.Table, write.KeyAfter));

    public void Add(RowWrite write, bool movesKey)
    {
        writes.Add(write);
        touched.Add((write.Table, write.Key));
        touched.Add((write.Table, write.KeyAfter));
        MovesKeys |= movesKey;
    }
}

/// <summary>Cuts a list of writes, in its order, into runs.</summary>
internal static class RowRuns
{
    /// <summary>
    /// Deletions from one table are a run, because what they would take along is asked before; so are updates around one that changes a key
    /// that others refer to, so far as none writes a row twice; and all that stands between these.
    /// </summary>
    public static IReadOnlyList<RowRun> Of(IReadOnlyList<RowWrite> writes, KnownShapes shapes)
    {
        var runs = new List<RowRun>();
        foreach (var write in writes)
        {
            var movesKey = write.Action == RowAction.Update
                && shapes.ForeignKeys[shapes.Tables[write.Table].Id].Any(key => key.AccountFields.Any(write.After.ContainsKey));
            if (runs.Count == 0 || !Fits(runs[^1], write, movesKey, shapes))
            {
                runs.Add(new RowRun());
            }

            runs[^1].Add(write, movesKey);
        }

        return runs;
    }

    private static bool Fits(RowRun run, RowWrite next, bool movesKey, KnownShapes shapes)
    {
        if (run.First.Action == RowAction.Delete || next.Action == RowAction.Delete)
        {
            // A table that refers to itself is emptied row by row: the first row may be what the second refers to.
            var table = shapes.Tables[next.Table].Id;
            return run.First.Action == next.Action && run.First.Table == next.Table && RowQuery.ShapeOf(run.First.Key) == RowQuery.ShapeOf(next.Key)
                && !shapes.ForeignKeys[table].Any(key => key.Cascades && key.From == table);
        }

        return (!run.MovesKeys && !movesKey) || (next.Action == RowAction.Update && run.OnlyUpdates && !run.Touches(next));
    }
}
