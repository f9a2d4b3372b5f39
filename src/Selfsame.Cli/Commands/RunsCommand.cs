using System.CommandLine;
using Selfsame.Cli.Views;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame runs [RUN]</c>: what was applied, and when; or one run, change by change.</summary>
internal static class RunsCommand
{
    private const int ShortestPrefix = 4;

    // What a run did is in its plan; reading the plans of larger runs would keep the list waiting.
    private const int LargestSummarised = 20_000;
    private const int MostSummarised = 50;

    public static Command Create()
    {
        var options = new EngineOptions();
        var run = new Argument<string?>("run") { Description = "A run's id or its beginning: shows that run, change by change, with every row that it wrote.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("runs", "Lists the plans that were applied, the newest first.") { run };
        options.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var engine = await options.OpenAsync(parsed, cancellation);
            if (parsed.GetValue(run) is { } wanted)
            {
                RunsView.Write(await FindAsync(engine, wanted, cancellation), options.Json(parsed));
                return ExitCode.Clean;
            }

            RunsView.Write(await ListAsync(engine.Connected.Journal, cancellation), options.Json(parsed));
            return ExitCode.Clean;
        });
        return command;
    }

    /// <summary>The run that an id or its beginning names; for <c>undo</c> too.</summary>
    public static async Task<RunRecord> FindAsync(OpenedEngine engine, string text, CancellationToken cancellation)
    {
        var runs = await engine.Connected.Journal.ListAsync(cancellation);
        var meant = text.Length < ShortestPrefix
            ? []
            : runs.Where(run => run.Id.ToString("D").StartsWith(text, StringComparison.OrdinalIgnoreCase)).ToList();
        return meant.Count == 1
            ? (await engine.Connected.Journal.ReadAsync(meant[0].Id, cancellation))!
            : throw new InvalidOperationException(
                $"{(meant.Count > 0 ? "several runs begin so" : NoSuchRun(engine.Topology))}: {text}. 'selfsame runs' lists them.");
    }

    private static string NoSuchRun(Topology topology) => topology.JournalKept is { } kept
        ? $"there is no such run, or it was finished more than {kept.Days} days ago and is forgotten (journal.keepDays)"
        : "there is no such run";

    private static async Task<IReadOnlyList<ListedRun>> ListAsync(IJournal journal, CancellationToken cancellation)
    {
        var listed = new List<ListedRun>();
        foreach (var run in await journal.ListAsync(cancellation))
        {
            var record = run.Changes <= LargestSummarised && listed.Count < MostSummarised ? await ReadOwnAsync(journal, run.Id, cancellation) : null;
            listed.Add(new ListedRun(run, record is null ? null : AppliedChanges.BySystem(AppliedChanges.Of(record))));
        }

        return listed;
    }

    /// <summary>The run, or null where a colleague made it under another secret: it is listed all the same.</summary>
    private static async Task<RunRecord?> ReadOwnAsync(IJournal journal, Guid run, CancellationToken cancellation)
    {
        try
        {
            return await journal.ReadAsync(run, cancellation);
        }
        catch (ForeignSecretException)
        {
            return null;
        }
    }
}
