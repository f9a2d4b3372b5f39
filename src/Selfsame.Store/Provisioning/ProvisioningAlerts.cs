using Selfsame.Core.Webhooks;
using Selfsame.Databases;
using Selfsame.Store.Mail;
using Selfsame.Store.Webhooks;

namespace Selfsame.Store.Provisioning;

/// <summary>An account that has not become whole in a system in time.</summary>
public sealed record OverdueAccount
{
    public required string Source { get; init; }

    /// <summary>The account's id in the source: a uuid where that is our own store.</summary>
    public required string Account { get; init; }

    public required string System { get; init; }

    /// <summary>Of <see cref="Core.Provisioning.ProvisioningState"/>; <c>Unread</c> where the account of an event could not be read yet, so that nothing was made of it.</summary>
    public required string State { get; init; }

    /// <summary>The last error, or the evidence of a conflict.</summary>
    public string? Problem { get; init; }

    /// <summary>When it was first seen to be behind.</summary>
    public required DateTimeOffset Since { get; init; }
}

/// <summary>
/// Tells, once over all nodes for each time that an account is not whole in a system, that it has not become so in time: a mail, and a webhook for who
/// asked for it, queued in the transaction that notes it as told.
/// </summary>
/// <param name="context">The store.</param>
/// <param name="tenantOf">The tenant of a source.</param>
public sealed class ProvisioningAlerts(StoreContext context, Func<string, string> tenantOf)
{
    private const int MostAtOnce = 1000;

    // Of whoever is purged nobody waits for anything. What the config does not want yet waits without a problem, in the backfill once it was looked at, and however late its next look comes nobody waits for it. Just due is not behind: work on it begins within seconds.
    private const string IsBehind =
        """
        (NOT p.forget AND (p.state IN ('Intent', 'Conflict', 'Compensating') OR (p.state = 'Pending' AND (p.problem IS NOT NULL OR (p.not_before <= @justDue AND (p.epoch = 0 OR p.lane = 'Interactive'))))
         OR (p.state = 'Linked' AND p.due_because IS NOT NULL AND p.problem IS NOT NULL)))
        """;

    // Before anything can be made of an event, its account is read: where that fails, nothing is in provisioning yet. Such an account is behind in its own system.
    private const string IsUnread = "i.state = 'Waiting' AND i.account_id IS NOT NULL AND (i.outcome IS NOT NULL OR i.not_before <= @justDue)";

    // What was told is told again only when this was so in between: a conflict that is tried again and stays one is the same trouble.
    private const string IsWhole = "(p.state IN ('Linked', 'Compensated') AND p.due_because IS NULL)";

    private static readonly TimeSpan JustDue = TimeSpan.FromSeconds(10);

    /// <summary>One look; whom it told about. With more than a thousand the rest is told at the next look.</summary>
    /// <param name="after">How long an account may be behind.</param>
    /// <param name="mail">Who gets a mail for each tenant; null: nobody.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public Task<IReadOnlyList<OverdueAccount>> TellAsync(TimeSpan after, string? mail, CancellationToken cancellation)
        => context.Database.TransactAsync<IReadOnlyList<OverdueAccount>>(
            async transaction =>
            {
                var now = context.Now();
                await NoteAsync(transaction, now);
                var overdue = await TakeAsync(transaction, now, now - after);
                foreach (var account in overdue)
                {
                    await QueueWebhooksAsync(transaction, account, now);
                }

                foreach (var tenant in mail is null ? [] : overdue.GroupBy(account => tenantOf(account.Source)))
                {
                    var text = MailTexts.ProvisioningOverdue(mail!, [.. tenant], new Uri(context.PublicAddress(tenant.Key), "admin/provisioning"));
                    await MailOutbox.QueueAsync(context, transaction, tenant.Key, null, text, now);
                }

                return overdue;
            },
            cancellation);

    /// <summary>Notes what is behind now, and forgets what became whole, or is gone.</summary>
    private static Task<int> NoteAsync(Transaction transaction, DateTimeOffset now)
        => transaction.ExecuteAsync(
            $"""
            INSERT INTO provisioning_alerts (source, source_id, system, seen_at)
            SELECT p.source, p.source_id, p.system, @now FROM provisioning p WHERE {IsBehind} ORDER BY p.source, p.source_id, p.system
            ON CONFLICT (source, source_id, system) DO NOTHING;
            INSERT INTO provisioning_alerts (source, source_id, system, seen_at)
            SELECT DISTINCT i.system, i.account_id, i.system, @now FROM inbox i WHERE {IsUnread} ORDER BY i.system, i.account_id
            ON CONFLICT (source, source_id, system) DO NOTHING;
            DELETE FROM provisioning_alerts AS a WHERE NOT EXISTS (
              SELECT 1 FROM provisioning p WHERE p.source = a.source AND p.source_id = a.source_id AND p.system = a.system AND ((a.told_at IS NOT NULL AND NOT {IsWhole}) OR {IsBehind}))
              AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.system = a.system AND a.source = a.system AND i.account_id = a.source_id AND {IsUnread});
            """,
            new { now, justDue = now - JustDue });

    private static Task<List<OverdueAccount>> TakeAsync(Transaction transaction, DateTimeOffset now, DateTimeOffset before)
        => transaction.QueryAsync<OverdueAccount>(
            """
            UPDATE provisioning_alerts SET told_at = @now
            WHERE told_at IS NULL AND (source, source_id, system) IN (
              SELECT source, source_id, system FROM provisioning_alerts WHERE told_at IS NULL AND seen_at <= @before ORDER BY seen_at LIMIT @most)
            RETURNING source, source_id AS account, system, seen_at AS since,
              COALESCE((SELECT p.state FROM provisioning p WHERE p.source = provisioning_alerts.source
                AND p.source_id = provisioning_alerts.source_id AND p.system = provisioning_alerts.system), 'Unread') AS state,
              COALESCE((SELECT p.problem FROM provisioning p WHERE p.source = provisioning_alerts.source
                AND p.source_id = provisioning_alerts.source_id AND p.system = provisioning_alerts.system),
                (SELECT i.outcome FROM inbox i WHERE i.state = 'Waiting' AND i.system = provisioning_alerts.system AND i.system = provisioning_alerts.source
                AND i.account_id = provisioning_alerts.source_id ORDER BY i.received_at DESC LIMIT 1)) AS problem
            """,
            new { now, before, most = MostAtOnce });

    private async Task QueueWebhooksAsync(Transaction transaction, OverdueAccount account, DateTimeOffset now)
    {
        var data = new { source = account.Source, account = account.Account, system = account.System, state = account.State.ToLowerInvariant(), since = account.Since.UtcDateTime };
        var statements = WebhookOutbox.Inserts(context, tenantOf(account.Source), WebhookEvents.ProvisioningOverdue, data, now).ToList();
        if (statements.Count > 0)
        {
            await transaction.BatchAsync(statements);
        }
    }
}
