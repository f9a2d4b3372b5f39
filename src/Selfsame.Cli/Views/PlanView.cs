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

        Terminal.Line(file is null
            ? $"{Terminal.Count(plan.Changes.Count, "change")}. To apply, write the plan to a file first: selfsame plan -o plan.json"
            : $"{Terminal.Count(plan.Changes.Count, "change")}, written to {Terminal.Text(file)}. Next, when you have read it: selfsame apply {Terminal.Text(file)}");
    }

    public static void WriteUndo(Plan plan, bool json)
    {
        if (json)
        {
            // A plan that puts records back holds their secrets: programs get what would change, not the values.
            Terminal.WriteJson(new
            {
                plan.Undoes,
                Changes = plan.Changes.Select(change => new { change.Number, change.Action, change.System, change.Account, change.Label, change.Sentence }),
                plan.NotPlanned,
            });
            return;
        }

        WriteChanges(plan);
        WriteNotPlanned(plan);
        Terminal.Line(plan.Changes.Count == 0
            ? "There is nothing to take back."
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
            var (sign, colour) = change.Action switch
            {
                ChangeAction.Create => ("+", "green"),
                ChangeAction.Update => ("~", "yellow"),
                _ => ("-", "red"),
            };
            Terminal.Line($"[{colour}]{sign} {change.Action.ToString().ToLowerInvariant()}[/] {Terminal.Text(change.System)} {Terminal.Text(change.Account.ToString())}  {Terminal.Text(change.Sentence)}");
            foreach (var field in change.Before.Keys.Union(change.After.Keys).Order(StringComparer.Ordinal))
            {
                Terminal.Line($"    {Terminal.Text(field)}: {Shown(change, field)}");
            }

            foreach (var effect in change.Effects)
            {
                Terminal.Line($"    [red]also:[/] {Terminal.Text(effect)}");
            }

            if (!change.Reversible)
            {
                Terminal.Line("    [red]can't be undone[/]");
            }
        }
    }

    private static string Shown(Change change, string field)
    {
        var secret = Core.Accounts.SecretFields.Looks(field);
        string Value(Core.Accounts.Fields fields) => secret && !fields[field].IsNull ? "•••" : Terminal.Text(fields[field].ToString());
        return (change.Before.ContainsKey(field), change.After.ContainsKey(field)) switch
        {
            (true, true) => $"{Value(change.Before)} → {Value(change.After)}",
            (true, false) => Value(change.Before),
            _ => Value(change.After),
        };
    }

    private static void WriteNotPlanned(Plan plan)
    {
        foreach (var left in plan.NotPlanned)
        {
            Terminal.Line($"[grey]not planned:[/] {left.Finding} {Terminal.Text(left.System)}  {Terminal.Text(left.Sentence)} {Terminal.Text(left.Because)}");
        }
    }
}
