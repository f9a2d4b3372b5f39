using System.Text.Json;
using Selfsame.Core.Reconciliation;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>Accounts that another program made without the code and the record that each should have: found, repaired and taken back from the command line.</summary>
[Trait("needs", "executable")]
public sealed class IncompleteAccountTests : IDisposable
{
    private const string Config =
        """
        minimumAge: 0
        systems:
          idp: { connector: sqlite, connection: idp.db, table: people, identifiers: { email: mail } }
          app:
            connector: sqlite
            connection: app.db
            table: users
            identifiers: { email: email }
            userCode: { field: code, prefix: ac }
            records: { verifications: { table: verifications, id: sub } }
        reconcile:
          - { source: idp, target: app, correlate: [id], missing: createInTarget }
        """;

    private const string Users = "SELECT u.id, u.code, v.sub FROM users u LEFT JOIN verifications v ON v.sub = u.id ORDER BY u.id";

    private readonly Workspace workspace = new(Config);

    public IncompleteAccountTests()
    {
        workspace.Sql("idp.db", "CREATE TABLE people (id text PRIMARY KEY, mail text); INSERT INTO people VALUES ('1', 'a@example.org'), ('2', 'b@example.org'), ('3', 'c@example.org')");
        workspace.Sql(
            "app.db",
            """
            CREATE TABLE users (id text PRIMARY KEY, email text, code text COLLATE NOCASE UNIQUE);
            CREATE TABLE verifications (sub text PRIMARY KEY);
            INSERT INTO users VALUES ('1', 'a@example.org', NULL), ('2', 'b@example.org', 'ac26xadeh');
            INSERT INTO verifications VALUES ('1')
            """);
    }

    public static TheoryData<string> CrashPoints => [.. ApplyCrashPoints.All];

    public void Dispose() => workspace.Dispose();

    [Fact]
    public async Task Whoever_lacks_a_code_or_a_record_is_found_completed_by_the_plan_that_makes_the_missing_and_taken_back()
    {
        var before = workspace.Sql("app.db", Users);
        var audit = await workspace.ExpectAsync(2, "audit");
        audit.StandardOutput.ShouldContain("a@example.org (1) in app lacks a user code ('code').");
        audit.StandardOutput.ShouldContain("b@example.org (2) in app lacks a record of 'verifications'.");
        (await workspace.ExpectAsync(2, "show", "b@example.org")).StandardOutput.ShouldContain("IncompleteAccount");

        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        var applied = await workspace.ExpectAsync(0, "apply", "plan.json", "--json");

        var users = workspace.Sql("app.db", Users);
        users[0].ShouldMatch(@"^1\|ac[0-9]{2}([a-z]{2}){2}[a-z]\|1$");
        users[1].ShouldBe("2|ac26xadeh|2");
        users[2].ShouldMatch(@"^3\|ac[0-9]{2}([a-z]{2}){2}[a-z]\|3$");
        (await workspace.ExpectAsync(0, "audit")).StandardOutput.ShouldContain("Clean");

        var run = JsonDocument.Parse(applied.StandardOutput).RootElement.GetProperty("run").GetString()!;
        await workspace.ExpectAsync(0, "undo", run[..8], "--yes");
        workspace.Sql("app.db", Users).ShouldBe(before);
    }

    [Theory]
    [MemberData(nameof(CrashPoints))]
    public async Task Killed_anywhere_the_same_plan_goes_on_where_it_was(string point)
    {
        await workspace.ExpectAsync(2, "plan", "--only", "IncompleteAccount", "-o", "plan.json");

        (await workspace.RunAsync(point, ["apply", "plan.json"])).ExitCode.ShouldBe(137);
        await workspace.ExpectAsync(0, "apply", "plan.json");

        workspace.Sql("app.db", "SELECT count(code), count(DISTINCT code) FROM users").ShouldBe(["2|2"]);
        workspace.Sql("app.db", "SELECT sub FROM verifications ORDER BY sub").ShouldBe(["1", "2"]);
    }

    [Fact]
    public async Task Without_an_index_the_first_plan_makes_it_and_the_next_gives_the_codes()
    {
        workspace.Sql("app.db", "DROP TABLE users; CREATE TABLE users (id text PRIMARY KEY, email text, code text); INSERT INTO users VALUES ('1', 'a@example.org', NULL), ('2', 'b@example.org', 'ac26xadeh'), ('3', 'c@example.org', NULL)");
        workspace.Sql("app.db", "INSERT INTO verifications VALUES ('2'), ('3')");

        (await workspace.ExpectAsync(2, "plan", "-o", "index.json")).StandardOutput.ShouldContain("apply the index first, then plan again");
        await workspace.ExpectAsync(0, "apply", "index.json");
        await workspace.ExpectAsync(2, "plan", "-o", "codes.json");
        await workspace.ExpectAsync(0, "apply", "codes.json");

        await workspace.ExpectAsync(0, "audit");
        workspace.Sql("app.db", "SELECT count(DISTINCT code) FROM users").ShouldBe(["3"]);
    }

    // Our keys hold ac26xadeh and ac26adeh apart, and so does the index that the config asks for.
    [Fact]
    public async Task A_stricter_unique_index_beside_the_canonical_one_is_a_finding_that_says_what_to_drop()
    {
        workspace.Sql("app.db", "CREATE UNIQUE INDEX dotless ON users (replace(code, 'x', ''))");

        var audit = await workspace.ExpectAsync(2, "audit");
        var doctor = await workspace.ExpectAsync(2, "doctor");

        audit.StandardOutput.ShouldContain("IndexesInConflict");
        audit.StandardOutput.ShouldContain("Drop 'dotless', or take");
        doctor.StandardOutput.ShouldContain("'dotless' can't hold beside it");
        (await workspace.ExpectAsync(2, "plan", "--only", "IndexesInConflict", "-o", "plan.json")).StandardOutput.ShouldContain("put right there");
    }
}
