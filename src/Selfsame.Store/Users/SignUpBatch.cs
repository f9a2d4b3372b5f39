using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Mail;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Requests;
using Selfsame.Store.Sessions;

namespace Selfsame.Store.Users;

/// <summary>
/// All rows of one sign-up, sent in one round trip. The identifiers' insert says which were free; when one was not,
/// the caller rolls everything back.
/// </summary>
internal sealed class SignUpBatch
{
    // What the user's insert returns in place of an identifier's space; with nothing returned, the uuid is another's.
    private const string MadeUser = "users";

    private readonly StoreContext context;
    private readonly SignUpRequest request;
    private readonly TenantSettings tenant;
    private readonly NewUser candidate;
    private readonly List<IdentifierRow> rows;
    private readonly Statement? identifiers;
    private readonly List<Statement> rest;

    public SignUpBatch(StoreContext context, SignUpRequest request, TenantSettings tenant, NewUser candidate)
    {
        this.context = context;
        this.request = request;
        this.tenant = tenant;
        this.candidate = candidate;
        rows = IdentifierRows.For(User, tenant);
        identifiers = IdentifierRows.InsertStatement(User.Uuid, User.Tenant, rows, unique: true);
        Statement?[] others =
        [
            IdentifierRows.InsertStatement(User.Uuid, User.Tenant, rows, unique: false),
            .. VerificationStatements(),
            .. request.Origin is { } origin ? KnownSources.Remember(context, User.Uuid, origin, User.CreatedAt) : [],
            AuditTrail.InsertByUuid(User.Uuid, User.Tenant, request.Actor, request.Form.MovedIn is not null ? "user.moved-in" : "user.created", User.UpdatedAt),
            AnswerStatement(),
            .. UserEvents.OfNew(context, User),
        ];
        rest = [.. others.OfType<Statement>()];
    }

    public User User => candidate.User;

    /// <summary>Writes everything. The new row's id, or the fields that were taken: then the caller rolls back.</summary>
    public async Task<(long Id, IReadOnlySet<string> Taken)> WriteAsync(Transaction transaction)
    {
        List<Statement> statements = [Insert(User, "'users', CAST(id AS text)"), .. identifiers is null ? (Statement[])[] : [identifiers], .. rest];
        var written = await transaction.BatchAsync(statements, IdentifierRows.FreeKey.Read);
        var taken = IdentifierRows.Taken(rows, written).ToHashSet(StringComparer.Ordinal);
        if (written.Find(row => row.Space == MadeUser) is not { Key: var id })
        {
            taken.Add("uuid");
            return (0, taken);
        }

        if (taken.Count == 0)
        {
            await Groups.AddAsync(context, transaction, User.Tenant, User.Uuid, candidate.Groups);
            await ProvisioningRows.InsertPending(transaction, tenant.UserSystem, new AccountId(User.Uuid.ToString("D")), tenant.ProvisionTo, User.UpdatedAt, request.Actor.CorrelationId);
        }

        return (long.Parse(id, CultureInfo.InvariantCulture), taken);
    }

    /// <summary>
    /// For PostgreSQL: the whole sign-up in one round trip, of which everything stays or nothing (<see cref="AllOrNothing"/>): it stays where the call is the first of its kind, the
    /// limit is not reached, and the uuid and every identifier were free. Null on SQLite, which has no round trips, and where there are groups, which only administrators give.
    /// </summary>
    public IReadOnlyList<Statement>? AtOnce(DateTimeOffset now)
    {
        if (context.Database.Dialect == Dialect.Sqlite || candidate.Groups.Count > 0)
        {
            return null;
        }

        var count = RateLimits.Count(request.Tenant, tenant.SignUpLimit, request.RateLimitSubject, now);
        StatementPart[] parts =
        [
            .. count is null ? (StatementPart[])[] : [new StatementPart("counted", count, Rows: 1)],
            // By the table's name, so that the other statements, which look the user up by uuid, find what was inserted just now.
            new StatementPart("users", Insert(User, "id, uuid"), Rows: 1),
            .. identifiers is null ? (StatementPart[])[] : [new StatementPart("free", identifiers, rows.Count(row => row.Unique))],
            .. tenant.ProvisionTo.Select((system, index) => new StatementPart(
                $"pending_{index}", ProvisioningTable.InsertNew(ProvisioningOf(system), ProvisioningLane.Interactive, request.Actor.CorrelationId, User.UpdatedAt), Rows: 1)),
            .. tenant.ProvisionTo.Select((system, index) => new StatementPart(
                $"noted_{index}", ProvisioningTable.Event(ProvisioningOf(system), ProvisioningState.Pending, null, request.Actor.CorrelationId, User.UpdatedAt))),
            .. rest.Select((statement, index) => new StatementPart($"part_{index}", statement)),
        ];
        return
        [
            .. request.Call is { } call
                ? IdempotencyRecords.RequireFirst(context.Database, request.Tenant, call, IdempotencyRecords.Fingerprint(context.Secrets, call), now)
                : [],
            AllOrNothing.Of(parts, count is null ? "(SELECT id FROM users)" : $"(SELECT id FROM users), {RateLimits.CountedColumns}"),
        ];
    }

    /// <summary>The one row of <see cref="AtOnce"/>.</summary>
    public SignUpResult ReadCreated(DbDataReader row, DateTimeOffset now)
        => new SignUpResult.Created(User with { Id = row.GetInt64(0) }, IsReplay: false)
        {
            RateLimit = row.FieldCount == 1 ? null : RateLimits.ReadCounted(tenant.SignUpLimit, row, 1, now),
        };

    public static Task StoreAnswerAsync(Transaction transaction, SignUpRequest request, StoredAnswer answer)
        => request.Call is null
            ? Task.CompletedTask
            : transaction.BatchAsync(IdempotencyRecords.StoreAnswer(request.Tenant, request.Call, JsonSerializer.Serialize(answer)));

    private ProvisioningKey ProvisioningOf(string system) => new(tenant.UserSystem, new AccountId(User.Uuid.ToString("D")), system);

    private static Statement Insert(User user, string returning) => new(
        $"""
        INSERT INTO users (uuid, tenant, username, email, email_verified_at, phone, phone_verified_at, user_code, password_hash,
          first_name, last_name, locale, role, is_active, is_staff, is_superuser, version, created_at, updated_at, handle)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 1, $17, $18, $19)
        ON CONFLICT (uuid) DO NOTHING RETURNING {returning}
        """,
        user.Uuid,
        user.Tenant,
        user.Username,
        user.Email,
        user.EmailVerifiedAt,
        user.Phone,
        user.PhoneVerifiedAt,
        user.UserCode,
        user.PasswordHash,
        user.FirstName,
        user.LastName,
        user.Locale,
        user.Role,
        user.IsActive,
        user.IsStaff,
        user.IsSuperuser,
        user.CreatedAt,
        user.UpdatedAt,
        user.Handle);

    private IEnumerable<Statement> VerificationStatements()
    {
        if (candidate.Email is null || User.EmailVerifiedAt is not null || request.Form.MovedIn is not null)
        {
            return [];
        }

        var token = context.Random.NextToken();
        var text = MailTexts.VerifyEmail(User.Email!, new Uri(context.PublicAddress(User.Tenant), $"verify-email?token={token}"));
        return
        [
            LinkTokens.InsertByUuid(
                User.Uuid, LinkTokens.Hash(token), User.Tenant, LinkPurpose.VerifyEmail, User.Email, request.Browser,
                User.CreatedAt, User.CreatedAt + tenant.VerificationLifetime),
            MailOutbox.InsertByUuid(context, User.Uuid, User.Tenant, text, User.CreatedAt),
        ];
    }

    private Statement? AnswerStatement()
    {
        if (request.Call is null)
        {
            return null;
        }

        var hidden = tenant.Disclosure == Disclosure.Hide && request.Form.Administrator is null;
        return IdempotencyRecords.StoreAnswer(
            request.Tenant, request.Call, JsonSerializer.Serialize(hidden ? StoredAnswer.Accepted : new StoredAnswer(User)));
    }
}
