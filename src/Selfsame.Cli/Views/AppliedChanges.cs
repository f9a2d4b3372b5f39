using System.Text;
using System.Text.Json;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Views;

/// <summary>What the changes of a run were, told by system and by kind.</summary>
internal static class AppliedChanges
{
    private static readonly JsonSerializerOptions OnOneLine = new(PlanJson.Options) { WriteIndented = false };

    /// <summary>The changes of the plan that are made by now, earlier attempts included.</summary>
    public static IReadOnlyList<Change> Of(Plan plan, ApplyReport report)
    {
        var others = report.Skipped.Concat(report.Refused).Concat(report.Pending).Select(note => note.Change.Number).ToHashSet();
        return [.. plan.Changes.Where(change => !others.Contains(change.Number))];
    }

    /// <summary>The changes of a run in the journal that are made by now.</summary>
    public static IReadOnlyList<Change> Of(RunRecord run)
        => [.. run.Plan.Changes.Where(change => run.Entries.GetValueOrDefault(change.Number)?.State == ChangeState.Applied)];

    /// <summary>How many of each action, by system.</summary>
    public static IReadOnlyDictionary<string, IReadOnlyDictionary<ChangeAction, int>> BySystem(IReadOnlyList<Change> changes)
        => changes.GroupBy(change => change.System).OrderBy(group => group.Key, StringComparer.Ordinal).ToDictionary(
            group => group.Key,
            group => (IReadOnlyDictionary<ChangeAction, int>)group.GroupBy(change => change.Action).OrderBy(actions => actions.Key).ToDictionary(actions => actions.Key, actions => actions.Count()));

    /// <summary><c>2 merged, 1 deleted</c>.</summary>
    public static string Sentence(IReadOnlyDictionary<ChangeAction, int> counts) => string.Join(", ", counts.Select(pair => pair.Key switch
    {
        ChangeAction.Create => $"{pair.Value} created",
        ChangeAction.Update => $"{pair.Value} updated",
        ChangeAction.Delete => $"{pair.Value} deleted",
        ChangeAction.Merge => $"{pair.Value} merged",
        ChangeAction.Rekey => $"{pair.Value} given another id",
        ChangeAction.Restore => $"{pair.Value} put back",
        ChangeAction.Schema => Terminal.Count(pair.Value, "change") + " of the table's shape",
        _ => throw new ArgumentOutOfRangeException(nameof(counts), pair.Key, null),
    }));

    /// <summary>
    /// Who was merged into whom: JSON Lines in UTF-8, one for each account that went, behind those of earlier runs. A line that stands there already moves to the end, so that of
    /// two about one account the last holds.
    /// </summary>
    /// <param name="before">What stands in the file now; empty where there is none.</param>
    /// <param name="changes">What was done.</param>
    public static byte[] MergedLines(string before, IReadOnlyList<Change> changes)
    {
        var lines = changes.SelectMany(change => (change.Losers ?? []).Select(loser => JsonSerializer.Serialize(new { change.System, Loser = loser.Account, Survivor = change.Account }, OnOneLine))).ToList();
        var earlier = before.Split('\n', StringSplitOptions.RemoveEmptyEntries).Except(lines);
        return Encoding.UTF8.GetBytes(string.Concat(earlier.Concat(lines).Select(line => line + '\n')));
    }
}
