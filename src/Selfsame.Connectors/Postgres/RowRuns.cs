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
    /// that others refer to, so far as none writes a row twice and each is with what refers to it; and all that stands between these.
    /// </summary>
    public static IReadOnlyList<RowRun> Of(IReadOnlyList<RowWrite> writes, KnownShapes shapes)
    {
        var runs = new List<RowRun>();
        foreach (var whole in Inseparable(writes, shapes))
        {
            if (runs.Count == 0 || !whole.TrueForAll(write => Fits(runs[^1], write, MovesKey(write, shapes), shapes)))
            {
                runs.Add(new RowRun());
            }

            whole.ForEach(write => runs[^1].Add(write, MovesKey(write, shapes)));
        }

        return runs;
    }

    private static bool MovesKey(RowWrite write, KnownShapes shapes)
        => write.Action == RowAction.Update && shapes.ForeignKeys[shapes.Tables[write.Table].Id].Any(key => key.AccountFields.Any(write.After.ContainsKey));

    // Where several keys change, as in an exchange of ids, each has what follows it next to it: after it when it is made, before it when rows are taken back.
    private static IEnumerable<List<RowWrite>> Inseparable(IReadOnlyList<RowWrite> writes, KnownShapes shapes)
    {
        var moves = writes.Index().Where(pair => MovesKey(pair.Item, shapes)).ToList();
        var joined = new bool[writes.Count];
        foreach (var (index, write) in moves.Count < 2 ? [] : writes.Index())
        {
            foreach (var (move, _) in moves.Where(move => Follows(write, move.Item, shapes)))
            {
                Array.Fill(joined, true, Math.Min(index, move) + 1, Math.Abs(index - move));
            }
        }

        var whole = new List<RowWrite>();
        foreach (var (index, write) in writes.Index())
        {
            if (!joined[index] && whole.Count > 0)
            {
                yield return whole;
                whole = [];
            }

            whole.Add(write);
        }

        if (whole.Count > 0)
        {
            yield return whole;
        }
    }

    /// <summary>Whether a write makes its row refer to the key that another write gives, instead of the one that it takes.</summary>
    private static bool Follows(RowWrite write, RowWrite move, KnownShapes shapes)
    {
        var (before, own) = (move.Key.With(move.Before), write.Key.With(write.Before));
        return write.Action == RowAction.Update && shapes.ForeignKeys[shapes.Tables[move.Table].Id].Where(key => key.From == shapes.Tables[write.Table].Id)
            .Any(key => key.AccountFields.Zip(key.Fields).Where(pair => move.After.ContainsKey(pair.First) && !move.After[pair.First].SameFactAs(before.ValueOrNull(pair.First))) is var changed
                && changed.Any()
                && changed.All(pair => own.ValueOrNull(pair.Second).SameFactAs(before.ValueOrNull(pair.First)) && write.After.ValueOrNull(pair.Second).SameFactAs(move.After[pair.First])));
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
