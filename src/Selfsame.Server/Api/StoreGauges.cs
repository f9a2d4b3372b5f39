using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging;
using Selfsame.Core.Provisioning;
using Selfsame.Store;
using Selfsame.Store.Inbox;
using Selfsame.Store.Mail;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Webhooks;

namespace Selfsame.Server.Api;

/// <summary>
/// The numbers of <c>/metrics</c> that stand in the store and not in this process: how provisioning, webhooks and mails are. They are
/// read at most every few seconds, for the address is open to everybody.
/// </summary>
internal sealed class StoreGauges(StoreContext context, MetricsDisclosure disclosure, ILogger<StoreGauges> logger) : IDisposable
{
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly SemaphoreSlim one = new(1);
    private string text = "";
    private long? read;

    /// <summary>Lines in the Prometheus text format; without a store none.</summary>
    public async Task<string> WriteAsync()
    {
        await one.WaitAsync();
        try
        {
            if (read is null || context.Clock.GetElapsedTime(read.Value) >= KeptFor)
            {
                text = await ReadAsync();
                read = context.Clock.GetTimestamp();
            }

            return text;
        }
        finally
        {
            one.Release();
        }
    }

    public void Dispose() => one.Dispose();

    private async Task<string> ReadAsync()
    {
        using var patience = new CancellationTokenSource(Patience, context.Clock);
        try
        {
            var systems = await new ProvisioningReports(context.Database, context.Clock).SummariseAsync(patience.Token);
            var backlogs = await WebhookBacklogs.ReadAsync(context, patience.Token);
            var mails = await MailBacklogs.ReadAsync(context, patience.Token);
            var sources = await new InboxBacklogs(context).ReadAsync(patience.Token);
            return Write([.. sources.Where(source => disclosure.MayCountSystem(source.System))], context.Now())
                + Write(
                    [.. systems.Where(system => disclosure.MayCountSystem(system.System))],
                    [.. backlogs.Where(backlog => disclosure.MayCount(backlog.Tenant))],
                    [.. mails.Where(mail => disclosure.MayCount(mail.Tenant))],
                    context.Now());
        }
        catch (Exception exception)
        {
            ServerLogMessages.GaugesFailed(logger, exception);
            return "";
        }
    }

    private static string Write(IReadOnlyList<InboxBacklog> sources, DateTimeOffset now)
    {
        static string Labels(InboxBacklog source) => $"system=\"{PrometheusMetrics.Escape(source.System)}\"";
        var lines = new StringBuilder();
        Family(lines, "selfsame_events_waiting", "Events of a connected system that are not done.", sources.Select(source => (Labels(source), (double)source.Waiting)));
        Family(lines, "selfsame_events_failing", "Those of them that failed and are tried again.", sources.Select(source => (Labels(source), (double)source.Failing)));
        Family(
            lines, "selfsame_events_oldest_waiting_seconds", "How long the oldest event waits to be worked on; 0 when none does.",
            sources.Select(source => (Labels(source), Age(source.OldestWaiting, now))));
        return lines.ToString();
    }

    private static string Write(IReadOnlyList<SystemProvisioning> systems, IReadOnlyList<WebhookBacklog> backlogs, IReadOnlyList<MailBacklog> mails, DateTimeOffset now)
    {
        var lines = new StringBuilder();
        Family(
            lines, "selfsame_provisioning_rows", "Accounts by the system into which they are provisioned, and state.",
            systems.SelectMany(system => Enum.GetValues<ProvisioningState>().Select(
                state => ($"state=\"{ProvisioningRowAnswer.NameOf(state)}\",system=\"{PrometheusMetrics.Escape(system.System)}\"", (double)system.Counts.GetValueOrDefault(state)))));
        Family(
            lines, "selfsame_provisioning_oldest_waiting_seconds", "How long the oldest account waits to be worked on; 0 when none does.",
            systems.Select(system => ($"system=\"{PrometheusMetrics.Escape(system.System)}\"", Age(system.OldestWaiting, now))));
        Family(
            lines, "selfsame_webhooks_waiting", "Messages that an endpoint has not taken yet and that are tried again.",
            backlogs.Select(backlog => (Labels(backlog), (double)backlog.Waiting)));
        Family(
            lines, "selfsame_webhooks_given_up", "Messages that an endpoint did not take to the end.",
            backlogs.Select(backlog => (Labels(backlog), (double)backlog.GivenUp)));
        Family(
            lines, "selfsame_webhooks_oldest_waiting_seconds", "How long the oldest message waits; 0 when none does.",
            backlogs.Select(backlog => (Labels(backlog), Age(backlog.OldestWaiting, now))));
        Family(
            lines, "selfsame_mails_waiting", "Mails that were not handed over yet and are tried again.",
            mails.Select(mail => (Tenant(mail), (double)mail.Waiting)));
        Family(
            lines, "selfsame_mails_given_up", "Mails that were not taken to the end, or whose recipient was refused.",
            mails.Select(mail => (Tenant(mail), (double)mail.GivenUp)));
        Family(
            lines, "selfsame_mails_oldest_waiting_seconds", "How long the oldest mail waits; 0 when none does.",
            mails.Select(mail => (Tenant(mail), Age(mail.OldestWaiting, now))));
        return lines.ToString();
    }

    private static void Family(StringBuilder lines, string name, string description, IEnumerable<(string Labels, double Value)> series)
    {
        lines.Append(CultureInfo.InvariantCulture, $"# HELP {name} {description}\n# TYPE {name} gauge\n");
        foreach (var (labels, value) in series)
        {
            lines.Append(CultureInfo.InvariantCulture, $"{name}{{{labels}}} {value:R}\n");
        }
    }

    private static string Labels(WebhookBacklog backlog) => $"endpoint=\"{PrometheusMetrics.Escape(backlog.Endpoint)}\",tenant=\"{PrometheusMetrics.Escape(backlog.Tenant)}\"";

    private static string Tenant(MailBacklog mail) => $"tenant=\"{PrometheusMetrics.Escape(mail.Tenant)}\"";

    private static double Age(DateTimeOffset? since, DateTimeOffset now) => since is { } instant && instant < now ? (now - instant).TotalSeconds : 0;
}
