using System.Text.Json;
using Selfsame.Core.Reconciliation;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>A users table full of duplicates and wrong ids, repaired from the command line on real SQLite files.</summary>
[Trait("needs", "executable")]
public sealed class DuplicateRepairTests : IDisposable
{
    private const string Config =
        """
        minimumAge: 0
        systems:
          auth: { connector: sqlite, connection: auth.db, table: people, identifiers: { email: mail }, attributes: { emailVerified: verified } }
          app:
            connector: sqlite
            connection: app.db
            table: users
            identifiers: { username: username, email: email }
            attributes: { emailVerified: verified, createdAt: created }
            unique: [username]
            duplicates: merge
            survivor: [createdAt asc]
            references: [{ field: comments.author, holds: username }]
            uuid: public_id
        reconcile:
          - { source: auth, target: app, correlate: [id, email], idMismatch: rekeyTarget, drifted: report }
        """;

    private static readonly string[] Tables = ["users", "printers", "members", "comments", "sqlite_master"];

    private readonly Workspace workspace = new(Config);

    public DuplicateRepairTests()
    {
        workspace.Sql("auth.db", "CREATE TABLE people (id text PRIMARY KEY, mail text, verified int); INSERT INTO people VALUES ('a1', 'dobbel@example.org', 1), ('u4', 'ann@example.org', 1)");
        workspace.Sql(
            "app.db",
            """
            CREATE TABLE users (id text PRIMARY KEY, username text, email text UNIQUE, verified int, created text, password text);
            CREATE INDEX username_1 ON users (username);
            CREATE TABLE printers (id integer PRIMARY KEY, owner text NOT NULL REFERENCES users (id));
            CREATE TABLE members (user text NOT NULL REFERENCES users (id), club text NOT NULL, since text, PRIMARY KEY (user, club));
            CREATE TABLE comments (id integer PRIMARY KEY, author text);
            INSERT INTO users VALUES ('u1', 'dobbeltop', 'dobbel@example.org', 1, '2020', 'hash-one'), ('u2', 'Dobbeltop', NULL, 0, '2021', 'hash-two'),
              ('u3', 'DOBBELTOP', NULL, 0, '2022', 'hash-three'), ('u4', 'ann', 'ann@example.org', 1, '2020', 'hash-four');
            INSERT INTO printers VALUES (1, 'u1'), (2, 'u2'), (3, 'u3'), (4, 'u4');
            INSERT INTO members VALUES ('u1', 'chess', '2020'), ('u2', 'chess', '2021'), ('u3', 'choir', '2022');
            INSERT INTO comments VALUES (1, 'DOBBELTOP'), (2, 'ann');
            """);
    }

    public static TheoryData<string> CrashPoints => [.. ApplyCrashPoints.All];

    public void Dispose() => workspace.Dispose();

    [Theory]
    [MemberData(nameof(CrashPoints))]
    public async Task Kill_9_in_the_middle_of_merges_and_the_same_plan_again_end_whole_and_undo_restores_every_row(string point)
    {
        var before = Everything();
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");

        (await workspace.RunAsync(point, ["apply", "plan.json"])).ExitCode.ShouldBe(137);
        var applied = await workspace.ExpectAsync(0, "apply", "plan.json", "--json");

        workspace.Sql("app.db", "SELECT id, username, email, password FROM users ORDER BY id").ShouldBe(["a1|dobbeltop|dobbel@example.org|hash-one", "u4|ann|ann@example.org|hash-four"]);
        workspace.Sql("app.db", "SELECT * FROM printers ORDER BY id").ShouldBe(["1|a1", "2|a1", "3|a1", "4|u4"]);
        workspace.Sql("app.db", "SELECT * FROM members ORDER BY club").ShouldBe(["a1|chess|2020", "a1|choir|2022"]);
        workspace.Sql("app.db", "SELECT author FROM comments ORDER BY id").ShouldBe(["dobbeltop", "ann"]);
        workspace.Sql("app.db", "SELECT count(DISTINCT public_id) FROM users").ShouldBe(["2"]);
        (await workspace.ExpectAsync(0, "audit")).StandardOutput.ShouldContain("Clean");
        File.ReadLines(workspace["plan.json.merged.jsonl"]).ShouldBe(
            ["""{"system":"app","loser":"u2","survivor":"u1"}""", """{"system":"app","loser":"u3","survivor":"u1"}"""], ignoreOrder: true);

        var run = JsonDocument.Parse(applied.StandardOutput).RootElement.GetProperty("run").GetString()!;
        await workspace.ExpectAsync(0, "undo", run[..8], "--yes");
        Everything().ShouldBe(before);
    }

    // "selfsame plan -o plan.json" is what every refusal advises: the map of the first run was gone before an application had read it.
    [Fact]
    public async Task A_further_plan_of_the_same_name_adds_to_the_map_of_merges()
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        await workspace.ExpectAsync(0, "apply", "plan.json");
        var index = workspace.Sql("app.db", "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE '%username_selfsame'").ShouldHaveSingleItem();
        workspace.Sql("app.db", $"DROP INDEX {index}; INSERT INTO users (id, username, verified, created, password) VALUES ('u5', 'ANN', 0, '2023', 'hash-five')");
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");

        await workspace.ExpectAsync(0, "apply", "plan.json");
        await workspace.ExpectAsync(0, "apply", "plan.json");

        File.ReadLines(workspace["plan.json.merged.jsonl"]).ShouldBe(
        [
            """{"system":"app","loser":"u2","survivor":"u1"}""", """{"system":"app","loser":"u3","survivor":"u1"}""", """{"system":"app","loser":"u5","survivor":"u4"}""",
        ], ignoreOrder: true);
    }

    [Fact]
    public async Task A_run_lists_every_row_that_it_wrote_those_that_arrived_late_too_and_no_secret()
    {
        workspace.Sql(
            "app.db",
            """
            CREATE TABLE devices (token text PRIMARY KEY, owner text REFERENCES users (id));
            INSERT INTO users VALUES ('u5', 'ANN', NULL, 0, '2023', 'hash-five');
            INSERT INTO devices VALUES ('a-token-shown-nowhere', 'u5');
            INSERT INTO printers VALUES (5, 'u5'), (6, 'u5');
            """);
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        (await workspace.RunAsync(ApplyCrashPoints.OutcomeDurable, ["apply", "plan.json"])).ExitCode.ShouldBe(137);

        // The merges are made, the sweeps are to come, and SQLite guards foreign keys from nobody who does not ask for it.
        workspace.Sql("app.db", "SELECT count(*) FROM users WHERE id = 'u5'").ShouldBe(["0"]);
        workspace.Sql("app.db", "PRAGMA foreign_keys = OFF; INSERT INTO printers VALUES (7, 'u5')");
        var run = JsonDocument.Parse((await workspace.ExpectAsync(0, "apply", "plan.json", "--json")).StandardOutput).RootElement.GetProperty("run").GetString()!;

        var json = (await workspace.ExpectAsync(0, "runs", run, "--json")).StandardOutput;
        Rows(json).ShouldBe(
        [
            "printers update id=2 owner=u2 → owner=u1", "printers update id=3 owner=u3 → owner=u1", "printers update id=5 owner=u5 → owner=u4", "printers update id=6 owner=u5 → owner=u4",
            "printers update id=7 owner=u5 → owner=u4", "devices update token=••• owner=u5 → owner=u4", "members delete club=chess,user=u2", "members update club=choir,user=u3 user=u3 → user=u1",
            "comments update id=1 author=DOBBELTOP → author=dobbeltop", "users delete id=u2", "users delete id=u3", "users delete id=u5", "users update id=u1 id=u1 → id=a1",
            "printers update id=1 owner=u1 → owner=a1", "printers update id=2 owner=u1 → owner=a1", "printers update id=3 owner=u1 → owner=a1",
            "members update club=chess,user=u1 user=u1 → user=a1", "members update club=choir,user=u1 user=u1 → user=a1",
        ], ignoreOrder: true);
        var text = (await workspace.ExpectAsync(0, "runs", run)).StandardOutput;
        string[] lines = ["printers: owner u5 → u4 in 5, 6, 7", "devices: owner u5 → u4 in •••", "members: deleted (club chess, user u2)", "users: deleted u2, u3", "printers: owner u1 → a1 in 1, 2, 3"];
        lines.ShouldBeSubsetOf(text.Split('\n').Select(line => line.Trim()), text);
        foreach (var secret in new[] { "a-token-shown-nowhere", "hash-" })
        {
            (json + text).ShouldNotContain(secret);
        }

        await workspace.ExpectAsync(0, "undo", run, "--yes");
        var undone = JsonDocument.Parse((await workspace.ExpectAsync(0, "runs", "--json")).StandardOutput).RootElement[0].GetProperty("id").GetString()!;
        (await workspace.ExpectAsync(0, "runs", undone)).StandardOutput.Split('\n').Select(line => line.Trim()).ShouldContain("printers: owner u4 → u5 in 7, 6, 5");
    }

    private static IEnumerable<string> Rows(string run)
        => JsonDocument.Parse(run).RootElement.GetProperty("changes").EnumerateArray()
            .SelectMany(change => change.TryGetProperty("rows", out var rows) ? rows.EnumerateArray().ToArray() : [])
            .Select(row => $"{row.GetProperty("table")} {row.GetProperty("action")} {Values(row, "key")}{(row.TryGetProperty("after", out _) ? $" {Values(row, "before")} → {Values(row, "after")}" : "")}");

    private static string Values(JsonElement row, string name) => string.Join(',', row.GetProperty(name).EnumerateObject().Select(pair => $"{pair.Name}={pair.Value}"));

    private IReadOnlyList<string> Everything()
        => [.. Tables.SelectMany(table => workspace.Sql("app.db", $"SELECT * FROM {table} ORDER BY 1, 2").Select(row => $"{table}: {row}"))
            .Where(row => !row.StartsWith("sqlite_master: table", StringComparison.Ordinal))];
}
