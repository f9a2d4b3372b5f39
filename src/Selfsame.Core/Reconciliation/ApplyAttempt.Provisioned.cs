using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Reconciliation;

/// <summary>Creations in systems that give ids themselves: each goes through the service's row of its account.</summary>
internal sealed partial class ApplyAttempt
{
    private async Task<bool> ProvisionAsync(IReadOnlyList<Change> portion, CancellationToken cancellation)
    {
        var attempted = portion.Where(change => entries.ContainsKey(change.Number)).Select(change => change.Number).ToHashSet();
        if (!await journal.RecordIntentsAsync(Lease, plan.Id, [.. portion.Select(change => new JournalIntent(change.Number, null))], cancellation))
        {
            return false;
        }

        crashPoints.Reach(ApplyCrashPoints.IntentDurable);
        // As many at once as the service would; they need not be of one system.
        foreach (var some in portion.Chunk(portion.Min(change => topology.Systems[change.System].Pace.AtOnce)))
        {
            if (cancellation.IsCancellationRequested || !await KeepLeaseAsync(CancellationToken.None))
            {
                break;
            }

            var outcomes = await Task.WhenAll(some.Select(change => ProvisionAsync(change, attempted.Contains(change.Number), cancellation)));
            crashPoints.Reach(ApplyCrashPoints.ChangeLeft);
            progress?.Report(some[^1].Number);
            if (!await RecordAsync([.. outcomes.OfType<JournalOutcome>()]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Where the service provisions as well, it looks at what the plan changed, or made of whom it has a row: a source may have changed after the plan was made. What is taken back by an
    /// undo stays so until its source changes.
    /// </summary>
    private async Task AskServiceAsync(IReadOnlyList<Change> portion, List<JournalOutcome> outcomes)
    {
        if (provisioner is null || plan.Undoes is not null)
        {
            return;
        }

        await provisioner.AskAgainAsync(portion.Select(RowOf).OfType<ProvisioningKey>(), CancellationToken.None);
        var applied = outcomes.Where(outcome => outcome.State == ChangeState.Applied).Select(outcome => outcome.Number).ToHashSet();
        foreach (var group in portion
            .Where(change => change.Action == ChangeAction.Update && applied.Contains(change.Number))
            .GroupBy(change => (change.System, Disables: topology.Systems[change.System].Mapping.LeavesDisabled(change.After))))
        {
            await provisioner.AskAgainAsync(group.Key.System, [.. group.Select(change => change.Account)], group.Key.Disables, CancellationToken.None);
        }
    }

    private async Task<JournalOutcome?> ProvisionAsync(Change change, bool attempted, CancellationToken cancellation)
    {
        if (provisioner is null)
        {
            return new JournalOutcome(change.Number, ChangeState.Refused, null, $"'{change.System}' gives ids itself, and there is no store to keep what proves an account ours.");
        }

        if (!attempted && topology.Decisions.Forbids(change) is { } why)
        {
            return new JournalOutcome(change.Number, ChangeState.Skipped, null, why);
        }

        if (!await WaitForTurnAsync(change, cancellation))
        {
            return null;
        }

        if (await WaitOutPauseAsync(change) is { } left)
        {
            return StillOpen(change, $"'{change.System}' asked to be left alone for another {left.TotalSeconds:0} s. {Again} after that.");
        }

        var key = new ProvisioningKey(change.For!.System, change.For.Account, change.System);
        var created = await provisioner.CreateAsync(key, change.After, CancellationToken.None);
        if (created is { PlanIsOld: true } && Following(change) is var following && !following.Equals(change.After))
        {
            // What the plan itself made of its source is expected.
            change = change with { After = following };
            created = await provisioner.CreateAsync(key, following, CancellationToken.None);
        }

        switch (created)
        {
            case null:
                return StillOpen(change, $"The service is at work on it. {Again}.");
            case { PlanIsOld: true }:
                return new JournalOutcome(change.Number, ChangeState.Skipped, null, "Since the plan was made, the account for which it is made changed. Plan again.");
            case { WasThere: true } when !attempted:
                return new JournalOutcome(change.Number, ChangeState.Skipped, null, "It is there already: audit again.");
            case { Row: { State: ProvisioningState.Linked, TargetId: { } id } row }:
                return await AppliedAsync(change, id, row.Note);
            case { Row: { State: ProvisioningState.Conflict } row }:
                return new JournalOutcome(change.Number, ChangeState.Refused, null, row.Problem);
            case { Row: { State: ProvisioningState.Compensated } }:
                return new JournalOutcome(change.Number, ChangeState.Skipped, null, "The account for which it is made is gone, or no longer wanted there. Plan again.");
            case { Row: { Problem: { } problem } }:
                return StillOpen(change, $"{problem} {Again}: it looks first.");
            default:
                return new JournalOutcome(change.Number, ChangeState.Skipped, null, "The config's condition does not hold for it now: nothing is to be done until it does.");
        }
    }

    private async Task<JournalOutcome> AppliedAsync(Change change, AccountId id, string? note)
    {
        var seen = systems[change.System] is IReadsAccountsById system ? (await system.ReadFreshAsync(change.System, [id], CancellationToken.None)).GetValueOrDefault(id) : null;
        appliedNow++;
        var message = seen is null ? "The system said that it was done, but the account can't be seen."
            : change.After.DifferencesFrom(seen.Record, salt) is { Count: > 0 } different ? note ?? $"It was made, and is not as planned in {string.Join(", ", different)}: its source changed."
            : null;

        // What is not seen is journaled by its id, so that undo can tell which account is meant.
        var image = seen?.Record ?? new Fields(systems[change.System].Mapping.Id.Zip(id.Parts, (field, part) => KeyValuePair.Create(field, FieldValue.Text(part))));
        return new JournalOutcome(change.Number, ChangeState.Applied, image, message);
    }
}
