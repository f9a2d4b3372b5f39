using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Users;

namespace Selfsame.Store.Sessions;

/// <summary>How a session's token travels.</summary>
public enum SessionKind
{
    /// <summary>In a cookie.</summary>
    Browser,

    /// <summary>In an Authorization header.</summary>
    Bearer,
}

/// <summary>One place where a user is signed in. The token itself is known to its holder only.</summary>
public sealed record Session
{
    public required Guid Uuid { get; init; }

    public long UserId { get; init; }

    public required string Kind { get; init; }

    public string? Address { get; init; }

    public string? UserAgent { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset LastSeenAt { get; init; }

    public DateTimeOffset ExpiresAt { get; init; }
}

/// <summary>A valid session and its user.</summary>
public sealed record SignedInUser(User User, Session Session);

/// <summary>Server-side sessions: what ends here has ended everywhere at once.</summary>
public sealed class SessionStore(StoreContext context)
{
    // Reading a session does not write it, except when this much time has passed.
    private static readonly TimeSpan SeenGranularity = TimeSpan.FromMinutes(10);

    /// <summary>The session of a token, if it is valid, its user may act and is of the <paramref name="tenant"/>, where one is given; null otherwise.</summary>
    public async Task<SignedInUser?> FindAsync(string? tenant, string token, CancellationToken cancellation)
    {
        var now = context.Now();
        var found = await context.Database.ReadAsync(transaction => FindAsync(transaction, tenant, token, now), cancellation);
        if (found is not null && now - found.Session.LastSeenAt > SeenGranularity)
        {
            // Conditioned: of the calls of one page one writes.
            await LastUse.NoteAsync(
                context,
                "UPDATE sessions SET last_seen_at = @now WHERE uuid = @uuid AND last_seen_at < @before",
                new { now, before = now - SeenGranularity, uuid = found.Session.Uuid },
                cancellation);
        }

        return found;
    }

    /// <summary>The user's sessions that have not expired, newest first.</summary>
    public Task<List<Session>> ListAsync(User user, CancellationToken cancellation)
        => context.Database.ReadAsync(
            transaction => transaction.QueryAsync<Session>(
                """
                SELECT s.uuid, s.user_id, s.kind, s.address, s.user_agent, s.created_at, s.last_seen_at, s.expires_at
                FROM sessions s WHERE s.user_id = @id AND s.expires_at > @now ORDER BY s.id DESC
                """,
                new { id = user.Id, now = context.Now() }),
            cancellation);

    /// <summary>Ends one session of the user; false when it was not there.</summary>
    public Task<bool> EndAsync(User user, Guid sessionUuid, Actor actor, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var ended = await transaction.ExecuteAsync(
                    "DELETE FROM sessions WHERE uuid = @sessionUuid AND user_id = @id", new { sessionUuid, id = user.Id });
                if (ended > 0)
                {
                    await AuditTrail.AddAsync(transaction, user.Id, user.Tenant, actor, "session.ended", context.Now());
                }

                return ended > 0;
            },
            cancellation);

    internal static async Task<SignedInUser?> FindAsync(Transaction transaction, string? tenant, string token, DateTimeOffset now)
    {
        var session = await transaction.QueryFirstOrDefaultAsync<Session>(
            """
            SELECT s.uuid, s.user_id, s.kind, s.address, s.user_agent, s.created_at, s.last_seen_at, s.expires_at FROM sessions s
            WHERE s.token_hash = @hash AND s.expires_at > @now
            """,
            new { hash = LinkTokens.Hash(token), now });
        var user = session is null ? null : await UserReader.FindByIdAsync(transaction, session.UserId);
        return user is { CanSignIn: true } && (tenant is null || user.Tenant == tenant) ? new SignedInUser(user, session!) : null;
    }

    internal static Task EndAllAsync(Transaction transaction, long userId, Guid? except = null)
        => transaction.ExecuteAsync(
            "DELETE FROM sessions WHERE user_id = @userId AND uuid <> @except", new { userId, except = except ?? Guid.Empty });

    internal static Session New(StoreContext context, User user, SignInOrigin origin, SessionKind kind, DateTimeOffset now) => new()
    {
        Uuid = context.Random.NextUuid(),
        UserId = user.Id,
        Kind = kind == SessionKind.Browser ? "browser" : "bearer",
        Address = origin.Address,
        UserAgent = origin.UserAgent,
        CreatedAt = now,
        LastSeenAt = now,
        ExpiresAt = now + context.Tenant(user.Tenant).SessionLifetime,
    };

    /// <summary>Inserts nothing where the user is gone.</summary>
    internal static Statement Insert(Session session, string token)
        => new(
            """
            INSERT INTO sessions (uuid, token_hash, user_id, kind, address, user_agent, created_at, last_seen_at, expires_at)
            SELECT $1, $2, id, $4, $5, $6, $7, $8, $9 FROM users WHERE id = $3
            """,
            session.Uuid,
            LinkTokens.Hash(token),
            session.UserId,
            session.Kind,
            session.Address,
            session.UserAgent,
            session.CreatedAt,
            session.LastSeenAt,
            session.ExpiresAt);
}
