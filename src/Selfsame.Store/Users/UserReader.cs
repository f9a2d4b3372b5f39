using Selfsame.Databases;

namespace Selfsame.Store.Users;

/// <summary>A page of users and what is needed to ask for the next.</summary>
public sealed record UserPage(IReadOnlyList<User> Users, long Total, int Page, int PageSize);

/// <summary>Which users to list.</summary>
public sealed record UserQuery
{
    public required string Tenant { get; init; }

    /// <summary>Part of a username, e-mail, name, handle or code; or a whole uuid. Null lists everybody.</summary>
    public string? Search { get; init; }

    public bool IncludeDeleted { get; init; }

    /// <summary>From 1.</summary>
    public int Page { get; init; } = 1;

    public int PageSize { get; init; } = 50;
}

/// <summary>Finds users. Nothing here decides whether an identifier is free.</summary>
public sealed class UserReader(StoreContext context)
{
    internal const string Select = $"SELECT {User.Columns} FROM users u";

    /// <summary>One user by its public id; null when there is none in this tenant.</summary>
    public Task<User?> FindAsync(string tenant, Guid uuid, CancellationToken cancellation)
        => context.Database.ReadAsync(transaction => FindAsync(transaction, tenant, uuid), cancellation);

    /// <summary>
    /// Whom a uuid, username, e-mail, handle or user code names, in any case. Names and handles are not one space: what is one
    /// user's name can be another's handle, so there may be several, in the order in which they were made.
    /// </summary>
    public Task<List<User>> FindByAnyAsync(string tenant, string text, CancellationToken cancellation)
        => text.Contains('\0', StringComparison.Ordinal)
            ? Task.FromResult(new List<User>())
            : context.Database.ReadAsync(
                transaction => transaction.QueryAsync<User>(
                    $"""
                    {Select} WHERE u.tenant = @tenant AND u.id IN (
                      SELECT user_id FROM identifiers WHERE tenant = @tenant AND space = 'login' AND key = @login
                      UNION SELECT user_id FROM identifiers WHERE tenant = @tenant AND space = 'handle' AND key = @lower
                      UNION SELECT id FROM users WHERE uuid = @uuid)
                    ORDER BY u.id
                    """,
                    new
                    {
                        tenant,
                        login = Core.Identifiers.LoginName.TryParse(text, out var name, out _) ? name.Key : null,
                        lower = text.Trim().ToLowerInvariant(),
                        uuid = Guid.TryParse(text, out var uuid) ? uuid : Guid.Empty,
                    }),
                cancellation);

    /// <summary>A page of users, newest first.</summary>
    public Task<UserPage> ListAsync(UserQuery query, CancellationToken cancellation)
    {
        var search = query.Search?.Trim();
        if (search?.Contains('\0', StringComparison.Ordinal) == true)
        {
            // PostgreSQL has no NUL in text: neither in a row nor in a question.
            return Task.FromResult(new UserPage([], 0, query.Page, query.PageSize));
        }

        var parameters = new
        {
            tenant = query.Tenant,
            pattern = string.IsNullOrEmpty(search) ? null : $"%{EscapeLike(search)}%",
            key = string.IsNullOrEmpty(search) || Core.Identifiers.KeyRules.FoldPart(search) is not { } folded ? null : $"%{EscapeLike(folded)}%",
            uuid = Guid.TryParse(search, out var uuid) ? uuid : Guid.Empty,
            limit = query.PageSize,
            offset = (long)(query.Page - 1) * query.PageSize,
        };
        return context.Database.ReadAsync(
            async transaction =>
            {
                var where = "WHERE u.tenant = @tenant" + (query.IncludeDeleted ? "" : " AND u.deleted_at IS NULL")
                    + (parameters.pattern is null ? "" : Matches(await FoldingAsync(transaction)));
                return new UserPage(
                    await transaction.QueryAsync<User>($"{Select} {where} ORDER BY u.id DESC LIMIT @limit OFFSET @offset", parameters),
                    await transaction.ScalarAsync<long>($"SELECT count(*) FROM users u {where}", parameters),
                    query.Page,
                    query.PageSize);
            },
            cancellation);
    }

    /// <summary>
    /// Names by the database's own folding, of both sides, so that text is found at least as it was typed; usernames and addresses besides by our keys, which
    /// depend on no database.
    /// </summary>
    private static string Matches(Func<string, string> fold)
    {
        string Like(string column) => $"{fold($"u.{column}")} LIKE {fold("@pattern")} ESCAPE '\\'";
        string[] columns = ["username", "email", "first_name", "last_name", "handle", "user_code"];
        return $"""
             AND (u.uuid = @uuid OR {string.Join(" OR ", columns.Select(Like))}
              OR u.id IN (SELECT user_id FROM identifiers WHERE tenant = @tenant AND space = 'login' AND key LIKE @key ESCAPE '\'))
            """;
    }

    /// <summary>PostgreSQL's <c>lower</c> knows ASCII only where the database has locale C; its ICU, where there is one, knows all letters.</summary>
    private static async Task<Func<string, string>> FoldingAsync(Transaction transaction)
    {
        if (transaction.Dialect == Dialect.Sqlite)
        {
            return text => $"{SqliteDatabase.LowerCase}({text})";
        }

        var hasIcu = await transaction.ScalarAsync<bool>(
            "SELECT getdatabaseencoding() = 'UTF8' AND EXISTS (SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu' AND collnamespace = 'pg_catalog'::regnamespace)");
        return hasIcu ? text => $"lower({text} COLLATE \"und-x-icu\")" : text => $"lower({text})";
    }

    /// <summary>A user's groups by name.</summary>
    public Task<List<string>> GroupsAsync(User user, CancellationToken cancellation)
        => context.Database.ReadAsync(transaction => Groups.ReadAsync(transaction, user.Id), cancellation);

    /// <summary>The groups of several users at once, by the users' internal ids.</summary>
    public Task<ILookup<long, string>> GroupsAsync(IReadOnlyList<User> users, CancellationToken cancellation)
        => context.Database.ReadAsync(
            transaction => Groups.ReadAsync(transaction, [.. users.Select(user => user.Id)]), cancellation);

    /// <summary>Other users whose username looks like this one's, or whose address reaches the same mailbox.</summary>
    public Task<List<User>> LookalikesAsync(User user, CancellationToken cancellation)
        => context.Database.ReadAsync(
            transaction => transaction.QueryAsync<User>(
                $"""
                {Select} WHERE u.id <> @id AND u.id IN (
                  SELECT other.user_id FROM lookalikes mine
                  JOIN lookalikes other ON other.tenant = mine.tenant AND other.space = mine.space AND other.key = mine.key
                  WHERE mine.user_id = @id)
                ORDER BY u.id LIMIT 50
                """,
                new { id = user.Id }),
            cancellation);

    internal static Task<User?> FindAsync(Transaction transaction, string tenant, Guid uuid)
        => transaction.QueryFirstOrDefaultAsync<User>($"{Select} WHERE u.uuid = @uuid AND u.tenant = @tenant", new { uuid, tenant });

    internal static Task<User?> FindByIdAsync(Transaction transaction, long id)
        => transaction.QueryFirstOrDefaultAsync<User>($"{Select} WHERE u.id = @id", new { id });

    /// <summary>As <see cref="FindByIdAsync"/>, holding the row until the transaction ends.</summary>
    internal static Task<User?> FindForUpdateAsync(Transaction transaction, long id)
        => transaction.QueryFirstOrDefaultAsync<User>($"{Select} WHERE u.id = @id{Lock(transaction)}", new { id });

    /// <summary>As <see cref="FindAsync(Transaction, string, Guid)"/>, holding the row until the transaction ends.</summary>
    internal static Task<User?> FindForUpdateAsync(Transaction transaction, string tenant, Guid uuid)
        => transaction.QueryFirstOrDefaultAsync<User>(
            $"{Select} WHERE u.uuid = @uuid AND u.tenant = @tenant{Lock(transaction)}", new { uuid, tenant });

    internal static async Task<User?> FindByLoginKeyAsync(Transaction transaction, string tenant, string key)
        => (await transaction.BatchAsync<User>([FindByLoginKey(tenant, key)])).FirstOrDefault();

    /// <summary>As above, for the caller's batch.</summary>
    internal static Statement FindByLoginKey(string tenant, string key)
        => new($"{Select} JOIN identifiers i ON i.user_id = u.id WHERE i.tenant = $1 AND i.space = 'login' AND i.key = $2", tenant, key);

    /// <summary>Whom a typed login names: by an address also who, where mailboxes are refused, keeps it from being registered in another spelling.</summary>
    internal static async Task<User?> FindByLoginAsync(Transaction transaction, TenantSettings tenant, Core.Identifiers.LoginName login)
        => login.IsEmailAddress
            ? (await FindHoldersAsync(transaction, tenant, login.EmailAddress)).FirstOrDefault()
            : await FindByLoginKeyAsync(transaction, tenant.Name, login.Key);

    /// <summary>Who holds an address: as their address, in this or another spelling of a refused mailbox, or last as their username.</summary>
    internal static async Task<List<User>> FindHoldersAsync(Transaction transaction, TenantSettings tenant, Core.Identifiers.EmailAddress email)
    {
        var found = await transaction.QueryAsync<User>(
            $"""
            {Select} JOIN identifiers i ON i.user_id = u.id
            WHERE i.tenant = @tenant AND ((i.space = 'login' AND i.key = @key) OR (i.space = 'mailbox' AND i.key = @mailbox))
            ORDER BY CASE WHEN i.kinds = 'username' THEN 1 ELSE 0 END, i.space
            """,
            new { tenant = tenant.Name, key = email.Key, mailbox = tenant.Mailboxes == LookalikePolicy.Refuse ? email.Mailbox : "" });
        return [.. found.DistinctBy(user => user.Id)];
    }

    /// <summary>Ends a <see cref="Select"/> that holds its rows until the transaction ends. A SQLite transaction that writes holds the whole database already.</summary>
    internal static string Lock(Transaction transaction) => transaction.Dialect == Dialect.PostgreSql ? " FOR UPDATE" : "";

    private static string EscapeLike(string text)
        => text.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("%", @"\%", StringComparison.Ordinal).Replace("_", @"\_", StringComparison.Ordinal);
}
