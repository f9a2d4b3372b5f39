using System.CommandLine;
using Selfsame.Cli.Views;
using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;

namespace Selfsame.Cli.Commands;

/// <summary><c>selfsame apply plan.json</c>: makes exactly the changes of the plan.</summary>
internal static class ApplyCommand
{
    // A plan of a million changes is about 1 GB; what is larger is another file.
    private const long LargestPlan = 2_000_000_000;

    public static Command Create()
    {
        var options = new EngineOptions();
        var guards = new GuardOptions();
        var file = new Argument<string?>("plan") { Description = "The file that 'selfsame plan -o' wrote.", Arity = ArgumentArity.ZeroOrOne };
        var resume = new Option<string?>("--resume") { Description = "Go on with a run whose plan's file is lost, by the run's id or its beginning: the journal holds the plan." };
        var merged = new Option<string?>("--merged")
        {
            Description = "Write who was merged into whom to the end of this file, one JSON object a line: system, loser, survivor. For your application's sessions. Default: PLAN.merged.jsonl, and with --resume the whole id for PLAN.",
        };
        var notify = new Option<bool>("--notify") { Description = "Mail a link to set a password to everybody whose account is created without one, where the system sends such mails." };
        var command = new Command("apply", "Makes exactly the changes of a plan. Apply the same plan again to go on after an interruption.") { file, resume, merged, notify };
        options.AddTo(command);
        guards.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(file) is null == parsed.GetValue(resume) is null)
            {
                throw new InvalidOperationException("name the plan's file, or with --resume the run to go on with; 'selfsame runs' lists them.");
            }

            var text = parsed.GetValue(file) is { } path ? ReadPlan(path) : null;
            await using var engine = await options.OpenAsync(parsed, cancellation);
            var verdict = text is not null
                ? PlanCheck.Check(text, engine.Topology, KeyRules.Version, guards.Read(parsed))
                : PlanCheck.Check((await RunsCommand.FindAsync(engine, parsed.GetValue(resume)!, cancellation)).Plan, engine.Topology, KeyRules.Version, guards.Read(parsed));
            var who = verdict is PlanAccepted { Plan: var plan } && plan.Changes.Any(change => change.Action == ChangeAction.Merge) ? $"{parsed.GetValue(file) ?? plan.Id.ToString("D")}.merged.jsonl" : null;
            return await ApplyAsync(engine, verdict, options.Json(parsed), cancellation, parsed.GetValue(merged) ?? who, parsed.GetValue(notify));
        });
        return command;
    }

    /// <summary>Applies what the check let through; for <c>undo</c> too.</summary>
    public static async Task<int> ApplyAsync(
        OpenedEngine engine, PlanVerdict verdict, bool json, CancellationToken cancellation, string? merged = null, bool notify = false)
    {
        switch (verdict)
        {
            case PlanRejected rejected:
                return ApplyView.WriteStopped([rejected.Problem], ExitCode.Error);
            case PlanGuarded guarded:
                return ApplyView.WriteStopped(guarded.Guards, ExitCode.Stopped);
        }

        if (merged is not null && PrivateFiles.WhyNotWritable(merged) is { } why)
        {
            throw new InvalidOperationException($"who was merged into whom can't be written to {merged} ({why}). Nothing was changed: name another file with --merged.");
        }

        // Where no server runs, nobody else does it; and before anything is changed, so that it can't spoil the report.
        await engine.Connected.Retention.ForgetAsync(cancellation);
        var plan = ((PlanAccepted)verdict).Plan;
        var result = await (await engine.NewApplierAsync(cancellation)).ApplyAsync(plan, PacedProgress.OfApplying(plan.Changes.Count, engine.Store.Clock), cancellation, notify);
        switch (result)
        {
            case ApplyLocked locked:
                return ApplyView.WriteStopped(
                    [$"Another apply is running ({locked.Holder}). Wait for it; if it was killed on another machine, its lock ends at {locked.Until:u}."], ExitCode.Stopped);
            case ApplyTakenBack undone:
                return ApplyView.WriteStopped(
                    [
                        undone.Finished
                            ? $"Run {plan.Id} of this plan was taken back by run {undone.By}. Nothing was changed. To repair again, make a new plan: selfsame plan -o plan.json"
                            : $"Run {undone.By} has begun to take run {plan.Id} of this plan back. Nothing was changed. To go on with that: selfsame undo {plan.Id} --yes",
                    ],
                    ExitCode.Stopped);
            case ApplyReport report:
                // First, for it says which run this was; what can't be written then is in the journal.
                ApplyView.Write(report, plan, json);
                if (merged is not null)
                {
                    var before = File.Exists(merged) ? File.ReadAllText(merged) : "";
                    PrivateFiles.WriteAtomically(merged, AppliedChanges.MergedLines(before, AppliedChanges.Of(plan, report)));
                    ApplyView.WriteMap(merged, json);
                }

                if (notify)
                {
                    ApplyView.WriteNotMailed(AppliedChanges.Of(plan, report).Where(change => change.Action == ChangeAction.Create && engine.Connected.Systems[change.System] is not ISendsRecoveryMails));
                }

                return report switch
                {
                    { Stop: ApplyStop.Interrupted } => ExitCode.Interrupted,
                    { IsComplete: true } => ExitCode.Clean,
                    _ => ExitCode.Findings,
                };
            default:
                throw new InvalidOperationException("The applier gave an unknown answer.");
        }
    }

    private static string ReadPlan(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            throw new InvalidOperationException($"there is no plan {path}. Make one with: selfsame plan -o {path}");
        }

        return file.Length <= LargestPlan ? File.ReadAllText(path) : throw new InvalidOperationException($"{path} is too large to be a plan.");
    }
}
