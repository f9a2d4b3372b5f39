using System.Text.Json;
using System.Text.Json.Nodes;
using Selfsame.Connectors.Http;
using Selfsame.Connectors.Rows;
using Selfsame.Core;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Auth0;

/// <summary>Makes accounts of the users that the API tells, and bodies of what is to be written.</summary>
internal static class Auth0User
{
    /// <summary>Before the id of a user of a database connection.</summary>
    private const string DatabasePrefix = "auth0|";

    /// <summary>The account; null where the element is no user with an id, or holds what is no text.</summary>
    public static Account? Read(JsonElement user)
    {
        if (user.ValueKind != JsonValueKind.Object || !user.IsText() || Text(user, Auth0Fields.Id).IsNull)
        {
            return null;
        }

        var appMetadata = Node(user, Auth0Fields.AppMetadata);
        var email = Text(user, Auth0Fields.Email);
        var name = Text(user, Auth0Fields.Name);
        return Auth0Fields.Mapping.ToAccount(new Fields(new Dictionary<string, FieldValue>
        {
            [Auth0Fields.Id] = Text(user, Auth0Fields.Id),
            [Auth0Fields.Email] = email,
            [Auth0Fields.EmailVerified] = FieldValue.Boolean(user.IsTrue(Auth0Fields.EmailVerified)),
            [Auth0Fields.Username] = Text(user, Auth0Fields.Username),
            [Auth0Fields.Phone] = Text(user, Auth0Fields.Phone),
            [Auth0Fields.PhoneVerified] = FieldValue.Boolean(user.IsTrue(Auth0Fields.PhoneVerified)),
            // Where nobody gave a name, Auth0 puts the address there: that is no name to carry on.
            [Auth0Fields.Name] = name == email ? FieldValue.Null : name,
            [Auth0Fields.Active] = FieldValue.Boolean(!user.IsTrue(Auth0Fields.Blocked)),
            [Auth0Fields.AppRole] = JsonValues.Scalar((appMetadata as JsonObject)?["role"]),
            [Auth0Fields.AppMetadata] = JsonValues.Object(appMetadata),
            [Auth0Fields.UserMetadata] = JsonValues.Object(Node(user, Auth0Fields.UserMetadata)),
            [Auth0Fields.Identities] = JsonValues.Object(Node(user, Auth0Fields.Identities)),
            [Auth0Fields.CreatedAt] = Text(user, Auth0Fields.CreatedAt),
            [Auth0Fields.LastLogin] = Text(user, Auth0Fields.LastLogin),
            [Auth0Fields.VerificationCount] = FieldValue.Integer(0),
        }));
    }

    /// <summary>The body that makes a user under this id, or why there can be none. The user gets a random password that nobody keeps.</summary>
    public static (JsonObject? Body, string Problem) ToCreate(AccountId id, Fields fields, string connection, RandomSource random)
    {
        var known = Auth0Fields.Settable.Concat(Auth0Fields.OfTheSystem).Append(Auth0Fields.Id);
        if (fields.Keys.Except(known, StringComparer.Ordinal).ToList() is { Count: > 0 } unknown)
        {
            return (null, $"Auth0 has no field {string.Join(", ", unknown)}.");
        }

        if (!id.ToString().StartsWith(DatabasePrefix, StringComparison.Ordinal) || id.ToString().Length == DatabasePrefix.Length)
        {
            return (null, $"Only users of a database connection can be made, and their ids begin with {DatabasePrefix}; {id} does not. A user of a social or enterprise connection is made when that person signs in.");
        }

        if (fields.ValueOrNull(Auth0Fields.Email).IsNull)
        {
            return (null, "Auth0 makes no user of a database connection without an e-mail address.");
        }

        var body = new JsonObject
        {
            ["connection"] = connection,
            [Auth0Fields.Id] = id.ToString()[DatabasePrefix.Length..],
            ["password"] = random.NextToken() + "aA1!",
            ["verify_email"] = false,
        };
        Put(body, new Fields(fields.Where(pair => Auth0Fields.Settable.Contains(pair.Key) && !pair.Value.IsNull)), Fields.Empty);
        body[Auth0Fields.EmailVerified] = fields.ValueOrNull(Auth0Fields.EmailVerified).IsTruthy;
        return (body, "");
    }

    /// <summary>The body that sets these fields on a user who is <paramref name="present"/>, or why there can be none.</summary>
    public static (JsonObject? Body, string Problem) ToUpdate(Fields set, Account present, string connection)
    {
        if (set.Keys.Except(Auth0Fields.Settable, StringComparer.Ordinal).ToList() is { Count: > 0 } fixedFields)
        {
            return (null, $"The Management API can't set {string.Join(", ", fixedFields)}.");
        }

        string[] identifiers = [.. set.Keys.Intersect([Auth0Fields.Email, Auth0Fields.Username, Auth0Fields.Phone])];
        if (identifiers.FirstOrDefault(field => set[field].IsNull) is { } cleared)
        {
            return (null, $"The Management API can't take away {cleared}; it can only set another value.");
        }

        if (identifiers.Length > 1)
        {
            return (null, $"Auth0 changes {string.Join(" and ", identifiers)} only one after the other: change one of them yourself.");
        }

        var body = new JsonObject();
        Put(body, set, present.Record);
        if (identifiers.Length > 0)
        {
            body["connection"] = connection;
        }

        if (set.ContainsKey(Auth0Fields.Email))
        {
            // No mail is sent for it, and an address that nobody proved never comes to stand as verified.
            body["verify_email"] = false;
            body[Auth0Fields.EmailVerified] = set.ValueOrNull(Auth0Fields.EmailVerified).IsTruthy;
        }

        return (body, "");
    }

    private static void Put(JsonObject body, Fields fields, Fields present)
    {
        foreach (var (field, value) in fields)
        {
            switch (field)
            {
                case Auth0Fields.Active: body[Auth0Fields.Blocked] = !value.IsTruthy; break;
                case Auth0Fields.EmailVerified or Auth0Fields.PhoneVerified: body[field] = value.IsTruthy; break;
                case Auth0Fields.AppRole or Auth0Fields.AppMetadata or Auth0Fields.UserMetadata: break;
                default: body[field] = JsonValues.Node(value); break;
            }
        }

        var app = Metadata(fields, present, Auth0Fields.AppMetadata);
        if (fields.TryGetValue(Auth0Fields.AppRole, out var role))
        {
            app ??= [];
            app["role"] = JsonValues.Node(role);
        }

        if (app is not null)
        {
            body[Auth0Fields.AppMetadata] = app;
        }

        if (Metadata(fields, present, Auth0Fields.UserMetadata) is { } user)
        {
            body[Auth0Fields.UserMetadata] = user;
        }
    }

    // Auth0 merges metadata at its first level: a member that should go is sent as null.
    private static JsonObject? Metadata(Fields fields, Fields present, string field)
    {
        if (!fields.TryGetValue(field, out var value))
        {
            return null;
        }

        var wanted = JsonValues.ToObject(value) ?? [];
        foreach (var (gone, _) in JsonValues.ToObject(present.ValueOrNull(field)) ?? [])
        {
            wanted.TryAdd(gone, null);
        }

        return wanted;
    }

    private static FieldValue Text(JsonElement user, string property)
        => user.TextOrNull(property) is { Length: > 0 } text
            ? FieldValue.Text(text)
            : FieldValue.Null;

    private static JsonNode? Node(JsonElement user, string property)
        => user.TryGetProperty(property, out var value) && value.ValueKind is (JsonValueKind.Object or JsonValueKind.Array)
            ? JsonNode.Parse(value.GetRawText())
            : null;
}
