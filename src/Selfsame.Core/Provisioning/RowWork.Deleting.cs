using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Provisioning;

/// <summary>The deletion of the account of a purged user, where the config has orphans deleted.</summary>
internal sealed partial class RowWork
{
    /// <summary>Deletes our account as it was just read; whether to look again at once, which alone tells that it is gone.</summary>
    private async Task<bool> DeleteAsync(SystemPicture target, Account ours, CancellationToken cancellation)
    {
        if (parts.Systems[Target] is not IDeletesAccounts system)
        {
            return await ConcludeAsync(new FoundConflict($"The user was purged, and '{Target}' can't delete accounts: remove {ours.Id} there."), cancellation);
        }

        if (await FirstReferenceAsync(target.Config, ours, cancellation) is { } referring)
        {
            return await ConcludeAsync(
                new FoundConflict($"The user was purged, and rows of {referring.Place} still refer to {ours.Id}: delete or move them, then retry."), cancellation);
        }

        if (!row.Deleting && !await MayDeleteAsync(cancellation))
        {
            return false;
        }

        if (claim.Remaining(parts.Clock) < Provisioner.CallTimeout)
        {
            return false;
        }

        var outcome = await CallAsync(timeout => system.DeleteAsync(ours.Id, ours.Record.Without(target.Config.Mapping.NoiseFields), timeout));
        wrote = true;
        parts.CrashPoints.Reach(ProvisioningCrashPoints.DeleteLeft);
        return await JudgeUpdateAsync(outcome.Checked(Target, creating: false), cancellation);
    }

    /// <summary>Counts a deletion under the hourly guard; one that exceeds it waits and says so.</summary>
    private async Task<bool> MayDeleteAsync(CancellationToken cancellation)
    {
        var most = parts.Topology.Guards.MaxDeletesPerHour;
        return await MayEndAsync(
            new Deleting(),
            most,
            $"The user was purged, and the account waits to be deleted: the guard maxDeletesPerHour allows {most} in {Target} within an hour.",
            ProvisioningCrashPoints.DeletionDurable,
            cancellation);
    }

    /// <summary>A row that refers to the account, which nobody has read before it would lose its account; null for none.</summary>
    private async Task<ReferringRow?> FirstReferenceAsync(SystemConfig config, Account ours, CancellationToken cancellation)
        => parts.Systems[Target] is IHasReferences system
            && await system.ReadReferringAsync(await system.FindPlacesAsync(config.References, cancellation), [ours], cancellation) is [var first, ..]
            ? first
            : null;
}
