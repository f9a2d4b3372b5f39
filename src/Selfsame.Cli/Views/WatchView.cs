using System.Text.Json;
using Selfsame.Core.Reconciliation;
using Selfsame.Server.Watch;

namespace Selfsame.Cli.Views;

/// <summary>Shows one round of a watch: a line for people and logs, and one for each new finding; for programs one JSON object a round, on one line.</summary>
internal static class WatchView
{
    private static readonly JsonSerializerOptions OnOneLine = new(PlanJson.Options) { WriteIndented = false };

    public static void Write(WatchRound round, DateTimeOffset now, bool json)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { At = now, round.Findings, New = round.New.Select(AuditView.Shown), round.Problems }, OnOneLine));
            return;
        }

        foreach (var problem in round.Problems)
        {
            Console.Error.WriteLine($"selfsame: {problem}");
        }

        if (round.Findings is { } findings)
        {
            Terminal.Line($"{now:u} {Terminal.Count(findings, "finding")}, {round.New.Count} new");
        }

        foreach (var finding in round.New)
        {
            Terminal.Line($"  [yellow]{finding.Kind}[/] {Terminal.Text(finding.System)}  {Terminal.Text(finding.Sentence)}");
        }
    }
}
