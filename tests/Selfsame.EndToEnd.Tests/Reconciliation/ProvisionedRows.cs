using Selfsame.Core.Provisioning;
using Selfsame.Server.Reconciliation;
using Selfsame.Store;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>Brings provisioning rows into a state, in a server whose config connects nothing, so that nobody else works on them.</summary>
internal static class ProvisionedRows
{
    /// <summary>One look at every due row of the system comes to this; how many those were.</summary>
    public static async Task<int> SettleAsync(StoreContext context, string system, ProvisioningEvent happened)
    {
        var rows = ConnectedSystems.Rows(context);
        var due = await rows.ClaimAsync(new ProvisioningClaim(system, 1000, 0, TimeSpan.FromMinutes(2), null), CancellationToken.None);
        foreach (var claimed in due)
        {
            var next = ProvisioningMachine.Next(claimed.Row, happened, context.Now(), 0.5);
            (await rows.SaveAsync(next, release: true, [], CancellationToken.None)).ShouldBeTrue();
        }

        return due.Count;
    }
}
