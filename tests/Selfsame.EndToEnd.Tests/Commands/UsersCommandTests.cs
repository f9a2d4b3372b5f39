using System.Net.Http.Json;
using System.Text.Json;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

[Trait("needs", "executable")]
public sealed class UsersCommandTests
{
    private const string Password = "correct horse battery\n";

    [Fact]
    public async Task A_superuser_is_created_listed_shown_disabled_deleted_and_restored()
    {
        using var folder = new TemporaryFolder();
        (await RunAsync(folder, Password, "create", "--username", "Ada", "--email", "ada@example.com", "--superuser", "--email-verified")).ExitCode.ShouldBe(0);

        var shown = Json(await RunAsync(folder, "", "show", "ADA", "--json"));
        shown.GetProperty("isSuperuser").GetBoolean().ShouldBeTrue();
        shown.TryGetProperty("id", out _).ShouldBeFalse("the internal id leaves the process");
        Json(await RunAsync(folder, "", "list", "--json")).GetProperty("total").GetInt64().ShouldBe(1);

        Json(await RunAsync(folder, "", "disable", "ada@example.com", "--json")).GetProperty("isActive").GetBoolean().ShouldBeFalse();
        Json(await RunAsync(folder, "", "enable", "ada", "--json")).GetProperty("isActive").GetBoolean().ShouldBeTrue();
        Json(await RunAsync(folder, "", "delete", "ada", "--json")).GetProperty("deletedAt").ValueKind.ShouldBe(JsonValueKind.String);
        Json(await RunAsync(folder, "", "list", "--json")).GetProperty("total").GetInt64().ShouldBe(0);
        Json(await RunAsync(folder, "", "restore", "ada", "--json")).GetProperty("deletedAt").ValueKind.ShouldBe(JsonValueKind.Null);
    }

    [Fact]
    public async Task Who_says_nothing_of_language_and_role_gets_those_of_the_config()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["selfsame.yaml"], "tenants: { main: { locale: en-NZ, role: member } }");
        await using var server = await SelfsameProcess.ServeAsync(folder.Path, ["--config", folder["selfsame.yaml"]]);
        using var client = new HttpClient { BaseAddress = server.Address };

        using var answer = await client.PostAsJsonAsync("/api/v1/sign-ups", new { username = "ada", email = "ada@example.com", password = Password.Trim() });
        var created = await RunAsync(folder, Password, "create", "--username", "bob", "--config", folder["selfsame.yaml"], "--json");

        foreach (var user in new[] { await answer.Content.ReadFromJsonAsync<JsonElement>(), Json(created) })
        {
            (user.GetProperty("locale").GetString(), user.GetProperty("role").GetString()).ShouldBe(("en-nz", "member"));
        }
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Port=1;Database=x;Username=y;Password=a-password-shown-nowhere", "could not be read")]
    [InlineData("Server=127.0.0.1;Port=1;Database=x;User Id=y;Password=a-password-shown-nowhere", "could not be read")]
    [InlineData("postgresql://y:a-password-shown-nowhere@127.0.0.1:1/x", "could not be read")]
    [InlineData("Data Source=x;Password=a-password-shown-nowhere", "postgresql://user:password@host")]
    public async Task A_database_that_is_away_or_wrongly_named_is_one_sentence_and_makes_no_file(string database, string told)
    {
        using var folder = new TemporaryFolder();

        var result = await SelfsameProcess.RunAsync(["users", "list", "--data", folder["data"], "--database", database], "", folder: folder.Path);

        result.ExitCode.ShouldBe(1);
        result.StandardError.ShouldStartWith("selfsame: ");
        result.StandardError.ShouldContain(told);
        result.StandardError.ShouldNotContain("   at ");
        (result.StandardOutput + result.StandardError).ShouldNotContain("a-password-shown-nowhere");
        Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).ShouldAllBe(file => Path.GetFileName(file) == "secret.key");
    }

    [Fact]
    public async Task What_is_taken_or_wrong_is_said_and_nothing_is_created()
    {
        using var folder = new TemporaryFolder();
        await RunAsync(folder, Password, "create", "--username", "ada", "--email", "ada@example.com");

        var taken = await RunAsync(folder, Password, "create", "--username", "ADA", "--email", "other@example.com");
        var weak = await RunAsync(folder, "short\n", "create", "--username", "bob");
        var unknown = await RunAsync(folder, "", "show", "nobody");

        (taken.ExitCode, weak.ExitCode, unknown.ExitCode).ShouldBe((1, 1, 1));
        taken.StandardError.ShouldContain("username");
        taken.StandardError.ShouldNotContain("email");
        weak.StandardError.ShouldContain("at least 8");
        Json(await RunAsync(folder, "", "list", "--json")).GetProperty("total").GetInt64().ShouldBe(1);
    }

    [Fact]
    public async Task What_a_deleted_user_has_is_said_with_how_to_restore_that_user()
    {
        using var folder = new TemporaryFolder();
        var uuid = Json(await RunAsync(folder, Password, "create", "--username", "ada", "--email", "ada@example.com", "--json")).GetProperty("uuid").GetString()!;
        await RunAsync(folder, "", "delete", "ada");

        var taken = await RunAsync(folder, Password, "create", "--username", "ADA", "--email", "Ada@example.com");

        taken.ExitCode.ShouldBe(1);
        taken.StandardError.ShouldContain($"username: a deleted user has this. 'selfsame users restore {uuid}'");
        taken.StandardError.ShouldContain($"email: a deleted user has this. 'selfsame users restore {uuid}'");
        (await RunAsync(folder, "", "restore", uuid)).ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task A_superuser_who_could_never_sign_in_is_not_created()
    {
        using var folder = new TemporaryFolder();

        var refused = await RunAsync(folder, "", "create", "--username", "ada", "--superuser");

        refused.ExitCode.ShouldBe(1);
        refused.StandardError.ShouldContain("--email");
        Json(await RunAsync(folder, "", "list", "--json")).GetProperty("total").GetInt64().ShouldBe(0);
        (await RunAsync(folder, "", "create", "--username", "ada", "--email", "ada@example.com", "--superuser")).ExitCode.ShouldBe(0);
        (await RunAsync(folder, "", "create", "--username", "grace")).ExitCode.ShouldBe(0);
    }

    [Fact]
    public async Task A_name_that_is_anothers_code_changes_nobody_and_both_uuids_are_said()
    {
        using var folder = new TemporaryFolder();
        var first = Json(await RunAsync(folder, Password, "create", "--username", "ada", "--json"));
        var code = first.GetProperty("userCode").GetString()!;
        var second = Json(await RunAsync(folder, Password, "create", "--username", code, "--json"));

        var refused = await RunAsync(folder, "", "delete", code);

        refused.ExitCode.ShouldBe(1);
        refused.StandardError.ShouldContain(first.GetProperty("uuid").GetString()!);
        refused.StandardError.ShouldContain(second.GetProperty("uuid").GetString()!);
        Json(await RunAsync(folder, "", "list", "--json")).GetProperty("total").GetInt64().ShouldBe(2);
        Json(await RunAsync(folder, "", "disable", second.GetProperty("uuid").GetString()!, "--json")).GetProperty("username").GetString().ShouldBe(code);
    }

    [Theory]
    [InlineData("list")]
    [InlineData("revoke", "shop")]
    [InlineData("create", "shop", "--scope", "users:read")]
    public async Task A_tenant_that_the_config_does_not_name_has_no_service_tokens(params string[] arguments)
    {
        using var folder = new TemporaryFolder();

        var refused = await SelfsameProcess.RunAsync(["service-tokens", .. arguments, "--tenant", "mian", "--data", folder.Path]);

        refused.ExitCode.ShouldBe(1);
        refused.StandardError.ShouldContain("there is no such tenant. The config names: main.");
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("36501")]
    public async Task A_service_token_for_no_number_of_days_is_refused(string days)
    {
        using var folder = new TemporaryFolder();

        var refused = await SelfsameProcess.RunAsync(["service-tokens", "create", "shop", "--scope", "users:read", "--days", days, "--data", folder.Path]);

        refused.ExitCode.ShouldBe(1);
        refused.StandardError.ShouldContain("--days");
        refused.StandardOutput.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_service_token_is_shown_once_listed_without_its_secret_and_revoked()
    {
        using var folder = new TemporaryFolder();
        var created = await SelfsameProcess.RunAsync(["service-tokens", "create", "shop", "--scope", "users:read", "--data", folder.Path]);
        var token = created.StandardOutput.Trim();

        token.ShouldStartWith("sst_");
        var listed = await SelfsameProcess.RunAsync(["service-tokens", "list", "--data", folder.Path]);
        listed.StandardOutput.ShouldContain("shop");
        listed.StandardOutput.ShouldNotContain(token);
        (await SelfsameProcess.RunAsync(["service-tokens", "revoke", "shop", "--data", folder.Path])).ExitCode.ShouldBe(0);
        (await SelfsameProcess.RunAsync(["service-tokens", "revoke", "shop", "--data", folder.Path])).ExitCode.ShouldBe(1);
    }

    private static Task<CommandResult> RunAsync(TemporaryFolder folder, string input, params string[] arguments)
        => SelfsameProcess.RunAsync(["users", .. arguments, "--data", folder.Path], input);

    private static JsonElement Json(CommandResult result)
    {
        result.ExitCode.ShouldBe(0, result.StandardError);
        return JsonDocument.Parse(result.StandardOutput).RootElement;
    }
}
