using System.Runtime.CompilerServices;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Store.Operations;

namespace Selfsame.Store;

/// <summary>
/// Our own users of one tenant as a connected system. The internal id and the password hash are not part of the records.
/// Users are made and changed through the operations of <c>Users/</c> only; this version of the connector reads.
/// </summary>
public sealed class SelfsameConnector(Database database, string tenant) : IReadsAccounts, IReadsAccountsById, IFindsAccounts, IInspectsIndexes, IStoresKeys
{
    private const int PortionSize = 1000;

    private const string Columns =
        """
        uuid, username, email, email_verified_at, phone, handle, user_code, first_name, last_name, locale, role,
        is_active, is_staff, is_superuser, last_sign_in_at, created_at
        """;

    /// <summary>It has no settings: it is the store that <c>--data</c> or <c>--database</c> names.</summary>
    public static ConnectorKind Kind { get; } = new() { Name = "selfsame", Settings = [], FixedMapping = UserMapping() };

    public AccountMapping Mapping => Kind.FixedMapping!;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
        => Task.FromResult(new SystemFacts { TakesChosenId = true, AtomicPreconditions = true });

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        // By the primary key, so that a user who changes during the read is neither skipped nor read twice.
        var after = 0L;
        long count = 0;
        while (true)
        {
            var rows = await database.ReadAsync(
                transaction => transaction.QueryAsync<UserRecord>(
                    $"SELECT id, {Columns} FROM users WHERE tenant = @tenant AND deleted_at IS NULL AND id > @after ORDER BY id LIMIT @most",
                    new { tenant, after, most = PortionSize }),
                cancellation);
            if (rows.Count > 0)
            {
                yield return new ReadAccounts(rows.ConvertAll(ToAccount));
                after = rows[^1].Id;
                count += rows.Count;
            }

            if (rows.Count < PortionSize)
            {
                yield return new ReadEnd(count, Complete: true);
                yield break;
            }
        }
    }

    public Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
    {
        var uuids = ids.Where(id => id.Parts.Count == 1).Select(id => Guid.TryParse(id.Parts[0], out var uuid) ? uuid : (Guid?)null).OfType<Guid>().ToArray();
        // In a list SQLite's driver would write a uuid its own way, not as our columns hold it.
        return database.Dialect == Dialect.Sqlite
            ? SelectAsync("uuid", Array.ConvertAll(uuids, uuid => uuid.ToString("D")), cancellation)
            : SelectAsync("uuid", uuids, cancellation);
    }

    public async Task<IReadOnlyList<Account>> FindAsync(
        IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
    {
        var found = new Dictionary<AccountId, Account>();
        foreach (var (kind, values) in identifiers.Where(pair => Mapping.Identifiers.ContainsKey(pair.Key)))
        {
            var folded = values.Select(value => value.ToLowerInvariant()).Concat(values).Distinct().ToArray();
            foreach (var account in await SelectAsync($"lower({Mapping.Identifiers[kind]})", folded, cancellation))
            {
                found.TryAdd(account.Id, account);
            }
        }

        return [.. found.Values];
    }

    /// <summary>Uniqueness is the table <c>identifiers</c>' primary key on each identifier's key, not an index on the raw column.</summary>
    public Task<IReadOnlyList<SystemIndex>> ReadIndexesAsync(CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<SystemIndex>>(
            [.. Mapping.Identifiers.Values.Select(field => new SystemIndex
            {
                Name = "identifiers_pkey",
                Fields = [field],
                Unique = true,
                OfConstraint = true,
                Definition = "PRIMARY KEY (tenant, space, key)",
            })]);

    public Task<IReadOnlyList<StoredKeys>> ReadKeyVersionsAsync(CancellationToken cancellation) => KeyRuleVersions.ReadAsync(database, tenant, cancellation);

    private Task<IReadOnlyList<Account>> SelectAsync<T>(string column, T[] values, CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<Account>>(
            async transaction => values.Length == 0
                ? []
                : (await transaction.QueryAsync<UserRecord>(
                    $"SELECT id, {Columns} FROM users WHERE tenant = @tenant AND deleted_at IS NULL AND {column} {(transaction.Dialect == Dialect.Sqlite ? "IN @values" : "= ANY(@values)")}",
                    new { tenant, values })).ConvertAll(ToAccount),
            cancellation);

    private Account ToAccount(UserRecord user) => Mapping.ToAccount(user.ToFields())!;

    private static AccountMapping UserMapping() => new()
    {
        Id = ["uuid"],
        Identifiers = new Dictionary<IdentifierKind, string>
        {
            [IdentifierKind.Username] = "username",
            [IdentifierKind.Email] = "email",
            [IdentifierKind.Phone] = "phone",
            [IdentifierKind.Handle] = "handle",
            [IdentifierKind.UserCode] = "user_code",
        },
        Attributes = new Dictionary<string, AttributeMapping>
        {
            [AccountMapping.EmailVerified] = new("email_verified"),
            [AccountMapping.Active] = new("is_active"),
            ["firstName"] = new("first_name"),
            ["lastName"] = new("last_name"),
            ["locale"] = new("locale"),
            ["role"] = new("role"),
            ["staff"] = new("is_staff"),
            ["superuser"] = new("is_superuser"),
            ["createdAt"] = new("created_at"),
            ["lastSignIn"] = new("last_sign_in_at", Noise: true),
        },
    };

    private sealed record UserRecord
    {
        public long Id { get; init; }

        public Guid Uuid { get; init; }

        public string? Username { get; init; }

        public string? Email { get; init; }

        public DateTimeOffset? EmailVerifiedAt { get; init; }

        public string? Phone { get; init; }

        public string? Handle { get; init; }

        public string UserCode { get; init; } = "";

        public string? FirstName { get; init; }

        public string? LastName { get; init; }

        public string Locale { get; init; } = "";

        public string Role { get; init; } = "";

        public bool IsActive { get; init; }

        public bool IsStaff { get; init; }

        public bool IsSuperuser { get; init; }

        public DateTimeOffset? LastSignInAt { get; init; }

        public DateTimeOffset CreatedAt { get; init; }

        public Fields ToFields() => new(new Dictionary<string, FieldValue>
        {
            ["uuid"] = FieldValue.Text(Uuid.ToString("D")),
            ["username"] = FieldValue.From(Username),
            ["email"] = FieldValue.From(Email),
            ["email_verified"] = FieldValue.Boolean(EmailVerifiedAt is not null),
            ["phone"] = FieldValue.From(Phone),
            ["handle"] = FieldValue.From(Handle),
            ["user_code"] = FieldValue.Text(UserCode),
            ["first_name"] = FieldValue.From(FirstName),
            ["last_name"] = FieldValue.From(LastName),
            ["locale"] = FieldValue.Text(Locale),
            ["role"] = FieldValue.Text(Role),
            ["is_active"] = FieldValue.Boolean(IsActive),
            ["is_staff"] = FieldValue.Boolean(IsStaff),
            ["is_superuser"] = FieldValue.Boolean(IsSuperuser),
            ["last_sign_in_at"] = Instant(LastSignInAt),
            ["created_at"] = Instant(CreatedAt),
        });

        private static FieldValue Instant(DateTimeOffset? instant)
            => instant is { } known
                ? FieldValue.Text(known.UtcDateTime.ToString(DapperTypes.SqliteInstant, System.Globalization.CultureInfo.InvariantCulture))
                : FieldValue.Null;
    }
}
