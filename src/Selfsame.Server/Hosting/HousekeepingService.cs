using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selfsame.Store;
using Selfsame.Store.Operations;

namespace Selfsame.Server.Hosting;

/// <summary>Runs the store's housekeeping now and then.</summary>
internal sealed class HousekeepingService(StoreContext context, ILogger<HousekeepingService> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(15);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await new Housekeeping(context).ExecuteAsync(stoppingToken);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                ServerLogMessages.HousekeepingFailed(logger, exception);
            }

            await Task.Delay(Period, context.Clock, stoppingToken);
        }
    }
}
