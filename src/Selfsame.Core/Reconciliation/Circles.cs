namespace Selfsame.Core.Reconciliation;

/// <summary>Finds those of whom each waits for the next and the last for the first.</summary>
internal static class Circles
{
    /// <param name="next">For whom each waits.</param>
    /// <returns>Each circle once, in its order; whoever only leads into one is in none.</returns>
    public static IReadOnlyList<IReadOnlyList<T>> Of<T>(IReadOnlyDictionary<T, T> next)
        where T : notnull
    {
        var circles = new List<IReadOnlyList<T>>();
        var seen = new HashSet<T>();
        foreach (var start in next.Keys)
        {
            var way = new List<T>();
            var current = start;
            while (next.ContainsKey(current) && seen.Add(current))
            {
                way.Add(current);
                current = next[current];
            }

            if (way.IndexOf(current) is >= 0 and var first)
            {
                circles.Add(way[first..]);
            }
        }

        return circles;
    }
}
