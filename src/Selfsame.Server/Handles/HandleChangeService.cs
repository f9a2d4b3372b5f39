using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selfsame.Store;

namespace Selfsame.Server.Handles;

/// <summary>Finishes the changes of handles for which no user waits any more.</summary>
internal sealed class HandleChangeService(HandleProvisioning handles, StoreContext context, ILogger<HandleChangeService> logger) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await handles.RunOnceAsync(stoppingToken);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                ServerLogMessages.HandleRoundFailed(logger, exception);
            }

            await Task.Delay(Period, context.Clock, stoppingToken);
        }
    }
}
