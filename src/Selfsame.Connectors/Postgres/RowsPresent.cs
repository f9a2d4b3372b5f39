using Selfsame.Connectors.Rows;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>The locked rows by table and key, and what they become as writes are taken one after the other; nothing of it touches the server.</summary>
internal sealed class RowsPresent(IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyDictionary<(string Table, Fields Key), List<Fields>> rows)
{
    private readonly Dictionary<(string Table, Fields Key), List<Fields>> rows = rows.ToDictionary(pair => pair.Key, pair => pair.Value.ToList());

    /// <summary>Whether all writes were made before.</summary>
    public bool AreMade(IReadOnlyList<RowWrite> writes)
        => RowStates.AfterAll(writes).All(state => At(state.Key.Table, state.Key.Key) switch
        {
            [] => state.Value is null,
            var present => state.Value is { } wanted && present.Exists(row => row.Holds(wanted)),
        });

    /// <summary>Takes one write: <see cref="Done"/> when it is to be made, null when the row is already so, <see cref="Drifted"/> when it is neither.</summary>
    public WriteOutcome? Take(RowWrite write)
    {
        var present = At(write.Table, write.Key);
        if (present.Count > 1 && !tables[write.Table].IsWholeRow(write.Key))
        {
            return RowStates.Several(write, present.Count);
        }

        switch (write.Action)
        {
            case RowAction.Insert when present.Count == 0:
                present.Add(write.After);
                return new Done();
            case RowAction.Insert:
                return present.Exists(row => row.Holds(write.After)) ? null : RowStates.ChangedMeanwhile(write, present[0]);
            case RowAction.Delete when present.Count == 0:
            case RowAction.Keep when present.Exists(row => row.Holds(write.Before)):
                return null;
        }

        if (present.Find(row => row.Holds(write.Before)) is not { } before)
        {
            return At(write.Table, write.KeyAfter).Exists(row => write.Action == RowAction.Update && row.Holds(write.After)) ? null
                : present.Count == 0 ? RowStates.Gone(write)
                : RowStates.ChangedMeanwhile(write, present[0]);
        }

        present.Remove(before);
        if (write.Action == RowAction.Update)
        {
            At(write.Table, write.KeyAfter).Add(before.With(write.After));
        }

        return new Done();
    }

    private List<Fields> At(string table, Fields key)
    {
        if (!rows.TryGetValue((table, key), out var present))
        {
            rows[(table, key)] = present = [];
        }

        return present;
    }
}
