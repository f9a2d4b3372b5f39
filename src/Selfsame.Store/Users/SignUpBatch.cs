using System.Globalization;
using System.Text.Json;
using Selfsame.Core.Accounts;
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
    private readonly List<Statement> statements;

    public SignUpBatch(StoreContext context, SignUpRequest request, TenantSettings tenant, NewUser candidate)
    {
        this.context = context;
        this.request = request;
        this.tenant = tenant;
        this.candidate = candidate;
        rows = IdentifierRows.For(User, tenant);
        Statement?[] all =
        [
            InsertUser(User),
            IdentifierRows.InsertStatement(User.Uuid, User.Tenant, rows, unique: true),
            IdentifierRows.InsertStatement(User.Uuid, User.Tenant, rows, unique: false),
            .. VerificationStatements(),
            .. request.Origin is { } origin ? KnownSources.Remember(context, User.Uuid, origin, User.CreatedAt) : [],
            AuditTrail.InsertByUuid(User.Uuid, User.Tenant, request.Actor, request.Form.MovedIn is not null ? "user.moved-in" : "user.created", User.UpdatedAt),
            AnswerStatement(),
            .. UserEvents.OfNew(context, User),
        ];
        statements = [.. all.OfType<Statement>()];
    }

    public User User => candidate.User;

    /// <summary>Writes everything. The new row's id, or the fields that were taken: then the caller rolls back.</summary>
    public async Task<(long Id, IReadOnlySet<string> Taken)> WriteAsync(Transaction transaction)
    {
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
            await ProvisioningRows.InsertPending(transaction, tenant.UserSystem, new AccountId(User.Uuid.ToString("D")), tenant.ProvisionTo, User.UpdatedAt);
        }

        return (long.Parse(id, CultureInfo.InvariantCulture), taken);
    }

    public static Task StoreAnswerAsync(Transaction transaction, SignUpRequest request, StoredAnswer answer)
        => request.Call is null
            ? Task.CompletedTask
            : transaction.BatchAsync(IdempotencyRecords.StoreAnswer(request.Tenant, request.Call, JsonSerializer.Serialize(answer)));

    private static Statement InsertUser(User user) => new(
        """
        INSERT INTO users (uuid, tenant, username, email, email_verified_at, phone, phone_verified_at, user_code, password_hash,
          first_name, last_name, locale, role, is_active, is_staff, is_superuser, version, created_at, updated_at, handle)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 1, $17, $18, $19)
        ON CONFLICT (uuid) DO NOTHING RETURNING 'users', CAST(id AS text)
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
