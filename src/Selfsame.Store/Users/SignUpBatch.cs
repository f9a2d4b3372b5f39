using System.Text.Json;
using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Mail;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Requests;

namespace Selfsame.Store.Users;

/// <summary>
/// All rows of one sign-up, sent in one round trip. The identifiers' insert says which were free; when one was not,
/// the caller rolls everything back.
/// </summary>
internal sealed class SignUpBatch
{
    private const string InsertUser =
        """
        INSERT INTO users (uuid, tenant, username, email, email_verified_at, phone, phone_verified_at, user_code, password_hash,
          first_name, last_name, locale, role, is_active, is_staff, is_superuser, version, created_at, updated_at)
        VALUES (@uuid, @tenant, @username, @email, @emailVerifiedAt, @phone, @phoneVerifiedAt, @userCode, @passwordHash,
          @firstName, @lastName, @locale, @role, @isActive, @isStaff, @isSuperuser, 1, @now, @now);
        """;

    private readonly StoreContext context;
    private readonly SignUpRequest request;
    private readonly TenantSettings tenant;
    private readonly NewUser candidate;
    private readonly List<IdentifierRow> rows;
    private readonly Dictionary<string, object?> parameters;
    private readonly string statements;

    public SignUpBatch(StoreContext context, SignUpRequest request, TenantSettings tenant, NewUser candidate)
    {
        this.context = context;
        this.request = request;
        this.tenant = tenant;
        this.candidate = candidate;
        rows = IdentifierRows.For(candidate.User, tenant);
        parameters = UserParameters(candidate.User);
        statements = string.Join(
            '\n',
            new[]
            {
                InsertUser,
                IdentifierRows.InsertStatement(rows, unique: true, parameters),
                IdentifierRows.InsertStatement(rows, unique: false, parameters),
                VerificationStatements(),
                AuditStatement(),
                AnswerStatement(),
            }.Where(statement => statement.Length > 0));
    }

    public User User => candidate.User;

    /// <summary>Writes everything; the fields that were taken, none when the user was made.</summary>
    public async Task<IReadOnlySet<string>> WriteAsync(Transaction transaction)
    {
        List<IdentifierRows.FreeKey> free;
        using (var answers = await transaction.QueryMultipleAsync(statements, parameters))
        {
            free = [.. await answers.ReadAsync<IdentifierRows.FreeKey>()];
        }

        var taken = IdentifierRows.Taken(rows, free);
        if (taken.Count == 0)
        {
            await Groups.AddAsync(context, transaction, User.Tenant, User.Uuid, candidate.Groups);
            await ProvisioningRows.InsertPending(transaction, User.Uuid, tenant.ProvisionTo, User.CreatedAt);
        }

        return taken;
    }

    public static Task StoreAnswerAsync(Transaction transaction, SignUpRequest request, StoredAnswer answer)
        => request.Call is null
            ? Task.CompletedTask
            : transaction.ExecuteAsync(
                IdempotencyRecords.StoreAnswer,
                new
                {
                    answer = JsonSerializer.Serialize(answer),
                    tenant = request.Tenant,
                    caller = request.Call.Caller,
                    route = request.Call.Route,
                    key = request.Call.Key,
                });

    private static Dictionary<string, object?> UserParameters(User user) => new()
    {
        ["uuid"] = user.Uuid,
        ["tenant"] = user.Tenant,
        ["username"] = user.Username,
        ["email"] = user.Email,
        ["emailVerifiedAt"] = user.EmailVerifiedAt,
        ["phone"] = user.Phone,
        ["phoneVerifiedAt"] = user.PhoneVerifiedAt,
        ["userCode"] = user.UserCode,
        ["passwordHash"] = user.PasswordHash,
        ["firstName"] = user.FirstName,
        ["lastName"] = user.LastName,
        ["locale"] = user.Locale,
        ["role"] = user.Role,
        ["isActive"] = user.IsActive,
        ["isStaff"] = user.IsStaff,
        ["isSuperuser"] = user.IsSuperuser,
        ["now"] = user.CreatedAt,
    };

    private string VerificationStatements()
    {
        if (candidate.Email is null || User.EmailVerifiedAt is not null)
        {
            return "";
        }

        var token = context.Random.NextToken();
        var text = MailTexts.VerifyEmail(User.Email!, new Uri(context.PublicAddress(User.Tenant), $"verify-email?token={token}"));
        parameters["tokenHash"] = LinkTokens.Hash(token);
        parameters["tokenPurpose"] = LinkPurpose.VerifyEmail;
        parameters["tokenEmail"] = User.Email;
        parameters["tokenBrowser"] = request.Browser;
        parameters["tokenExpires"] = User.CreatedAt + tenant.VerificationLifetime;
        parameters["mailUuid"] = context.Random.NextUuid();
        parameters["mailRecipient"] = text.Recipient;
        parameters["mailSubject"] = text.Subject;
        parameters["mailBody"] = MailOutbox.Seal(context, text);
        return $"{LinkTokens.InsertByUuid}\n{MailOutbox.InsertByUuid}";
    }

    private string AuditStatement()
    {
        parameters["actor"] = request.Actor.Name;
        parameters["event"] = "user.created";
        parameters["detail"] = null;
        parameters["correlationId"] = request.Actor.CorrelationId;
        return AuditTrail.InsertByUuid;
    }

    private string AnswerStatement()
    {
        if (request.Call is null)
        {
            return "";
        }

        var hidden = tenant.Disclosure == Disclosure.Hide && request.Form.Administrator is null;
        parameters["answer"] = JsonSerializer.Serialize(hidden ? StoredAnswer.Accepted : new StoredAnswer(User));
        parameters["caller"] = request.Call.Caller;
        parameters["route"] = request.Call.Route;
        parameters["key"] = request.Call.Key;
        return IdempotencyRecords.StoreAnswer;
    }
}
