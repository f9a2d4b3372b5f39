using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Npgsql;
using NpgsqlTypes;

namespace Selfsame.Testing.Supabase;

/// <summary>The routes behind /auth/v1/admin/users.</summary>
internal sealed class SupabaseUsers(NpgsqlDataSource database, SupabaseStandIn server)
{
    private const string Route = "/auth/v1/admin/users";
    private const long DefaultPerPage = 50;

    // What the API tells of a user: empty texts for a null e-mail or phone, no nulls otherwise, no column is_sso_user.
    private const string Selected =
        """
        SELECT jsonb_strip_nulls(jsonb_build_object(
          'id', id, 'aud', aud, 'role', role, 'email', coalesce(email, ''), 'email_confirmed_at', email_confirmed_at, 'phone', coalesce(phone, ''),
          'phone_confirmed_at', phone_confirmed_at, 'last_sign_in_at', last_sign_in_at, 'created_at', created_at, 'updated_at', updated_at,
          'banned_until', banned_until, 'deleted_at', deleted_at, 'is_anonymous', is_anonymous))
          || jsonb_build_object('app_metadata', coalesce(raw_app_meta_data, '{}'), 'user_metadata', coalesce(raw_user_meta_data, '{}'))
        FROM auth.users
        """;

    public async Task<StandInAnswer> AnswerAsync(HttpListenerRequest request)
    {
        var path = request.Url!.AbsolutePath;
        if (path == Route)
        {
            return request.HttpMethod switch
            {
                "GET" => await ListAsync(request),
                "POST" => await CreateAsync(await BodyAsync(request)),
                _ => Error(405, "unknown", "Method not allowed"),
            };
        }

        if (!path.StartsWith(Route + "/", StringComparison.Ordinal))
        {
            return new StandInAnswer(404, new JsonObject { ["message"] = "no Route matched with those values" });
        }

        if (!Guid.TryParse(path[(Route.Length + 1)..], out var id))
        {
            return Error(404, "validation_failed", "user_id must be an UUID");
        }

        if (await UserAsync(id) is not { } user)
        {
            return Error(404, "user_not_found", "User not found");
        }

        return request.HttpMethod switch
        {
            "GET" => new StandInAnswer(200, user),
            "PUT" => await UpdateAsync(id, await BodyAsync(request)),
            "DELETE" => await DeleteAsync(id),
            _ => Error(405, "unknown", "Method not allowed"),
        };
    }

    private StandInAnswer Error(int status, string code, string message) => SupabaseErrors.Answer(status, code, message, server.NewErrorBodies);

    private static async Task<JsonObject> BodyAsync(HttpListenerRequest request)
        => (JsonObject)(await JsonNode.ParseAsync(request.InputStream))!;

    private async Task<StandInAnswer> ListAsync(HttpListenerRequest request)
    {
        var query = request.QueryString;
        var (page, perPage) = (Number(query["page"], 1), Number(query["per_page"], DefaultPerPage));
        var direction = query["sort"] switch { null or "created_at" or "created_at desc" => "DESC", "created_at asc" => "ASC", _ => null };
        if (page < 1 || perPage < 1 || direction is null)
        {
            return Error(400, "validation_failed", direction is null ? "Bad Sort Parameters" : "Bad Pagination Parameters");
        }

        await server.BeforePage((int)page);
        const string where = "WHERE aud = 'authenticated' AND ($1 = '' OR email LIKE '%' || $1 || '%' OR raw_user_meta_data->>'full_name' ILIKE '%' || $1 || '%')";
        var filter = query["filter"] ?? "";
        await using var counting = Command($"SELECT count(*) FROM auth.users {where}", filter);
        var total = (long)(await counting.ExecuteScalarAsync())!;
        // PostgreSQL promises no order among equal instants, and another one from page to page is what it has for pages of different sizes.
        await using var reading = Command($"{Selected} {where} ORDER BY created_at {direction}, random() LIMIT $2 OFFSET $3", filter, perPage, (page - 1) * perPage);
        var users = new JsonArray();
        await using var reader = await reading.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            users.Add(JsonNode.Parse(reader.GetString(0)));
        }

        var last = (total + perPage - 1) / perPage;
        var next = last > page ? $"<{Route}?page={page + 1}&per_page={perPage}>; rel=\"next\", " : "";
        return new StandInAnswer(200, new JsonObject { ["users"] = users, ["aud"] = "authenticated" })
        {
            Headers = { ["X-Total-Count"] = total.ToString(CultureInfo.InvariantCulture), ["Link"] = $"{next}<{Route}?page={last}&per_page={perPage}>; rel=\"last\"" },
        };
    }

    private async Task<StandInAnswer> CreateAsync(JsonObject body)
    {
        var (email, phone) = (Email(body), Phone(body));
        if (email is null && phone is null)
        {
            return Error(400, "validation_failed", "Cannot create a user without either an email or phone");
        }

        if (email is not null && await ExistsAsync("lower(email) = $1 AND NOT is_sso_user", email))
        {
            return Error(422, "email_exists", "A user with this email address has already been registered");
        }

        if (phone is not null && await ExistsAsync("phone = $1 AND NOT is_sso_user", phone))
        {
            return Error(422, "phone_exists", "Phone number already registered by another user");
        }

        if (Text(body, "password") is not null && Text(body, "password_hash") is not null)
        {
            return Error(400, "validation_failed", "Only a password or a password hash should be provided");
        }

        if (Text(body, "password_hash") is { } hash && !SupabaseSignIn.CanVerify(hash))
        {
            return Error(400, "validation_failed", "Only bcrypt and argon2 hashes are supported");
        }

        await Task.Delay(server.Latency);
        var id = server.OverlooksIds || Text(body, "id") is not { } chosen ? Guid.NewGuid() : Guid.Parse(chosen);
        JsonArray providers = [.. new[] { email is null ? null : "email", phone is null ? null : "phone" }.OfType<string>()];
        var app = Merged(new JsonObject { ["provider"] = providers[0]!.DeepClone(), ["providers"] = providers }, body["app_metadata"]);
        var metadata = Merged([], body["user_metadata"]);
        if (Flag(body, "email_confirm"))
        {
            metadata["email_verified"] = true;
        }

        await using var insert = Command(
            $"""
            INSERT INTO auth.users (instance_id, id, aud, role, email, phone, encrypted_password, email_confirmed_at, phone_confirmed_at, banned_until,
              raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
            VALUES ('00000000-0000-0000-0000-000000000000', $1, 'authenticated', $2, $3, $4, $5, CASE WHEN $6 THEN clock_timestamp() END,
              CASE WHEN $7 THEN clock_timestamp() END, clock_timestamp() + $8::interval, $9::jsonb, $10::jsonb, clock_timestamp(), clock_timestamp())
            """,
            id, Text(body, "role") ?? "authenticated", email, phone, Text(body, "password_hash") ?? SupabaseSignIn.HashOf(Text(body, "password")), Flag(body, "email_confirm"),
            Flag(body, "phone_confirm"), Ban(body), app.ToJsonString(), metadata.ToJsonString());
        return await CarriedOutAsync(insert, id, "Database error creating new user");
    }

    private async Task<StandInAnswer> UpdateAsync(Guid id, JsonObject body)
    {
        var before = (await UserAsync(id))!;
        var metadata = Merged((JsonObject)before["user_metadata"]!, body["user_metadata"]);
        if (Flag(body, "email_confirm"))
        {
            metadata["email_verified"] = true;
        }

        await using var update = Command(
            """
            UPDATE auth.users SET email = coalesce($2, email), phone = coalesce($3, phone), role = coalesce($4, role),
              email_confirmed_at = CASE WHEN $5 THEN clock_timestamp() ELSE email_confirmed_at END,
              phone_confirmed_at = CASE WHEN $6 THEN clock_timestamp() ELSE phone_confirmed_at END,
              banned_until = CASE WHEN $7 THEN clock_timestamp() + $8::interval ELSE banned_until END,
              raw_app_meta_data = $9::jsonb, raw_user_meta_data = $10::jsonb, updated_at = clock_timestamp()
            WHERE id = $1
            """,
            id, Email(body), Phone(body), Text(body, "role"), Flag(body, "email_confirm"), Flag(body, "phone_confirm"), Text(body, "ban_duration") is not null, Ban(body),
            Merged((JsonObject)before["app_metadata"]!, body["app_metadata"]).ToJsonString(), metadata.ToJsonString());
        return await CarriedOutAsync(update, id, "Error updating user");
    }

    private async Task<StandInAnswer> DeleteAsync(Guid id)
    {
        await using var delete = Command("DELETE FROM auth.users WHERE id = $1", id);
        await delete.ExecuteNonQueryAsync();
        return new StandInAnswer(200, new JsonObject());
    }

    private async Task<StandInAnswer> CarriedOutAsync(NpgsqlCommand command, Guid id, string failure)
    {
        try
        {
            await command.ExecuteNonQueryAsync();
            return new StandInAnswer(200, await UserAsync(id));
        }
        catch (PostgresException exception)
        {
            return SupabaseErrors.OfDatabase(exception, failure, server.NewErrorBodies);
        }
    }

    private async Task<JsonObject?> UserAsync(Guid id)
    {
        await using var command = Command($"{Selected} WHERE id = $1", id);
        return await command.ExecuteScalarAsync() is string text ? (JsonObject)JsonNode.Parse(text)! : null;
    }

    private async Task<bool> ExistsAsync(string where, string value)
    {
        await using var command = Command($"SELECT EXISTS (SELECT 1 FROM auth.users WHERE {where})", value);
        return (bool)(await command.ExecuteScalarAsync())!;
    }

    private NpgsqlCommand Command(string sql, params object?[] values)
    {
        var command = database.CreateCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(value is null ? new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text } : new NpgsqlParameter { Value = value });
        }

        return command;
    }

    private static long Number(string? text, long otherwise)
        => text is null or "" ? otherwise : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static string? Text(JsonObject body, string field) => body[field]?.GetValue<string>() is { Length: > 0 } text ? text : null;

    private static bool Flag(JsonObject body, string field) => body[field]?.GetValue<bool>() ?? false;

    private static string? Email(JsonObject body) => Text(body, "email")?.ToLowerInvariant();

    private static string? Phone(JsonObject body) => Text(body, "phone")?.TrimStart('+').Replace(" ", "", StringComparison.Ordinal);

    // Go's durations of the units that a ban may have; "none" lifts it.
    private static string? Ban(JsonObject body) => Text(body, "ban_duration") switch
    {
        null or "none" => null,
        var text when text.EndsWith('h') => $"{text[..^1]} hours",
        var text => $"{text[..^1]} seconds",
    };

    private static JsonObject Merged(JsonObject present, JsonNode? changes)
    {
        var merged = (JsonObject)present.DeepClone();
        foreach (var (name, value) in changes as JsonObject ?? [])
        {
            if (value is null)
            {
                merged.Remove(name);
            }
            else
            {
                merged[name] = value.DeepClone();
            }
        }

        return merged;
    }
}
