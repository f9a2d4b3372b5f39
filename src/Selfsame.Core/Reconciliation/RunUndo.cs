using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What takes a run back now.</summary>
/// <param name="Plan">The changes.</param>
/// <param name="GoesOn">Whether it is the plan of an undo that was begun and cut off.</param>
/// <param name="Earlier">The run that took it all back already; null where none did.</param>
public sealed record RunUndo(Plan Plan, bool GoesOn, Guid? Earlier)
{
    /// <summary>Plans it; an undo that was begun is gone on with, as its own plan in the journal says, unless that may not be made any more.</summary>
    /// <param name="run">The run to take back.</param>
    /// <param name="journal">Where it stands.</param>
    /// <param name="systems">What it changed.</param>
    /// <param name="topology">The present config.</param>
    /// <param name="stamp">What names a new plan.</param>
    /// <param name="mayGoOn">Whether the plan of an undo that was begun may still be made.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<RunUndo> PlanAsync(
        RunRecord run,
        IJournal journal,
        IReadOnlyDictionary<string, IConnectedSystem> systems,
        Topology topology,
        PlanStamp stamp,
        Predicate<Plan> mayGoOn,
        CancellationToken cancellation)
    {
        var earlier = new List<RunRecord>();
        foreach (var undo in TakenBack.By(await journal.ListAsync(cancellation), run.Plan.Id))
        {
            var record = (await journal.ReadAsync(undo.Id, cancellation))!;
            if (record.Finished is null && mayGoOn(record.Plan))
            {
                return new RunUndo(record.Plan, GoesOn: true, Earlier: null);
            }

            earlier.Add(record);
        }

        var present = await PresentState.ReadAsync(run, systems, cancellation);
        return new RunUndo(
            UndoPlanner.Plan(run, present, topology, run.Plan.Accounts, stamp, earlier), GoesOn: false, earlier.Find(TakenBack.Wholly)?.Plan.Id);
    }
}
