using System.Data.Common;
using System.Runtime.CompilerServices;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Operations;
using Selfsame.Store.Passwords;
using Selfsame.Store.Users;

namespace Selfsame.Store;

/// <summary>
/// Our own users of one tenant as a connected system. Users are made and changed through the operations of <c>Users/</c> only: the constraints
/// that decide a sign-up decide here. A precondition holds by the user's version, so that it is one transaction with the change.
/// </summary>
public sealed class SelfsameConnector(StoreContext context, string tenant)
    : IReadsAccounts, IReadsAccountsById, IFindsAccounts, ICreatesAccounts, IUpdatesAccounts, IDeletesAccounts, IInspectsIndexes, IProbesPermissions, ISendsRecoveryMails, IStoresKeys
{
    private const int PortionSize = 1000;

    private static readonly Actor Engine = new("reconciliation");

    /// <summary>It has no settings: it is the store that <c>--data</c> or <c>--database</c> names.</summary>
    public static ConnectorKind Kind { get; } = new() { Name = "selfsame", Settings = [], FixedMapping = SelfsameRecord.Mapping };

    public AccountMapping Mapping => SelfsameRecord.Mapping;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public Task<SystemFacts> DescribeAsync(CancellationToken cancellation)
        => Task.FromResult(new SystemFacts
        {
            TakesChosenId = true,
            AtomicPreconditions = true,
            CanRequireValues = false,
            IdsAreUuids = true,
            AddressesAreUnique = true,
            NotNullFields = SelfsameRecord.NotNullFields,
            Spelling = foreign => SelfsameRecord.Spelling(foreign.Field, foreign.Value),
            PasswordHashes = new PasswordHashRules
            {
                Formats = "Django's, bcrypt, argon2, ASP.NET Core Identity's",
                Takes = hash => StoredHashReader.Read(hash) is not null,
                Without = "It has no password: its owner sets one by a mailed link, which 'apply --notify' sends.",
            },
        });

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        // By the primary key, so that a user who changes during the read is neither skipped nor read twice.
        var after = 0L;
        long count = 0;
        while (true)
        {
            var rows = await ReadAsync(
                transaction => transaction.QueryAsync<User>(
                    $"SELECT {User.Columns} FROM users u WHERE u.tenant = @tenant AND u.deleted_at IS NULL AND u.id > @after ORDER BY u.id LIMIT @most",
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
        var uuids = ids.Select(UuidOf).OfType<Guid>().ToArray();
        if (uuids is [var one])
        {
            // As provisioning asks, for each account: prepared.
            return ReadAsync<IReadOnlyList<Account>>(
                async transaction => (await transaction.BatchAsync<User>(
                    [new Statement($"SELECT {User.Columns} FROM users u WHERE u.tenant = $1 AND u.deleted_at IS NULL AND u.uuid = $2", tenant, one)])).ConvertAll(ToAccount),
                cancellation);
        }

        // In a list SQLite's driver would write a uuid its own way, not as our columns hold it.
        return context.Database.Dialect == Dialect.Sqlite
            ? SelectAsync(values => $"u.uuid {values}", Array.ConvertAll(uuids, uuid => uuid.ToString("D")), cancellation)
            : SelectAsync(values => $"u.uuid {values}", uuids, cancellation);
    }

    public async Task<IReadOnlyList<Account>> FindAsync(
        IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
    {
        var found = new Dictionary<AccountId, Account>();
        foreach (var (kind, values) in identifiers.Where(pair => Mapping.Identifiers.ContainsKey(pair.Key)))
        {
            // By key, which the primary key of identifiers finds: a database folds the case of ASCII only, or as its collation says.
            var keys = values.Select(value => IdentifierKeys.TryKey(kind, value, out var key, out _) ? key : null).OfType<string>().Distinct().ToArray();
            foreach (var account in await FindAsync(kind, keys, cancellation))
            {
                found.TryAdd(account.Id, account);
            }
        }

        return [.. found.Values];
    }

    private Task<IReadOnlyList<Account>> FindAsync(IdentifierKind kind, string[] keys, CancellationToken cancellation) => kind switch
    {
        // An unverified phone is nobody's, and has no row there.
        IdentifierKind.Phone => SelectAsync(values => $"u.phone {values}", keys, cancellation),
        IdentifierKind.Username or IdentifierKind.Email => SelectAsync(values => InSpace("login", values), keys, cancellation),
        _ => SelectAsync(values => InSpace("handle", values), keys, cancellation),
    };

    private static string InSpace(string space, string values)
        => $"u.id IN (SELECT i.user_id FROM identifiers i WHERE i.tenant = @tenant AND i.space = '{space}' AND i.key {values})";

    /// <summary>
    /// A person moves in, under the id that is given and with a hash if there is one. Who was deleted softly under that id, and was then as the
    /// fields say, is restored instead.
    /// </summary>
    public Task<WriteOutcome> CreateAsync(AccountId id, Fields fields, CancellationToken cancellation)
    {
        if (UuidOf(id) is not { } uuid)
        {
            return Task.FromResult<WriteOutcome>(new Refused($"The user service takes uuids as ids; {id} is none."));
        }

        if (Unwritable(SelfsameRecord.Unknown(fields)) is { } refused)
        {
            return Task.FromResult<WriteOutcome>(refused);
        }

        return SettledAsync(async () => await new SignUp(context).ExecuteAsync(
            new SignUpRequest { Tenant = tenant, Form = SelfsameRecord.ToForm(uuid, fields), Actor = Engine }, cancellation) switch
        {
            SignUpResult.Created => new Done(),
            SignUpResult.Taken taken when taken.Fields.Contains(Mapping.Id[0]) => await RestoreAsync(uuid, fields, cancellation),
            SignUpResult.Taken taken => Taken(taken.Fields, taken.HeldByDeleted),
            SignUpResult.Invalid invalid => Invalid(invalid.Errors),
            var other => throw new InvalidOperationException($"A sign-up without password, limit and key can't come to {other.GetType().Name}."),
        });
    }

    public Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation)
        => ChangeAsync(
            id,
            precondition,
            async user =>
            {
                var (change, problem) = SelfsameRecord.ToChange(set, SelfsameRecord.Of(user));
                return change is null
                    ? new Refused(problem)
                    : Outcome(await new UserAdministration(context).ChangeAsync(tenant, user.Uuid, change, user.Version, Engine, cancellation));
            },
            cancellation);

    /// <summary>Softly: the user can't sign in, what identifies them stays theirs, and they can be restored until the purge.</summary>
    public Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation)
        => ChangeAsync(
            id, precondition, async user => Outcome(await new UserAdministration(context).DeleteAsync(tenant, user.Uuid, user.Version, Engine, cancellation)), cancellation);

    public async Task<WriteOutcome> SendRecoveryMailAsync(AccountId id, CancellationToken cancellation)
        => UuidOf(id) is { } uuid && await new PasswordChanges(context).InviteAsync(tenant, uuid, Engine, cancellation)
            ? new Done()
            : new Refused("The user has no e-mail address, is disabled, or was mailed too often of late.");

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

    public Task<IReadOnlyList<StoredKeys>> ReadKeyVersionsAsync(CancellationToken cancellation) => KeyRuleVersions.ReadAsync(context.Database, tenant, cancellation);

    /// <summary>Whoever opens the store may do everything with it.</summary>
    public Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<PermissionProbe>>([new PermissionProbe("read accounts", ProbeAnswer.Yes, ""), new PermissionProbe("change accounts", ProbeAnswer.Yes, "")]);

    private async Task<WriteOutcome> ChangeAsync(AccountId id, Fields precondition, Func<User, Task<WriteOutcome>> change, CancellationToken cancellation)
    {
        var user = UuidOf(id) is { } uuid ? await new UserReader(context).FindAsync(tenant, uuid, cancellation) : null;
        if (user is not { DeletedAt: null })
        {
            return new Drifted("It is gone.");
        }

        var different = precondition.DifferencesFrom(SelfsameRecord.Of(user), "");
        return different.Count > 0 ? new Drifted($"It changed meanwhile: {string.Join(", ", different)}.") : await SettledAsync(() => change(user));
    }

    private async Task<WriteOutcome> RestoreAsync(Guid uuid, Fields fields, CancellationToken cancellation)
    {
        var user = await new UserReader(context).FindAsync(tenant, uuid, cancellation);
        var asBefore = user is { DeletedAt: not null }
            && fields.Only(Mapping.MappedFields).Without(Mapping.NoiseFields).DifferencesFrom(SelfsameRecord.Of(user), "").All(field => field == Mapping.PasswordHash);
        return asBefore
            ? Outcome(await new UserAdministration(context).RestoreAsync(tenant, uuid, user!.Version, Engine, cancellation))
            : new AlreadyExists([Mapping.Id[0]], $"Another user has the id {uuid}.");
    }

    private static WriteOutcome Outcome(UserChangeResult result) => result switch
    {
        UserChangeResult.Changed => new Done(),
        UserChangeResult.NotFound => new Drifted("It is gone."),
        UserChangeResult.VersionMismatch => new Drifted("It changed meanwhile."),
        UserChangeResult.Taken taken => Taken(taken.Fields, new HashSet<string>()),
        UserChangeResult.Invalid invalid => Invalid(invalid.Errors),
        _ => throw new InvalidOperationException($"The result {result.GetType().Name} is unknown."),
    };

    private Refused? Unwritable(IReadOnlyList<string> unknown)
        => unknown.Count > 0 ? new Refused($"Users have no field {string.Join(", ", unknown)}.")
            : context.Tenants.ContainsKey(tenant) ? null
            : new Refused($"The config names no tenant '{tenant}' under 'tenants': add it there.");

    private static AlreadyExists Taken(IReadOnlySet<string> fields, IReadOnlySet<string> heldByDeleted)
    {
        var named = fields.Select(SelfsameRecord.FieldOf).Order(StringComparer.Ordinal).ToList();
        return new AlreadyExists(
            named,
            $"Another user has its {string.Join(" and ", named)}.{(heldByDeleted.Count > 0 ? " That user is deleted and can be restored: selfsame users restore." : "")}");
    }

    private static Refused Invalid(FieldErrors errors)
        => new(string.Join(' ', errors.ByField.SelectMany(pair => pair.Value.Select(refusal => $"{SelfsameRecord.FieldOf(pair.Key)}: {refusal.Message}"))));

    private static async Task<WriteOutcome> SettledAsync(Func<Task<WriteOutcome>> write)
    {
        try
        {
            return await write();
        }
        catch (Exception exception) when (exception is TransientDatabaseException or LockTimeoutException)
        {
            return new Unavailable($"The user store was not written: {exception.Message}");
        }
        catch (CommitUnknownException exception)
        {
            return new Unknown($"The user store gave no answer: {exception.Message}");
        }
    }

    private async Task<T> ReadAsync<T>(Func<Transaction, Task<T>> read, CancellationToken cancellation)
    {
        try
        {
            return await context.Database.ReadAsync(read, cancellation);
        }
        catch (Exception exception) when (exception is DatabaseException or DbException)
        {
            throw new SystemUnavailableException($"The user store was not read: {exception.Message}", exception);
        }
    }

    private static Guid? UuidOf(AccountId id) => id.Parts is [var part] && Guid.TryParse(part, out var uuid) ? uuid : null;

    private Task<IReadOnlyList<Account>> SelectAsync<T>(Func<string, string> isOneOf, T[] values, CancellationToken cancellation)
        => ReadAsync<IReadOnlyList<Account>>(
            async transaction => values.Length == 0
                ? []
                : (await transaction.QueryAsync<User>(
                    $"SELECT {User.Columns} FROM users u WHERE u.tenant = @tenant AND u.deleted_at IS NULL AND {isOneOf(transaction.Dialect == Dialect.Sqlite ? "IN @values" : "= ANY(@values)")}",
                    new { tenant, values })).ConvertAll(ToAccount),
            cancellation);

    private Account ToAccount(User user) => Mapping.ToAccount(SelfsameRecord.Of(user))!;
}
