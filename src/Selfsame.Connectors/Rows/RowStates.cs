using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Rows;

/// <summary>How rows stand after a list of writes, so that a list that was made before is recognised.</summary>
internal static class RowStates
{
    /// <summary>
    /// The fields that each row must hold when all <paramref name="writes"/> were made, by table and key; null for one that must be gone. A row
    /// that is written several times has the sum of its writes.
    /// </summary>
    public static IReadOnlyDictionary<(string Table, Fields Key), Fields?> AfterAll(IReadOnlyList<RowWrite> writes)
    {
        var states = new Dictionary<(string Table, Fields Key), Fields?>();
        foreach (var write in writes)
        {
            var key = (write.Table, write.Key);
            var before = states.GetValueOrDefault(key) ?? Fields.Empty;
            switch (write.Action)
            {
                case RowAction.Insert:
                    states[key] = write.After;
                    break;
                case RowAction.Delete:
                    states[key] = null;
                    break;
                case RowAction.Keep:
                    break;
                default:
                    states[key] = null;
                    states[(write.Table, write.KeyAfter)] = before.With(write.After);
                    break;
            }
        }

        return states;
    }

    /// <summary>
    /// The names whose values in <paramref name="present"/> are not those <paramref name="wanted"/>. What a column has turned into its own type
    /// (true into 1, a text into a number) is the same value.
    /// </summary>
    public static IReadOnlyList<string> DifferencesFrom(Fields wanted, Fields present)
        => [.. wanted.Where(pair => !pair.Value.SameFactAs(present.ValueOrNull(pair.Key))).Select(pair => pair.Key)];

    /// <summary>Whether <paramref name="present"/> holds all that is <paramref name="wanted"/>.</summary>
    public static bool Holds(this Fields present, Fields wanted) => DifferencesFrom(wanted, present).Count == 0;

    /// <summary>The sentence for a row that is neither as before nor as after.</summary>
    public static Drifted ChangedMeanwhile(RowWrite write, Fields present)
        => new($"{Name(write)} changed meanwhile: {string.Join(", ", DifferencesFrom(write.Action == RowAction.Insert ? write.After : write.Before, present))}.");

    /// <summary>The sentence for a row that should be there and is not.</summary>
    public static Drifted Gone(RowWrite write) => new($"{Name(write)} is gone.");

    /// <summary>The sentence for a key that several rows have.</summary>
    public static Drifted Several(RowWrite write, int rows) => new($"{rows} rows have the key of {Name(write)}.");

    private static string Name(RowWrite write) => $"The row of {write.Table} with {write.Key}";
}
