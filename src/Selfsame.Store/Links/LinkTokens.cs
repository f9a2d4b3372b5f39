using System.Security.Cryptography;
using System.Text;
using Selfsame.Databases;
using Selfsame.Store.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Store.Links;

/// <summary>What the holder of a link may do with it.</summary>
public static class LinkPurpose
{
    public const string VerifyEmail = "verify-email";
    public const string ResetPassword = "reset-password";
    public const string ChangeEmail = "change-email";
    public const string RevertEmail = "revert-email";
    public const string ReleaseEmail = "release-email";
    public const string FirstAdministrator = "first-administrator";
}

/// <summary>What a link is still good for.</summary>
public enum LinkState
{
    /// <summary>It can be used.</summary>
    Good,

    /// <summary>What it was for is done, and stands.</summary>
    Done,

    /// <summary>Unknown, too old, or ended without that.</summary>
    Gone,
}

/// <summary>A link's row, as its redemption finds it.</summary>
internal sealed record LinkToken
{
    public long? UserId { get; init; }

    public string? Email { get; init; }

    public byte[]? Browser { get; init; }

    public required string Tenant { get; init; }
}

/// <summary>Single-use, expiring secrets in mails; the database holds their SHA-256 only (they have 256 random bits).</summary>
internal static class LinkTokens
{
    /// <summary>The condition of a link that is good now, for a batch.</summary>
    private const string IsGood = "token_hash = $1 AND tenant = $2 AND purpose = $3 AND used_at IS NULL AND expires_at > $4";

    private const int LinkColumns = 4;

    public static byte[] Hash(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    /// <summary>For a batch that has just inserted the user of <paramref name="uuid"/>.</summary>
    public static Statement InsertByUuid(
        Guid uuid, byte[] hash, string tenant, string purpose, string? email, byte[]? browser, DateTimeOffset now, DateTimeOffset expires)
        => new(
            """
            INSERT INTO link_tokens (token_hash, tenant, purpose, user_id, email, browser, created_at, expires_at)
            VALUES ($2, $3, $4, (SELECT id FROM users WHERE uuid = $1), $5, $6, $7, $8)
            """,
            uuid, hash, tenant, purpose, email, browser, now, expires);

    public static Task InsertAsync(
        Transaction transaction, string token, string tenant, string purpose, long? userId, string? email, DateTimeOffset now, DateTimeOffset expires)
        => transaction.ExecuteAsync(
            """
            INSERT INTO link_tokens (token_hash, tenant, purpose, user_id, email, created_at, expires_at)
            VALUES (@hash, @tenant, @purpose, @userId, @email, @now, @expires)
            """,
            new { hash = Hash(token), tenant, purpose, userId, email, now, expires });

    /// <summary>
    /// A link is good for one password, but until then for as many hashes as are asked for at once: each is counted before it is made, as a sign-up's is.
    /// </summary>
    public static Task<RateLimitState?> CountHashAsync(StoreContext context, string tenant, string? network, CancellationToken cancellation)
        => context.Database.TransactAsync(
            transaction => RateLimits.CountAsync(transaction, tenant, context.Tenant(tenant).SignUpAttemptLimit, network, context.Now()),
            // A lost commit answer: counted once more at worst.
            _ => Task.FromResult(default(Settled<RateLimitState?>)),
            cancellation);

    /// <summary>What the link would do, without using it up: for the page that asks before it acts.</summary>
    public static Task<LinkToken?> PeekAsync(Transaction transaction, string token, string tenant, string purpose, DateTimeOffset now)
        => transaction.QueryFirstOrDefaultAsync<LinkToken>(
            """
            SELECT tenant, user_id, email, browser FROM link_tokens
            WHERE token_hash = @hash AND tenant = @tenant AND purpose = @purpose AND used_at IS NULL AND expires_at > @now
            """,
            new { hash = Hash(token), tenant, purpose, now });

    /// <summary>As <see cref="PeekAsync"/>, with the link's user; no user where it is nobody's.</summary>
    public static Task<(LinkToken? Link, User? User)> PeekWithUserAsync(Transaction transaction, string token, string tenant, string purpose, DateTimeOffset now)
        => BothAsync(transaction, $"SELECT tenant, user_id, email, browser FROM link_tokens WHERE {IsGood}", "", token, tenant, purpose, now);

    /// <summary>
    /// Uses the link up; null when it is unknown, used, expired or another tenant's. Its user is held first, as by whoever ends a
    /// user's links: in the other order the two would wait for each other.
    /// </summary>
    public static Task<(LinkToken? Link, User? User)> RedeemAsync(Transaction transaction, string token, string tenant, string purpose, DateTimeOffset now)
        => BothAsync(
            transaction, $"UPDATE link_tokens SET used_at = $4 WHERE {IsGood} RETURNING tenant, user_id, email, browser", UserReader.Lock(transaction), token, tenant, purpose, now);

    private static async Task<(LinkToken? Link, User? User)> BothAsync(
        Transaction transaction, string ofLink, string hold, string token, string tenant, string purpose, DateTimeOffset now)
    {
        var hash = Hash(token);
        var rows = await transaction.BatchAsync<object>(
            [
                new Statement($"{UserReader.Select} WHERE u.id = (SELECT user_id FROM link_tokens WHERE {IsGood}){hold}", hash, tenant, purpose, now),
                new Statement(ofLink, hash, tenant, purpose, now),
            ],
            row => row.FieldCount == LinkColumns ? Transaction.Row<LinkToken>(row) : Transaction.Row<User>(row));
        return rows.OfType<LinkToken>().FirstOrDefault() is { } link ? (link, rows.OfType<User>().FirstOrDefault()) : default;
    }

    /// <summary>
    /// After a lost commit answer: the user, as it is now, whose link was used up at this very instant; null when we did not. One that somebody ended at the
    /// same instant is none.
    /// </summary>
    public static async Task<User?> FindRedeemedAsync(
        Transaction transaction, string token, string tenant, string purpose, DateTimeOffset at)
    {
        var userId = await transaction.ScalarAsync<long?>(
            "SELECT user_id FROM link_tokens WHERE token_hash = @hash AND tenant = @tenant AND purpose = @purpose AND used_at = @at AND expires_at > @at",
            new { hash = Hash(token), tenant, purpose, at });
        return userId is { } id ? await UserReader.FindByIdAsync(transaction, id) : null;
    }

    /// <summary>A link that was used up or ended, not before <paramref name="since"/>, with its user as it is now; nothing where there is none.</summary>
    public static async Task<(LinkToken? Link, User? User)> FindSpentAsync(Transaction transaction, string token, string tenant, string purpose, DateTimeOffset since)
    {
        var link = await transaction.QueryFirstOrDefaultAsync<LinkToken>(
            """
            SELECT tenant, user_id, email, browser FROM link_tokens
            WHERE token_hash = @hash AND tenant = @tenant AND purpose = @purpose AND used_at >= @since
            """,
            new { hash = Hash(token), tenant, purpose, since });
        return link?.UserId is { } id ? (link, await UserReader.FindByIdAsync(transaction, id)) : default;
    }

    /// <summary>Ends every unused link of a user, of one purpose: it expires with that, which tells it from one that was used.</summary>
    public static Statement Revoke(long userId, string purpose, DateTimeOffset now)
        => new("UPDATE link_tokens SET used_at = $3, expires_at = $3 WHERE user_id = $1 AND used_at IS NULL AND purpose = $2", userId, purpose, now);

    /// <summary>As above, of some purposes.</summary>
    public static Task RevokeAsync(Transaction transaction, long userId, IReadOnlyList<string> purposes, DateTimeOffset now)
    {
        // A parameter for each: Dapper hands a whole list to drivers that know arrays, and PostgreSQL has no IN for an array.
        var parameters = new Dictionary<string, object?> { ["userId"] = userId, ["now"] = now };
        for (var index = 0; index < purposes.Count; index++)
        {
            parameters[$"purpose{index}"] = purposes[index];
        }

        var names = string.Join(", ", purposes.Select((_, index) => $"@purpose{index}"));
        return transaction.ExecuteAsync(
            $"UPDATE link_tokens SET used_at = @now, expires_at = @now WHERE user_id = @userId AND used_at IS NULL AND purpose IN ({names})", parameters);
    }
}
