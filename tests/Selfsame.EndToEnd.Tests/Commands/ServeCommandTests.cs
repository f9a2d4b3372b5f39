using System.Net;
using System.Net.Http.Json;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

[Trait("needs", "executable")]
public sealed class ServeCommandTests
{
    [Fact]
    public async Task A_second_start_keeps_the_data_and_offers_no_link_once_there_is_an_administrator()
    {
        using var folder = new TemporaryFolder();
        await using (var first = await SelfsameProcess.ServeAsync(folder.Path))
        {
            await SignUpAsync(first, HttpStatusCode.Created);
            await first.StandardOutput.FirstAsync(line => line.Contains("/setup?token=", StringComparison.Ordinal), Soon());
        }

        await SelfsameProcess.RunAsync(["users", "create", "--username", "root", "--superuser", "--data", folder.Path], "correct horse battery\n");
        await using var second = await SelfsameProcess.ServeAsync(folder.Path);
        await SignUpAsync(second, HttpStatusCode.Conflict);
        second.StandardOutput.Text.ShouldNotContain("/setup?token=");
    }

    [Fact]
    public async Task The_data_folder_its_files_and_the_secret_are_their_owners_only()
    {
        using var folder = new TemporaryFolder();
        await using var server = await SelfsameProcess.ServeAsync(folder["data"]);

        File.GetUnixFileMode(folder["data"]).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var file in new[] { "selfsame.db", "secret.key" })
        {
            File.GetUnixFileMode(Path.Combine(folder["data"], file)).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite, file);
        }
    }

    [Fact]
    public async Task Without_the_systems_SQLite_the_bundled_one_serves_and_the_log_says_so_once()
    {
        using var folder = new TemporaryFolder();
        var libraries = Directory.CreateDirectory(folder["libraries"]).FullName;

        // The loader looks here first, and finds something that is no library.
        await File.WriteAllTextAsync(Path.Combine(libraries, "libsqlite3.so.0"), "none", TestContext.Current.CancellationToken);
        await using var server = await SelfsameProcess.ServeAsync(
            folder["data"], environment: new Dictionary<string, string?> { ["LD_LIBRARY_PATH"] = libraries });

        using var client = new HttpClient { BaseAddress = server.Address };
        using var answer = await client.PostAsJsonAsync(
            "/api/v1/sign-ups", new { email = "ada@example.com", password = "a long enough pass phrase" }, TestContext.Current.CancellationToken);
        answer.StatusCode.ShouldBe(HttpStatusCode.Created);
        server.StandardOutput.Text.Split("The system's SQLite was not found").Length.ShouldBe(2);
    }

    [Fact]
    public async Task Without_an_SMTP_server_the_log_says_where_the_mails_are()
    {
        using var folder = new TemporaryFolder();
        await using var server = await SelfsameProcess.ServeAsync(folder.Path);

        server.StandardOutput.Text.ShouldContain(folder["mail"]);
    }

    [Fact]
    public async Task A_config_with_a_mistake_names_its_line_and_nothing_starts()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["selfsame.yaml"], "tenants:\n  main:\n    colour: red\n");

        var error = await Should.ThrowAsync<InvalidOperationException>(
            () => SelfsameProcess.ServeAsync(folder["data"], ["--config", folder["selfsame.yaml"]]));

        error.Message.ShouldContain("line 3");
        error.Message.ShouldContain("colour");
        Directory.Exists(folder["data"]).ShouldBeFalse();
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task On_PostgreSQL_two_nodes_serve_one_store_and_a_node_with_another_secret_does_not_start()
    {
        var postgres = await PostgresServer.SharedAsync();
        var database = await postgres.CreateDatabaseAsync();
        using var folder = new TemporaryFolder();
        await using var first = await SelfsameProcess.ServeAsync(folder["one"], ["--database", database]);
        Directory.CreateDirectory(folder["two"]);
        File.Copy(Path.Combine(folder["one"], "secret.key"), Path.Combine(folder["two"], "secret.key"));
        await using var second = await SelfsameProcess.ServeAsync(folder["two"], ["--database", database]);

        await SignUpAsync(first, HttpStatusCode.Created);
        await SignUpAsync(second, HttpStatusCode.Conflict);
        var error = await Should.ThrowAsync<InvalidOperationException>(() => SelfsameProcess.ServeAsync(folder["three"], ["--database", database]));
        error.Message.ShouldContain("SELFSAME_SECRET_KEY");
    }

    private static async Task SignUpAsync(SelfsameProcess server, HttpStatusCode expected)
    {
        using var client = new HttpClient { BaseAddress = server.Address };
        using var response = await client.PostAsJsonAsync(
            "/api/v1/sign-ups", new { email = "ada@example.com", username = "ada", password = "correct horse battery" });
        response.StatusCode.ShouldBe(expected);
    }

    private static CancellationToken Soon() => new CancellationTokenSource(TimeSpan.FromSeconds(30)).Token;
}
