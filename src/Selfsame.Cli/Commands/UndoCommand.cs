using System.CommandLine;
using Selfsame.Cli.Views;
using Selfsame.Core.Identifiers;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame undo RUN</c>: plans the reverse of a run from the present state; makes it with <c>--yes</c>.</summary>
internal static class UndoCommand
{
    public static Command Create()
    {
        var options = new EngineOptions();
        var guards = new GuardOptions();
        var run = new Argument<string>("run") { Description = "The run's id as 'selfsame runs' shows it, or its beginning." };
        var yes = new Option<bool>("--yes") { Description = "Make the changes; without it they are only shown." };
        var command = new Command("undo", "Takes a run back, as far as nobody changed the accounts since.") { run, yes };
        options.AddTo(command);
        guards.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var engine = await options.OpenAsync(parsed, cancellation);
            var plan = await PlanAsync(engine, await RunsCommand.FindAsync(engine, parsed.GetRequiredValue(run), cancellation), cancellation);
            if (!parsed.GetValue(yes))
            {
                PlanView.WriteUndo(plan, options.Json(parsed));
                return plan.Changes.Count + plan.NotPlanned.Count == 0 ? ExitCode.Clean : ExitCode.Findings;
            }

            var verdict = PlanCheck.Check(plan, engine.Topology, KeyRules.Version, guards.Read(parsed));
            var exitCode = await ApplyCommand.ApplyAsync(engine, verdict, options.Json(parsed), cancellation);
            PlanView.WriteConflicts(plan);
            return exitCode == ExitCode.Clean && plan.NotPlanned.Count > 0 ? ExitCode.Findings : exitCode;
        });
        return command;
    }

    private static async Task<Plan> PlanAsync(OpenedEngine engine, RunRecord run, CancellationToken cancellation)
    {
        var present = await PresentState.ReadAsync(run, engine.Connected.Systems, cancellation);
        return UndoPlanner.Plan(run, present, engine.Topology, run.Plan.Accounts, engine.NewStamp());
    }
}
