using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>The part of an attempt that changes the systems' shapes.</summary>
internal sealed partial class ApplyAttempt
{
    private const int MostNamed = 10;

    private async Task<bool> ChangeSchemaAsync(Change change, CancellationToken cancellation)
    {
        // An attempt that was cut off may have dropped an index: what was there before it is in the journal alone.
        var before = entries.GetValueOrDefault(change.Number)?.Before ?? await ReadIndexesAsync(change, cancellation);
        if (!await journal.RecordIntentsAsync(Lease, plan.Id, [new JournalIntent(change.Number, before)], cancellation))
        {
            return false;
        }

        crashPoints.Reach(ApplyCrashPoints.IntentDurable);
        var outcome = systems[change.System] is IChangesSchema system
            ? await PatientlyAsync(change, () => system.ChangeSchemaAsync(change.Steps!, CancellationToken.None))
            : new Refused($"The shape of '{change.System}' can't be changed.");
        rowChanges.ForgetShape(change.System);
        crashPoints.Reach(ApplyCrashPoints.ChangeLeft);
        if (outcome is Done)
        {
            appliedNow++;
            return await RecordAsync([new JournalOutcome(change.Number, ChangeState.Applied, await SeeIndexesAsync(change), null)]);
        }

        if (outcome is AlreadyExists exists)
        {
            outcome = exists with { Message = $"{exists.Message} {await EqualByNowAsync(change, cancellation)}Plan again." };
        }

        return await RecordAsync([.. new[] { NotDone(change, outcome) is { } end ? await WithDroppedBackAsync(change, before, end) : null }.OfType<JournalOutcome>()]);
    }

    /// <summary>The definitions of the indexes that the change is about, by name, as the system tells them now; null where it is about none.</summary>
    private async Task<Fields?> ReadIndexesAsync(Change change, CancellationToken cancellation)
        => change.IndexNames.Count > 0 && systems[change.System] is IChangesSchema system ? change.IndexImage(await system.ReadIndexesAsync(cancellation)) : null;

    /// <summary>As <see cref="ReadIndexesAsync"/>, after something was done: null also where the system can't be asked now.</summary>
    private async Task<Fields?> SeeIndexesAsync(Change change)
    {
        try
        {
            return await ReadIndexesAsync(change, CancellationToken.None);
        }
        catch (SystemUnavailableException)
        {
            return null;
        }
    }

    /// <summary>
    /// Makes again what an attempt that was cut off had dropped, now that nothing comes in its place: the system itself takes back only what it did in this attempt. Null
    /// where that is still open.
    /// </summary>
    private async Task<JournalOutcome?> WithDroppedBackAsync(Change change, Fields? before, JournalOutcome outcome)
    {
        if (before is null || systems[change.System] is not IChangesSchema system)
        {
            return outcome;
        }

        if (await SeeIndexesAsync(change) is not { } present)
        {
            return StillOpen(change, $"{outcome.Message} Whether the old index stands can't be seen now. {Again}.");
        }

        var dropped = change.Steps!.Where(step => step.Action == SchemaAction.DropIndex && before.ContainsKey(step.Name) && !present.ContainsKey(step.Name));
        foreach (var name in dropped.Select(step => step.Name))
        {
            var step = new SchemaStep(SchemaAction.CreateIndex, name, before[name].AsText!);
            var back = await PatientlyAsync(change, () => system.ChangeSchemaAsync([step], CancellationToken.None));
            var refused = back is Done ? null : NotDone(change, back);
            if (back is not Done && refused is null)
            {
                return null;
            }

            outcome = outcome with
            {
                Message = back is Done
                    ? $"{outcome.Message} The index {name}, which an earlier attempt had dropped, is made again."
                    : $"{outcome.Message} The index {name}, which an earlier attempt had dropped, can't be made again either: {refused!.Message} Settle that; then selfsame undo {plan.Undoes ?? plan.Id:D} makes it.",
            };
        }

        return outcome;
    }

    /// <summary>Who can't stand together under the index that was refused, as a sentence with a blank behind it; empty where nobody can be named.</summary>
    private async Task<string> EqualByNowAsync(Change change, CancellationToken cancellation)
    {
        if (systems[change.System] is not IHasCanonicalIndexes indexes)
        {
            return "";
        }

        var made = change.Steps!.Where(step => step.Action == SchemaAction.CreateIndex).Select(step => step.Definition).ToHashSet(StringComparer.Ordinal);
        var equal = new List<EqualAccounts>();
        foreach (var kind in topology.Systems[change.System].Unique.Where(kind => made.Contains(indexes.CanonicalIndex(kind).Definition)))
        {
            try
            {
                equal.AddRange(await indexes.FindEqualAsync(kind, cancellation));
            }
            catch (SystemUnavailableException)
            {
                // The refusal is told all the same; the next audit names them.
            }
        }

        return equal.Count == 0 ? "" : "Equal by now: " + string.Join("; ", equal.Take(MostNamed).Select(group => $"{group.Value} ({string.Join(", ", group.Accounts)})"))
            + (equal.Count > MostNamed ? $"; and {equal.Count - MostNamed} more. " : ". ");
    }
}
