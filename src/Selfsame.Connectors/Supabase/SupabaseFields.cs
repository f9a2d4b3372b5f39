using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Supabase;

/// <summary>
/// The fields of a record. They are those of the API, but that what is written in another form than it is read stands as what it says:
/// <c>email_confirmed</c>, <c>phone_confirmed</c> and <c>active</c> are booleans, and two values of the metadata stand by their paths.
/// </summary>
internal static class SupabaseFields
{
    public const string Id = "id";
    public const string Email = "email";
    public const string Phone = "phone";
    public const string EmailConfirmed = "email_confirmed";
    public const string PhoneConfirmed = "phone_confirmed";
    public const string FullName = "user_metadata.full_name";
    public const string AppRole = "app_metadata.role";
    public const string Active = "active";

    /// <summary>The role that PostgreSQL's row level security sees; almost always <c>authenticated</c>.</summary>
    public const string DatabaseRole = "role";
    public const string UserMetadata = "user_metadata";
    public const string AppMetadata = "app_metadata";

    /// <summary>A bcrypt or argon2 hash; taken at creation, never told.</summary>
    public const string PasswordHash = "password_hash";
    public const string IsSso = "is_sso_user";
    public const string CreatedAt = "created_at";
    public const string LastSignInAt = "last_sign_in_at";
    public const string BannedUntil = "banned_until";
    public const string DeletedAt = "deleted_at";

    /// <summary>What can be set on a user that is there.</summary>
    public static IReadOnlySet<string> Settable { get; } = new HashSet<string>(StringComparer.Ordinal)
    {
        Email, Phone, EmailConfirmed, PhoneConfirmed, FullName, AppRole, Active, DatabaseRole, UserMetadata, AppMetadata,
    };

    /// <summary>What Supabase Auth sets by itself: a creation from a whole record leaves it out.</summary>
    public static IReadOnlySet<string> OfTheSystem { get; } = new HashSet<string>(StringComparer.Ordinal) { CreatedAt, LastSignInAt, BannedUntil, DeletedAt };

    /// <summary>Addresses in lower case; whatever says yes in another system (an instant, a number) as a boolean.</summary>
    public static FieldValue Spelling(string field, FieldValue value) => (field, value) switch
    {
        (Email, { AsText: { } text }) => FieldValue.Text(text.ToLowerInvariant()),
        (EmailConfirmed or PhoneConfirmed or Active, { IsNull: false }) => FieldValue.Boolean(value.IsTruthy),
        _ => value,
    };

    /// <summary>The one mapping that all these systems have.</summary>
    public static AccountMapping Mapping { get; } = new()
    {
        Id = [Id],
        PasswordHash = PasswordHash,
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Email] = Email, [IdentifierKind.Phone] = Phone },
        Attributes = new Dictionary<string, AttributeMapping>
        {
            [AccountMapping.EmailVerified] = new(EmailConfirmed),
            [AccountMapping.Active] = new(Active),
            ["fullName"] = new(FullName),
            ["role"] = new(AppRole),
            // Supabase Auth alone sets it, in its own spelling: to compare it would find what nobody can repair.
            ["createdAt"] = new(CreatedAt, Noise: true),
            ["lastSignIn"] = new(LastSignInAt, Noise: true),
        },
    };
}
