using Selfsame.Databases;
using Selfsame.Store.Links;

namespace Selfsame.Store.Operations;

/// <summary>The one-time link by which a new installation gets its first administrator.</summary>
public sealed class FirstAdministrator(StoreContext context)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

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

    /// <summary>Uses the link up; the caller redeems it before it makes the user, so that one link makes one administrator.</summary>
    public Task<bool> RedeemAsync(string tenant, string token, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                await HoldAllAsync(transaction, tenant);
                var won = !await ExistsAsync(transaction, tenant)
                    && await LinkTokens.RedeemAsync(transaction, token, tenant, LinkPurpose.FirstAdministrator, context.Now()) is not null;
                if (won)
                {
                    await transaction.ExecuteAsync(
                        "UPDATE link_tokens SET used_at = @now WHERE tenant = @tenant AND purpose = @purpose AND used_at IS NULL",
                        new { now = context.Now(), tenant, purpose = LinkPurpose.FirstAdministrator });
                }

                return won;
            },
            cancellation);

    /// <summary>Nodes that start at once each issue a link: whoever redeems one first ends them all, so they are held together, in order.</summary>
    private static Task HoldAllAsync(Transaction transaction, string tenant)
        => transaction.Dialect == Dialect.Sqlite
            ? Task.CompletedTask
            : transaction.ExecuteAsync(
                "SELECT 1 FROM link_tokens WHERE tenant = @tenant AND purpose = @purpose ORDER BY token_hash FOR UPDATE",
                new { tenant, purpose = LinkPurpose.FirstAdministrator });

    private static async Task<bool> ExistsAsync(Transaction transaction, string tenant)
        => await transaction.ScalarAsync<long>(
            "SELECT count(*) FROM users WHERE tenant = @tenant AND is_superuser AND deleted_at IS NULL", new { tenant }) > 0;
}
