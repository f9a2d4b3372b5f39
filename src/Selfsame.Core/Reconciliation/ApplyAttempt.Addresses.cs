using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Reconciliation;

/// <summary>Updates that bring a person's verified address to an account, or make it active with it: where the service provisions as well, its row holds the address first.</summary>
internal sealed partial class ApplyAttempt
{
    /// <summary>Those of the portion's changes that may not be made now, with what came of each; null for one that stays open.</summary>
    private async Task<Dictionary<int, JournalOutcome?>> HoldAddressesAsync(IReadOnlyList<Change> portion, CancellationToken cancellation)
    {
        var held = new Dictionary<int, JournalOutcome?>();
        foreach (var change in provisioner is null ? [] : portion.Where(BringsAddress))
        {
            var answer = await provisioner!.HoldAddressAsync(new ProvisioningKey(change.Follows!.System, change.Follows.Account, change.System), cancellation);
            if (answer.Why is { } why)
            {
                held.Add(change.Number, answer.IsOpen ? StillOpen(change, $"{why} {Again}.") : new JournalOutcome(change.Number, ChangeState.Skipped, null, why));
            }
        }

        return held;
    }

    private bool BringsAddress(Change change)
    {
        var mapping = topology.Systems[change.System].Mapping;
        return change is { Action: ChangeAction.Update, Follows: not null } && mapping.BringsAddress(change.After) && !mapping.LeavesDisabled(change.After);
    }
}
