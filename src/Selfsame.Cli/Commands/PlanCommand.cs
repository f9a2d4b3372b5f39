using System.CommandLine;
using System.Text;
using Selfsame.Cli.Views;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame plan -o plan.json</c>: audits and writes down what would clear the findings; changes nothing.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        var options = new EngineOptions();
        var filters = new FilterOptions();
        var output = new Option<string?>("--output", "-o") { Description = "The file to write the plan to; only you can read it." };
        var only = new Option<string[]>("--only") { Description = "Plan only for these findings or reasons: Duplicate, Missing, OrphanDeleted …", AllowMultipleArgumentsPerToken = true };
        var except = new Option<string[]>("--except") { Description = "Leave out these findings or reasons.", AllowMultipleArgumentsPerToken = true };
        var command = new Command("plan", "Plans what would clear the findings. Changes nothing.") { output, only, except };
        filters.AddTo(command);
        options.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            var names = new PlanFilter(Names(parsed.GetValue(only)), Names(parsed.GetValue(except)));
            return names.Problem() is { } problem
                ? throw new InvalidOperationException(problem)
                : RunAsync(options, filters, names, parsed.GetValue(output), parsed, cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(
        EngineOptions options, FilterOptions filters, PlanFilter names, string? file, ParseResult parsed, CancellationToken cancellation)
    {
        await using var engine = await options.OpenAsync(parsed, cancellation);
        var filter = filters.Read(parsed, engine.Topology);
        var audit = await AuditCommand.AuditAsync(engine, cancellation);
        var asked = filter?.Of(audit.Findings, engine.Topology, audit.Pictures, IdentifierKeys.TryKey);
        var plan = names.Of(Planner.Plan(engine.Topology, audit.Pictures, audit.Findings, engine.NewStamp()), asked);
        if (file is not null)
        {
            PrivateFiles.WriteAtomically(file, Encoding.UTF8.GetBytes(PlanJson.Write(plan)));
        }

        PlanView.Write(plan, file, options.Json(parsed));
        return (asked ?? audit.Findings).Count == 0 ? ExitCode.Clean : ExitCode.Findings;
    }

    // Commas too, as people write lists.
    private static string[] Names(string[]? given)
        => [.. (given ?? []).SelectMany(text => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
}
