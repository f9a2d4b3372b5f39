using Selfsame.Store.Mail;

namespace Selfsame.Simulation.Tests.Clients;

/// <summary>Takes mails from the outbox and delivers them, as the service's sender does, until the world is quiet and none is left.</summary>
internal sealed class MailSender(World world, int seed) : Client(world, "mail sender", seed)
{
    private readonly Dictionary<Guid, Guid?> users = [];

    public override async Task RunAsync()
    {
        while (!World.IsQuiet || Waiting() > 0)
        {
            await World.DelayAsync(World.IsQuiet ? 30_000 : 20 + Random.NextInt32(60));
            var (_, mails) = await AskAsync("lease", async context => new Lease(await new MailOutbox(context).LeaseAsync(10, CancellationToken.None)));
            var sent = new List<Guid>();
            // Whoever is purged from here on has a mail on its way.
            mails?.Mails.ForEach(mail => users[mail.Uuid] = UserOf(mail));
            foreach (var mail in mails?.Mails.Where(mail => users[mail.Uuid] is not null) ?? [])
            {
                await SendAsync(mail, sent);
            }

            await MarkAsync(sent);
        }

        ShouldAllHaveArrived();
    }

    private async Task SendAsync(QueuedMail mail, List<Guid> sent)
    {
        if (!World.IsQuiet && Random.OneIn(6))
        {
            await AskAsync("a mail fails", context => Done(new MailOutbox(context).MarkFailedAsync(mail, "450 later", permanent: false, CancellationToken.None)));
            return;
        }

        if (UserOf(mail) is null && !(users.GetValueOrDefault(mail.Uuid) is { } user && World.IsPurged(user)))
        {
            World.Violate("A mail went to a user that does not exist.");
        }

        World.Mailboxes.Deliver(mail);
        sent.Add(mail.Uuid);
        if (Random.OneIn(3))
        {
            await MarkAsync(sent);
        }
    }

    private async Task MarkAsync(List<Guid> sent)
    {
        if (sent.Count > 0)
        {
            await AskAsync("mails are sent", context => Done(new MailOutbox(context).MarkSentAsync(sent, CancellationToken.None)));
            sent.Clear();
        }
    }

    private Guid? UserOf(QueuedMail mail) => World.Inspect(transaction => transaction.QueryFirstOrDefaultAsync<Guid?>(
        "SELECT u.uuid FROM mails m JOIN users u ON u.id = m.user_id WHERE m.uuid = @uuid", new { uuid = mail.Uuid }));

    private long Waiting() => World.Inspect(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM mails WHERE sent_at IS NULL"));

    private void ShouldAllHaveArrived()
    {
        foreach (var uuid in World.Inspect(transaction => transaction.QueryAsync<Guid>("SELECT uuid FROM mails")).Where(uuid => !World.Mailboxes.Has(uuid)))
        {
            World.Violate($"Mail {uuid} is marked as sent and never arrived.");
        }
    }

    private static async Task<string> Done(Task task)
    {
        await task;
        return "done";
    }

    private sealed record Lease(List<QueuedMail> Mails)
    {
        public override string ToString() => $"{Mails.Count} mails";
    }
}
