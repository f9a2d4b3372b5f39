using Selfsame.Store.Provisioning;

namespace Selfsame.Store.Inbox;

/// <summary>What waits of that which one connected system reported.</summary>
public sealed record InboxBacklog
{
    public required string System { get; init; }

    /// <summary>Events that are not done.</summary>
    public long Waiting { get; init; }

    /// <summary>Those of them that failed at least once.</summary>
    public long Failing { get; init; }

    /// <summary>When the oldest of those that wait came.</summary>
    public DateTimeOffset? OldestWaiting { get; init; }

    /// <summary>Why one of those failed that are tried last; null where none did.</summary>
    public string? LastProblem { get; init; }

    /// <summary>Nothing of it is read before, because the system asked for it.</summary>
    public DateTimeOffset? PausedUntil { get; init; }
}

/// <summary>What waits in the inbox, for administrators and metrics: it looks at nothing that is done, of which there may be a month's.</summary>
public sealed class InboxBacklogs(StoreContext context)
{
    /// <summary>One for each system whose log is read, or of which something waits, by name.</summary>
    public Task<IReadOnlyList<InboxBacklog>> ReadAsync(CancellationToken cancellation)
        => context.Database.ReadAsync<IReadOnlyList<InboxBacklog>>(
            async transaction => await transaction.QueryAsync<InboxBacklog>(
                """
                SELECT s.system AS "System", coalesce(w.waiting, 0) AS "Waiting", coalesce(w.failing, 0) AS "Failing", w.oldest_waiting AS "OldestWaiting",
                  (SELECT i.outcome FROM inbox i WHERE i.system = s.system AND i.state = 'Waiting' AND i.outcome IS NOT NULL ORDER BY i.not_before DESC, i.event_id LIMIT 1) AS "LastProblem",
                  (SELECT p.paused_until FROM provisioning_systems p WHERE p.system = s.system AND p.paused_until > @now AND p.paused_until <= @latestPause) AS "PausedUntil"
                FROM (SELECT system FROM inbox_checkpoints UNION SELECT system FROM inbox WHERE state = 'Waiting') s
                LEFT JOIN (
                  SELECT system, count(*) AS waiting, count(outcome) AS failing, min(received_at) AS oldest_waiting FROM inbox WHERE state = 'Waiting' GROUP BY system) w
                ON w.system = s.system ORDER BY s.system
                """,
                new { now = context.Now(), latestPause = SystemPace.LatestPause(context.Now()) }),
            cancellation);

    /// <summary>Has the events of a system that failed worked on at once, but for those that somebody works on; how many those are.</summary>
    public Task<int> RetryAsync(string system, CancellationToken cancellation)
        => context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync(
                """
                UPDATE inbox SET not_before = @now
                WHERE system = @system AND state = 'Waiting' AND outcome IS NOT NULL AND not_before > @now AND (leased_until IS NULL OR leased_until <= @now)
                """,
                new { system, now = context.Now() }),
            cancellation);
}
