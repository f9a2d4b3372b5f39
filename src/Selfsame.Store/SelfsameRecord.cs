using System.Globalization;
using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;
using Selfsame.Databases;
using Selfsame.Store.Users;

namespace Selfsame.Store;

/// <summary>
/// A user as a record of the connector <c>selfsame</c>, and back. The internal id and the password's hash are not part of it; a hash is only
/// ever taken.
/// </summary>
internal static class SelfsameRecord
{
    private const string Uuid = "uuid";
    private const string PasswordHash = "password_hash";

    /// <summary>Fields that must have a value; all but the uuid have one by themselves.</summary>
    public static IReadOnlySet<string> NotNullFields { get; } = new HashSet<string>(StringComparer.Ordinal)
    {
        Uuid, "email_verified", "user_code", "locale", "role", "is_active", "is_staff", "is_superuser", "created_at",
    };

    /// <summary>The one mapping that all these systems have.</summary>
    public static AccountMapping Mapping { get; } = new()
    {
        Id = [Uuid],
        PasswordHash = PasswordHash,
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

    public static Fields Of(User user) => new(new Dictionary<string, FieldValue>
    {
        [Uuid] = FieldValue.Text(user.Uuid.ToString("D")),
        ["username"] = FieldValue.From(user.Username),
        ["email"] = FieldValue.From(user.Email),
        ["email_verified"] = FieldValue.Boolean(user.EmailVerifiedAt is not null),
        ["phone"] = FieldValue.From(user.Phone),
        ["handle"] = FieldValue.From(user.Handle),
        ["user_code"] = FieldValue.Text(user.UserCode),
        ["first_name"] = FieldValue.From(user.FirstName),
        ["last_name"] = FieldValue.From(user.LastName),
        ["locale"] = FieldValue.Text(user.Locale),
        ["role"] = FieldValue.Text(user.Role),
        ["is_active"] = FieldValue.Boolean(user.IsActive),
        ["is_staff"] = FieldValue.Boolean(user.IsStaff),
        ["is_superuser"] = FieldValue.Boolean(user.IsSuperuser),
        ["last_sign_in_at"] = Instant(user.LastSignInAt),
        ["created_at"] = Instant(user.CreatedAt),
    });

    /// <summary>The value as the operations on users will write it; one that they refuse stays as it is.</summary>
    public static FieldValue Spelling(string field, FieldValue value)
    {
        if (value.IsNull)
        {
            return value;
        }

        var (text, errors) = (value.ToString(), new FieldErrors());
        return field switch
        {
            "username" => FieldValue.Text(NewUser.CheckUsername(text, errors) is var (name, email) ? name?.Value ?? email?.Value ?? text : text),
            "email" => FieldValue.Text(EmailAddress.TryParse(text, out var address, out _) ? address.Value : text),
            "phone" => FieldValue.Text(PhoneNumber.TryParse(text, out var phone, out _) ? phone.Key : text),
            "handle" => FieldValue.Text(Handle.TryParse(text, out var handle, out _) ? handle.Key : text),
            "user_code" => FieldValue.Text(UserCode.TryParse(text, out var code, out _) ? code.Key : text),
            "first_name" or "last_name" => FieldValue.From(UserFields.Name(text, field, errors) ?? (errors.Any ? text : null)),
            "locale" => FieldValue.From(UserFields.Locale(text, field, errors) ?? (errors.Any ? text : null)),
            "role" => FieldValue.From(UserFields.Role(text, field, errors) ?? (errors.Any ? text : null)),
            "email_verified" or "is_active" or "is_staff" or "is_superuser" => FieldValue.Boolean(value.IsTruthy),
            "created_at" => ToInstant(value) is { } instant ? Instant(instant) : value,
            _ => value,
        };
    }

    /// <summary>The fields that no creation takes: those that no user has.</summary>
    public static IReadOnlyList<string> Unknown(Fields fields)
        => [.. fields.Keys.Where(field => field != PasswordHash && !Mapping.MappedFields.Contains(field))];

    /// <summary>The form of somebody who moves in with these fields.</summary>
    public static SignUpForm ToForm(Guid uuid, Fields fields) => new()
    {
        Username = Text(fields, "username"),
        Email = Text(fields, "email"),
        Phone = Text(fields, "phone"),
        FirstName = Text(fields, "first_name"),
        LastName = Text(fields, "last_name"),
        Locale = Text(fields, "locale"),
        Administrator = new AdministratorFields
        {
            Role = Text(fields, "role"),
            EmailVerified = fields.ValueOrNull("email_verified").IsTruthy,
            IsActive = fields.ValueOrNull("is_active") is var active && (active.IsNull || active.IsTruthy),
            IsStaff = fields.ValueOrNull("is_staff").IsTruthy,
            IsSuperuser = fields.ValueOrNull("is_superuser").IsTruthy,
        },
        MovedIn = new MovedInFields
        {
            Uuid = uuid,
            PasswordHash = Text(fields, PasswordHash),
            Handle = Text(fields, "handle"),
            UserCode = Text(fields, "user_code"),
            CreatedAt = ToInstant(fields.ValueOrNull("created_at")),
        },
    };

    /// <summary>The change that sets these fields, or why there can be none.</summary>
    public static (UserChange? Change, string Problem) ToChange(Fields set, Fields present)
    {
        var change = new UserChange();
        foreach (var (field, value) in set)
        {
            var text = new Change<string>(true, value.IsNull ? null : value.ToString());
            var flag = new Change<bool>(true, value.IsTruthy);
            switch (field)
            {
                case "username": change = change with { Username = text }; break;
                case "email": change = change with { Email = text }; break;
                case "email_verified": change = change with { EmailVerified = flag }; break;
                case "phone": change = change with { Phone = text }; break;
                case "handle": change = change with { Handle = text }; break;
                case "first_name": change = change with { FirstName = text }; break;
                case "last_name": change = change with { LastName = text }; break;
                case "locale": change = change with { Locale = text }; break;
                case "role": change = change with { Role = text }; break;
                case "is_active": change = change with { IsActive = flag }; break;
                case "is_staff": change = change with { IsStaff = flag }; break;
                case "is_superuser": change = change with { IsSuperuser = flag }; break;
                default: return (null, $"The user service does not let {field} be changed.");
            }
        }

        var losesMark = change.Email.IsSet && !change.EmailVerified.IsSet && present["email_verified"].IsTruthy && change.Email.Value != present["email"].AsText;
        return losesMark
            ? (null, "The user's address is verified, and nothing says whether the new one is: map emailVerified in the system that it comes from.")
            : (change, "");
    }

    /// <summary>The connector's name of a field that the operations on users call as the API does.</summary>
    public static string FieldOf(string name) => name == "userCode" ? "user_code" : name;

    private static string? Text(Fields fields, string field) => fields.ValueOrNull(field) is { IsNull: false } value ? value.ToString() : null;

    private static FieldValue Instant(DateTimeOffset? instant)
        => instant is { } known ? FieldValue.Text(known.UtcDateTime.ToString(DapperTypes.SqliteInstant, CultureInfo.InvariantCulture)) : FieldValue.Null;

    // Databases keep microseconds.
    private static DateTimeOffset? ToInstant(FieldValue value)
        => !value.IsNull && DateTimeOffset.TryParse(value.ToString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var instant)
            ? new DateTimeOffset(instant.UtcTicks - (instant.UtcTicks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero)
            : null;
}
