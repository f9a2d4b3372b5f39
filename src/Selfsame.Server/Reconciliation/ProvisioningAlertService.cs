using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selfsame.Store;
using Selfsame.Store.Provisioning;

namespace Selfsame.Server.Reconciliation;

/// <summary>Looks now and then whether an account has not become whole in time, and tells it once.</summary>
internal sealed class ProvisioningAlertService(ConnectedSystems systems, StoreContext context, ILogger<ProvisioningAlertService> logger) : BackgroundService
{
    private static readonly TimeSpan ShortestPeriod = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPeriod = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var topology = systems.Topology;
        var alerts = new ProvisioningAlerts(context, source => TenantProvisioning.TenantOf(topology, source));
        var tenth = topology.ProvisioningAlertAfter / 10;
        var period = tenth < ShortestPeriod ? ShortestPeriod : tenth > LongestPeriod ? LongestPeriod : tenth;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var told = await alerts.TellAsync(topology.ProvisioningAlertAfter, topology.ProvisioningAlertMail, stoppingToken);
                if (told.Count > 0)
                {
                    ServerLogMessages.ProvisioningOverdue(logger, told.Count, topology.ProvisioningAlertAfter);
                }
            }
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                ServerLogMessages.ProvisioningAlertFailed(logger, exception);
            }

            await Task.Delay(period, context.Clock, stoppingToken);
        }
    }
}
