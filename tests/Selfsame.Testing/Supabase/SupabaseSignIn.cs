using System.Net;
using System.Text.Json.Nodes;
using Npgsql;
using Selfsame.Store.Passwords;

namespace Selfsame.Testing.Supabase;

/// <summary>
/// The routes /auth/v1/token?grant_type=password and /auth/v1/recover. Hashes are verified by our own code, which other tests compare with the
/// hashes of other libraries.
/// </summary>
internal sealed class SupabaseSignIn(NpgsqlDataSource database, SupabaseStandIn server)
{
    /// <summary>What stands for the hash that GoTrue would make of a password.</summary>
    public static string HashOf(string? password) => $"hash of {password}";

    /// <summary>Whether GoTrue takes a hash for a new user.</summary>
    public static bool CanVerify(string hash) => hash.StartsWith("$2", StringComparison.Ordinal) || hash.StartsWith("$argon2", StringComparison.Ordinal);

    /// <summary>The answer to a request of these routes; null for any other.</summary>
    public async Task<StandInAnswer?> AnswerAsync(HttpListenerRequest request) => (request.HttpMethod, request.Url!.AbsolutePath) switch
    {
        ("POST", "/auth/v1/token") when request.QueryString["grant_type"] == "password" => await SignInAsync(await BodyAsync(request)),
        ("POST", "/auth/v1/recover") => await RecoverAsync(await BodyAsync(request)),
        _ => null,
    };

    private async Task<StandInAnswer> SignInAsync(JsonObject body)
    {
        var (email, password) = (Text(body, "email"), Text(body, "password"));
        await using var command = database.CreateCommand(
            "SELECT encrypted_password, email_confirmed_at IS NOT NULL, banned_until IS NOT NULL AND banned_until > clock_timestamp(), id FROM auth.users WHERE email = $1 AND NOT is_sso_user");
        command.Parameters.AddWithValue(email.ToLowerInvariant());
        await using var reader = await command.ExecuteReaderAsync();
        if (!await reader.ReadAsync() || reader.IsDBNull(0) || !await VerifyAsync(reader.GetString(0), password))
        {
            return Error(400, "invalid_credentials", "Invalid login credentials");
        }

        return reader.GetBoolean(2) ? Error(400, "user_banned", "User is banned")
            : !reader.GetBoolean(1) ? Error(400, "email_not_confirmed", "Email not confirmed")
            : new StandInAnswer(200, new JsonObject { ["access_token"] = $"token of {reader.GetGuid(3)}", ["token_type"] = "bearer" });
    }

    private async Task<StandInAnswer> RecoverAsync(JsonObject body)
    {
        var email = Text(body, "email").ToLowerInvariant();
        await using var command = database.CreateCommand("SELECT EXISTS (SELECT 1 FROM auth.users WHERE email = $1 AND NOT is_sso_user)");
        command.Parameters.AddWithValue(email);
        return (bool)(await command.ExecuteScalarAsync())! && !server.Recover(email)
            ? Error(429, "over_email_send_rate_limit", "For security purposes, you can only request this after 60 seconds.")
            : new StandInAnswer(200, new JsonObject());
    }

    private async Task<bool> VerifyAsync(string stored, string password)
        => stored == HashOf(password)
            || (CanVerify(stored) && await server.Passwords.VerifyAsync(stored, password, CancellationToken.None) is PasswordCheck.Right or PasswordCheck.RightButRehash);

    private StandInAnswer Error(int status, string code, string message) => SupabaseErrors.Answer(status, code, message, server.NewErrorBodies);

    private static async Task<JsonObject> BodyAsync(HttpListenerRequest request) => (JsonObject)(await JsonNode.ParseAsync(request.InputStream))!;

    private static string Text(JsonObject body, string field) => body[field]?.GetValue<string>() ?? "";
}
