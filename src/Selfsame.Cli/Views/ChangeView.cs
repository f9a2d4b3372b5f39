using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Views;

/// <summary>Shows one change like a diff: what it is in the first line, then what each field, row or index becomes.</summary>
internal static class ChangeView
{
    public static void Write(Change change)
    {
        var (sign, colour) = change.Action switch
        {
            ChangeAction.Create => ("+", "green"),
            ChangeAction.Update => ("~", "yellow"),
            ChangeAction.Delete => ("-", "red"),
            ChangeAction.Merge => (">", "magenta"),
            ChangeAction.Rekey => ("=", "yellow"),
            ChangeAction.Restore => ("<", "cyan"),
            ChangeAction.Schema => ("#", "blue"),
            _ => throw new ArgumentOutOfRangeException(nameof(change), change.Action, null),
        };
        // The system's next number is not known yet.
        var id = change.Numbered ? "with the next number" : Terminal.Text(change.Account.ToString());
        Terminal.Line($"[{colour}]{sign} {change.Action.ToString().ToLowerInvariant()}[/] {Terminal.Text(change.System)} {id}  {Terminal.Text(change.Sentence)}");
        WriteFields(change.Before, change.After);
        WriteLosers(change);
        foreach (var other in change.Exchanged ?? [])
        {
            Terminal.Line($"    at once {Terminal.Text(other.Label)}:");
            WriteFields(other.Before, other.After, "  ");
        }

        if (change.PasswordFrom is { } password)
        {
            Terminal.Line($"    signs in with: the password of {Terminal.Text(password.System)} (its hash is read from {Terminal.Text(password.Field)} at apply)");
        }

        foreach (var place in change.References ?? [])
        {
            WriteReferences(change, place);
        }

        foreach (var row in change.Rows ?? [])
        {
            Terminal.Line($"    {row.Action.ToString().ToLowerInvariant()} in {Terminal.Text(row.Table)}: {Terminal.Text(row.Key.ToString())}");
            WriteFields(row.Action == RowAction.Delete ? Fields.Empty : row.Before, row.After, "  ");
        }

        foreach (var step in change.Steps ?? [])
        {
            Terminal.Line($"    {Step(step)}");
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

    private static void WriteLosers(Change change)
    {
        foreach (var loser in change.Losers ?? [])
        {
            Terminal.Line($"    [red]goes:[/] {Terminal.Text(loser.Label)} (id {Terminal.Text(loser.Account.ToString())})");
        }

        if (change.Losers is not null)
        {
            Terminal.Line($"    signs in with: the password of {Terminal.Text(change.Label)} (id {Terminal.Text(change.Account.ToString())})");
        }
    }

    private static void WriteReferences(Change change, PlannedReference place)
    {
        var where = Terminal.Text($"{place.Table}.{string.Join('+', place.Fields)}");
        Terminal.Line(change.Action == ChangeAction.Delete
            ? $"    only while nothing refers to it: {where}"
            : $"    {where}: {Terminal.Count(place.Rows, "reference")} now; all that are there then move");
    }

    private static void WriteFields(Fields before, Fields after, string indent = "")
    {
        foreach (var field in before.Keys.Union(after.Keys).Order(StringComparer.Ordinal))
        {
            Terminal.Line($"    {indent}{Terminal.Text(field)}: {Shown(before, after, field)}");
        }
    }

    private static string Shown(Fields before, Fields after, string field)
    {
        var secret = SecretFields.Looks(field);
        string Value(Fields fields) => secret && !fields[field].IsNull ? "•••" : Terminal.Text(fields[field].ToString());
        return (before.ContainsKey(field), after.ContainsKey(field)) switch
        {
            (true, true) => $"{Value(before)} → {Value(after)}",
            (true, false) => Value(before),
            _ => Value(after),
        };
    }

    private static string Step(SchemaStep step)
    {
        var name = Terminal.Text(step.Name);
        return step.Action switch
        {
            SchemaAction.CreateIndex => $"[green]+ index[/] {name}: {Terminal.Text(step.Definition)}",
            SchemaAction.DropIndex => $"[red]- index[/] {name}: {Terminal.Text(step.Definition)}",
            SchemaAction.AddUuidField => $"[green]+ field[/] {name} for a uuid",
            SchemaAction.DropField => $"[red]- field[/] {name}",
            SchemaAction.RequireValue => $"[green]+[/] {name} may not be null",
            SchemaAction.AllowNull => $"[red]-[/] {name} may be null",
            _ => throw new ArgumentOutOfRangeException(nameof(step), step.Action, null),
        };
    }
}
