using System.Globalization;
using Selfsame.Databases;

namespace Selfsame.Store.Requests;

/// <summary>
/// At most so many in every stretch of time that is as long as a limit's window, whenever it begins, over all nodes. Counted by parts of the window, of which each is a row of
/// <c>rate_limits</c> and counts until its last call is a window old: whoever waits, waits a part too long at most, and nothing is let through too early.
/// </summary>
internal static class SlidingLimits
{
    private const int Parts = 12;

    // The parts are summed up after this, one call at a time: who comes meanwhile waits for the row, and then sees what was counted.
    private const string TakeTurn =
        """
        INSERT INTO rate_limits (tenant, name, subject, window_started_at, used) VALUES ('', @name, @subject, @now, 0)
        ON CONFLICT (tenant, name, subject) DO UPDATE SET used = 0, window_started_at = excluded.window_started_at
        """;

    private const string Sum =
        """
        SELECT CAST(coalesce(sum(used), 0) AS bigint) AS "Used", min(window_started_at) AS "Oldest" FROM rate_limits
        WHERE tenant = '' AND name = @parts AND window_started_at > @expired AND window_started_at <= @ahead
        """;

    // A part begins to count anew with its last call, so that it is never forgotten too early.
    private const string Add =
        """
        INSERT INTO rate_limits AS r (tenant, name, subject, window_started_at, used) VALUES ('', @parts, @part, @now, 1)
        ON CONFLICT (tenant, name, subject) DO UPDATE SET
          used = r.used + 1,
          window_started_at = CASE WHEN r.window_started_at > @now AND r.window_started_at <= @ahead THEN r.window_started_at ELSE @now END
        """;

    /// <summary>Counts one call, in the caller's transaction. Null where it is within the limit; else how long it takes until something of it is free, and nothing is counted.</summary>
    public static async Task<TimeSpan?> CountAsync(Transaction transaction, RateLimit limit, string subject, DateTimeOffset now)
    {
        var length = limit.Window / Parts;
        var parameters = new
        {
            name = limit.Name,
            subject,
            parts = $"{limit.Name} in {subject}",
            part = (now.UtcTicks / length.Ticks).ToString(CultureInfo.InvariantCulture),
            now,
            expired = now - limit.Window,
            ahead = now + RateLimits.MostSkew,
        };
        await transaction.ExecuteAsync(TakeTurn, parameters);
        var counted = (await transaction.QueryFirstOrDefaultAsync<Counted>(Sum, parameters))!;
        if (counted.Used >= limit.Count)
        {
            return counted.Oldest is { } oldest ? oldest + limit.Window - now : limit.Window;
        }

        await transaction.ExecuteAsync(Add, parameters);
        return null;
    }

    private sealed class Counted
    {
        public long Used { get; init; }

        public DateTimeOffset? Oldest { get; init; }
    }
}
