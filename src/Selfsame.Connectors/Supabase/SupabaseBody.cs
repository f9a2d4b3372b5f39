using System.Globalization;
using System.Text.Json.Nodes;
using Selfsame.Connectors.Rows;
using Selfsame.Core;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Supabase;

/// <summary>The body of a creation or an update, or why there can be none.</summary>
/// <param name="Json">What is sent; null where it can't be.</param>
/// <param name="Problem">Why not, as a sentence; empty where it can.</param>
internal sealed record SupabaseBody(JsonObject? Json, string Problem)
{
    private const string ForEver = "876000h";

    /// <summary>The body that makes a user with this id and these fields. Without a hash the user gets a random password that nobody keeps.</summary>
    public static SupabaseBody ToCreate(AccountId id, Fields fields, DateTimeOffset now, RandomSource random)
    {
        var known = SupabaseFields.Settable.Concat(SupabaseFields.OfTheSystem).Append(SupabaseFields.Id).Append(SupabaseFields.IsSso).Append(SupabaseFields.PasswordHash);
        if (fields.Keys.Except(known, StringComparer.Ordinal).ToList() is { Count: > 0 } unknown)
        {
            return Not($"Supabase Auth has no field {string.Join(", ", unknown)}.");
        }

        if (fields.ValueOrNull(SupabaseFields.IsSso).IsTruthy)
        {
            return Not("Users of a single sign-on can't be made through the admin API: they are made when they sign in.");
        }

        if (fields.ValueOrNull(SupabaseFields.Email).IsNull && fields.ValueOrNull(SupabaseFields.Phone).IsNull)
        {
            return Not("Supabase Auth makes no user without an e-mail address or a phone number.");
        }

        var body = new JsonObject { [SupabaseFields.Id] = id.ToString() };
        if (PutPassword(body, fields.ValueOrNull(SupabaseFields.PasswordHash), random) is { } problem)
        {
            return Not(problem);
        }

        PutPlain(body, fields);
        PutMetadata(body, fields, Fields.Empty);
        if (fields.TryGetValue(SupabaseFields.Active, out var active) && !active.IsTruthy)
        {
            body["ban_duration"] = Remaining(fields.ValueOrNull(SupabaseFields.BannedUntil), now);
        }

        return new SupabaseBody(body, "");
    }

    /// <summary>The body that sets these fields on a user who is <paramref name="present"/>.</summary>
    public static SupabaseBody ToUpdate(Fields set, Fields present)
    {
        if (set.Keys.Except(SupabaseFields.Settable, StringComparer.Ordinal).ToList() is { Count: > 0 } fixedFields)
        {
            return Not($"The admin API can't set {string.Join(", ", fixedFields)}.");
        }

        string[] cleared = [.. new[] { SupabaseFields.Email, SupabaseFields.Phone, SupabaseFields.DatabaseRole }.Where(field => set.TryGetValue(field, out var value) && value.IsNull)];
        if (cleared.Length > 0)
        {
            return Not($"The admin API can't take away {string.Join(", ", cleared)}; it can only set another value.");
        }

        if (StaysConfirmed(set, present, SupabaseFields.Email, SupabaseFields.EmailConfirmed) || StaysConfirmed(set, present, SupabaseFields.Phone, SupabaseFields.PhoneConfirmed))
        {
            return Not("The user's address or number is confirmed, and the admin API can't take that back: what nobody has proved would stand as confirmed.");
        }

        var body = new JsonObject();
        PutPlain(body, set);
        PutMetadata(body, set, present);
        if (set.TryGetValue(SupabaseFields.Active, out var active))
        {
            body["ban_duration"] = active.IsTruthy ? "none" : ForEver;
        }

        return new SupabaseBody(body, "");
    }

    private static SupabaseBody Not(string problem) => new(null, problem);

    // A changed address, or one that is to be unconfirmed, of a user whose mark "confirmed" would outlast the change.
    private static bool StaysConfirmed(Fields set, Fields present, string field, string confirmed)
    {
        var changes = set.TryGetValue(field, out var value) && value != present.ValueOrNull(field);
        var unconfirms = set.TryGetValue(confirmed, out var mark) && !mark.IsTruthy;
        return present.ValueOrNull(confirmed).IsTruthy && (unconfirms || (changes && !mark.IsTruthy));
    }

    private static string? PutPassword(JsonObject body, FieldValue hash, RandomSource random)
    {
        if (hash.IsNull)
        {
            body["password"] = random.NextToken();
            return null;
        }

        var taken = hash.AsText is { } text && SupabasePasswords.Takes(text);
        body["password_hash"] = taken ? hash.AsText : null;
        return taken ? null : $"Supabase Auth takes password hashes of {SupabasePasswords.Formats} only.";
    }

    private static void PutPlain(JsonObject body, Fields fields)
    {
        foreach (var field in new[] { SupabaseFields.Email, SupabaseFields.Phone, SupabaseFields.DatabaseRole })
        {
            if (fields.TryGetValue(field, out var value) && !value.IsNull)
            {
                body[field] = value.ToString();
            }
        }

        if (fields.ValueOrNull(SupabaseFields.EmailConfirmed).IsTruthy)
        {
            body["email_confirm"] = true;
        }

        if (fields.ValueOrNull(SupabaseFields.PhoneConfirmed).IsTruthy)
        {
            body["phone_confirm"] = true;
        }
    }

    private static void PutMetadata(JsonObject body, Fields fields, Fields present)
    {
        var user = Changes(fields, present, SupabaseFields.UserMetadata);
        if (fields.TryGetValue(SupabaseFields.FullName, out var name) && SupabaseUser.FullName(user) != name)
        {
            user ??= [];
            user["full_name"] = JsonValues.Node(name);
            if (name.IsNull)
            {
                user["name"] = null;
            }
        }

        var app = Changes(fields, present, SupabaseFields.AppMetadata);
        if (fields.TryGetValue(SupabaseFields.AppRole, out var role))
        {
            app ??= [];
            app["role"] = JsonValues.Node(role);
        }

        if (user is not null)
        {
            body[SupabaseFields.UserMetadata] = user;
        }

        if (app is not null)
        {
            body[SupabaseFields.AppMetadata] = app;
        }
    }

    // Supabase Auth merges metadata: a member that should go is sent as null.
    private static JsonObject? Changes(Fields fields, Fields present, string field)
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

    private static string Remaining(FieldValue bannedUntil, DateTimeOffset now)
        => DateTimeOffset.TryParse(bannedUntil.AsText, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var until) && until > now
            ? $"{(long)Math.Ceiling((until - now).TotalSeconds)}s"
            : ForEver;
}
