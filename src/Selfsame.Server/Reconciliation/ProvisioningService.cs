using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selfsame.Store;

namespace Selfsame.Server.Reconciliation;

/// <summary>Brings accounts into the connected systems while the service runs, each system in a lane of its own.</summary>
internal sealed class ProvisioningService(ConnectedSystems systems, StoreContext context, ILogger<ProvisioningService> logger) : BackgroundService
{
    // Somebody who has just verified themselves waits for it.
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(250);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!await TakeOverAsync(stoppingToken))
        {
            await Task.Delay(Period, context.Clock, stoppingToken);
        }

        await Task.WhenAll(systems.Provisioner(context).Lanes.Select(
            lane => lane.RunAsync(Period, exception => ServerLogMessages.ProvisioningRoundFailed(logger, exception), stoppingToken)));
    }

    /// <summary>What an earlier version or a dead process left; whether the store could be asked.</summary>
    private async Task<bool> TakeOverAsync(CancellationToken cancellation)
    {
        try
        {
            var rows = ConnectedSystems.Rows(context);
            await rows.NameSourcesAsync(context.Tenants.ToDictionary(tenant => tenant.Key, tenant => tenant.Value.UserSystem, StringComparer.Ordinal), cancellation);
            await rows.ReleaseDeadAsync(cancellation);
            return true;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            ServerLogMessages.ProvisioningRoundFailed(logger, exception);
            return false;
        }
    }
}
