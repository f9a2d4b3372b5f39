namespace Selfsame.Core.Reconciliation;

/// <summary>The part of an attempt that keeps a change which takes another account's id from being made before that account gave it up.</summary>
internal sealed partial class ApplyAttempt
{
    private static IdChains ChainsOf(Plan plan, Topology topology) => new(plan.Changes, system => topology.Systems[system].Mapping);

    /// <summary>Those changes that can be made, or whose change ahead is among them; the others end here or wait for the next apply.</summary>
    /// <param name="open">In the plan's order.</param>
    /// <param name="outcomes">Of this portion so far; those of the others are added.</param>
    private List<Change> WithoutThoseBehind(List<Change> open, List<JournalOutcome> outcomes)
    {
        var states = outcomes.ToDictionary(outcome => outcome.Number, outcome => outcome.State);
        ChangeState? StateOf(Change change) => states.TryGetValue(change.Number, out var state) ? state : entries.GetValueOrDefault(change.Number)?.State;
        var (going, numbers) = (new List<Change>(), new HashSet<int>());
        foreach (var change in open)
        {
            var ahead = chains.Ahead(change);
            if (ahead is null || numbers.Contains(ahead.Number) || StateOf(ahead) == ChangeState.Applied)
            {
                going.Add(change);
                numbers.Add(change.Number);
            }
            else if (StateOf(ahead) is ChangeState.Skipped or ChangeState.Refused)
            {
                // Nothing of it was made: the id was never free.
                outcomes.Add(new JournalOutcome(
                    change.Number, ChangeState.Skipped, null, $"It takes the id that {ahead.Label} has, and change {ahead.Number}, by which that gives it up, was not made. {(plan.Undoes is null ? "Plan" : "Undo")} again.", Rows: []));
                states.Add(change.Number, ChangeState.Skipped);
            }
            else
            {
                StillOpen(change, $"It takes the id that {ahead.Label} has, and change {ahead.Number}, by which that gives it up, is still open. Apply the same plan again.");
            }
        }

        return going;
    }

    /// <summary>Those changes that can be sent, in order, and those of the others that only wait for one that can not.</summary>
    private (List<PreparedChange> Ready, List<Change> Behind) WithTheirChains(IReadOnlyList<PreparedChange> prepared, Func<PreparedChange, bool> canBeSent)
    {
        var (ready, behind, kept) = (new List<PreparedChange>(), new List<Change>(), new HashSet<int>());
        foreach (var change in prepared)
        {
            var can = canBeSent(change);
            if (can && (chains.Ahead(change.Change) is not { } ahead || !kept.Contains(ahead.Number)))
            {
                ready.Add(change);
                continue;
            }

            kept.Add(change.Change.Number);
            if (can)
            {
                behind.Add(change.Change);
            }
        }

        return (ready, behind);
    }
}
