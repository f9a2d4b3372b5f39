using Selfsame.Databases;
using Selfsame.Store.Requests;

namespace Selfsame.Store.Provisioning;

/// <summary>
/// How fast one system may be worked on, over all nodes: a token bucket that holds one second's accounts, read and written under one lock in the
/// transaction of whoever takes some; and a pause for which the system asked.
/// </summary>
internal sealed class SystemPace(Transaction transaction, string system, DateTimeOffset now)
{
    /// <summary>A system that asks for more is asked again after this.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);

    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(1);

    private const long Token = 1000;

    private long millitokens;

    /// <summary>The condition, with the names of parameters, that no pause of a system, or of the one that a column names, runs now. One beyond the latest was begun by a clock that was ahead.</summary>
    public static string NotPaused(string system, string now, string latest)
        => $"NOT EXISTS (SELECT 1 FROM provisioning_systems s WHERE s.system = {system} AND s.paused_until > {now} AND s.paused_until <= {latest})";

    /// <summary>No clock that is right has begun a pause that ends later than this.</summary>
    public static DateTimeOffset LatestPause(DateTimeOffset now) => now + LongestPause + RateLimits.MostSkew;

    /// <summary>How many rows may be taken now, where there is a limit. Without one nothing need be locked, so that nodes which claim at once do not wait for each other.</summary>
    public async Task<int> RowsAsync(double perSecond)
    {
        var pace = await ReadForUpdateAsync();
        var most = Math.Max(Token, (long)(perSecond * Token));
        var gained = pace.RefilledAt > now + RateLimits.MostSkew ? most : Math.Clamp((now - pace.RefilledAt).TotalSeconds * perSecond * Token, 0, most);
        millitokens = Math.Min(most, pace.Millitokens + (long)gained);
        return (int)(millitokens / Token);
    }

    /// <summary>Notes that so many of <see cref="RowsAsync"/> were taken.</summary>
    public Task TakeAsync(int rows)
        => rows == 0
            ? Task.CompletedTask
            : transaction.ExecuteAsync(
                "UPDATE provisioning_systems SET millitokens = @left, refilled_at = @now WHERE system = @system",
                new { left = millitokens - (rows * Token), now, system });

    /// <summary>Takes one token; zero where there was one, else how long it takes until there is.</summary>
    public async Task<TimeSpan> TakeOneAsync(double perSecond)
    {
        if (await RowsAsync(perSecond) == 0)
        {
            var left = TimeSpan.FromSeconds((Token - millitokens) / (perSecond * Token));
            return left > ShortestWait ? left : ShortestWait;
        }

        await TakeAsync(1);
        return TimeSpan.Zero;
    }

    /// <summary>Lets nobody take a row before the pause is over; a longer one that runs stays.</summary>
    public Task PauseAsync(TimeSpan pause)
        => transaction.ExecuteAsync(
            """
            INSERT INTO provisioning_systems (system, paused_until, millitokens, refilled_at) VALUES (@system, @until, 0, @now)
            ON CONFLICT (system) DO UPDATE SET paused_until = CASE
              WHEN provisioning_systems.paused_until > excluded.paused_until AND provisioning_systems.paused_until <= @latestPause THEN provisioning_systems.paused_until ELSE excluded.paused_until END
            """,
            new { system, until = now + (pause < LongestPause ? pause : LongestPause), latestPause = LatestPause(now), now });

    /// <summary>How long a pause still lasts; zero where there is none.</summary>
    public async Task<TimeSpan> PausedForAsync()
        => await transaction.QueryFirstOrDefaultAsync<Pause>(
            "SELECT paused_until FROM provisioning_systems WHERE system = @system AND paused_until > @now AND paused_until <= @latestPause",
            new { system, now, latestPause = LatestPause(now) }) is { } pause
            ? pause.PausedUntil - now
            : TimeSpan.Zero;

    private async Task<Pace> ReadForUpdateAsync()
    {
        await transaction.ExecuteAsync(
            "INSERT INTO provisioning_systems (system, millitokens, refilled_at) VALUES (@system, @Token, @now) ON CONFLICT (system) DO NOTHING",
            new { system, Token, now });
        return (await transaction.QueryFirstOrDefaultAsync<Pace>(
            $"SELECT millitokens, refilled_at FROM provisioning_systems WHERE system = @system{(transaction.Dialect == Dialect.PostgreSql ? " FOR UPDATE" : "")}",
            new { system }))!;
    }

    private sealed record Pause
    {
        public DateTimeOffset PausedUntil { get; init; }
    }

    private sealed record Pace
    {
        public long Millitokens { get; init; }

        public DateTimeOffset RefilledAt { get; init; }
    }
}
