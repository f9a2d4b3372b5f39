using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Selfsame.Store;
using Selfsame.Store.Mail;

namespace Selfsame.Server.Mail;

/// <summary>
/// Sends what the outbox holds, in rounds: one transaction takes the mails on loan, one marks them as sent. Several
/// nodes share the work through the outbox's loans.
/// </summary>
internal sealed class MailSender(MailOutbox outbox, IMailTransport transport, StoreContext context, ILogger<MailSender> logger)
    : BackgroundService
{
    // About what a second's sign-ups cause: a round costs two transactions and, where mails are files, a flush, however few it sends.
    internal const int MostInRound = 200;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // A process that dies sends again what it had not marked: with a slow receiver that stays a second's worth.
    private static readonly TimeSpan LongestUnmarked = TimeSpan.FromSeconds(1);

    /// <summary>The places at which a crash is tested.</summary>
    public static IReadOnlyList<string> CrashPointNames { get; } = ["mail.leased", "mail.handed-over"];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var moreAreDue = false;
            try
            {
                moreAreDue = await SendDueAsync(stoppingToken);
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                ServerLogMessages.MailRoundFailed(logger, exception);
            }

            // A round for each single mail would cost as much as the sign-up that caused it.
            if (!moreAreDue)
            {
                await Task.Delay(Pause, context.Clock, stoppingToken);
            }
        }
    }

    /// <summary>One round; whether more may be due already.</summary>
    internal async Task<bool> SendDueAsync(CancellationToken cancellation)
    {
        var taken = context.Clock.GetTimestamp();
        var mails = await outbox.LeaseAsync(MostInRound, cancellation);
        var (sent, firstSent, tried) = (new List<Guid>(), 0L, 0);
        try
        {
            foreach (var mail in mails.TakeWhile(_ => context.Clock.GetElapsedTime(taken) + transport.Timeout < MailOutbox.Lease))
            {
                context.CrashPoints.Reach("mail.leased");
                tried++;
                if (await TrySendAsync(mail, cancellation))
                {
                    firstSent = sent.Count == 0 ? context.Clock.GetTimestamp() : firstSent;
                    sent.Add(mail.Uuid);
                }

                if (sent.Count > 0 && context.Clock.GetElapsedTime(firstSent) >= LongestUnmarked)
                {
                    await MarkAsync(sent);
                }
            }
        }
        finally
        {
            await MarkAsync(sent);
            await outbox.GiveBackAsync(mails.Skip(tried), CancellationToken.None);
        }

        return mails.Count == MostInRound;
    }

    private async Task<bool> TrySendAsync(QueuedMail mail, CancellationToken cancellation)
    {
        try
        {
            await transport.SendAsync(mail, cancellation);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            var problem = MailProblem.Describe(exception);
            ServerLogMessages.MailFailed(logger, mail.Uuid, mail.Attempt, problem);
            await outbox.MarkFailedAsync(mail, problem, exception is MailRefusedException, cancellation);
            return false;
        }

        context.CrashPoints.Reach("mail.handed-over");
        return true;
    }

    /// <summary>Not cancellable: a server that stops would otherwise send these again when it starts.</summary>
    private async Task MarkAsync(List<Guid> sent)
    {
        if (sent.Count > 0)
        {
            transport.Keep();
            await outbox.MarkSentAsync(sent, CancellationToken.None);
            sent.Clear();
        }
    }
}
