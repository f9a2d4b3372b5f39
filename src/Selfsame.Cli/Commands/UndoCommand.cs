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
        var command = new Command("undo", "Takes a run back, as far as nobody changed the accounts since. The same again goes on after an interruption.") { run, yes };
        options.AddTo(command);
        guards.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var engine = await options.OpenAsync(parsed, cancellation);
            var accepted = guards.Read(parsed);
            var undone = await RunsCommand.FindAsync(engine, parsed.GetRequiredValue(run), cancellation);
            var undo = await PlanAsync(engine, undone, accepted, cancellation);
            var plan = undo.Plan;

            // Nothing is noted where there is nothing to do; but a run that never came to its end is ended by an undo of no changes.
            if (!parsed.GetValue(yes) || (plan.Changes.Count == 0 && undone.Finished is not null && !undo.GoesOn))
            {
                PlanView.WriteUndo(undo, undone.Finished is not null, options.Json(parsed));
                return plan.Changes.Count + plan.NotPlanned.Count == 0 ? ExitCode.Clean : ExitCode.Findings;
            }

            var verdict = PlanCheck.Check(plan, engine.Topology, KeyRules.Version, accepted);
            var exitCode = await ApplyCommand.ApplyAsync(engine, verdict, options.Json(parsed), cancellation);
            PlanView.WriteConflicts(plan);
            return exitCode == ExitCode.Clean && plan.NotPlanned.Count > 0 ? ExitCode.Findings : exitCode;
        });
        return command;
    }

    private static Task<RunUndo> PlanAsync(OpenedEngine engine, RunRecord run, GuardOverrides accepted, CancellationToken cancellation)
        => RunUndo.PlanAsync(
            run,
            engine.Connected.Journal,
            engine.Connected.Systems,
            engine.Topology,
            engine.NewStamp(),
            begun => PlanCheck.Check(begun, engine.Topology, KeyRules.Version, accepted) is not PlanRejected,
            cancellation);
}
