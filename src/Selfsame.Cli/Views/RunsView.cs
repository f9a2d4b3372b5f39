using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Spectre.Console;

namespace Selfsame.Cli.Views;

/// <summary>A run in a list, with what it did; null where that was not read.</summary>
internal sealed record ListedRun(RunSummary Summary, IReadOnlyDictionary<string, IReadOnlyDictionary<ChangeAction, int>>? Did);

/// <summary>Lists runs, or shows one.</summary>
internal static class RunsView
{
    public static void Write(IReadOnlyList<ListedRun> runs, bool json)
    {
        if (json)
        {
            Terminal.WriteJson(runs.Select(run => new
            {
                run.Summary.Id,
                run.Summary.Started,
                run.Summary.Finished,
                run.Summary.Undoes,
                run.Summary.Holder,
                run.Summary.Changes,
                run.Summary.Applied,
                run.Summary.Skipped,
                run.Summary.Refused,
                run.Did,
            }));
            return;
        }

        if (runs.Count == 0)
        {
            Terminal.Line("No plan was applied yet.");
            return;
        }

        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("run", "started", "state", "applied", "did", "skipped", "refused", "takes back", "by");
        foreach (var (run, did) in runs)
        {
            table.AddRow(
                run.Id.ToString("D"),
                $"{run.Started:u}",
                State(run.Finished, run.Undoes),
                $"{run.Applied} of {run.Changes}",
                Terminal.Text(Did(did)),
                $"{run.Skipped}",
                $"{run.Refused}",
                run.Undoes?.ToString("D") ?? "",
                Terminal.Text(run.Holder));
        }

        Terminal.Output.Write(table);
    }

    /// <summary>One run, change by change, with every row that it wrote. Whole rows and secrets stay in the journal: it holds those of whoever was deleted.</summary>
    public static void Write(RunRecord run, bool json)
    {
        var changes = run.Plan.Changes.Select(change => (Change: change, Entry: run.Entries.GetValueOrDefault(change.Number)));
        if (json)
        {
            Terminal.WriteJson(new
            {
                run.Plan.Id,
                run.Started,
                run.Finished,
                run.Plan.Undoes,
                Did = AppliedChanges.BySystem(AppliedChanges.Of(run)),
                Changes = changes.Select(pair => new
                {
                    pair.Change.Number,
                    pair.Change.Action,
                    pair.Change.System,
                    Account = IdOf(pair.Change, pair.Entry),
                    pair.Change.Label,
                    pair.Change.Reason,
                    pair.Change.Sentence,
                    Losers = pair.Change.Losers?.Select(loser => loser.Account),
                    pair.Entry?.State,
                    pair.Entry?.Message,
                    Rows = WrittenRowsView.Shown(pair.Entry?.Rows),
                    Mail = pair.Entry?.Mail is { } mail ? new { mail.Taken, mail.Problem } : null,
                }),
            });
            return;
        }

        Terminal.Line($"Run {run.Plan.Id}, started {run.Started:u}, {State(run.Finished, run.Plan.Undoes)}{(run.Plan.Undoes is { } undone ? $", takes back {undone}" : "")}.");
        foreach (var (change, entry) in changes)
        {
            var state = entry?.State switch
            {
                null => "not begun",
                ChangeState.Intent => "not known",
                { } known => known.ToString().ToLowerInvariant(),
            };
            Terminal.Line($"{change.Number,4}  {state,-9}  {change.Action.ToString().ToLowerInvariant(),-7}  {Terminal.Text(change.System)} {Terminal.Text(IdOf(change, entry).ToString())}  {Terminal.Text(change.Sentence)}");
            WrittenRowsView.Write(entry?.Rows, "      ");
            if (entry?.Message is { } message)
            {
                Terminal.Line($"      [yellow]{Terminal.Text(message)}[/]");
            }

            if (entry?.Mail is { Taken: false, Problem: { } problem })
            {
                Terminal.Line($"      [yellow]No mail went to its owner: {Terminal.Text(problem)}[/]");
            }
        }
    }

    /// <summary>The account's id; of one that was made under a number, that number.</summary>
    private static AccountId IdOf(Change change, JournalEntry? entry)
        => change.Numbered && entry?.Rows is [var row] ? AccountId.FromRecord(row.Key, [.. row.Key.Keys])! : change.Account;

    private static string State(DateTimeOffset? finished, Guid? undoes)
        => finished is not null ? "finished" : undoes is null ? "unfinished: apply the plan again" : "unfinished: undo again";

    private static string Did(IReadOnlyDictionary<string, IReadOnlyDictionary<ChangeAction, int>>? did)
        => did is null ? "see 'selfsame runs RUN'" : string.Join("; ", did.Select(pair => $"{pair.Key}: {AppliedChanges.Sentence(pair.Value)}"));
}
