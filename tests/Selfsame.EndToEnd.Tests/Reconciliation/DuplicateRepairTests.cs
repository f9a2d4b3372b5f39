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

    private IReadOnlyList<string> Everything()
        => [.. Tables.SelectMany(table => workspace.Sql("app.db", $"SELECT * FROM {table} ORDER BY 1, 2").Select(row => $"{table}: {row}"))
            .Where(row => !row.StartsWith("sqlite_master: table", StringComparison.Ordinal))];
}
