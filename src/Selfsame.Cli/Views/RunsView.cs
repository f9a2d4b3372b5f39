using Selfsame.Core.Reconciliation;
using Spectre.Console;

namespace Selfsame.Cli.Views;

/// <summary>Lists runs.</summary>
internal static class RunsView
{
    public static void Write(IReadOnlyList<RunSummary> runs, bool json)
    {
        if (json)
        {
            Terminal.WriteJson(runs);
            return;
        }

        if (runs.Count == 0)
        {
            Terminal.Line("No plan was applied yet.");
            return;
        }

        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("run", "started", "state", "changes", "applied", "skipped", "refused", "takes back", "by");
        foreach (var run in runs)
        {
            table.AddRow(
                run.Id.ToString("D"),
                $"{run.Started:u}",
                run.Finished is null ? "unfinished: apply the plan again" : "finished",
                $"{run.Changes}",
                $"{run.Applied}",
                $"{run.Skipped}",
                $"{run.Refused}",
                run.Undoes?.ToString("D") ?? "",
                Terminal.Text(run.Holder));
        }

        Terminal.Output.Write(table);
    }
}
