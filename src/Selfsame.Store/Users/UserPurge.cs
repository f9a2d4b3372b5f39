using Selfsame.Core.Accounts;
using Selfsame.Databases;
using Selfsame.Store.Provisioning;

namespace Selfsame.Store.Users;

/// <summary>
/// Removes users whose grace period after deletion is over, and frees their identifiers. The audit trail keeps its
/// lines without the person. Of the provisioning only rows stay whose account may be on its way, waits to be disabled, may be active in spite of a conflict, or is to be deleted
/// because the config has orphans deleted: the provisioner finds the user gone, disables or deletes what is there, and forgets the row.
/// </summary>
public sealed class UserPurge(StoreContext context)
{
    private const int BatchSize = 100;

    /// <summary>Purges a batch of one tenant; how many were removed.</summary>
    public Task<int> ExecuteAsync(string tenant, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var before = context.Now() - context.Tenant(tenant).DeletionGracePeriod;
                var skipLocked = transaction.Dialect == Dialect.PostgreSql ? " FOR UPDATE SKIP LOCKED" : "";
                var ids = await transaction.QueryAsync<long>(
                    $"SELECT id FROM users WHERE tenant = @tenant AND deleted_at <= @before ORDER BY id LIMIT @most{skipLocked}",
                    new { tenant, before, most = BatchSize });
                foreach (var id in ids)
                {
                    await RemoveAsync(transaction, id, context.Tenant(tenant));
                }

                return ids.Count;
            },
            cancellation);

    private async Task RemoveAsync(Transaction transaction, long id, TenantSettings tenant)
    {
        var uuid = await transaction.ScalarAsync<string>("SELECT CAST(uuid AS text) FROM users WHERE id = @id", new { id });
        await PurgedRows.ForgetSettledAsync(transaction, tenant.UserSystem, new AccountId(uuid!), tenant.DeletePurgedIn, context.Now());
        await transaction.ExecuteAsync(
            """
            DELETE FROM handle_changes WHERE user_id = @id;
            DELETE FROM identifiers WHERE user_id = @id;
            DELETE FROM lookalikes WHERE user_id = @id;
            DELETE FROM user_group_members WHERE user_id = @id;
            DELETE FROM known_sources WHERE user_id = @id;
            DELETE FROM sessions WHERE user_id = @id;
            DELETE FROM link_tokens WHERE user_id = @id;
            DELETE FROM mails WHERE user_id = @id;
            UPDATE audit_events SET user_id = NULL WHERE user_id = @id;
            DELETE FROM users WHERE id = @id;
            """,
            new { id });
    }
}
