using System.Text.Json;
using Selfsame.Databases;

namespace Selfsame.Store.Webhooks;

/// <summary>An endpoint, as far as the store must know it.</summary>
/// <param name="Endpoint">Its name in the config.</param>
/// <param name="Tenant">Whose users it is told about.</param>
/// <param name="Events">The types of messages that it gets.</param>
public sealed record WebhookSubscription(string Endpoint, string Tenant, IReadOnlyList<string> Events);

/// <summary>A message on loan to a sender.</summary>
/// <param name="Uuid">The same at every attempt and for every endpoint: receivers recognise a repeat by it.</param>
/// <param name="Endpoint">Where it goes.</param>
/// <param name="Body">JSON, the same at every attempt.</param>
/// <param name="Attempt">From 1.</param>
public sealed record QueuedWebhook(Guid Uuid, string Endpoint, string Body, int Attempt);

/// <summary>
/// Messages are queued in the transaction that causes them and leave after it: each at least once, never one for a
/// change that was rolled back (CASES 15). Who is told is decided when it happens, by the config of that moment.
/// </summary>
public sealed class WebhookOutbox(StoreContext context)
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromHours(8);

    /// <summary>Over nearly three days, as a receiver that broke on a Friday is mended on Monday.</summary>
    public static int MostAttempts { get; } = 16;

    /// <summary>How long a sender has for the messages that it took on loan.</summary>
    public static TimeSpan Lease { get; } = TimeSpan.FromSeconds(30);

    /// <summary>One statement for each endpoint of the tenant that asked for this type.</summary>
    /// <param name="context">The store.</param>
    /// <param name="tenant">Whose event it is.</param>
    /// <param name="type">Of <see cref="Core.Webhooks.WebhookEvents"/>.</param>
    /// <param name="data">What is told, as JSON: uuids, and nothing personal or secret.</param>
    /// <param name="now">When it happened.</param>
    internal static IEnumerable<Statement> Inserts(StoreContext context, string tenant, string type, object data, DateTimeOffset now)
    {
        var endpoints = context.Webhooks.Where(webhook => webhook.Tenant == tenant && webhook.Events.Contains(type)).ToList();
        if (endpoints.Count == 0)
        {
            return [];
        }

        var uuid = context.Random.NextUuid();
        var body = JsonSerializer.Serialize(new { type, timestamp = now.UtcDateTime, data });
        return endpoints.Select(webhook => new Statement(
            """
            INSERT INTO webhook_messages (uuid, endpoint, tenant, type, body, attempts, not_before, created_at)
            VALUES ($1, $2, $3, $4, $5, 0, $6, $6)
            """,
            uuid, webhook.Endpoint, tenant, type, body, now));
    }

    /// <summary>Takes an endpoint's due messages on loan; a sender that dies leaves them due again when the loan ends.</summary>
    public Task<List<QueuedWebhook>> LeaseAsync(string endpoint, int most, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var now = context.Now();
                var skipLocked = transaction.Dialect == Dialect.PostgreSql ? "FOR UPDATE SKIP LOCKED" : "";
                var rows = await transaction.QueryAsync<MessageRow>(
                    $"""
                    UPDATE webhook_messages SET leased_until = @until, attempts = attempts + 1
                    WHERE id IN (
                      SELECT id FROM webhook_messages
                      WHERE endpoint = @endpoint AND sent_at IS NULL AND given_up_at IS NULL AND not_before <= @now
                        AND (leased_until IS NULL OR leased_until <= @now)
                      ORDER BY not_before LIMIT @most {skipLocked})
                    RETURNING uuid, body, attempts
                    """,
                    new { endpoint, now, until = now + Lease, most });
                return rows.ConvertAll(row => new QueuedWebhook(row.Uuid, endpoint, row.Body, (int)row.Attempts));
            },
            cancellation);

    /// <summary>The receiver has taken the message.</summary>
    public Task MarkSentAsync(QueuedWebhook message, CancellationToken cancellation)
        => context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync(
                "UPDATE webhook_messages SET sent_at = @now, leased_until = NULL, last_error = NULL, given_up_at = NULL WHERE uuid = @Uuid AND endpoint = @Endpoint",
                new { now = context.Now(), message.Uuid, message.Endpoint }),
            cancellation);

    /// <summary>
    /// Keeps the message for a later try, or gives it up after the last one; the error is shown to administrators. Another
    /// sender's later attempt is not touched.
    /// </summary>
    /// <param name="message">As it was taken.</param>
    /// <param name="error">What went wrong, one sentence.</param>
    /// <param name="retryAfter">When the receiver asked to be called again; at most a day is believed.</param>
    /// <param name="gone">The receiver never wants it.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public Task MarkFailedAsync(QueuedWebhook message, string error, TimeSpan? retryAfter, bool gone, CancellationToken cancellation)
    {
        var now = context.Now();
        DateTimeOffset? givenUp = gone || message.Attempt >= MostAttempts ? now : null;
        return context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync(
                """
                UPDATE webhook_messages SET not_before = @notBefore, leased_until = NULL, last_error = @error, given_up_at = @givenUp
                WHERE uuid = @Uuid AND endpoint = @Endpoint AND attempts = @Attempt AND sent_at IS NULL
                """,
                new { notBefore = now + Delay(message.Attempt, retryAfter), error, givenUp, message.Uuid, message.Endpoint, message.Attempt }),
            cancellation);
    }

    /// <summary>Makes all that an endpoint has not taken due at once, what was given up, too; how many those are.</summary>
    public Task<int> RetryAsync(string tenant, string endpoint, CancellationToken cancellation)
        => context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync(
                """
                UPDATE webhook_messages SET attempts = 0, given_up_at = NULL, not_before = @now
                WHERE tenant = @tenant AND endpoint = @endpoint AND sent_at IS NULL AND (leased_until IS NULL OR leased_until <= @now)
                """,
                new { now = context.Now(), tenant, endpoint }),
            // A lost commit answer: asked once more, which makes due what is due already.
            _ => Task.FromResult(default(Settled<int>)),
            cancellation);

    /// <summary>10 s, tripled each time up to 8 h, spread by a fifth so that a mended receiver is not overrun.</summary>
    private TimeSpan Delay(int attempt, TimeSpan? retryAfter)
    {
        var full = FirstDelay * Math.Pow(3, Math.Min(attempt - 1, 20));
        var delay = (full < LongestDelay ? full : LongestDelay) * (0.8 + (context.Random.NextInt32(1000) / 5000.0));
        var asked = retryAfter > TimeSpan.FromDays(1) ? TimeSpan.FromDays(1) : retryAfter ?? TimeSpan.Zero;
        var chosen = asked > delay ? asked : delay;
        return TimeSpan.FromMicroseconds(Math.Floor(chosen.TotalMicroseconds));
    }

    private sealed class MessageRow
    {
        public Guid Uuid { get; init; }

        public string Body { get; init; } = "";

        public long Attempts { get; init; }
    }
}
