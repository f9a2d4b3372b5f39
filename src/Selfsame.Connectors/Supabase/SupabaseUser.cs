using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Selfsame.Connectors.Http;
using Selfsame.Connectors.Rows;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Supabase;

/// <summary>Makes accounts of the users that the API tells.</summary>
internal static class SupabaseUser
{
    /// <summary>The account; null where the element is no user with an id, or holds what is no text.</summary>
    public static Account? Read(JsonElement user, DateTimeOffset now)
    {
        if (user.ValueKind != JsonValueKind.Object || !user.IsText() || Value(user, SupabaseFields.Id) is not { AsText: { } id } || !Guid.TryParse(id, out _))
        {
            return null;
        }

        var record = Record(user, now);
        var account = SupabaseFields.Mapping.ToAccount(record)!;
        // SSO users may repeat an address, and the hashes that a soft deletion leaves are no addresses: neither names a person here.
        return record[SupabaseFields.IsSso].IsTruthy || !record[SupabaseFields.DeletedAt].IsNull
            ? account with { Identifiers = new Dictionary<IdentifierKind, string>() }
            : account;
    }

    /// <summary>The name that the metadata holds: <c>full_name</c>, else <c>name</c> as many sign-in providers call it.</summary>
    public static FieldValue FullName(JsonObject? metadata)
    {
        var name = JsonValues.Scalar(metadata?["full_name"]);
        return name.IsNull ? JsonValues.Scalar(metadata?["name"]) : name;
    }

    private static Fields Record(JsonElement user, DateTimeOffset now)
    {
        var (userMetadata, appMetadata) = (Metadata(user, SupabaseFields.UserMetadata), Metadata(user, SupabaseFields.AppMetadata));
        var (bannedUntil, deletedAt) = (Value(user, SupabaseFields.BannedUntil), Value(user, SupabaseFields.DeletedAt));
        return new Fields(new Dictionary<string, FieldValue>
        {
            [SupabaseFields.Id] = Value(user, SupabaseFields.Id),
            [SupabaseFields.Email] = Value(user, SupabaseFields.Email),
            [SupabaseFields.Phone] = Phone(Value(user, SupabaseFields.Phone)),
            [SupabaseFields.EmailConfirmed] = FieldValue.Boolean(!Value(user, "email_confirmed_at").IsNull),
            [SupabaseFields.PhoneConfirmed] = FieldValue.Boolean(!Value(user, "phone_confirmed_at").IsNull),
            [SupabaseFields.FullName] = FullName(userMetadata),
            [SupabaseFields.AppRole] = JsonValues.Scalar(appMetadata?["role"]),
            [SupabaseFields.Active] = FieldValue.Boolean(deletedAt.IsNull && !IsFuture(bannedUntil, now)),
            [SupabaseFields.DatabaseRole] = Value(user, SupabaseFields.DatabaseRole),
            [SupabaseFields.UserMetadata] = JsonValues.Object(userMetadata),
            [SupabaseFields.AppMetadata] = JsonValues.Object(appMetadata),
            [SupabaseFields.IsSso] = FieldValue.Boolean(IsSso(user, appMetadata)),
            [SupabaseFields.CreatedAt] = Value(user, SupabaseFields.CreatedAt),
            [SupabaseFields.LastSignInAt] = Value(user, SupabaseFields.LastSignInAt),
            [SupabaseFields.BannedUntil] = bannedUntil,
            [SupabaseFields.DeletedAt] = deletedAt,
        });
    }

    // The API does not tell the column is_sso_user; the provider of such a user is "sso:" and its id. A list has no identities, but the metadata.
    private static bool IsSso(JsonElement user, JsonObject? appMetadata)
        => (user.TryGetProperty(SupabaseFields.IsSso, out var told) && told.ValueKind == JsonValueKind.True)
            || IsSsoProvider(appMetadata?["provider"])
            || (appMetadata?["providers"] is JsonArray providers && providers.Any(IsSsoProvider));

    private static bool IsSsoProvider(JsonNode? provider)
        => provider?.GetValueKind() == JsonValueKind.String && provider.GetValue<string>().StartsWith("sso:", StringComparison.Ordinal);

    private static bool IsFuture(FieldValue instant, DateTimeOffset now)
        => DateTimeOffset.TryParse(instant.AsText, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var until) && until > now;

    // Supabase Auth keeps a number without the plus that every other system, and our key, writes.
    private static FieldValue Phone(FieldValue phone) => phone.AsText is { } text && char.IsAsciiDigit(text[0]) ? FieldValue.Text($"+{text}") : phone;

    // What is empty is not there: the API writes a null e-mail or phone as "".
    private static FieldValue Value(JsonElement user, string property)
        => user.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? FieldValue.Text(text)
            : FieldValue.Null;

    private static JsonObject? Metadata(JsonElement user, string property)
        => user.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.Object ? JsonObject.Create(value) : null;
}
