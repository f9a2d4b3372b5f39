namespace Selfsame.Store.Webhooks;

/// <summary>What waits for one endpoint.</summary>
public sealed record WebhookBacklog
{
    public required string Endpoint { get; init; }

    public required string Tenant { get; init; }

    /// <summary>Messages that will be tried again.</summary>
    public long Waiting { get; init; }

    /// <summary>Messages that were tried to the end, or that the receiver never wants.</summary>
    public long GivenUp { get; init; }

    /// <summary>When the oldest of the waiting ones was caused.</summary>
    public DateTimeOffset? OldestWaiting { get; init; }

    /// <summary>The latest error of a message that was not taken.</summary>
    public string? LastError { get; init; }
}

/// <summary>Reads what the outbox holds, for administrators and metrics.</summary>
public static class WebhookBacklogs
{
    /// <summary>Every endpoint that the config names or that something waits for, by tenant and name.</summary>
    public static async Task<IReadOnlyList<WebhookBacklog>> ReadAsync(StoreContext context, CancellationToken cancellation)
    {
        var unsent = await context.Database.ReadAsync(
            transaction => transaction.QueryAsync<WebhookBacklog>(
                """
                SELECT tenant, endpoint,
                  sum(CASE WHEN given_up_at IS NULL THEN 1 ELSE 0 END) AS waiting,
                  sum(CASE WHEN given_up_at IS NULL THEN 0 ELSE 1 END) AS given_up,
                  min(CASE WHEN given_up_at IS NULL THEN created_at END) AS oldest_waiting,
                  (SELECT e.last_error FROM webhook_messages e
                   WHERE e.endpoint = m.endpoint AND e.tenant = m.tenant AND e.sent_at IS NULL AND e.last_error IS NOT NULL
                   ORDER BY e.not_before DESC LIMIT 1) AS last_error
                FROM webhook_messages m WHERE sent_at IS NULL GROUP BY tenant, endpoint
                """),
            cancellation);
        var idle = context.Webhooks
            .Where(webhook => !unsent.Exists(backlog => backlog.Endpoint == webhook.Endpoint && backlog.Tenant == webhook.Tenant))
            .Select(webhook => new WebhookBacklog { Endpoint = webhook.Endpoint, Tenant = webhook.Tenant });
        return [.. unsent.Concat(idle).OrderBy(backlog => backlog.Tenant, StringComparer.Ordinal).ThenBy(backlog => backlog.Endpoint, StringComparer.Ordinal)];
    }
}
