using Selfsame.Databases;

namespace Selfsame.Store.Sessions;

/// <summary>A source from which somebody signed in lately.</summary>
/// <param name="Hash">As the database has it.</param>
/// <param name="IsBrowser">Whether it is the browser, which nobody else has; a network is shared with whoever is in it.</param>
internal sealed record KnownSource(byte[] Hash, bool IsBrowser);

/// <summary>
/// The browsers and networks from which a user signed up, signed in or opened a link of a mail: what strangers do does not slow them down.
/// The database holds keyed hashes.
/// </summary>
internal static class KnownSources
{
    /// <summary>How long a browser or network counts as known after the last time.</summary>
    internal static readonly TimeSpan KnownFor = TimeSpan.FromDays(180);

    /// <summary>The browser, if it has a cookie of ours, then the network.</summary>
    public static List<byte[]> Of(StoreContext context, SignInOrigin origin)
    {
        var sources = new List<byte[]>();
        if (origin.Browser is not null)
        {
            sources.Add(context.Secrets.Hash("known-source", $"browser\n{origin.Browser}"));
        }

        if (origin.Network is not null)
        {
            sources.Add(context.Secrets.Hash("known-source", $"network\n{origin.Network}"));
        }

        return sources;
    }

    /// <summary>Browser and network are known from now on; nothing where there is no such user.</summary>
    public static IEnumerable<Statement> Remember(StoreContext context, Guid uuid, SignInOrigin origin, DateTimeOffset now)
        => Of(context, origin).Select(source => new Statement(
            """
            INSERT INTO known_sources (user_id, source, last_success_at) SELECT id, $2, $3 FROM users WHERE uuid = $1
            ON CONFLICT (user_id, source) DO UPDATE SET last_success_at = excluded.last_success_at
            """,
            uuid, source, now));

    /// <summary>As <see cref="Remember"/>, in the caller's transaction.</summary>
    public static Task RememberAsync(StoreContext context, Transaction transaction, Guid uuid, SignInOrigin origin, DateTimeOffset now)
        => Remember(context, uuid, origin, now).ToArray() is { Length: > 0 } statements ? transaction.BatchAsync(statements) : Task.CompletedTask;

    /// <summary>For each of the sources, in their order, a statement that gives it back where it is known as one of whoever signs in by this key.</summary>
    public static List<Statement> Find(string tenant, string loginKey, List<byte[]> sources, DateTimeOffset now)
        => sources.ConvertAll(source => new Statement(
            """
            SELECT k.source FROM known_sources k JOIN identifiers i ON i.user_id = k.user_id
            WHERE i.tenant = $1 AND i.space = 'login' AND i.key = $2 AND k.source = $3 AND k.last_success_at > $4
            """,
            tenant, loginKey, source, now - KnownFor));
}
