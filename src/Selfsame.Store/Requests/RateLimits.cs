using System.Data.Common;
using Selfsame.Databases;

namespace Selfsame.Store.Requests;

/// <summary>Where a rate limit stands for one subject after a call.</summary>
/// <param name="Limit">The limit that was asked.</param>
/// <param name="Remaining">Calls left in this window.</param>
/// <param name="ResetsIn">Until the window ends.</param>
/// <param name="Allowed">Whether this call was within the limit.</param>
public sealed record RateLimitState(RateLimit Limit, int Remaining, TimeSpan ResetsIn, bool Allowed);

/// <summary>How a limit is used at present.</summary>
public sealed class RateLimitUse
{
    /// <summary>Subjects (addresses, mostly) with calls in a window that runs now.</summary>
    public long Subjects { get; init; }

    /// <summary>Those that have no call left.</summary>
    public long AtLimit { get; init; }
}

/// <summary>
/// Fixed windows that start with a subject's first call, counted by one statement that the database serialises per
/// subject (CASES 30: check-then-count lets a hundred parallel calls through).
/// </summary>
public static class RateLimits
{
    /// <summary>
    /// What begins later than this from now was written by a clock that was ahead, and is over: otherwise it would lock people out for as
    /// long. Longer than the clocks of nodes differ and than a transaction waits for another's row.
    /// </summary>
    internal static readonly TimeSpan MostSkew = TimeSpan.FromMinutes(1);

    /// <summary>No row comes back exactly when the window is full: then nothing was counted.</summary>
    private const string Claim =
        """
        INSERT INTO rate_limits AS r (tenant, name, subject, window_started_at, used)
        VALUES ($1, $2, $3, $4, 1)
        ON CONFLICT (tenant, name, subject) DO UPDATE SET
          used = CASE WHEN r.window_started_at <= $5 OR r.window_started_at > $6 THEN 1 ELSE r.used + 1 END,
          window_started_at = CASE WHEN r.window_started_at <= $5 OR r.window_started_at > $6 THEN $4 ELSE r.window_started_at END
        WHERE r.window_started_at <= $5 OR r.window_started_at > $6 OR r.used < $7
        RETURNING used AS "Used", window_started_at AS "StartedAt"
        """;

    /// <summary>Counts one call, in the caller's transaction: a roll-back takes the count back.</summary>
    public static async Task<RateLimitState?> CountAsync(
        Transaction transaction, string tenant, RateLimit limit, string? subject, DateTimeOffset now)
    {
        if (Count(tenant, limit, subject, now) is not { } count)
        {
            return null;
        }

        return await StateAsync(transaction, tenant, limit, subject, (await transaction.BatchAsync<RateLimitWindow>([count])).FirstOrDefault(), now);
    }

    /// <summary>As above, for the caller's batch, which returns a <see cref="RateLimitWindow"/>, or nothing where it is full; null where nothing is counted.</summary>
    internal static Statement? Count(string tenant, RateLimit limit, string? subject, DateTimeOffset now)
        => limit.Count == 0 || subject is null
            ? null
            : new Statement(Claim, tenant, limit.Name, subject, now, now - limit.Window, now + MostSkew, (long)limit.Count);

    /// <summary>Where the limit stands after <see cref="Count"/> has returned this, or nothing.</summary>
    internal static async Task<RateLimitState> StateAsync(
        Transaction transaction, string tenant, RateLimit limit, string? subject, RateLimitWindow? counted, DateTimeOffset now)
        => counted is null ? await ReadAsync(transaction, tenant, limit, subject, now) : Counted(limit, counted, now);

    private static RateLimitState Counted(RateLimit limit, RateLimitWindow counted, DateTimeOffset now)
        => new(limit, limit.Count - (int)counted.Used, counted.StartedAt + limit.Window - now, Allowed: true);

    /// <summary>What <see cref="Count"/> has returned, of the part of an <see cref="AllOrNothing"/> that is named counted.</summary>
    internal const string CountedColumns = """(SELECT "Used" FROM counted), (SELECT "StartedAt" FROM counted)""";

    /// <summary>Where the limit stands by <see cref="CountedColumns"/>, which begin at this one.</summary>
    internal static RateLimitState ReadCounted(RateLimit limit, DbDataReader row, int first, DateTimeOffset now)
        => Counted(limit, new RateLimitWindow { Used = row.GetInt64(first), StartedAt = row.GetFieldValue<DateTimeOffset>(first + 1) }, now);

    /// <summary>Gives one counted call back, after a success that should not count; null where nothing is counted.</summary>
    internal static Statement? GiveBack(string tenant, RateLimit limit, string? subject)
        => limit.Count == 0 || subject is null
            ? null
            : new Statement(
                "UPDATE rate_limits SET used = used - 1 WHERE tenant = $1 AND name = $2 AND subject = $3 AND used > 0",
                tenant, limit.Name, subject);

    /// <summary>The present state, without counting. It spares work for callers who are over the limit; it decides nothing.</summary>
    public static async Task<RateLimitState> ReadAsync(
        Transaction transaction, string tenant, RateLimit limit, string? subject, DateTimeOffset now)
    {
        var row = limit.Count == 0 || subject is null
            ? null
            : await transaction.QueryFirstOrDefaultAsync<RateLimitWindow>(
                """
                SELECT used AS "Used", window_started_at AS "StartedAt" FROM rate_limits
                WHERE tenant = @tenant AND name = @name AND subject = @subject AND window_started_at > @expired AND window_started_at <= @ahead
                """,
                new { tenant, name = limit.Name, subject, expired = now - limit.Window, ahead = now + MostSkew });
        return row is null
            ? new RateLimitState(limit, limit.Count, limit.Window, Allowed: true)
            : new RateLimitState(limit, limit.Count - (int)row.Used, row.StartedAt + limit.Window - now, Allowed: row.Used < limit.Count);
    }

    /// <summary>How many subjects are counted in windows that run now, and how many of them are at the limit.</summary>
    public static async Task<RateLimitUse> SummariseAsync(Transaction transaction, string tenant, RateLimit limit, DateTimeOffset now)
        => (await transaction.QueryFirstOrDefaultAsync<RateLimitUse>(
            """
            SELECT count(*) AS "Subjects", coalesce(sum(CASE WHEN used >= @count THEN 1 ELSE 0 END), 0) AS "AtLimit" FROM rate_limits
            WHERE tenant = @tenant AND name = @name AND used > 0 AND window_started_at > @expired AND window_started_at <= @ahead
            """,
            new { tenant, name = limit.Name, count = (long)limit.Count, expired = now - limit.Window, ahead = now + MostSkew }))!;
}

/// <summary>A window of one subject, as the database has it.</summary>
internal sealed class RateLimitWindow
{
    public long Used { get; init; }

    public DateTimeOffset StartedAt { get; init; }
}
