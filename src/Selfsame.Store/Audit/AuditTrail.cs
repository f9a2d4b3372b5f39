using Selfsame.Databases;

namespace Selfsame.Store.Audit;

/// <summary>Who does something, for the audit trail.</summary>
/// <param name="Name"><c>self</c>, <c>user:UUID</c>, <c>service:NAME</c>, <c>cli</c> or <c>system</c>.</param>
/// <param name="CorrelationId">Binds the event to a request and to the log.</param>
public sealed record Actor(string Name, string? CorrelationId = null)
{
    /// <summary>The person themselves, before or without a session.</summary>
    public static Actor Self { get; } = new("self");

    /// <summary>An operator at the command line.</summary>
    public static Actor CommandLine { get; } = new("cli");

    /// <summary>The service, without anybody asking.</summary>
    public static Actor System { get; } = new("system");
}

/// <summary>One line of a user's audit trail.</summary>
public sealed record AuditEvent
{
    public required string Actor { get; init; }

    public required string Event { get; init; }

    public string? Detail { get; init; }

    public string? CorrelationId { get; init; }

    public DateTimeOffset At { get; init; }
}

/// <summary>Writes and reads what happened to a user, always in the transaction in which it happens.</summary>
public static class AuditTrail
{
    /// <summary>For a batch that has just inserted the user of <paramref name="uuid"/>.</summary>
    internal static Statement InsertByUuid(Guid uuid, string tenant, Actor actor, string @event, DateTimeOffset now)
        => new(
            """
            INSERT INTO audit_events (tenant, user_id, actor, event, correlation_id, at)
            VALUES ($2, (SELECT id FROM users WHERE uuid = $1), $3, $4, $5, $6)
            """,
            uuid, tenant, actor.Name, @event, actor.CorrelationId, now);

    internal static Task AddAsync(
        Transaction transaction, long userId, string tenant, Actor actor, string @event, DateTimeOffset now, string? detail = null)
        => transaction.BatchAsync(Insert(userId, tenant, actor, @event, now, detail));

    /// <summary>As above, for the caller's batch.</summary>
    internal static Statement Insert(long userId, string tenant, Actor actor, string @event, DateTimeOffset now, string? detail = null)
        => new(
            """
            INSERT INTO audit_events (tenant, user_id, actor, event, detail, correlation_id, at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """,
            tenant, userId, actor.Name, @event, detail, actor.CorrelationId, now);

    /// <summary>The newest events of a user, at most <paramref name="limit"/>.</summary>
    public static Task<List<AuditEvent>> ReadAsync(StoreContext context, Guid uuid, int limit, CancellationToken cancellation)
        => context.Database.ReadAsync(
            transaction => transaction.QueryAsync<AuditEvent>(
                """
                SELECT e.actor, e.event, e.detail, e.correlation_id, e.at FROM audit_events e
                JOIN users u ON u.id = e.user_id WHERE u.uuid = @uuid ORDER BY e.id DESC LIMIT @limit
                """,
                new { uuid, limit }),
            cancellation);
}
