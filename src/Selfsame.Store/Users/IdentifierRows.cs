using System.Data.Common;
using Selfsame.Core.Identifiers;
using Selfsame.Databases;

namespace Selfsame.Store.Users;

/// <summary>One row of <c>identifiers</c> or <c>lookalikes</c> that a user should have.</summary>
/// <param name="Space"><c>login</c>, <c>handle</c>, <c>phone</c>, <c>mailbox</c> or <c>skeleton</c>.</param>
/// <param name="Key">The canonical form.</param>
/// <param name="Kinds">The fields that share the row, joined by <c>+</c>.</param>
/// <param name="Unique">Whether it is a row of <c>identifiers</c>.</param>
internal sealed record IdentifierRow(string Space, string Key, string Kinds, bool Unique)
{
    /// <summary>The API's names of the fields that this row stands for.</summary>
    public IEnumerable<string> Fields => Kinds.Split('+');
}

/// <summary>
/// The rows by which the database refuses duplicates (promise 1), and the statements that write them in key order, so
/// that two transactions can't wait for each other in a circle.
/// </summary>
internal static class IdentifierRows
{
    /// <summary>The rows that a user with these identifiers has, in key order.</summary>
    public static List<IdentifierRow> For(User user, TenantSettings tenant)
    {
        var rows = new List<IdentifierRow>();
        AddLogin(rows, user, tenant);
        if (user.Handle is not null && Handle.TryParse(user.Handle, out var handle, out _))
        {
            rows.Add(new IdentifierRow("handle", handle.Key, "handle", Unique: true));
        }

        if (user.UserCode.Length > 0)
        {
            rows.Add(new IdentifierRow("handle", user.UserCode, "userCode", Unique: true));
        }

        if (user is { Phone: not null, PhoneVerifiedAt: not null })
        {
            rows.Add(new IdentifierRow("phone", user.Phone, "phone", Unique: true));
        }

        return [.. rows
            .GroupBy(row => (row.Space, row.Key))
            .Select(same => same.First() with { Kinds = string.Join('+', same.Select(row => row.Kinds)) })
            .OrderBy(row => row.Space, StringComparer.Ordinal)
            .ThenBy(row => row.Key, StringComparer.Ordinal)];
    }

    private static void AddLogin(List<IdentifierRow> rows, User user, TenantSettings tenant)
    {
        if (user.Username is not null)
        {
            if (!LoginName.TryParse(user.Username, out var login, out _))
            {
                throw new InvalidOperationException("A stored username no longer has a key; the key rules changed.");
            }

            rows.Add(new IdentifierRow("login", login.Key, "username", Unique: true));
            if (tenant.Lookalikes != LookalikePolicy.Off && UserName.TryParse(user.Username, out var name, out _))
            {
                rows.Add(new IdentifierRow("skeleton", name.Skeleton, "username", tenant.Lookalikes == LookalikePolicy.Refuse));
            }
        }

        if (user.Email is not null)
        {
            if (!EmailAddress.TryParse(user.Email, out var email, out _))
            {
                throw new InvalidOperationException("A stored e-mail address no longer has a key; the key rules changed.");
            }

            rows.Add(new IdentifierRow("login", email.Key, "email", Unique: true));
            if (tenant.Mailboxes != LookalikePolicy.Off)
            {
                rows.Add(new IdentifierRow("mailbox", email.Mailbox, "email", tenant.Mailboxes == LookalikePolicy.Refuse));
            }
        }
    }

    /// <summary>
    /// One statement that inserts all rows of a table for a user in key order; for <c>identifiers</c> it returns the
    /// spaces and keys that were free. Null when there are none.
    /// </summary>
    public static Statement? InsertStatement(Guid uuid, string tenant, IEnumerable<IdentifierRow> rows, bool unique)
    {
        List<SqlValue> values = unique ? [uuid, tenant, KeyRules.Version] : [uuid, tenant];
        var tuples = new List<string>();
        foreach (var row in rows.Where(row => row.Unique == unique))
        {
            var next = values.Count + 1;
            values.AddRange(unique ? [row.Space, row.Key, row.Kinds] : [row.Space, row.Key]);
            tuples.Add(unique ? $"($2, ${next}, ${next + 1}, ${next + 2}, $3, (SELECT id FROM u))" : $"($2, ${next}, ${next + 1}, (SELECT id FROM u))");
        }

        if (tuples.Count == 0)
        {
            return null;
        }

        var (table, returning) = unique
            ? ("identifiers (tenant, space, key, kinds, rule_version, user_id)", " RETURNING space, key")
            : ("lookalikes (tenant, space, key, user_id)", "");
        return new Statement(
            $"""
            WITH u AS (SELECT id FROM users WHERE uuid = $1)
            INSERT INTO {table} VALUES {string.Join(", ", tuples)} ON CONFLICT DO NOTHING{returning}
            """,
            values);
    }

    /// <summary>
    /// Brings a user's rows in line with the identifiers that the user now has. Empty when everything was free;
    /// otherwise the taken fields, and the caller rolls back.
    /// </summary>
    public static async Task<IReadOnlySet<string>> ReplaceAsync(Transaction transaction, User user, TenantSettings tenant)
    {
        var flagged = await transaction.QueryAsync<FreeKey>("SELECT space, key FROM lookalikes WHERE user_id = @id", new { id = user.Id });
        var wanted = For(user, tenant).ConvertAll(row => Grandfathered(row, flagged));
        wanted.AddRange((await HandleUnderWayAsync(transaction, user)).Where(row => !wanted.Exists(other => other.Space == row.Space && other.Key == row.Key)));
        wanted = [.. wanted.OrderBy(row => row.Space, StringComparer.Ordinal).ThenBy(row => row.Key, StringComparer.Ordinal)];
        var present = await transaction.QueryAsync<PresentRow>(
            "SELECT space, key, kinds FROM identifiers WHERE user_id = @id", new { id = user.Id });
        foreach (var row in present.OrderBy(row => row.Space, StringComparer.Ordinal).ThenBy(row => row.Key, StringComparer.Ordinal))
        {
            var still = wanted.Find(other => other.Unique && other.Space == row.Space && other.Key == row.Key);
            var parameters = new { tenant = user.Tenant, row.Space, row.Key, id = user.Id, kinds = still?.Kinds };
            const string where = "WHERE tenant = @tenant AND space = @Space AND key = @Key AND user_id = @id";
            if (still is null)
            {
                await transaction.ExecuteAsync($"DELETE FROM identifiers {where}", parameters);
            }
            else if (still.Kinds != row.Kinds)
            {
                await transaction.ExecuteAsync($"UPDATE identifiers SET kinds = @kinds {where}", parameters);
            }
        }

        await transaction.ExecuteAsync("DELETE FROM lookalikes WHERE user_id = @id", new { id = user.Id });
        var missing = wanted
            .Where(row => !row.Unique || !present.Any(other => other.Space == row.Space && other.Key == row.Key))
            .ToList();
        return await InsertAsync(transaction, user, missing);
    }

    /// <summary>The handle that the user asked for and that another system has not confirmed yet; it is reserved beside the present one.</summary>
    private static async Task<IReadOnlyList<IdentifierRow>> HandleUnderWayAsync(Transaction transaction, User user)
        => [.. (await transaction.QueryAsync<string>(
            "SELECT handle FROM handle_changes WHERE user_id = @Id AND refused = @no AND handle IS NOT NULL", new { user.Id, no = false }))
            .Select(handle => new IdentifierRow("handle", handle, "handle", Unique: true))];

    /// <summary>A likeness that stood as a flag when the tenant began to refuse it stays a flag, or its user could not be changed any more.</summary>
    private static IdentifierRow Grandfathered(IdentifierRow row, List<FreeKey> flagged)
        => row with { Unique = row.Unique && !flagged.Exists(flag => flag.Space == row.Space && flag.Key == row.Key) };

    private static async Task<IReadOnlySet<string>> InsertAsync(Transaction transaction, User user, List<IdentifierRow> rows)
    {
        Statement?[] statements =
        [
            InsertStatement(user.Uuid, user.Tenant, rows, unique: false),
            InsertStatement(user.Uuid, user.Tenant, rows, unique: true),
        ];
        return Taken(rows, await transaction.BatchAsync([.. statements.OfType<Statement>()], FreeKey.Read));
    }

    /// <summary>The fields whose rows are missing from what the insert returned.</summary>
    public static IReadOnlySet<string> Taken(IEnumerable<IdentifierRow> wanted, List<FreeKey> free)
        => wanted
            .Where(row => row.Unique && !free.Any(key => key.Space == row.Space && key.Key == row.Key))
            .SelectMany(row => row.Fields)
            .ToHashSet(StringComparer.Ordinal);

    /// <summary>
    /// Of the fields that are taken, those whose holder is deleted and can still be restored (CASES 8), with the holder's uuid: looked up by the rows that were
    /// refused, so also where another spelling of the mailbox or a lookalike is what is held.
    /// </summary>
    public static Task<Dictionary<string, Guid>> FindDeletedHoldersAsync(
        StoreContext context, User wanted, IReadOnlySet<string> taken, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction =>
            {
                var holders = new Dictionary<string, Guid>(StringComparer.Ordinal);
                foreach (var row in For(wanted, context.Tenant(wanted.Tenant)).Where(row => row.Unique && row.Fields.Any(taken.Contains)))
                {
                    var found = await transaction.QueryAsync<Guid>(
                        """
                        SELECT u.uuid FROM identifiers i JOIN users u ON u.id = i.user_id
                        WHERE i.tenant = @Tenant AND i.space = @Space AND i.key = @Key AND u.deleted_at IS NOT NULL
                        """,
                        new { wanted.Tenant, row.Space, row.Key });
                    foreach (var (field, holder) in row.Fields.SelectMany(field => found.Select(uuid => (field, uuid))))
                    {
                        holders.TryAdd(field, holder);
                    }
                }

                return holders;
            },
            cancellation);

    /// <summary>A key that was free and is now the user's.</summary>
    public sealed record FreeKey(string Space, string Key)
    {
        public static FreeKey Read(DbDataReader row) => new(row.GetString(0), row.GetString(1));
    }

    private sealed class PresentRow
    {
        public string Space { get; init; } = "";

        public string Key { get; init; } = "";

        public string Kinds { get; init; } = "";
    }
}
