namespace Selfsame.Core.Reconciliation;

/// <summary>Puts sets together that hang together: A and B share a member, B and C another. Pure.</summary>
internal static class SharedMembers
{
    /// <summary>
    /// The numbers of the sets, group by group. A group stands where its last set stands; in it come first, in that order too, the groups that the last set joined.
    /// The time is that of looking each member up once, whatever the groups are.
    /// </summary>
    public static IReadOnlyList<IReadOnlyList<int>> Group<T>(IReadOnlyList<IEnumerable<T>> sets)
        where T : notnull
    {
        // A group is named by its last set; of each the first is kept, and of each set the one that follows in its group.
        var (parents, firsts, nexts) = (new int[sets.Count], new int[sets.Count], new int[sets.Count]);
        var holders = new Dictionary<T, int>();
        for (var set = 0; set < sets.Count; set++)
        {
            (parents[set], firsts[set], nexts[set]) = (set, set, -1);
            var touched = new SortedSet<int>();
            foreach (var member in sets[set])
            {
                if (holders.TryGetValue(member, out var holder))
                {
                    touched.Add(Root(parents, holder));
                }

                holders[member] = set;
            }

            touched.Remove(set);
            Join(set, touched, parents, firsts, nexts);
        }

        return [.. Enumerable.Range(0, sets.Count).Where(set => parents[set] == set).Select(set => Chain(firsts[set], nexts))];
    }

    private static void Join(int set, SortedSet<int> touched, int[] parents, int[] firsts, int[] nexts)
    {
        var last = -1;
        foreach (var group in touched)
        {
            parents[group] = set;
            if (last < 0)
            {
                firsts[set] = firsts[group];
            }
            else
            {
                nexts[last] = firsts[group];
            }

            last = group;
        }

        if (last >= 0)
        {
            nexts[last] = set;
        }
    }

    private static int Root(int[] parents, int set)
    {
        var root = set;
        while (parents[root] != root)
        {
            root = parents[root];
        }

        // The way is shorter for the next.
        while (parents[set] != root)
        {
            (set, parents[set]) = (parents[set], root);
        }

        return root;
    }

    private static List<int> Chain(int first, int[] nexts)
    {
        var sets = new List<int>();
        for (var set = first; set >= 0; set = nexts[set])
        {
            sets.Add(set);
        }

        return sets;
    }
}
