using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selfsame.Core.Webhooks;
using Selfsame.Server.Hosting;
using Selfsame.Store;
using Selfsame.Store.Webhooks;

namespace Selfsame.Server.Webhooks;

/// <summary>
/// Sends what the outbox holds. Each endpoint has rounds of its own, so that one that hangs or refuses holds up no other;
/// several nodes share the work through the outbox's loans.
/// </summary>
internal sealed class WebhookSender(WebhookOutbox outbox, ServerOptions options, StoreContext context, ILogger<WebhookSender> logger)
    : BackgroundService
{
    // Sent side by side: the loan outlasts a receiver that takes the longest for all of them.
    private const int MostInRound = 16;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly WebhookPost post = new(context.Clock);

    /// <summary>The places at which a crash is tested.</summary>
    public static IReadOnlyList<string> CrashPointNames { get; } = ["webhook.leased", "webhook.handed-over"];

    public override void Dispose()
    {
        post.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
        => Task.WhenAll(options.Webhooks.Select(endpoint => ServeAsync(endpoint, stoppingToken)));

    private async Task ServeAsync(WebhookConfig endpoint, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            var moreAreDue = false;
            try
            {
                moreAreDue = await SendDueAsync(endpoint, stopping);
            }
            catch (Exception exception) when (!stopping.IsCancellationRequested)
            {
                ServerLogMessages.WebhookRoundFailed(logger, endpoint.Name, exception);
            }

            if (!moreAreDue)
            {
                await Task.Delay(Pause, context.Clock, stopping);
            }
        }
    }

    /// <summary>One round; whether more may be due already.</summary>
    private async Task<bool> SendDueAsync(WebhookConfig endpoint, CancellationToken cancellation)
    {
        var messages = await outbox.LeaseAsync(endpoint.Name, MostInRound, cancellation);
        await Task.WhenAll(messages.Select(message => SendAsync(endpoint, message, cancellation)));
        return messages.Count == MostInRound;
    }

    private async Task SendAsync(WebhookConfig endpoint, QueuedWebhook message, CancellationToken cancellation)
    {
        context.CrashPoints.Reach("webhook.leased");
        var answer = await post.SendAsync(endpoint.Url, endpoint.Signatures, message.Uuid, message.Body, cancellation);
        if (answer.Problem is null)
        {
            context.CrashPoints.Reach("webhook.handed-over");
            // Not cancellable: a server that stops would otherwise send it again when it starts.
            await outbox.MarkSentAsync(message, CancellationToken.None);
            return;
        }

        ServerLogMessages.WebhookFailed(logger, message.Uuid, endpoint.Name, message.Attempt, answer.Problem);
        await outbox.MarkFailedAsync(message, answer.Problem, answer.RetryAfter, answer.Gone, cancellation);
    }
}
