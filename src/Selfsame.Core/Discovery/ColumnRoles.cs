using Selfsame.Core.Accounts;

namespace Selfsame.Core.Discovery;

/// <summary>
/// What the columns of a users table are, told by their names: those that frameworks publish (Django, Rails and Devise, ASP.NET Core
/// Identity, Supabase, WordPress) and what people commonly call them.
/// </summary>
internal static class ColumnRoles
{
    // Names without underscores and in lower case; the first that a table has is taken.
    private static readonly (IdentifierKind Kind, string[] Names)[] Identifiers =
    [
        (IdentifierKind.Username, ["username", "userlogin", "loginname", "login", "nickname", "nick"]),
        (IdentifierKind.Email, ["email", "emailaddress", "useremail", "mail", "primaryemail"]),
        (IdentifierKind.Phone, ["phone", "phonenumber", "mobile", "mobilephone", "telephone"]),
        (IdentifierKind.Handle, ["handle"]),
        (IdentifierKind.UserCode, ["usercode"]),
    ];

    /// <summary>The attribute that is filled where an account was deleted and its row stayed.</summary>
    public const string DeletedAt = "deletedAt";

    private static readonly (string Attribute, string[] Names, bool Noise)[] Attributes =
    [
        (AccountMapping.EmailVerified, ["emailverified", "emailconfirmed", "isemailverified", "emailisverified", "emailconfirmedat", "emailverifiedat", "confirmedat", "isverified", "verified"], false),
        (AccountMapping.Active, ["isactive", "active", "isenabled", "enabled"], false),
        ("firstName", ["firstname", "givenname"], false),
        ("lastName", ["lastname", "surname", "familyname"], false),
        ("fullName", ["fullname", "displayname", "realname", "name"], false),
        ("role", ["role", "userrole"], false),
        ("superuser", ["issuperuser", "superuser", "issuperadmin", "isadmin", "admin"], false),
        ("staff", ["isstaff", "staff"], false),
        ("locale", ["locale", "language", "lang"], false),
        ("createdAt", ["createdat", "datejoined", "userregistered", "registeredat", "created", "createdon", "joinedat", "joined", "signupdate", "creationdate"], false),
        (DeletedAt, ["deletedat", "deletedon", "isdeleted", "deleted"], false),
        ("lastSignIn", ["lastlogin", "lastsigninat", "lastloginat", "lastsignin", "lastlogindate"], true),
        ("currentSignIn", ["currentsigninat"], true),
        ("lastSeen", ["lastseen", "lastseenat", "lastactivity", "lastactiveat"], true),
        ("signInCount", ["signincount", "logincount"], true),
        ("failedSignIns", ["accessfailedcount", "failedattempts", "failedlogins"], true),
        ("lockedUntil", ["lockoutend", "lockedat", "lockeduntil"], true),
        ("currentSignInIp", ["currentsigninip"], true),
        ("lastSignInIp", ["lastsigninip", "lastloginip"], true),
        ("updatedAt", ["updatedat", "updated", "modifiedat", "updatedon", "lastmodified", "datemodified"], true),
        ("concurrencyStamp", ["concurrencystamp", "lockversion"], true),
    ];

    private static readonly string[] Passwords =
        ["password", "passwordhash", "encryptedpassword", "passworddigest", "hashedpassword", "passwd", "userpass", "pass", "pwd"];

    /// <summary>The columns that identify. A phone number does only where it is unique: households share one.</summary>
    public static IReadOnlyDictionary<IdentifierKind, string> IdentifiersOf(CatalogTable table)
        => Identifiers
            .Select(role => (role.Kind, Column: First(table, role.Names, CatalogType.Text, CatalogType.Other)))
            .Where(found => found.Column is not null && (found.Kind != IdentifierKind.Phone || table.IsUnique(found.Column)))
            .ToDictionary(found => found.Kind, found => found.Column!);

    /// <summary>A column of phone numbers that several people may share, or null.</summary>
    public static string? SharedPhone(CatalogTable table)
        => First(table, Identifiers.Single(role => role.Kind == IdentifierKind.Phone).Names, CatalogType.Text) is { } column && !table.IsUnique(column) ? column : null;

    /// <summary>The columns that are told apart by meaning, in a fixed order.</summary>
    public static IReadOnlyList<(string Attribute, AttributeMapping Mapping)> AttributesOf(CatalogTable table)
        => [.. Attributes
            .Select(role => (role.Attribute, Column: First(table, role.Names), role.Noise))
            .Where(found => found.Column is not null)
            .Select(found => (found.Attribute, new AttributeMapping(found.Column!, found.Noise)))];

    public static bool HasPassword(CatalogTable table) => First(table, Passwords) is not null;

    /// <summary>The column of the passwords' hashes, or null: a text whose name says to plans and journals that it is a secret.</summary>
    public static string? PasswordHash(CatalogTable table)
        => First(table, Passwords, CatalogType.Text, CatalogType.Other) is { } column && SecretFields.Looks(column) ? column : null;

    /// <summary>
    /// The column in which the application itself keeps an identifier folded (<c>NormalizedEmail</c>, <c>email_lower</c>), or null.
    /// </summary>
    public static string? NormalizedColumn(CatalogTable table, string column)
    {
        var plain = Plain(column);
        string[] names = [$"normalized{plain}", $"{plain}normalized", $"{plain}lower", $"lower{plain}", $"canonical{plain}", $"{plain}canonical"];
        return First(table, names);
    }

    /// <summary>Without underscores, in lower case.</summary>
    public static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();

    private static string? First(CatalogTable table, string[] names, params CatalogType[] types)
        => names
            .Select(name => table.Columns.FirstOrDefault(column => Plain(column.Name) == name && (types.Length == 0 || types.Contains(column.Type)))?.Name)
            .FirstOrDefault(name => name is not null);
}
