using System.Text.RegularExpressions;
using Npgsql;
using Selfsame.EndToEnd.Tests.Examples;
using Selfsame.Testing;
using Selfsame.Testing.Auth0;
using Selfsame.Testing.Supabase;

namespace Selfsame.EndToEnd.Tests.Documents;

/// <summary>Every command in an example's README is run as it stands, in its order. Its variables lead to servers of the tests, and npm finds its packages there already.</summary>
public sealed partial class ExampleCommandTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(2);

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task Uniqueness_report()
        => await RunAsync("uniqueness-report", ("DATABASE_URL", Uri(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync())));

    [Fact]
    [Trait("needs", "node, libmongoc")]
    public async Task Login_duplicates()
        => await RunAsync("login-duplicates", ("MONGODB_URI", await MongoAddress.NewDatabaseAsync("readme", replicaSet: false)));

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task Supabase_orphans()
    {
        var connection = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        await using var project = await SupabaseStandIn.StartAsync(connection);

        await RunAsync("supabase-orphans", ("SUPABASE_URL", project.Url), ("SUPABASE_SERVICE_ROLE_KEY", SupabaseStandIn.ServiceRoleKey), ("DATABASE_URL", Uri(connection)));
    }

    [Fact]
    [Trait("needs", "node, libmongoc")]
    public async Task Atproto_signup()
    {
        await using var pds = await PersonalDataServer.StartAsync();
        await using var auth0 = await Auth0StandIn.StartAsync();

        await RunAsync(
            "atproto-signup",
            ("AUTH0_DOMAIN", auth0.Url), ("AUTH0_CLIENT_ID", Auth0StandIn.ClientId), ("AUTH0_CLIENT_SECRET", Auth0StandIn.ClientSecret), ("AUTH0_LOG_TOKEN", "a token that nobody guesses"),
            ("MONGODB_URI", await MongoAddress.NewDatabaseAsync("readme", replicaSet: false)), ("PDS_URL", pds.Url), ("PDS_ADMIN_PASSWORD", PersonalDataServer.AdminPassword),
            ("PLC_URL", pds.DirectoryUrl), ("SELFSAME_SECRET_KEY", Convert.ToBase64String(new byte[32])));
    }

    [Fact]
    public void Every_example_has_its_test()
        => Directory.GetDirectories(Path.Combine(Checkout.Root, "examples")).Select(Path.GetFileName).Order(StringComparer.Ordinal)
            .ShouldBe(["atproto-signup", "login-duplicates", "supabase-orphans", "uniqueness-report"]);

    private static async Task RunAsync(string name, params (string Name, string Value)[] environment)
    {
        using var example = new ExampleFolder(name, environment);
        // The tests' wait for a second look; everything else is as in the example.
        foreach (var config in Directory.GetFiles(example.Folder, "*.yaml"))
        {
            File.AppendAllText(config, "minimumAge: 0\n");
        }

        MakePrograms(example);
        var commands = DocumentedCommandTests.Blocks(Path.Combine("examples", name, "README.md"), "sh").SelectMany(DocumentedCommandTests.Commands).ToList();
        var (exports, others) = (commands.Where(command => command.StartsWith("export ", StringComparison.Ordinal)), commands.Where(command => !command.StartsWith("export ", StringComparison.Ordinal)).ToList());
        exports.SelectMany(line => Assignment().Matches(line).Select(match => match.Groups[1].Value)).Order(StringComparer.Ordinal)
            .ShouldBe(environment.Select(pair => pair.Name).Order(StringComparer.Ordinal), $"{name}: what the README sets");
        others.ShouldNotBeEmpty(name);
        foreach (var command in others)
        {
            await RunAsync(name, command, example);
        }
    }

    private static async Task RunAsync(string name, string command, ExampleFolder example)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        var line = command.Contains(" RUN ", StringComparison.Ordinal) ? command.Replace(" RUN ", $" {await LatestRunAsync(example)} ", StringComparison.Ordinal) : command;
        if (line.StartsWith("selfsame serve", StringComparison.Ordinal))
        {
            await using var server = ChildProcess.Start("bash", ["-c", $"exec {Comment().Replace(line, "")} --urls http://127.0.0.1:0"], WithPath(example), folder: example.Folder);
            (await server.StandardOutput.FirstAsync(text => text.StartsWith("Listening on ", StringComparison.Ordinal), timeout.Token)).ShouldNotBeNull($"{name}: {command}\n{server.StandardError.Text}");
            server.Kill();
            return;
        }

        var result = await ChildProcess.RunAsync("bash", ["-c", line], default, WithPath(example), user: null, folder: example.Folder, timeout.Token);

        // What the comment calls clean is; elsewhere 2 is an answer too. psql goes on after an error.
        var said = $"{name}: {command}\n{result.StandardOutput}\n{result.StandardError}";
        result.ExitCode.ShouldBeOneOf(command.Contains("# clean", StringComparison.Ordinal) ? [0] : [0, 2], said);
        result.StandardError.ShouldNotContain("ERROR", Case.Sensitive, said);
    }

    private static async Task<string> LatestRunAsync(ExampleFolder example) => Uuid().Match(await example.ExpectAsync(0, "runs", "--json")).Value;

    /// <summary>An npm that installs nothing, for the packages are linked.</summary>
    private static void MakePrograms(ExampleFolder example)
    {
        Directory.CreateDirectory(example["bin"]);
        File.WriteAllText(example[Path.Combine("bin", "npm")], "#!/bin/sh\n[ \"$1\" = install ] && [ -d \"node_modules/$2\" ]\n");
        File.SetUnixFileMode(example[Path.Combine("bin", "npm")], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        example.LinkPackages();
    }

    private static Dictionary<string, string?> WithPath(ExampleFolder example) => new(example.Environment)
    {
        ["PATH"] = string.Join(':', example["bin"], Path.GetDirectoryName(Checkout.Executable), PostgresServer.Programs, Environment.GetEnvironmentVariable("PATH")),
    };

    /// <summary>The same as an address, which psql understands too.</summary>
    private static string Uri(string connection)
        => new NpgsqlConnectionStringBuilder(connection) is var parts ? $"postgresql://{parts.Username}@{parts.Host}:{parts.Port}/{parts.Database}" : "";

    [GeneratedRegex(@"(\w+)=")]
    private static partial Regex Assignment();

    [GeneratedRegex(@"\s+#.*$")]
    private static partial Regex Comment();

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Uuid();
}
