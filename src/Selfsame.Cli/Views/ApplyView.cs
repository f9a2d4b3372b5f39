using Selfsame.Core.Reconciliation;

namespace Selfsame.Cli.Views;

/// <summary>Shows what an apply did; for programs JSON with the counts and the changes that were not made.</summary>
internal static class ApplyView
{
    /// <summary>Where it stands who was merged into whom.</summary>
    public static void WriteMap(string file, bool json)
    {
        if (!json)
        {
            Terminal.Line($"Who was merged into whom: {Terminal.Text(file)}");
        }
    }

    public static void Write(ApplyReport report, Plan plan, bool json)
    {
        if (json)
        {
            Terminal.WriteJson(new
            {
                report.Run,
                report.Stop,
                Changes = plan.Changes.Count,
                report.Applied,
                report.AppliedNow,
                report.Notified,
                Systems = AppliedChanges.BySystem(AppliedChanges.Of(plan, report)),
                Unverified = Notes(report.Unverified),
                Skipped = Notes(report.Skipped),
                Refused = Notes(report.Refused),
                Pending = Notes(report.Pending),
                NotTakenBack = plan.Undoes is null ? null : plan.NotPlanned,
            });
            return;
        }

        Write("skipped", report.Skipped);
        Write("refused", report.Refused);
        Write("doubtful", report.Unverified);
        Write("still open", report.Pending);
        foreach (var (system, counts) in AppliedChanges.BySystem(AppliedChanges.Of(plan, report)))
        {
            Terminal.Line($"{Terminal.Text(system)}: {AppliedChanges.Sentence(counts)}");
        }

        Terminal.Line($"{Terminal.Count(report.AppliedNow, "change")} made; {report.Applied} of {plan.Changes.Count} in all. Run {report.Run}.");
        if (report.Notified > 0)
        {
            Terminal.Line($"{Terminal.Count(report.Notified, "recovery mail")} asked for.");
        }

        if (report.Skipped.Count + report.Refused.Count > 0 && plan.Undoes is null)
        {
            Terminal.Line("What was skipped or refused is not made by this plan any more: settle what it says, then selfsame plan -o plan.json");
        }

        if (report.Stop is { } stop)
        {
            var why = stop == ApplyStop.Interrupted ? "Interrupted." : "Another apply took the lock because this one was held up too long.";
            Terminal.Line($"{why} To go on: {(plan.Undoes is { } undone ? $"selfsame undo {undone} --yes" : "apply the same plan again.")}");
        }
        else if (report.AppliedNow > 0)
        {
            Terminal.Line($"Next: selfsame audit. To take it back: selfsame undo {report.Run} --yes (without --yes it shows how)");
        }
    }

    /// <summary>Who can't be mailed by their system; on stderr, so that JSON stays JSON.</summary>
    public static void WriteNotMailed(IEnumerable<Change> created)
    {
        foreach (var system in created.GroupBy(change => change.System))
        {
            Console.Error.WriteLine($"selfsame: {system.Key} sends no recovery mails: tell the {system.Count()} who were created there in another way.");
        }
    }

    /// <summary>Nothing was changed; the reasons go to stderr.</summary>
    public static int WriteStopped(IReadOnlyList<string> reasons, int exitCode)
    {
        foreach (var reason in reasons)
        {
            Console.Error.WriteLine($"selfsame: {reason}");
        }

        return exitCode;
    }

    private static void Write(string heading, IReadOnlyList<ChangeNote> notes)
    {
        foreach (var note in notes)
        {
            Terminal.Line($"[yellow]{heading}:[/] change {note.Change.Number}, {Terminal.Text(note.Change.System)} {Terminal.Text(note.Change.Label)}: {Terminal.Text(note.Message)}");
        }
    }

    private static object[] Notes(IReadOnlyList<ChangeNote> notes)
        => [.. notes.Select(note => new { note.Change.Number, note.Change.System, note.Change.Account, note.Change.Label, note.Message })];
}
