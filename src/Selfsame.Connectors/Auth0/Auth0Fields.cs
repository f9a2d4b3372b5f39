using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Auth0;

/// <summary>
/// The fields of a record. They are those of the API, but that <c>blocked</c> stands as its opposite <c>active</c>, that the role of the metadata stands by
/// its path, and that <c>verification_count</c> is counted here, from events.
/// </summary>
internal static class Auth0Fields
{
    public const string Id = "user_id";
    public const string Email = "email";
    public const string EmailVerified = "email_verified";
    public const string Username = "username";
    public const string Phone = "phone_number";
    public const string PhoneVerified = "phone_verified";
    public const string Name = "name";
    public const string Active = "active";
    public const string Blocked = "blocked";
    public const string AppRole = "app_metadata.role";
    public const string AppMetadata = "app_metadata";
    public const string UserMetadata = "user_metadata";
    public const string Identities = "identities";
    public const string CreatedAt = "created_at";
    public const string LastLogin = "last_login";
    public const string VerificationCount = "verification_count";

    /// <summary>What is asked for, of the list and of exports.</summary>
    public static IReadOnlyList<string> Told { get; } =
        [Id, Email, EmailVerified, Username, Phone, PhoneVerified, Name, Blocked, AppMetadata, UserMetadata, Identities, CreatedAt, LastLogin];

    /// <summary>What can be set on a user that is there.</summary>
    public static IReadOnlySet<string> Settable { get; } = new HashSet<string>(StringComparer.Ordinal)
    {
        Email, EmailVerified, Username, Phone, PhoneVerified, Name, Active, AppRole, AppMetadata, UserMetadata,
    };

    /// <summary>What Auth0 sets, or we count: a creation from a whole record leaves it out.</summary>
    public static IReadOnlySet<string> OfTheSystem { get; } = new HashSet<string>(StringComparer.Ordinal) { Identities, CreatedAt, LastLogin, VerificationCount };

    /// <summary>Addresses in lower case; whatever says yes in another system (an instant, a number) as a boolean.</summary>
    public static FieldValue Spelling(string field, FieldValue value) => (field, value) switch
    {
        (Email, { AsText: { } text }) => FieldValue.Text(text.ToLowerInvariant()),
        (EmailVerified or PhoneVerified or Active, { IsNull: false }) => FieldValue.Boolean(value.IsTruthy),
        _ => value,
    };

    /// <summary>The one mapping that all tenants have.</summary>
    public static AccountMapping Mapping { get; } = new()
    {
        Id = [Id],
        Identifiers = new Dictionary<IdentifierKind, string>
        {
            [IdentifierKind.Email] = Email,
            [IdentifierKind.Username] = Username,
            [IdentifierKind.Phone] = Phone,
        },
        Attributes = new Dictionary<string, AttributeMapping>
        {
            [AccountMapping.EmailVerified] = new(EmailVerified),
            [AccountMapping.Active] = new(Active),
            ["fullName"] = new(Name),
            ["role"] = new(AppRole),
            ["verificationCount"] = new(VerificationCount),
            ["createdAt"] = new(CreatedAt, Noise: true),
            ["lastSignIn"] = new(LastLogin, Noise: true),
        },
    };
}
