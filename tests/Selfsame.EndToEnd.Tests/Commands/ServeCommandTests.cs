using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using Npgsql;
using Selfsame.Cli.Commands;
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
    public async Task The_start_says_which_config_data_and_database_are_used()
    {
        using var folder = new TemporaryFolder();
        await using (var plain = await SelfsameProcess.ServeAsync(folder["plain"]))
        {
            (await ConfigLineAsync(plain)).ShouldContain(
                $"Config: none, for there is no selfsame.yaml in {Environment.CurrentDirectory}: the defaults hold; data: {folder["plain"]}; database: SQLite, {folder["plain/selfsame.db"]}");
        }

        await File.WriteAllTextAsync(folder["other.yaml"], "tenants: { main: { locale: de } }", TestContext.Current.CancellationToken);
        await using var named = await SelfsameProcess.ServeAsync(folder["named"], ["--config", folder["other.yaml"]]);
        (await ConfigLineAsync(named)).ShouldContain($"Config: {folder["other.yaml"]}; data: {folder["named"]}; ");
    }

    [Fact]
    public async Task Without_an_SMTP_server_the_log_says_where_the_mails_are()
    {
        using var folder = new TemporaryFolder();
        await using var server = await SelfsameProcess.ServeAsync(folder.Path);

        server.StandardOutput.Text.ShouldContain(folder["mail"]);
    }

    [Fact]
    public async Task A_port_in_use_is_one_sentence_that_names_the_option()
    {
        using var folder = new TemporaryFolder();
        await using var server = await SelfsameProcess.ServeAsync(folder["first"]);

        var result = await SelfsameProcess.RunAsync(["serve", "--urls", server.Address.ToString(), "--data", folder["second"]], folder: folder.Path);

        result.ExitCode.ShouldBe(1);
        result.StandardError.ShouldContain("--urls");
        result.StandardError.TrimEnd().ShouldNotContain("\n");
        (result.StandardOutput + result.StandardError).ShouldNotContain("   at ");
    }

    // RFC 5737: an address that no machine has.
    [Fact]
    public async Task An_address_of_another_machine_is_one_sentence_that_names_the_option()
    {
        using var folder = new TemporaryFolder();

        var result = await SelfsameProcess.RunAsync(["serve", "--urls", "http://192.0.2.1:8080", "--data", folder.Path], folder: folder.Path);

        result.ExitCode.ShouldBe(1);
        result.StandardError.ShouldStartWith("selfsame: The server can't listen on http://192.0.2.1:8080: this machine has no such address. ");
        result.StandardError.ShouldContain("--urls");
        result.StandardError.TrimEnd().ShouldNotContain("\n");
        (result.StandardOutput + result.StandardError).ShouldNotContain("   at ");
    }

    // Whoever runs the tests may be root, who may have any port.
    [Fact]
    public void A_port_that_is_roots_is_one_sentence_that_names_the_option_whichever_way_the_web_server_tells_it()
    {
        var denied = new SocketException((int)SocketError.AccessDenied);

        foreach (var told in new Exception[] { denied, new IOException("Failed to bind to address http://localhost:80.", new AggregateException(denied, denied)) })
        {
            ServeCommand.WhyNotAt(["http://localhost:80"], told).ShouldNotBeNull()
                .ShouldSatisfyAllConditions(text => text.ShouldContain("http://localhost:80: a port below 1024 is root's"), text => text.ShouldContain("--urls"));
        }

        ServeCommand.WhyNotAt(["http://localhost:80"], new IOException("The disk is full.")).ShouldBeNull();
    }

    // It says where it would listen when something else does.
    [Fact]
    public async Task Without_an_address_it_listens_at_localhost_8080()
    {
        using var folder = new TemporaryFolder();
        using var other = new TcpListener(IPAddress.Loopback, 8080);
        try
        {
            other.Start();
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            // Another program of this machine does: as good.
        }

        var result = await SelfsameProcess.RunAsync(["serve", "--data", folder.Path], folder: folder.Path);

        result.ExitCode.ShouldBe(1);
        result.StandardError.ShouldContain("127.0.0.1:8080");
    }

    [Fact]
    public async Task Without_libsodium_passwords_are_hashed_all_the_same_and_the_log_says_so_once()
    {
        using var folder = new TemporaryFolder();
        var libraries = Directory.CreateDirectory(folder["libraries"]).FullName;
        foreach (var name in new[] { "libsodium.so.23", "libsodium.so.26", "libsodium.so" })
        {
            await File.WriteAllTextAsync(Path.Combine(libraries, name), "none", TestContext.Current.CancellationToken);
        }

        await using var server = await SelfsameProcess.ServeAsync(
            folder["data"], environment: new Dictionary<string, string?> { ["LD_LIBRARY_PATH"] = libraries });

        await SignUpAsync(server, HttpStatusCode.Created);
        using var client = new HttpClient { BaseAddress = server.Address };
        using var signIn = await client.PostAsJsonAsync(
            "/api/v1/sessions", new { login = "ada", password = "correct horse battery" }, TestContext.Current.CancellationToken);
        signIn.StatusCode.ShouldBe(HttpStatusCode.Created);
        server.StandardOutput.Text.Split("libsodium was not found").Length.ShouldBe(2);
    }

    [Fact]
    public async Task Each_line_of_the_log_says_when()
    {
        using var folder = new TemporaryFolder();
        await using var server = await SelfsameProcess.ServeAsync(folder.Path);
        using var client = new HttpClient { BaseAddress = server.Address };
        foreach (var address in new[] { "ada@example.com", "ADA@example.com" })
        {
            await client.PostAsJsonAsync("/api/v1/sign-ups", new { email = address, password = "a long enough pass phrase" }, TestContext.Current.CancellationToken);
        }

        var lines = server.StandardOutput.Text.Split('\n').Where(line => line.Contains(": Selfsame.", StringComparison.Ordinal)).ToList();
        lines.ShouldContain(line => line.Contains("Selfsame.Store", StringComparison.Ordinal), "the conflict is logged by the store");
        lines.ShouldAllBe(line => System.Text.RegularExpressions.Regex.IsMatch(line, @"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ "));
    }

    [Fact]
    public async Task A_server_that_sends_mails_says_at_the_start_that_links_lead_nowhere()
    {
        using var folder = new TemporaryFolder();
        const string warning = "Links in the mails of tenant";
        await using (var own = await SelfsameProcess.ServeAsync(folder["own"]))
        {
            own.StandardOutput.Text.ShouldNotContain(warning);
        }

        const string mail = "mail: { host: 127.0.0.1, from: accounts@example.com }\n";
        await File.WriteAllTextAsync(folder["mail.yaml"], mail, TestContext.Current.CancellationToken);
        await using (var mailing = await SelfsameProcess.ServeAsync(folder["mailing"], ["--config", folder["mail.yaml"]]))
        {
            (await mailing.StandardOutput.FirstAsync(line => line.Contains(warning, StringComparison.Ordinal), Soon())).ShouldNotBeNull()
                .ShouldContain("main lead to http://127.0.0.1:");
        }

        await File.WriteAllTextAsync(
            folder["named.yaml"], $"{mail}tenants: {{ main: {{ hosts: [id.example.com] }}, second: {{ publicUrl: \"https://id.example.com\" }} }}\n", TestContext.Current.CancellationToken);
        await using var named = await SelfsameProcess.ServeAsync(folder["named"], ["--config", folder["named.yaml"]]);
        (await named.StandardOutput.FirstAsync(line => line.Contains(warning, StringComparison.Ordinal), Soon())).ShouldNotBeNull()
            .ShouldContain("second lead to https://id.example.com/, where the tenant main is");
        named.StandardOutput.Text.ShouldNotContain("of tenant main lead");
    }

    [Theory]
    [InlineData("--urls", "localhost:8080")]
    [InlineData("--urls", "http://localhost:99999")]
    [InlineData("--urls", "ftp://localhost")]
    [InlineData("--urls", "")]
    [InlineData("--data", "")]
    public async Task A_value_that_is_none_ends_with_one_sentence_and_exit_code_1(string option, string value)
    {
        using var folder = new TemporaryFolder();
        string[] data = option == "--data" ? [] : ["--data", folder["data"]];

        var result = await SelfsameProcess.RunAsync(["serve", option, value, .. data], folder: folder.Path);

        result.ExitCode.ShouldBe(1);
        result.StandardError.ShouldStartWith($"selfsame: '{option}' ");
        result.StandardError.TrimEnd().ShouldNotContain("\n");
        Directory.EnumerateFileSystemEntries(folder.Path).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("init", "app.db", "-o", "")]
    [InlineData("demo", "--folder", "")]
    [InlineData("audit", "--data", "")]
    public async Task An_empty_path_ends_with_one_sentence_and_exit_code_1(params string[] arguments)
    {
        using var folder = new TemporaryFolder();

        var result = await SelfsameProcess.RunAsync(arguments, folder: folder.Path);

        result.ExitCode.ShouldBe(1);
        result.StandardError.ShouldStartWith("selfsame: ");
        result.StandardError.TrimEnd().ShouldNotContain("\n");
    }

    // Two seconds were all that it got, whatever was under way.
    [Fact]
    public async Task A_server_that_is_stopped_answers_what_it_had_begun_and_ends_with_exit_code_0()
    {
        using var folder = new TemporaryFolder();
        await using var server = await SelfsameProcess.ServeAsync(folder.Path);
        var body = new UnfinishedBody();
        var signUp = SignUpAsync(server, HttpStatusCode.Created, body);
        await UntilItIsUnderWayAsync(server);

        await ChildProcess.RunAsync("kill", ["-TERM", server.ProcessId.ToString(CultureInfo.InvariantCulture)], cancellationToken: Soon());
        await Task.Delay(TimeSpan.FromSeconds(4), Soon());
        server.HasExited.ShouldBeFalse();
        body.Finish();

        await signUp;
        (await server.WaitForExitAsync()).ShouldBe(0);
        server.StandardOutput.Text.ShouldNotContain("dbug");
    }

    private static async Task UntilItIsUnderWayAsync(SelfsameProcess server)
    {
        using var client = new HttpClient { BaseAddress = server.Address };
        while (!(await client.GetStringAsync("/metrics", Soon())).Split('\n').Any(line =>
            line.StartsWith("http_server_active_requests{", StringComparison.Ordinal) && line.Contains("POST", StringComparison.Ordinal) && line.EndsWith(" 1", StringComparison.Ordinal)))
        {
            await Task.Delay(50, Soon());
        }
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

        (await ConfigLineAsync(first)).ShouldContain($"database: PostgreSQL, {new NpgsqlConnectionStringBuilder(database).Database} at 127.0.0.1:{postgres.Port}");
        await SignUpAsync(first, HttpStatusCode.Created);
        await SignUpAsync(second, HttpStatusCode.Conflict);
        var error = await Should.ThrowAsync<InvalidOperationException>(() => SelfsameProcess.ServeAsync(folder["three"], ["--database", database]));
        error.Message.ShouldContain("SELFSAME_SECRET_KEY");
    }

    /// <summary>The log is written behind what is printed.</summary>
    private static async Task<string> ConfigLineAsync(SelfsameProcess server)
        => (await server.StandardOutput.FirstAsync(line => line.Contains("Config: ", StringComparison.Ordinal), Soon())).ShouldNotBeNull();

    private static Task SignUpAsync(SelfsameProcess server, HttpStatusCode expected)
        => SignUpAsync(server, expected, JsonContent.Create(new { email = "ada@example.com", username = "ada", password = "correct horse battery" }));

    private static async Task SignUpAsync(SelfsameProcess server, HttpStatusCode expected, HttpContent body)
    {
        using var client = new HttpClient { BaseAddress = server.Address };
        using var response = await client.PostAsync(new Uri("/api/v1/sign-ups", UriKind.Relative), body);
        response.StatusCode.ShouldBe(expected);
    }

    private static CancellationToken Soon() => new CancellationTokenSource(TimeSpan.FromSeconds(30)).Token;

    /// <summary>A sign-up that is under way until it is finished; the blanks at its beginning keep it above the 240 bytes a second that the server demands, for a minute.</summary>
    private sealed class UnfinishedBody : HttpContent
    {
        private readonly TaskCompletionSource finished = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public UnfinishedBody() => Headers.ContentType = new MediaTypeHeaderValue("application/json");

        public void Finish() => finished.SetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(new string(' ', 16 * 1024) + """{ "email": "ada@example.com", "username": "ada", """));
            await stream.FlushAsync();
            await finished.Task.WaitAsync(Soon());
            await stream.WriteAsync(""" "password": "correct horse battery" }"""u8.ToArray());
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
