using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selfsame.Store;
using Selfsame.Store.Mail;

namespace Selfsame.Server.Mail;

/// <summary>Sends what the outbox holds. Several nodes share the work through the outbox's leases.</summary>
internal sealed class MailSender(MailOutbox outbox, IMailTransport transport, StoreContext context, ILogger<MailSender> logger)
    : BackgroundService
{
    private const int BatchSize = 20;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>The places at which a crash is tested.</summary>
    public static IReadOnlyList<string> CrashPointNames { get; } = ["mail.leased", "mail.handed-over"];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var sent = 0;
            try
            {
                sent = await SendDueAsync(stoppingToken);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                ServerLogMessages.MailRoundFailed(logger, exception);
            }

            if (sent == 0)
            {
                await Task.Delay(Pause, context.Clock, stoppingToken);
            }
        }
    }

    private async Task<int> SendDueAsync(CancellationToken cancellation)
    {
        var mails = await outbox.LeaseAsync(BatchSize, cancellation);
        foreach (var mail in mails)
        {
            context.CrashPoints.Reach("mail.leased");
            await SendOneAsync(mail, cancellation);
        }

        return mails.Count;
    }

    private async Task SendOneAsync(QueuedMail mail, CancellationToken cancellation)
    {
        try
        {
            await transport.SendAsync(mail, cancellation);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            ServerLogMessages.MailFailed(logger, mail.Uuid, mail.Attempt, exception.Message);
            await outbox.MarkFailedAsync(mail, exception.Message, exception is MailRefusedException or FormatException, cancellation);
            return;
        }

        context.CrashPoints.Reach("mail.handed-over");
        await outbox.MarkSentAsync(mail.Uuid, cancellation);
    }
}
