using Selfsame.Core.Identifiers;
using Selfsame.Databases;

namespace Selfsame.Store.Users;

/// <summary>What a change of policy found: users whose key another user already holds.</summary>
public sealed record Grandfathered(string Space, string Key, Guid User, Guid Holder);

/// <summary>
/// Brings existing users under a tenant's lookalike policies at start. Switching to <see cref="LookalikePolicy.Refuse"/>
/// gives each key to its oldest user; the others keep theirs, and are listed.
/// </summary>
public sealed class LookalikePolicySwitch(StoreContext context)
{
    private const int BatchSize = 1000;

    /// <summary>Applies both policies of a tenant where they changed; the users that were grandfathered.</summary>
    public async Task<IReadOnlyList<Grandfathered>> ApplyAsync(string tenant, CancellationToken cancellation)
    {
        var settings = context.Tenant(tenant);
        return
        [
            .. await ApplyAsync(settings, "skeleton", settings.Lookalikes, cancellation),
            .. await ApplyAsync(settings, "mailbox", settings.Mailboxes, cancellation),
        ];
    }

    private Task<List<Grandfathered>> ApplyAsync(TenantSettings tenant, string space, LookalikePolicy policy, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var name = policy.ToString().ToLowerInvariant();
                var present = await transaction.ScalarAsync<string>(
                    "SELECT policy FROM tenant_policies WHERE tenant = @tenant AND space = @space", new { tenant = tenant.Name, space });
                if (present == name)
                {
                    return [];
                }

                await transaction.ExecuteAsync(
                    """
                    INSERT INTO tenant_policies (tenant, space, policy, changed_at) VALUES (@tenant, @space, @name, @now)
                    ON CONFLICT (tenant, space) DO UPDATE SET policy = excluded.policy, changed_at = excluded.changed_at;
                    DELETE FROM identifiers WHERE tenant = @tenant AND space = @space;
                    DELETE FROM lookalikes WHERE tenant = @tenant AND space = @space;
                    """,
                    new { tenant = tenant.Name, space, name, now = context.Now() });
                return policy == LookalikePolicy.Off ? [] : await RekeyAsync(transaction, tenant, space);
            },
            cancellation);

    /// <summary>Oldest first, so that the oldest user of a key is the one who holds it.</summary>
    private static async Task<List<Grandfathered>> RekeyAsync(Transaction transaction, TenantSettings tenant, string space)
    {
        var grandfathered = new List<Grandfathered>();
        var after = 0L;
        while (true)
        {
            var users = await transaction.QueryAsync<User>(
                $"SELECT {User.Columns} FROM users u WHERE u.tenant = @tenant AND u.id > @after ORDER BY u.id LIMIT @most",
                new { tenant = tenant.Name, after, most = BatchSize });
            if (users.Count == 0)
            {
                return grandfathered;
            }

            foreach (var user in users)
            {
                foreach (var row in IdentifierRows.For(user, tenant).Where(row => row.Space == space))
                {
                    if (await PlaceAsync(transaction, tenant, user, row) is { } holder)
                    {
                        grandfathered.Add(new Grandfathered(space, row.Key, user.Uuid, holder));
                    }
                }
            }

            after = users[^1].Id;
        }
    }

    /// <summary>Null when the row found its place; otherwise the user who holds its key, and the row becomes a flag.</summary>
    private static async Task<Guid?> PlaceAsync(Transaction transaction, TenantSettings tenant, User user, IdentifierRow row)
    {
        var parameters = new { tenant = tenant.Name, space = row.Space, key = row.Key, kinds = row.Kinds, rule = KeyRules.Version, id = user.Id };
        if (row.Unique && await transaction.ExecuteAsync(
            """
            INSERT INTO identifiers (tenant, space, key, kinds, rule_version, user_id) VALUES (@tenant, @space, @key, @kinds, @rule, @id)
            ON CONFLICT DO NOTHING
            """,
            parameters) > 0)
        {
            return null;
        }

        var holder = row.Unique
            ? await transaction.ScalarAsync<Guid?>(
                "SELECT u.uuid FROM identifiers i JOIN users u ON u.id = i.user_id WHERE i.tenant = @tenant AND i.space = @space AND i.key = @key",
                parameters)
            : null;
        if (holder == user.Uuid)
        {
            // Signed up on another node, which refuses already, while this one was at it.
            return null;
        }

        await transaction.ExecuteAsync(
            "INSERT INTO lookalikes (tenant, space, key, user_id) VALUES (@tenant, @space, @key, @id) ON CONFLICT DO NOTHING", parameters);
        return holder;
    }
}
