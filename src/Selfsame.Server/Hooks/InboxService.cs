using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selfsame.Core.Accounts;
using Selfsame.Server.Reconciliation;
using Selfsame.Store;
using Selfsame.Store.Inbox;

namespace Selfsame.Server.Hooks;

/// <summary>Works on what the webhooks brought, and sweeps the systems' logs for what they did not bring.</summary>
internal sealed class InboxService(ConnectedSystems systems, StoreContext context, ILogger<InboxService> logger) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan SweepPeriod = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!systems.Topology.Systems.Values.Any(system => system.HookToken is not null))
        {
            return;
        }

        await Task.WhenAll(WorkAsync(stoppingToken), SweepAsync(stoppingToken));
    }

    private async Task WorkAsync(CancellationToken stopping)
    {
        var work = new InboxWork(context, systems.Topology, systems.Systems);
        while (!stopping.IsCancellationRequested)
        {
            var worked = 0;
            try
            {
                worked = await work.RunOnceAsync(stopping);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                ServerLogMessages.InboxRoundFailed(logger, exception);
            }

            if (worked == 0)
            {
                await Task.Delay(Pause, context.Clock, stopping);
            }
        }
    }

    private async Task SweepAsync(CancellationToken stopping)
    {
        var sweep = new InboxSweep(context);
        while (!stopping.IsCancellationRequested)
        {
            foreach (var system in systems.Topology.Systems.Values.Where(system => system.HookToken is not null))
            {
                try
                {
                    await sweep.RunAsync(system.Name, (IReportsEvents)systems.Systems[system.Name], stopping);
                }
                catch (SystemUnavailableException exception)
                {
                    ServerLogMessages.SweepFailed(logger, system.Name, exception.Message);
                }
                catch (Exception exception) when (exception is not OperationCanceledException)
                {
                    ServerLogMessages.InboxRoundFailed(logger, exception);
                }
            }

            await Task.Delay(SweepPeriod, context.Clock, stopping);
        }
    }
}
