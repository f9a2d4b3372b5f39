using System.Text.Json;
using System.Text.Json.Nodes;
using Selfsame.Cli.Commands;
using Selfsame.Store.Users;
using Spectre.Console;

namespace Selfsame.Cli.Views;

/// <summary>Shows users: tables on a terminal, JSON for programs. Internal ids and hashes are never shown.</summary>
internal static class UserView
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(UserPage page, bool json)
    {
        if (json)
        {
            var users = new JsonArray([.. page.Users.Select(user => ToJson(user, null))]);
            Console.WriteLine(new JsonObject { ["total"] = page.Total, ["page"] = page.Page, ["pageSize"] = page.PageSize, ["users"] = users }.ToJsonString(Indented));
            return;
        }

        var table = new Table { Border = TableBorder.Simple };
        table.AddColumns("username", "e-mail", "code", "state", "uuid");
        foreach (var user in page.Users)
        {
            table.AddRow(Text(user.Username), Text(user.Email), Text(user.UserCode), Text(State(user)), Text(user.Uuid.ToString()));
        }

        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = 500;
        }

        AnsiConsole.Write(table);
        Console.WriteLine($"{page.Users.Count} of {page.Total}, page {page.Page}");
    }

    public static void Write(User user, IReadOnlyList<string> groups, bool json)
    {
        var shown = ToJson(user, groups);
        if (json)
        {
            Console.WriteLine(shown.ToJsonString(Indented));
            return;
        }

        foreach (var (name, value) in shown)
        {
            Console.WriteLine($"{name,-18}{(value is JsonArray array ? string.Join(", ", array) : value?.ToString() ?? "-")}");
        }
    }

    public static int WriteOutcome(SignUpResult result, bool json)
    {
        switch (result)
        {
            case SignUpResult.Created created:
                Write(created.User, [], json);
                return ExitCode.Clean;
            case SignUpResult.Taken taken:
                foreach (var (field, holder) in taken.DeletedHolders)
                {
                    Console.Error.WriteLine($"selfsame: {field}: a deleted user has this. 'selfsame users restore {holder}' brings that user back.");
                }

                return Refuse($"in use already: {string.Join(", ", taken.Fields)}. Nothing was created.");
            case SignUpResult.Invalid invalid:
                return Refuse(invalid.Errors);
            default:
                return Refuse("the user could not be created now. Try again.");
        }
    }

    public static int WriteOutcome(UserChangeResult result, bool json)
    {
        switch (result)
        {
            case UserChangeResult.Changed changed:
                Write(changed.User, [], json);
                return ExitCode.Clean;
            case UserChangeResult.Taken taken:
                return Refuse($"in use already: {string.Join(", ", taken.Fields)}. Nothing was changed.");
            case UserChangeResult.Invalid invalid:
                return Refuse(invalid.Errors);
            default:
                return Refuse("the user was changed or removed meanwhile. Look again and repeat.");
        }
    }

    private static int Refuse(FieldErrors errors)
    {
        foreach (var (field, refusals) in errors.ByField)
        {
            foreach (var refusal in refusals)
            {
                Console.Error.WriteLine($"selfsame: {field}: {refusal.Message}");
            }
        }

        return ExitCode.Error;
    }

    private static int Refuse(string message)
    {
        Console.Error.WriteLine($"selfsame: {message}");
        return ExitCode.Error;
    }

    private static string? Instant(DateTimeOffset? instant)
        => instant?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", System.Globalization.CultureInfo.InvariantCulture);

    private static string Text(string? value) => Markup.Escape(value ?? "-");

    private static string State(User user) => user.DeletedAt is not null ? "deleted" : !user.IsActive ? "disabled" : user.EmailVerifiedAt is null ? "unverified" : "verified";

    private static JsonObject ToJson(User user, IReadOnlyList<string>? groups)
    {
        var shown = new JsonObject
        {
            ["uuid"] = user.Uuid.ToString(),
            ["tenant"] = user.Tenant,
            ["username"] = user.Username,
            ["email"] = user.Email,
            ["emailVerifiedAt"] = Instant(user.EmailVerifiedAt),
            ["phone"] = user.Phone,
            ["handle"] = user.Handle,
            ["userCode"] = user.UserCode,
            ["firstName"] = user.FirstName,
            ["lastName"] = user.LastName,
            ["locale"] = user.Locale,
            ["role"] = user.Role,
            ["isActive"] = user.IsActive,
            ["isStaff"] = user.IsStaff,
            ["isSuperuser"] = user.IsSuperuser,
            ["version"] = user.Version,
            ["lastSignInAt"] = Instant(user.LastSignInAt),
            ["createdAt"] = Instant(user.CreatedAt),
            ["updatedAt"] = Instant(user.UpdatedAt),
            ["deletedAt"] = Instant(user.DeletedAt),
        };
        if (groups is not null)
        {
            shown["groups"] = new JsonArray([.. groups.Select(group => JsonValue.Create(group))]);
        }

        return shown;
    }
}
