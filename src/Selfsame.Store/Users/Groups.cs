using Selfsame.Databases;

namespace Selfsame.Store.Users;

/// <summary>Groups of users; a household is one. A group is made when its first member is named.</summary>
public static class Groups
{
    /// <summary>Puts a user into these groups.</summary>
    internal static async Task AddAsync(
        StoreContext context, Transaction transaction, string tenant, Guid userUuid, IReadOnlyList<string> names)
    {
        var now = context.Now();
        foreach (var name in names)
        {
            await transaction.ExecuteAsync(
                """
                INSERT INTO user_groups (uuid, tenant, name, created_at) VALUES (@uuid, @tenant, @name, @now)
                ON CONFLICT (tenant, name) DO NOTHING;
                INSERT INTO user_group_members (group_id, user_id)
                SELECT g.id, u.id FROM user_groups g CROSS JOIN users u WHERE g.tenant = @tenant AND g.name = @name AND u.uuid = @userUuid
                ON CONFLICT DO NOTHING;
                """,
                new { uuid = context.Random.NextUuid(), tenant, name, now, userUuid });
        }
    }

    /// <summary>Makes these the user's groups, no more and no fewer.</summary>
    internal static async Task ReplaceAsync(StoreContext context, Transaction transaction, User user, IReadOnlyList<string> names)
    {
        await transaction.ExecuteAsync("DELETE FROM user_group_members WHERE user_id = @id", new { id = user.Id });
        await AddAsync(context, transaction, user.Tenant, user.Uuid, names);
    }

    /// <summary>For a batch: a user's groups by name, as rows of <paramref name="mark"/> and the name.</summary>
    internal static Statement Select(long userId, string mark)
        => new(
            "SELECT CAST($2 AS text), g.name FROM user_groups g JOIN user_group_members m ON m.group_id = g.id WHERE m.user_id = $1 ORDER BY g.name",
            userId, mark);

    /// <summary>A user's groups by name.</summary>
    internal static Task<List<string>> ReadAsync(Transaction transaction, long userId)
        => transaction.QueryAsync<string>(
            "SELECT g.name FROM user_groups g JOIN user_group_members m ON m.group_id = g.id WHERE m.user_id = @userId ORDER BY g.name",
            new { userId });

    /// <summary>The groups of several users by user id.</summary>
    internal static async Task<ILookup<long, string>> ReadAsync(Transaction transaction, IReadOnlyList<long> userIds)
    {
        // Dapper hands a list to Npgsql as an array, and writes it out for SQLite.
        var among = transaction.Dialect == Dialect.PostgreSql ? "= ANY(@userIds)" : "IN @userIds";
        var members = userIds.Count == 0
            ? []
            : await transaction.QueryAsync<Membership>(
                $"""
                SELECT m.user_id AS "UserId", g.name AS "Name" FROM user_groups g JOIN user_group_members m ON m.group_id = g.id
                WHERE m.user_id {among} ORDER BY g.name
                """,
                new { userIds = userIds.ToArray() });
        return members.ToLookup(member => member.UserId, member => member.Name);
    }

    private sealed class Membership
    {
        public long UserId { get; init; }

        public string Name { get; init; } = "";
    }
}
