using Selfsame.Databases;
using Selfsame.Store.Passwords;
using Selfsame.Store.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Store.Sessions;

/// <summary>Whether one attempt may be tried, claimed before anything is hashed.</summary>
/// <param name="Allowed">Whether it may.</param>
/// <param name="RetryAfter">Until it may.</param>
/// <param name="State">Where the network's limit stands; null where there is none, and where it is the back-off that refuses.</param>
/// <param name="Buckets">What the attempt took.</param>
internal sealed record SignInClaim(bool Allowed, TimeSpan RetryAfter, RateLimitState? State, IReadOnlyList<ClaimedBucket> Buckets)
{
    /// <summary>The login that was tried, where it was let through as the first attempt of its network; else null.</summary>
    public string? FirstAttemptOn { get; init; }

    /// <summary>The network in whose limit it is counted; null for a known browser, which is held to none.</summary>
    public string? Network { get; init; }
}

/// <summary>What one attempt took of a bucket.</summary>
/// <param name="Name">The bucket.</param>
/// <param name="At">When.</param>
/// <param name="NotBefore">The back-off that the attempt began; null when it was one of the free ones.</param>
internal sealed record ClaimedBucket(byte[] Name, DateTimeOffset At, DateTimeOffset? NotBefore);

/// <summary>
/// Back-off for guessing. Each attempt is claimed as a failure by one atomic statement before it is hashed, and
/// forgiven when it succeeds. Somebody who was here before with this browser or from this network has a bucket of their own:
/// what strangers do can slow strangers down, never the owner. A stranger's first attempt goes past the others (<see cref="FirstAttempts"/>).
/// A known browser is not held to its network's limit either, which the neighbours could use up (decision 0201).
/// </summary>
internal sealed class SignInAttempts(StoreContext context)
{
    /// <summary>Failures before the back-off starts, from one network or browser.</summary>
    public const int FreeOfOneSource = 5;

    /// <summary>Failures before the back-off starts, from all strangers together.</summary>
    public const int FreeOfStrangers = 50;

    private static readonly TimeSpan LongestOfOneSource = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan LongestOfStrangers = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Forgotten = TimeSpan.FromHours(24);

    private readonly FirstAttempts firstAttempts = new(context);

    /// <summary>No row comes back exactly when the bucket's back-off has not passed. One that no attempt of today can have begun is over.</summary>
    private const string Claim =
        """
        INSERT INTO sign_in_attempts AS a (tenant, bucket, failures, not_before, updated_at)
        VALUES ($1, $2, 1, $3, $3)
        ON CONFLICT (tenant, bucket) DO UPDATE SET
          failures = CASE WHEN a.updated_at <= $4 THEN 1 ELSE a.failures + 1 END,
          not_before = CASE WHEN a.not_before > $5 THEN $3 ELSE a.not_before END,
          updated_at = $3
        WHERE (a.not_before <= $3 OR a.not_before > $5)
        """;

    private static IReadOnlyList<SqlValue> ClaimValues(string tenant, Bucket bucket, DateTimeOffset now)
        => [tenant, bucket.Name, now, now - Forgotten, now + bucket.Longest + RateLimits.MostSkew];

    /// <summary>Who signs in by the key, and the first of the sources from which they signed in lately; null where there is none.</summary>
    public Task<(User? User, KnownSource? Known)> FindAsync(string tenant, string key, SignInOrigin origin, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction =>
            {
                var sources = KnownSources.Of(context, origin);
                var rows = await transaction.BatchAsync<object>(
                    [UserReader.FindByLoginKey(tenant, key), .. KnownSources.Find(tenant, key, sources, context.Now())],
                    row => row.FieldCount == 1 ? row.GetValue(0) : Transaction.Row<User>(row));
                var known = rows.OfType<byte[]>().FirstOrDefault();
                return (
                    rows.OfType<User>().FirstOrDefault(),
                    known is null ? null : new KnownSource(known, IsBrowser: origin.Browser is not null && known.AsSpan().SequenceEqual(sources[0])));
            },
            cancellation);

    public async Task<SignInClaim> ClaimAsync(string tenant, string key, KnownSource? known, SignInOrigin origin, CancellationToken cancellation)
    {
        var buckets = Buckets(tenant, key, origin, known);
        var limited = known is { IsBrowser: true } ? null : origin.Network;
        var claim = await ClaimAtOnceAsync(tenant, buckets, limited, cancellation) ?? await context.Database.TransactAsync(
            transaction => ClaimAsync(transaction, tenant, key, buckets, origin.Network, limited),
            // A lost commit answer: claimed once more, which counts twice at worst.
            _ => Task.FromResult(default(Settled<SignInClaim>)),
            cancellation);
        return claim with { Network = limited };
    }

    /// <summary>
    /// For PostgreSQL: the attempt of somebody who comes from a known source, in one round trip (decision 0140). Null where it is not to be had so, and nothing is written then: the
    /// limit is reached, or the bucket's free attempts are used up. Strangers, who fail as they please, don't take this way: each failure of it stands in the server's log.
    /// </summary>
    private async Task<SignInClaim?> ClaimAtOnceAsync(string tenant, List<Bucket> buckets, string? limited, CancellationToken cancellation)
    {
        if (context.Database.Dialect == Dialect.Sqlite || buckets is not [var bucket])
        {
            return null;
        }

        var (now, limit) = (context.Now(), context.Tenant(tenant).SignInLimit);
        var count = RateLimits.Count(tenant, limit, limited, now);
        StatementPart[] parts =
        [
            .. count is null ? (StatementPart[])[] : [new StatementPart("counted", count, Rows: 1)],
            // The attempt after the last free one begins a back-off, which takes a second statement.
            new StatementPart("free", new Statement($"{Claim} AND (a.updated_at <= $4 OR a.failures + 1 < $6) RETURNING 1", [.. ClaimValues(tenant, bucket, now), (long)bucket.Free]), Rows: 1),
        ];
        return await context.Database.TryTransactAsync<RateLimitState?, SignInClaim>(
            [AllOrNothing.Of(parts, count is null ? AllOrNothing.Unflushed : $"{RateLimits.CountedColumns}, {AllOrNothing.Unflushed}")],
            row => count is null ? null : RateLimits.ReadCounted(limit, row, 0, now),
            rows => new SignInClaim(true, TimeSpan.Zero, rows.Single(), [new ClaimedBucket(bucket.Name, now, null)]),
            // As above.
            _ => Task.FromResult(default(Settled<SignInClaim?>)),
            cancellation);
    }

    private async Task<SignInClaim> ClaimAsync(Transaction transaction, string tenant, string key, List<Bucket> buckets, string? network, string? limited)
    {
        var now = context.Now();
        var tenantLimit = context.Tenant(tenant).SignInLimit;
        var count = RateLimits.Count(tenant, tenantLimit, limited, now);
        var rows = await transaction.BatchAsync<object>(
            [
                .. count is null ? (Statement[])[] : [count],
                .. buckets.Select(bucket => new Statement($"{Claim} RETURNING bucket, failures", ClaimValues(tenant, bucket, now))),
            ],
            row => row.GetValue(0) is byte[] name ? new CountedBucket(name, row.GetInt64(1)) : Transaction.Row<RateLimitWindow>(row));
        var limit = count is null ? null : await RateLimits.StateAsync(transaction, tenant, tenantLimit, limited, rows.OfType<RateLimitWindow>().FirstOrDefault(), now);
        if (limit is { Allowed: false })
        {
            transaction.RollBack = true;
            return new SignInClaim(false, limit.ResetsIn, limit, []);
        }

        var (claimed, wait) = await BackOffsAsync(transaction, tenant, buckets, [.. rows.OfType<CountedBucket>()], now);
        if (claimed.Count < buckets.Count)
        {
            // Of a stranger's two buckets the own one was free, and the one of all strangers is not.
            if (claimed.Count == 1 && await firstAttempts.ClaimAsync(transaction, tenant, key, network, now))
            {
                return new SignInClaim(true, TimeSpan.Zero, limit, claimed) { FirstAttemptOn = key };
            }

            transaction.RollBack = true;
            return new SignInClaim(false, wait, null, []);
        }

        return new SignInClaim(true, TimeSpan.Zero, limit, claimed);
    }

    /// <summary>A success: the claims are taken back, and the browser and network are known from now on.</summary>
    public IReadOnlyList<Statement> Forgive(User user, SignInClaim claim, SignInOrigin origin, DateTimeOffset now)
    {
        Statement?[] statements =
        [
            // In the order of the claim, so that a claim and a success can't wait for each other in a circle.
            RateLimits.GiveBack(user.Tenant, context.Tenant(user.Tenant).SignInLimit, claim.Network),

            // Only the source's own failures are forgotten; the strangers' bucket gets back what this attempt took.
            new("DELETE FROM sign_in_attempts WHERE tenant = $1 AND bucket = $2", user.Tenant, claim.Buckets[0].Name),
            .. claim.Buckets.Skip(1).Select(bucket => TakeBack(user.Tenant, bucket)),
            .. GiveBackFirst(user.Tenant, claim, origin),
            .. KnownSources.Remember(context, user.Uuid, origin, now),
        ];
        return [.. statements.OfType<Statement>()];
    }

    /// <summary>As <see cref="Forgive"/>, by itself. Not cancelled: the caller may have left.</summary>
    public Task ForgiveAsync(User user, SignInClaim claim, SignInOrigin origin)
        => context.Database.TransactUnflushedAsync(Forgive(user, claim, origin, context.Now()), CancellationToken.None);

    /// <summary>
    /// The check of a password, claimed before. Where none was made, because too many wait or because the caller left before its turn,
    /// what the attempt took is given back, and nothing else.
    /// </summary>
    public async Task<PasswordCheck> CheckAsync(
        string tenant, string? storedHash, string password, SignInClaim claim, SignInOrigin origin, CancellationToken cancellation)
    {
        PasswordCheck check;
        try
        {
            check = await context.Passwords.VerifyAsync(storedHash, password, cancellation);
        }
        catch (OperationCanceledException)
        {
            await TakeBackAsync(tenant, claim, origin);
            throw;
        }

        if (check == PasswordCheck.Busy)
        {
            await TakeBackAsync(tenant, claim, origin);
        }

        return check;
    }

    /// <summary>Gives back what an attempt took that was not a wrong one. Not cancelled: the caller may have left.</summary>
    private async Task TakeBackAsync(string tenant, SignInClaim claim, SignInOrigin origin)
    {
        Statement?[] statements =
        [
            RateLimits.GiveBack(tenant, context.Tenant(tenant).SignInLimit, claim.Network),
            .. claim.Buckets.Select(bucket => TakeBack(tenant, bucket)),
            .. GiveBackFirst(tenant, claim, origin),
        ];
        await context.Database.TransactUnflushedAsync([.. statements.OfType<Statement>()], CancellationToken.None);
    }

    private IEnumerable<Statement> GiveBackFirst(string tenant, SignInClaim claim, SignInOrigin origin)
        => claim.FirstAttemptOn is { } key ? firstAttempts.GiveBack(tenant, key, origin.Network) : [];

    /// <summary>A back-off that a later attempt began is that one's.</summary>
    private static Statement TakeBack(string tenant, ClaimedBucket bucket)
        => new(
            """
            UPDATE sign_in_attempts SET failures = failures - 1, not_before = CASE WHEN not_before = $3 THEN $4 ELSE not_before END
            WHERE tenant = $1 AND bucket = $2 AND failures > 0
            """,
            tenant, bucket.Name, bucket.NotBefore ?? bucket.At, bucket.At);

    private sealed record Bucket(byte[] Name, int Free, TimeSpan Longest);

    private List<Bucket> Buckets(string tenant, string key, SignInOrigin origin, KnownSource? known)
    {
        if (known is not null)
        {
            return [new Bucket(Name(tenant, key, $"known\n{Convert.ToHexString(known.Hash)}"), FreeOfOneSource, LongestOfOneSource)];
        }

        return
        [
            new Bucket(Name(tenant, key, $"network\n{origin.Network}"), FreeOfOneSource, LongestOfOneSource),
            new Bucket(Name(tenant, key, "strangers"), FreeOfStrangers, LongestOfStrangers),
        ];
    }

    private byte[] Name(string tenant, string key, string kind) => context.Secrets.Hash("sign-in-attempts", $"{tenant}\n{kind}\n{key}");

    /// <summary>A bucket that an attempt was counted in, and how many there are in it.</summary>
    private sealed record CountedBucket(byte[] Name, long Failures);

    /// <summary>What was claimed, of every bucket; of fewer where one is not to be had yet, then with how long to wait: the caller rolls back.</summary>
    private static async Task<(IReadOnlyList<ClaimedBucket> Claimed, TimeSpan Wait)> BackOffsAsync(
        Transaction transaction, string tenant, List<Bucket> buckets, List<CountedBucket> counted, DateTimeOffset now)
    {
        var claimed = new List<ClaimedBucket>();
        foreach (var bucket in buckets)
        {
            if (counted.Where(row => row.Name.AsSpan().SequenceEqual(bucket.Name)).Select(row => (long?)row.Failures).FirstOrDefault() is not { } failures)
            {
                var notBefore = await transaction.ScalarAsync<DateTimeOffset>(
                    "SELECT not_before FROM sign_in_attempts WHERE tenant = @tenant AND bucket = @bucket", new { tenant, bucket = bucket.Name });
                return (claimed, notBefore - now);
            }

            claimed.Add(new ClaimedBucket(bucket.Name, now, failures < bucket.Free ? null : await BackOffAsync(transaction, tenant, bucket, failures, now)));
        }

        return (claimed, TimeSpan.Zero);
    }

    /// <summary>Begins the back-off that so many failures lead to; until when.</summary>
    private static async Task<DateTimeOffset> BackOffAsync(Transaction transaction, string tenant, Bucket bucket, long failures, DateTimeOffset now)
    {
        var delay = TimeSpan.FromSeconds(Math.Pow(2, Math.Min(failures - bucket.Free, 20)));
        var until = now + (delay < bucket.Longest ? delay : bucket.Longest);
        await transaction.ExecuteAsync(
            "UPDATE sign_in_attempts SET not_before = @until WHERE tenant = @tenant AND bucket = @bucket", new { tenant, bucket = bucket.Name, until });
        return until;
    }
}
