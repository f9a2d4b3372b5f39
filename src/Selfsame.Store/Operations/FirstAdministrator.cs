using Selfsame.Databases;
using Selfsame.Store.Links;
using Selfsame.Store.Requests;

namespace Selfsame.Store.Operations;

/// <summary>
/// The link by which a new installation gets its first administrator. It is good as long as there is none who could sign in, so it is not used up
/// beforehand: a form that is refused leaves it good, and a crash loses nothing.
/// </summary>
public sealed class FirstAdministrator(StoreContext context)
{
    /// <summary>Superusers who could sign in: with a password, or with an address to which a link for one can go.</summary>
    private const string Administrators =
        """
        SELECT 1 FROM users WHERE tenant = @tenant AND is_superuser AND is_active AND deleted_at IS NULL AND (password_hash IS NOT NULL OR email IS NOT NULL)
        """;

    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    /// <summary>
    /// The one call that all links share: that only one administrator is made, by two posts or by the links of two nodes at once, is decided by
    /// its record.
    /// </summary>
    public static IdempotentCall Call(string payload) => new("form", "/setup", "first-administrator", payload);

    /// <summary>A fresh token while the tenant has no administrator, older ones ended; null once it has one.</summary>
    public Task<string?> IssueAsync(string tenant, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                if (await ExistsAsync(transaction, tenant))
                {
                    return null;
                }

                var now = context.Now();
                await transaction.ExecuteAsync(
                    "DELETE FROM link_tokens WHERE tenant = @tenant AND purpose = @purpose",
                    new { tenant, purpose = LinkPurpose.FirstAdministrator });

                // An administrator who was made by a link and deleted or disabled since is not to be answered once more. In one statement: a record whose
                // administrator is made this moment stays.
                var call = Call("");
                await transaction.ExecuteAsync(
                    $"""
                    DELETE FROM idempotency_records WHERE tenant = @tenant AND caller = @caller AND route = @route AND key = @key
                      AND NOT EXISTS ({Administrators})
                    """,
                    new { tenant, caller = call.Caller, route = call.Route, key = call.Key });
                var token = context.Random.NextToken();
                await LinkTokens.InsertAsync(transaction, token, tenant, LinkPurpose.FirstAdministrator, null, null, now, now + Lifetime);
                return token;
            },
            cancellation);

    /// <summary>Whether the link may still make the administrator.</summary>
    public Task<bool> IsGoodAsync(string tenant, string token, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction => !await ExistsAsync(transaction, tenant)
                && await LinkTokens.PeekAsync(transaction, token, tenant, LinkPurpose.FirstAdministrator, context.Now()) is not null,
            cancellation);

    private static async Task<bool> ExistsAsync(Transaction transaction, string tenant)
        => await transaction.ScalarAsync<bool>($"SELECT EXISTS ({Administrators})", new { tenant });
}
