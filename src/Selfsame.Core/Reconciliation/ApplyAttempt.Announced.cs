using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Creations of accounts for which the service has rows: the row keeps, before the sources are read a last time, that the account may be on its way. Whoever is gone by the time it
/// arrives, or is purged, has none for long, also where this process sleeps or dies with it in hand.
/// </summary>
internal sealed partial class ApplyAttempt
{
    // So old an announcement may be when the creation leaves. The row waits for it longer than that and a call together.
    private static readonly TimeSpan AnnouncementLife = TimeSpan.FromSeconds(10);

    private readonly Dictionary<ProvisioningKey, long> announced = [];

    /// <summary>Announces the portion's creations; those of which somebody works on the row just now.</summary>
    private async Task<IReadOnlySet<ProvisioningKey>> AnnounceAsync(IReadOnlyList<Change> portion, CancellationToken cancellation)
    {
        var keys = portion.Where(change => IsOpen(change)).Select(RowOf).OfType<ProvisioningKey>().ToList();
        if (provisioner is null || keys.Count == 0)
        {
            return new HashSet<ProvisioningKey>();
        }

        var began = clock.GetTimestamp();
        var answer = await provisioner.AnnounceAsync(keys, cancellation);
        foreach (var key in answer.Kept)
        {
            announced[key] = began;
        }

        return answer.Busy;
    }

    /// <summary>Announces a creation once more that comes to its turn late; what it comes to where it must not leave, else null. Nothing is waited for after that.</summary>
    private async Task<WriteOutcome?> KeepAnnouncedAsync(Change change)
    {
        while (RowOf(change) is { } key && announced.TryGetValue(key, out var began) && clock.GetElapsedTime(began) > AnnouncementLife)
        {
            announced.Remove(key);
            if ((await AnnounceAsync([change], CancellationToken.None)).Count > 0)
            {
                return new Unavailable("The service is at work on it.");
            }

            // Its row was there, and goes with a purge only.
            if (!announced.ContainsKey(key))
            {
                return new Drifted($"It is gone from {key.Source}.");
            }
        }

        return null;
    }

    /// <summary>The service's row of a creation under the id of the account of which it is made; null for every other change.</summary>
    private ProvisioningKey? RowOf(Change change)
        => plan.Undoes is null && change is { Action: ChangeAction.Create, Numbered: false, From: { } from } && from.Account.Equals(change.Account)
            ? new ProvisioningKey(from.System, from.Account, change.System)
            : null;
}
