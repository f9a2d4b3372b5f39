using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Views;

/// <summary>Shows a plan like a diff; for programs the plan's own JSON.</summary>
internal static class PlanView
{
    public static void Write(Plan plan, string? file, bool json)
    {
        if (json)
        {
            Console.Write(PlanJson.Write(plan));
            return;
        }

        WriteChanges(plan);
        WriteNotPlanned(plan);
        if (plan.Changes.Count == 0)
        {
            Terminal.Line("There is nothing to change.");
            return;
        }

        var count = Terminal.CountByKind([.. plan.Changes.Select(change => change.Action.ToString().ToLowerInvariant())], "change");
        Terminal.Line(file is null
            ? $"{count}. To apply, write the plan to a file first: selfsame plan -o plan.json"
            : $"{count}, written to {Terminal.Text(file)}. Next, when you have read it: selfsame apply {Terminal.Text(file)}");
    }

    /// <param name="undo">What takes a run back.</param>
    /// <param name="finished">Whether that run came to its end.</param>
    /// <param name="json">Whether for programs.</param>
    public static void WriteUndo(RunUndo undo, bool finished, bool json)
    {
        var plan = undo.Plan;
        if (json)
        {
            // A plan that puts records back holds their secrets: programs get what would change, not the values.
            Terminal.WriteJson(new
            {
                plan.Undoes,
                GoesOn = undo.GoesOn ? plan.Id : (Guid?)null,
                TakenBackBy = undo.Earlier,
                Changes = plan.Changes.Select(change => new { change.Number, change.Action, change.System, change.Account, change.Label, change.Sentence }),
                plan.NotPlanned,
            });
            return;
        }

        WriteChanges(plan);
        WriteNotPlanned(plan);
        Terminal.Line(
            undo.Earlier is { } earlier ? $"Run {earlier} took it back already. There is nothing to take back."
            : plan.Changes.Count == 0 ? $"There is nothing to take back.{(finished ? "" : $" To end the run: selfsame undo {plan.Undoes} --yes")}"
            : undo.GoesOn ? $"Run {plan.Id} has begun to take run {plan.Undoes} back with {Terminal.Count(plan.Changes.Count, "change")}. To go on with it: selfsame undo {plan.Undoes} --yes"
            : $"{Terminal.Count(plan.Changes.Count, "change")} would take run {plan.Undoes} back. To make them: selfsame undo {plan.Undoes} --yes");
    }

    /// <summary>What could not be taken back, for people; on stderr, so that JSON stays JSON.</summary>
    public static void WriteConflicts(Plan plan)
    {
        foreach (var left in plan.NotPlanned)
        {
            Console.Error.WriteLine($"not taken back: {left.Sentence} {left.Because}");
        }
    }

    private static void WriteChanges(Plan plan)
    {
        foreach (var change in plan.Changes)
        {
            ChangeView.Write(change);
        }
    }

    private static void WriteNotPlanned(Plan plan)
    {
        foreach (var left in plan.NotPlanned)
        {
            Terminal.Line($"[grey]not planned:[/] {left.Finding} {Terminal.Text(left.System)}  {Terminal.Text(left.Sentence)} {Terminal.Text(left.Because)}");
        }
    }
}
