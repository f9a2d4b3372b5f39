namespace Selfsame.Core.Reconciliation;

/// <summary>Which runs took others back. Pure.</summary>
public static class TakenBack
{
    /// <summary>The runs that took a run back, or have begun to, the newest first; not those that were taken back themselves.</summary>
    /// <param name="runs">All that the journal lists, the newest first.</param>
    /// <param name="run">The run.</param>
    public static IReadOnlyList<RunSummary> By(IReadOnlyList<RunSummary> runs, Guid run)
        => [.. runs.Where(undo => undo.Undoes == run && DidSomething(undo) && By(runs, undo.Id).Count == 0)];

    /// <summary>Whether a finished undo left nothing of a run: neither by its plan, nor when it was made.</summary>
    public static bool Wholly(RunRecord undo)
        => undo.Finished is not null && undo.Plan.NotPlanned.Count == 0
            && undo.Plan.Changes.All(change => undo.Entries.GetValueOrDefault(change.Number) is { State: ChangeState.Applied, Message: null });

    /// <summary>Whether an undo took a change of a system's shape back.</summary>
    public static bool TookBack(RunRecord undo, Change change)
        => undo.Plan.Changes.Any(back => back.Action == ChangeAction.Schema && back.System == change.System && back.Account == change.Account
            && undo.Entries.GetValueOrDefault(back.Number)?.State == ChangeState.Applied);

    // One of no changes closed a run that had not made any.
    private static bool DidSomething(RunSummary undo) => undo.Finished is null || undo.Applied > 0 || undo.Changes == 0;
}
