using System.CommandLine;
using System.Text;
using Selfsame.Cli.Views;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame plan -o plan.json</c>: audits and writes down what would clear the findings; changes nothing.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        var options = new EngineOptions();
        var output = new Option<string?>("--output", "-o") { Description = "The file to write the plan to; only you can read it." };
        var command = new Command("plan", "Plans what would clear the findings. Changes nothing.") { output };
        options.AddTo(command);
        command.SetAction((parsed, cancellation) => RunAsync(options, output, parsed, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(EngineOptions options, Option<string?> output, ParseResult parsed, CancellationToken cancellation)
    {
        await using var engine = await options.OpenAsync(parsed, cancellation);
        var audit = await AuditCommand.AuditAsync(engine, cancellation);
        var plan = Planner.Plan(engine.Topology, audit.Pictures, audit.Findings, engine.NewStamp());
        var file = parsed.GetValue(output);
        if (file is not null)
        {
            PrivateFiles.WriteAtomically(file, Encoding.UTF8.GetBytes(PlanJson.Write(plan)));
        }

        PlanView.Write(plan, file, options.Json(parsed));
        return audit.Findings.Count == 0 ? ExitCode.Clean : ExitCode.Findings;
    }
}
