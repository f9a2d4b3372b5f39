using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Cuts prepared changes, in the plan's order, into waves of changes that may be made at the same time: of one system that takes several, and
/// with no account and no row in common. Pure.
/// </summary>
internal static class ChangeWaves
{
    /// <param name="changes">In the plan's order.</param>
    /// <param name="systemOf">The system of a change.</param>
    public static IEnumerable<IReadOnlyList<PreparedChange>> Of(IEnumerable<PreparedChange> changes, Func<PreparedChange, IWritesTogether> systemOf)
    {
        var wave = new List<PreparedChange>();
        var touched = new HashSet<object>();
        foreach (var change in changes)
        {
            var system = systemOf(change);
            var mine = Touched(change, system);
            var joins = touched.Count > 0 && system.SimultaneousWrites > 1 && wave[0].Change.System == change.Change.System && mine is not null && !touched.Overlaps(mine);
            if (wave.Count > 0 && !joins)
            {
                yield return wave;
                (wave, touched) = ([], []);
            }

            wave.Add(change);
            touched.UnionWith(mine ?? []);
        }

        if (wave.Count > 0)
        {
            yield return wave;
        }
    }

    /// <summary>
    /// The accounts, by their ids, and the other rows that a change has to do with; null where that is not known, because a row of the accounts'
    /// own table is named by another key.
    /// </summary>
    public static HashSet<object>? Touched(PreparedChange prepared, IWritesTogether system)
    {
        var change = prepared.Change;
        var touched = new HashSet<object>((change.Losers ?? []).Select(loser => loser.Account).Append(change.Account));
        foreach (var write in prepared.Rows)
        {
            foreach (var key in (Fields[])[write.Key, write.KeyAfter])
            {
                if (write.Table != system.AccountsTable)
                {
                    touched.Add((write.Table, key));
                }
                else if (AccountId.FromRecord(key, system.Mapping.Id) is { } id)
                {
                    touched.Add(id);
                }
                else
                {
                    return null;
                }
            }
        }

        return touched;
    }
}
