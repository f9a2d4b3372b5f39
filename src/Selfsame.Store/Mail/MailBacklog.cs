namespace Selfsame.Store.Mail;

/// <summary>What a tenant's mails wait for.</summary>
public sealed record MailBacklog
{
    public required string Tenant { get; init; }

    /// <summary>Mails that will be tried, or tried again.</summary>
    public long Waiting { get; init; }

    /// <summary>Mails that were tried to the end, or whose recipient was refused.</summary>
    public long GivenUp { get; init; }

    /// <summary>When the oldest of the waiting ones was caused.</summary>
    public DateTimeOffset? OldestWaiting { get; init; }

    /// <summary>The latest error of a mail that was not taken; it names no address.</summary>
    public string? LastError { get; init; }
}

/// <summary>Reads what the outbox holds, for administrators and metrics.</summary>
public static class MailBacklogs
{
    /// <summary>Every tenant of the config, and every other for which something waits, by name.</summary>
    public static async Task<IReadOnlyList<MailBacklog>> ReadAsync(StoreContext context, CancellationToken cancellation)
    {
        var unsent = await context.Database.ReadAsync(
            transaction => transaction.QueryAsync<MailBacklog>(
                """
                SELECT tenant,
                  sum(CASE WHEN given_up_at IS NULL THEN 1 ELSE 0 END) AS waiting,
                  sum(CASE WHEN given_up_at IS NULL THEN 0 ELSE 1 END) AS given_up,
                  min(CASE WHEN given_up_at IS NULL THEN created_at END) AS oldest_waiting,
                  (SELECT e.last_error FROM mails e
                   WHERE e.tenant = m.tenant AND e.sent_at IS NULL AND e.last_error IS NOT NULL
                   ORDER BY e.not_before DESC LIMIT 1) AS last_error
                FROM mails m WHERE sent_at IS NULL GROUP BY tenant
                """),
            cancellation);
        var idle = context.Tenants.Keys.Where(tenant => !unsent.Exists(backlog => backlog.Tenant == tenant)).Select(tenant => new MailBacklog { Tenant = tenant });
        return [.. unsent.Concat(idle).OrderBy(backlog => backlog.Tenant, StringComparer.Ordinal)];
    }
}
