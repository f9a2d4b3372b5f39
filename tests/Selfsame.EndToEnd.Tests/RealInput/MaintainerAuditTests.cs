using System.Text.Json;
using Npgsql;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.RealInput;

/// <summary>
/// The maintainers of Debian's binary packages as an application's users table, those of its source packages as another system's export:
/// what audit finds is counted again by plain code that shares nothing with it, repaired, and taken back.
/// </summary>
[Trait("needs", "apt")]
[Trait("needs", "postgresql")]
[Trait("needs", "executable")]
public sealed class MaintainerAuditTests
{
    private const string Config =
        """
        minimumAge: 0
        systems:
          export:
            connector: files
            path: export.csv
            identifiers: { email: address }
            attributes: { fullName: name }
          app:
            connector: postgres
            connection: ${DATABASE_URL}
            table: users
            identifiers: { email: email }
            attributes: { fullName: full_name, createdAt: created_at }
            trustEmail: true
            unique: [email]
            duplicates: merge
            survivor: [createdAt asc]
        reconcile:
          - { source: export, target: app, correlate: [email], trustEmail: true, missing: createInTarget, orphan: deleteInTarget, drifted: report }
        """;

    [Fact]
    public async Task What_audit_finds_among_real_people_is_what_plain_code_counts_and_repair_and_undo_come_round()
    {
        var maintainers = await DebianMaintainers.ReadAsync();
        var sources = await DebianSources.ReadAsync();
        var export = sources.DistinctBy(Key).ToList();

        using var folder = new TemporaryFolder();
        var server = await PostgresServer.SharedAsync();
        var database = await server.CreateDatabaseAsync();
        await using var users = NpgsqlDataSource.Create(database);
        await FillAsync(users, maintainers);
        await File.WriteAllLinesAsync(
            folder["export.csv"], ["id,name,address", .. export.Select((person, index) => $"s{index},{Quoted(person.Name)},{Quoted(person.Address)}")]);
        var selfsame = new Commands(folder, database);
        var first = await RowsAsync(users);

        await selfsame.ExpectAsync(0, "init", "-o", "first.yaml");
        (await File.ReadAllTextAsync(folder["first.yaml"])).ShouldContain("email: email");
        // As a newcomer has it, before anything is decided.
        await CheckDuplicatesAsync(selfsame, maintainers, "--config", "first.yaml");
        await selfsame.ExpectAsync(2, "plan", "-o", "first.json", "--config", "first.yaml");
        await File.WriteAllTextAsync(folder["selfsame.yaml"], Config);

        var duplicates = await CheckDuplicatesAsync(selfsame, maintainers);
        await selfsame.ExpectAsync(2, "plan", "-o", "merge.json", "--only", "Duplicate");
        var merged = await selfsame.ApplyAsync("merge.json");
        var difference = await CheckDifferenceAsync(selfsame, maintainers, export);
        await selfsame.ExpectAsync(2, "plan", "-o", "rest.json");
        var repaired = await selfsame.ApplyAsync("rest.json");

        // Who spells a name otherwise is told, and not changed.
        (await selfsame.FindingsAsync()).Select(finding => finding.GetProperty("kind").GetString()).ShouldAllBe(kind => kind == "Drifted");
        (await RowsAsync(users)).Count.ShouldBe(export.Count);
        await selfsame.UndoAsync(repaired);
        await selfsame.UndoAsync(merged);
        (await RowsAsync(users)).ShouldBe(first);
        Figures.Add([$"audit: {maintainers.Count} spellings in the binary packages, {sources.Count} in the source packages", duplicates, difference]);
    }

    [Fact]
    public async Task Without_source_lists_there_is_no_export_and_it_is_said_what_to_do()
    {
        using var empty = new TemporaryFolder();

        (await Should.ThrowAsync<InvalidOperationException>(DebianSources.ReadAsync(empty.Path))).Message.ShouldContain("deb-src");
    }

    /// <summary>The oracle's own equality: real addresses are ASCII, where only case tells two spellings of one apart.</summary>
    private static string Key(Maintainer person) => person.Address.Trim().ToLowerInvariant();

    /// <summary>The figures.</summary>
    private static async Task<string> CheckDuplicatesAsync(Commands selfsame, IReadOnlyList<Maintainer> maintainers, params string[] options)
    {
        var expected = maintainers.Select((person, index) => (Key: Key(person), Id: $"m{index}")).GroupBy(pair => pair.Key).Where(group => group.Skip(1).Any())
            .Select(group => string.Join(' ', group.Select(pair => pair.Id).Order(StringComparer.Ordinal))).Order(StringComparer.Ordinal).ToList();
        var found = (await selfsame.FindingsAsync(options)).Where(finding => finding.GetProperty("kind").GetString() == "Duplicate")
            .Select(finding => string.Join(' ', Ids(finding).Order(StringComparer.Ordinal))).Order(StringComparer.Ordinal).ToList();
        found.SequenceEqual(expected).ShouldBeTrue($"{found.Count} groups of duplicates found, {expected.Count} counted, or others");
        return $"{expected.Count} addresses are used by {maintainers.Count - maintainers.Select(Key).Distinct().Count() + expected.Count} spellings";
    }

    /// <summary>The figures.</summary>
    private static async Task<string> CheckDifferenceAsync(Commands selfsame, IReadOnlyList<Maintainer> maintainers, IReadOnlyList<Maintainer> export)
    {
        var (here, there) = (maintainers.Select(Key).ToHashSet(), export.Select(Key).ToHashSet());
        var findings = (await selfsame.FindingsAsync()).ToList();
        var missing = findings.Where(finding => finding.GetProperty("kind").GetString() == "Missing").SelectMany(Ids).ToHashSet();
        var orphans = findings.Where(finding => finding.GetProperty("kind").GetString() == "Orphan").SelectMany(Ids).ToHashSet();
        missing.SetEquals(export.Select((person, index) => (person, index)).Where(pair => !here.Contains(Key(pair.person))).Select(pair => $"s{pair.index}")).ShouldBeTrue("others are missing than plain code finds");
        orphans.Select(id => Key(maintainers[int.Parse(id[1..], System.Globalization.CultureInfo.InvariantCulture)])).ToHashSet().SetEquals(here.Except(there)).ShouldBeTrue("others are orphans than plain code finds");
        orphans.Count.ShouldBe(here.Except(there).Count());
        return $"{missing.Count} missing, {orphans.Count} orphans, {here.Intersect(there).Count()} in both, {findings.Count} findings in all";
    }

    private static IEnumerable<string> Ids(JsonElement finding)
        => finding.GetProperty("accounts").EnumerateArray().Select(account => account.GetProperty("id").GetString()!);

    private static string Quoted(string text) => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static async Task FillAsync(NpgsqlDataSource users, IReadOnlyList<Maintainer> maintainers)
    {
        await using (var create = users.CreateCommand("CREATE TABLE users (id text PRIMARY KEY, email text, full_name text, created_at integer NOT NULL DEFAULT 0)"))
        {
            await create.ExecuteNonQueryAsync();
        }

        await using var connection = await users.OpenConnectionAsync();
        await using var rows = await connection.BeginBinaryImportAsync("COPY users FROM STDIN (FORMAT binary)");
        foreach (var (person, index) in maintainers.Select((person, index) => (person, index)))
        {
            await rows.StartRowAsync();
            await rows.WriteAsync($"m{index}");
            await rows.WriteAsync(person.Address);
            await rows.WriteAsync(person.Name);
            await rows.WriteAsync(index);
        }

        await rows.CompleteAsync();
    }

    private static async Task<IReadOnlyList<string>> RowsAsync(NpgsqlDataSource users)
    {
        await using var command = users.CreateCommand("SELECT u::text FROM users u ORDER BY id");
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }

    /// <summary>Commands in the folder; what they print names people and is shown nowhere, only its length when one fails.</summary>
    private sealed class Commands(TemporaryFolder folder, string database)
    {
        public async Task<string> ExpectAsync(int exitCode, params string[] arguments)
        {
            var result = await RunAsync(arguments);
            result.ExitCode.ShouldBe(exitCode, $"{arguments[0]} printed {result.StandardOutput.Length} characters, and {result.StandardError.Length} as errors");
            return result.StandardOutput;
        }

        public async Task<IEnumerable<JsonElement>> FindingsAsync(params string[] options)
        {
            var audit = await RunAsync(["audit", "--json", .. options]);
            var findings = JsonDocument.Parse(audit.StandardOutput).RootElement.GetProperty("findings").EnumerateArray().ToList();
            audit.ExitCode.ShouldBe(findings.Count > 0 ? 2 : 0);
            return findings;
        }

        public async Task<string> ApplyAsync(string plan)
        {
            var report = JsonDocument.Parse(await ExpectAsync(0, "apply", plan, "--json", "--max-deletes", "100000", "--max-updates", "100000")).RootElement;
            return report.GetProperty("run").GetString()!;
        }

        public async Task UndoAsync(string run) => await ExpectAsync(0, "undo", run, "--yes", "--max-deletes", "100000", "--max-updates", "100000");

        private Task<CommandResult> RunAsync(params string[] arguments)
            => SelfsameProcess.RunAsync(arguments, "", new Dictionary<string, string?> { ["DATABASE_URL"] = database }, folder.Path);
    }
}
