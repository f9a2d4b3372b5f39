using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selfsame.Core.Accounts;
using Selfsame.Server.Api;
using Selfsame.Server.Reconciliation;
using Selfsame.Store;
using Selfsame.Store.Inbox;

namespace Selfsame.Server.Hooks;

/// <summary>Works on what the webhooks brought, and sweeps the systems' logs for what they did not bring.</summary>
internal sealed class InboxService(ConnectedSystems systems, StoreContext context, MetricsDisclosure disclosure, ILogger<InboxService> logger) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RestPeriod = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SweepPeriod = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var hooked = systems.Topology.Systems.Values.Where(system => system.HookToken is not null).Select(system => system.Name).ToHashSet(StringComparer.Ordinal);
        if (hooked.Count > 0)
        {
            // Each has loops of its own: one that is slow, or asks for patience, holds no other up.
            await Task.WhenAll([WorkOnRestAsync(hooked, stoppingToken), .. hooked.Select(system => WorkAsync(system, stoppingToken)), .. hooked.Select(system => SweepAsync(system, stoppingToken))]);
        }
    }

    private InboxWork NewWork() => new(context, systems.Topology, systems.Systems);

    private async Task WorkAsync(string system, CancellationToken stopping)
    {
        var work = NewWork();
        while (!stopping.IsCancellationRequested)
        {
            var worked = 0;
            try
            {
                worked = await work.RunOnceAsync(system, stopping);
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

    /// <summary>What systems reported that the config no longer names, or no longer with a hook: it is kept, with the reason.</summary>
    private async Task WorkOnRestAsync(HashSet<string> hooked, CancellationToken stopping)
    {
        var (work, inbox) = (NewWork(), new EventInbox(context));
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                foreach (var system in (await inbox.DueSystemsAsync(stopping)).Where(system => !hooked.Contains(system)))
                {
                    await work.RunOnceAsync(system, stopping);
                }
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                ServerLogMessages.InboxRoundFailed(logger, exception);
            }

            await Task.Delay(RestPeriod, context.Clock, stopping);
        }
    }

    private async Task SweepAsync(string system, CancellationToken stopping)
    {
        var sweep = new InboxSweep(context);
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var received = await sweep.RunAsync(system, (IReportsEvents)systems.Systems[system], stopping);
                if (received.Unreadable > 0 && disclosure.MayCountSystem(system))
                {
                    ServerMeters.Unreadable(system, received.Unreadable);
                }
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                if (exception is SystemUnavailableException unavailable)
                {
                    ServerLogMessages.SweepFailed(logger, system, unavailable.Message, unavailable.Unforeseen);
                }
                else
                {
                    ServerLogMessages.InboxRoundFailed(logger, exception);
                }

                if (disclosure.MayCountSystem(system))
                {
                    ServerMeters.SweepFailed(system);
                }
            }

            await Task.Delay(SweepPeriod, context.Clock, stopping);
        }
    }
}
