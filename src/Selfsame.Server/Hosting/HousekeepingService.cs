using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selfsame.Server.Reconciliation;
using Selfsame.Store;
using Selfsame.Store.Operations;

namespace Selfsame.Server.Hosting;

/// <summary>Runs the store's housekeeping now and then, and forgets old runs.</summary>
internal sealed class HousekeepingService(StoreContext context, ILogger<HousekeepingService> logger, ConnectedSystems? connected = null) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(15);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await TryAsync(() => new Housekeeping(context).ExecuteAsync(stoppingToken));
            await TryAsync(() => connected?.Retention.ForgetAsync(stoppingToken) ?? Task.CompletedTask);
            await Task.Delay(Period, context.Clock, stoppingToken);
        }
    }

    private async Task TryAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            ServerLogMessages.HousekeepingFailed(logger, exception);
        }
    }
}
