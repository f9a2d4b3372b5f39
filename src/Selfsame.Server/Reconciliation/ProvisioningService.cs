using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selfsame.Store;

namespace Selfsame.Server.Reconciliation;

/// <summary>Brings new users into the connected systems while the service runs.</summary>
internal sealed class ProvisioningService(ConnectedSystems systems, StoreContext context, ILogger<ProvisioningService> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var provisioner = systems.Provisioner(context);
        var rows = ConnectedSystems.Rows(context);
        var tookOver = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            var worked = 0;
            try
            {
                if (!tookOver)
                {
                    await rows.NameSourcesAsync(context.Tenants.ToDictionary(tenant => tenant.Key, tenant => tenant.Value.UserSystem, StringComparer.Ordinal), stoppingToken);
                    await rows.ReleaseDeadAsync(stoppingToken);
                    tookOver = true;
                }

                worked = await provisioner.RunOnceAsync(stoppingToken);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                ServerLogMessages.ProvisioningRoundFailed(logger, exception);
            }

            if (worked == 0)
            {
                await Task.Delay(Period, context.Clock, stoppingToken);
            }
        }
    }
}
