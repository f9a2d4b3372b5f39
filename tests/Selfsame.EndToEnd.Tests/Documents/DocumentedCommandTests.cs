using System.Text.RegularExpressions;
using Selfsame.Core;
using Selfsame.Databases;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Documents;

/// <summary>Every command in the README and under docs/ is run as it stands; every config there is read. Those of the examples need servers: see <see cref="ExampleCommandTests"/>.</summary>
[Trait("needs", "executable")]
public sealed partial class DocumentedCommandTests
{
    /// <summary>Stands in documents for a run's id.</summary>
    private const string ExampleRun = "28fc4953";

    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(2);

    public static TheoryData<string> Documents()
        => [.. Directory.EnumerateFiles(Checkout.Root, "*.md")
            .Concat(Directory.EnumerateFiles(Path.Combine(Checkout.Root, "docs"), "*.md", SearchOption.AllDirectories))
            .Concat(Directory.Exists(Path.Combine(Checkout.Root, "examples"))
                ? Directory.EnumerateFiles(Path.Combine(Checkout.Root, "examples"), "*.md", SearchOption.AllDirectories)
                : [])
            .Select(file => Path.GetRelativePath(Checkout.Root, file))
            .Order(StringComparer.Ordinal)];

    // An indented block has no language, so that nobody runs it.
    [Theory]
    [MemberData(nameof(Documents))]
    public void No_command_stands_in_an_indented_block(string document)
        => IndentedCommand().Matches(Block().Replace(File.ReadAllText(Path.Combine(Checkout.Root, document)), "")).Select(match => match.Value).ShouldBeEmpty(document);

    [Theory]
    [MemberData(nameof(Documents))]
    public async Task Every_command_in_a_document_runs(string document)
    {
        var commands = Blocks(document, "sh").SelectMany(Commands).ToList();
        if (commands.Count == 0 || document.StartsWith("examples", StringComparison.Ordinal))
        {
            return;
        }

        using var folder = new TemporaryFolder();
        await PrepareAsync(folder);
        foreach (var command in commands)
        {
            await RunAsync(document, command, folder);
        }
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public async Task Every_config_in_a_document_is_read(string document)
    {
        using var folder = new TemporaryFolder();
        foreach (var block in Blocks(document, "yaml"))
        {
            await File.WriteAllTextAsync(folder["selfsame.yaml"], block);
            var variables = Variable().Matches(block).ToDictionary(match => match.Groups[1].Value, string? (match) => Placeholder(match.Groups[1].Value));
            // A config that names a PDS asks for it.
            variables["SELFSAME_SECRET_KEY"] = Convert.ToBase64String(new byte[32]);

            var result = await SelfsameProcess.RunAsync(["runs", "--config", folder["selfsame.yaml"], "--data", folder["data"]], "", variables);

            result.ExitCode.ShouldBe(0, $"{document}: {result.StandardError}");
        }
    }

    /// <summary>A value that a connector takes for its address; none is called.</summary>
    private static string Placeholder(string variable)
        => variable.StartsWith("MONGO", StringComparison.Ordinal) ? "mongodb://localhost/app"
            : variable.EndsWith("_TOKEN", StringComparison.Ordinal) ? "a token that nobody guesses"
            : variable.Contains("WEBHOOK_SECRET", StringComparison.Ordinal) ? "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            : variable.EndsWith("_URL", StringComparison.Ordinal) && variable != "DATABASE_URL" ? "https://project.example.com"
            : "value";

    private static async Task RunAsync(string document, string command, TemporaryFolder folder)
    {
        // The tests can't run themselves, and the bare ./run is the serve of the next case on the port that may be in use.
        if (command is "./run" || command.StartsWith("./test", StringComparison.Ordinal) || command.StartsWith("bench/run", StringComparison.Ordinal))
        {
            File.Exists(Path.Combine(Checkout.Root, command.Split(' ')[0])).ShouldBeTrue($"{document}: {command}");
            CheckOfBenchmark(document, command);
            return;
        }

        var line = command.Replace("/tmp/selfsame-data", folder["other"], StringComparison.Ordinal)
            .Replace("./run demo", $"./run demo --folder {folder["demo"]}", StringComparison.Ordinal);
        if (line.Contains(ExampleRun, StringComparison.Ordinal))
        {
            line = line.Replace(ExampleRun, await LatestRunAsync(folder), StringComparison.Ordinal);
        }

        if (line.StartsWith("selfsame undo ", StringComparison.Ordinal))
        {
            line = $"selfsame undo {await LatestRunAsync(folder)}";
        }

        using var timeout = new CancellationTokenSource(Timeout);
        if (line.Contains("./run serve", StringComparison.Ordinal))
        {
            await ServeAsync(document, line, folder, timeout.Token);
            return;
        }

        var result = await ChildProcess.RunAsync(
            "bash", ["-c", line], "correct horse battery\n"u8.ToArray(), Environment(folder), user: null, folder: line.Contains("./", StringComparison.Ordinal) ? Checkout.Root : folder.Path, timeout.Token);

        // 2 is an answer too: findings, or refused lines.
        result.ExitCode.ShouldBeOneOf([0, 2], $"{document}: {command}\n{result.StandardOutput}\n{result.StandardError}");
    }

    /// <summary>A benchmark takes long; that its options and parts are there is seen in its text.</summary>
    private static void CheckOfBenchmark(string document, string command)
    {
        if (!command.StartsWith("bench/run", StringComparison.Ordinal))
        {
            return;
        }

        var program = File.ReadAllText(Path.Combine(Checkout.Root, "bench", "Selfsame.Bench", "Program.cs"));
        var words = command.Split('#')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        for (var index = 1; index < words.Length; index++)
        {
            var known = words[index].StartsWith("--", StringComparison.Ordinal) ? $"(\"{words[index]}\")"
                : words[index - 1] == "--only" ? $" {words[index]}" : "";
            program.ShouldContain(known, Case.Sensitive, $"{document}: {command}");
        }
    }

    private static async Task ServeAsync(string document, string line, TemporaryFolder folder, CancellationToken cancellation)
    {
        await using var server = ChildProcess.Start("bash", ["-c", $"exec {line}"], Environment(folder), user: null, folder: Checkout.Root);
        var listening = await server.StandardOutput.FirstAsync(text => text.StartsWith("Listening on ", StringComparison.Ordinal), cancellation);
        listening.ShouldNotBeNull($"{document}: {line}\n{server.StandardError.Text}");
        server.Kill();
    }

    /// <summary>A store with a user whom the connected system lacks, and the config that says so.</summary>
    private static async Task PrepareAsync(TemporaryFolder folder)
    {
        await File.WriteAllTextAsync(
            folder["selfsame.yaml"],
            $$"""
            systems:
              users: { connector: selfsame }
              app: { connector: sqlite, connection: {{folder["app.db"]}}, table: members, id: id, identifiers: { email: email }, unique: [email] }
            reconcile:
              - { source: users, target: app, correlate: [id], missing: createInTarget }
            decisions: decisions.yaml
            """);
        await File.WriteAllTextAsync(folder["decisions.yaml"], "");
        await using (var app = SqliteDatabase.File(folder["app.db"], new DatabaseOptions(), TimeProvider.System, RandomSource.System))
        {
            await app.TransactAsync(transaction => transaction.ExecuteAsync("CREATE TABLE members (id text NOT NULL PRIMARY KEY, email text NOT NULL UNIQUE); INSERT INTO members VALUES ('7', 'backup@example.com')"));
        }

        await SelfsameProcess.RunAsync(["users", "create", "--email", "ada@example.com", "--data", folder["data"]], "correct horse battery\n");
    }

    private static async Task<string> LatestRunAsync(TemporaryFolder folder)
    {
        var runs = await SelfsameProcess.RunAsync(["runs", "--json", "--config", folder["selfsame.yaml"], "--data", folder["data"]]);
        return Uuid().Match(runs.StandardOutput).Value;
    }

    /// <summary>The data folder, and a path on which <c>selfsame</c> is the executable under test.</summary>
    private static Dictionary<string, string?> Environment(TemporaryFolder folder) => new()
    {
        ["SELFSAME_DATA"] = folder["data"],
        ["PATH"] = $"{Path.GetDirectoryName(Checkout.Executable)}:{System.Environment.GetEnvironmentVariable("PATH")}",
    };

    /// <summary>The lines of a block, those that a backslash continues put together, comments left out.</summary>
    internal static IEnumerable<string> Commands(string block)
        => block.Replace("\\\n", " ", StringComparison.Ordinal)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(line => !line.StartsWith('#'));

    internal static IEnumerable<string> Blocks(string document, string language)
        => Block().Matches(File.ReadAllText(Path.Combine(Checkout.Root, document)))
            .Where(match => match.Groups["language"].Value == language)
            .Select(match => match.Groups["text"].Value);

    [GeneratedRegex(@"^```(?<language>\w+)\n(?<text>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^(?: {4}|\t)\s*(?:\$ )?(?:selfsame|\./run|\./test|bench/run|psql|node|npm|export|curl|dotnet) .*$", RegexOptions.Multiline)]
    private static partial Regex IndentedCommand();

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Uuid();

    [GeneratedRegex(@"\$\{([A-Z0-9_]+)\}")]
    private static partial Regex Variable();
}
