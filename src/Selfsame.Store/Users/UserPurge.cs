using Selfsame.Databases;

namespace Selfsame.Store.Users;

/// <summary>
/// Removes users whose grace period after deletion is over, and frees their identifiers. The audit trail keeps its
/// lines without the person. Of the provisioning only rows stay whose creation may be under way: the provisioner finds
/// the user gone, disables what arrived, and forgets the row. An account that was linked is left to the audit.
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
                    await RemoveAsync(transaction, id);
                }

                return ids.Count;
            },
            cancellation);

    private static Task<int> RemoveAsync(Transaction transaction, long id) => transaction.ExecuteAsync(
        """
        DELETE FROM identifiers WHERE user_id = @id;
        DELETE FROM lookalikes WHERE user_id = @id;
        DELETE FROM user_group_members WHERE user_id = @id;
        DELETE FROM known_sources WHERE user_id = @id;
        DELETE FROM sessions WHERE user_id = @id;
        DELETE FROM link_tokens WHERE user_id = @id;
        DELETE FROM mails WHERE user_id = @id;
        DELETE FROM provisioning WHERE user_uuid = (SELECT uuid FROM users WHERE id = @id) AND state NOT IN ('Intent', 'Compensating');
        UPDATE audit_events SET user_id = NULL WHERE user_id = @id;
        DELETE FROM users WHERE id = @id;
        """,
        new { id });
}
