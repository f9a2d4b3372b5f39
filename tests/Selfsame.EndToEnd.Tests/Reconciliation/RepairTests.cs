using System.Text.Json;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>Two stores of others, repaired from the command line.</summary>
[Trait("needs", "executable")]
public sealed class RepairTests : IDisposable
{
    private const string Config =
        """
        minimumAge: 0
        systems:
          people: { connector: sqlite, connection: people.db, table: people, identifiers: { username: name, email: mail }, attributes: { fullName: full } }
          app: { connector: sqlite, connection: app.db, table: users, identifiers: { username: login, email: email }, attributes: { fullName: full_name }, unique: [username] }
        reconcile:
          - { source: people, target: app, correlate: [id], missing: createInTarget, orphan: deleteInTarget, drifted: updateTarget }
        """;

    private const string Users = "SELECT * FROM users ORDER BY id";

    private readonly Workspace workspace = new(Config);

    public RepairTests()
    {
        workspace.Sql("people.db", "CREATE TABLE people (id text PRIMARY KEY, name text, mail text, full text); INSERT INTO people VALUES ('1', 'ann', 'ann@example.org', 'Ann'), ('2', 'bob', NULL, 'Bob'), ('3', 'cy', NULL, 'Cy')");
        workspace.Sql("app.db", "CREATE TABLE users (id text PRIMARY KEY, login text COLLATE NOCASE UNIQUE, email text, full_name text, password text); INSERT INTO users VALUES ('2', 'bob', NULL, 'Rob', 'hash-of-bob'), ('3', 'cy', NULL, 'Cy', NULL), ('9', 'gone', NULL, NULL, 'hash-of-gone')");
    }

    public static TheoryData<string> CrashPoints => [.. ApplyCrashPoints.All];

    public void Dispose() => workspace.Dispose();

    [Theory]
    [MemberData(nameof(CrashPoints))]
    public async Task Kill_9_of_apply_and_the_same_plan_again_end_as_if_nothing_had_happened_and_undo_takes_it_all_back(string point)
    {
        var before = workspace.Sql("app.db", Users);
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");

        (await workspace.RunAsync(point, ["apply", "plan.json"])).ExitCode.ShouldBe(137);
        var applied = await workspace.ExpectAsync(0, "apply", "plan.json", "--json");

        workspace.Sql("app.db", Users).ShouldBe(["1|ann|ann@example.org|Ann|NULL", "2|bob|NULL|Bob|hash-of-bob", "3|cy|NULL|Cy|NULL"]);
        var run = JsonDocument.Parse(applied.StandardOutput).RootElement.GetProperty("run").GetString()!;
        await workspace.ExpectAsync(0, "undo", run[..8], "--yes");
        workspace.Sql("app.db", Users).ShouldBe(before);
    }

    [Fact]
    public async Task Audit_plan_apply_audit_undo_and_each_says_what_comes_next()
    {
        var audit = await workspace.ExpectAsync(2, "audit");
        audit.StandardOutput.ShouldContain("ann is in people and not in app.");
        audit.StandardOutput.ShouldContain("bob differs in app: fullName.");
        audit.StandardOutput.ShouldContain("gone is in app and is nobody in people.");
        audit.StandardOutput.ShouldNotContain("\u001b");

        var plan = await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        plan.StandardOutput.ShouldContain("full_name: Rob → Bob");
        plan.StandardOutput.ShouldNotContain("hash-of-gone");
        File.ReadAllText(workspace["plan.json"]).ShouldNotContain("hash-of-gone");
        File.GetUnixFileMode(workspace["plan.json"]).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        workspace.Sql("app.db", "SELECT count(*) FROM users").ShouldBe(["3"]);

        await workspace.ExpectAsync(0, "apply", "plan.json");
        (await workspace.ExpectAsync(0, "audit")).StandardOutput.ShouldContain("Clean");
        (await workspace.ExpectAsync(0, "apply", "plan.json")).StandardOutput.ShouldContain("0 changes made; 3 of 3");

        var runs = JsonDocument.Parse((await workspace.ExpectAsync(0, "runs", "--json")).StandardOutput).RootElement;
        runs[0].GetProperty("applied").GetInt32().ShouldBe(3);
        var run = runs[0].GetProperty("id").GetString()!;
        (await workspace.ExpectAsync(2, "undo", run)).StandardOutput.ShouldContain("3 changes would take run");
        workspace.Sql("app.db", "SELECT count(*) FROM users WHERE id = '9'").ShouldBe(["0"]);
        await workspace.ExpectAsync(0, "undo", run, "--yes");
        await workspace.ExpectAsync(2, "audit");
        (await workspace.ExpectAsync(0, "undo", run)).StandardOutput.ShouldContain("nothing to take back");
    }

    [Fact]
    public async Task Undo_leaves_alone_what_somebody_changed_since()
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        var applied = await workspace.ExpectAsync(0, "apply", "plan.json", "--json");
        var run = JsonDocument.Parse(applied.StandardOutput).RootElement.GetProperty("run").GetString()!;
        workspace.Sql("app.db", "UPDATE users SET full_name = 'Robert' WHERE id = '2'");

        var undo = await workspace.ExpectAsync(2, "undo", run, "--yes");

        undo.StandardError.ShouldContain("not taken back");
        workspace.Sql("app.db", "SELECT id, full_name FROM users ORDER BY id").ShouldBe(["2|Robert", "3|Cy", "9|NULL"]);
    }

    [Fact]
    public async Task A_colleague_takes_a_run_back_from_the_shared_journal_with_its_secret_and_is_told_so_with_another()
    {
        File.AppendAllText(workspace["selfsame.yaml"], "\njournal: runs.db\n");
        var before = workspace.Sql("app.db", Users);
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        var run = JsonDocument.Parse((await workspace.ExpectAsync(0, "apply", "plan.json", "--json")).StandardOutput).RootElement.GetProperty("run").GetString()!;
        var applied = workspace.Sql("app.db", Users);

        var stranger = workspace["stranger"];
        (await workspace.ExpectAsync(0, "runs", "--data", stranger)).StandardOutput.ShouldContain(run[..8]);
        (await workspace.ExpectAsync(1, "undo", run, "--yes", "--data", stranger)).StandardError.ShouldContain("Set SELFSAME_SECRET_KEY to the secret of whoever made it");
        workspace.Sql("app.db", Users).ShouldBe(applied);

        var secret = File.ReadAllText(Path.Combine(workspace.Data, "secret.key")).Trim();
        var undone = await SelfsameProcess.RunAsync(
            ["undo", run, "--yes", "--data", workspace["colleague"]], environment: workspace.Environment(("SELFSAME_SECRET_KEY", secret)), folder: workspace.Folder);
        undone.ExitCode.ShouldBe(0, undone.StandardError);
        workspace.Sql("app.db", Users).ShouldBe(before);
    }

    [Fact]
    public async Task Undo_does_not_say_that_all_is_back_where_the_database_let_rows_go_along()
    {
        workspace.Sql(
            "app.db",
            "CREATE TABLE posts (id integer PRIMARY KEY, uid text REFERENCES users (id) ON DELETE CASCADE); CREATE TABLE likes (uid text REFERENCES users (id) ON DELETE SET NULL); "
            + "INSERT INTO posts VALUES (1, '9'), (2, '9'), (3, '2'); INSERT INTO likes VALUES ('9')");
        var plan = await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        plan.StandardOutput.ShouldContain("When the plan was made, there referred to it: likes.uid (1 row), posts.uid (2 rows).");
        var run = JsonDocument.Parse((await workspace.ExpectAsync(0, "apply", "plan.json", "--json")).StandardOutput).RootElement.GetProperty("run").GetString()!;
        workspace.Sql("app.db", "SELECT id FROM posts").ShouldBe(["3"]);

        var shown = await workspace.ExpectAsync(2, "undo", run);
        var json = JsonDocument.Parse((await workspace.ExpectAsync(2, "undo", run, "--json")).StandardOutput).RootElement;
        var done = await workspace.ExpectAsync(2, "undo", run, "--yes", "--json");

        const string away = "What went with it stays away, for no journal has it: likes.uid loses its reference to the account. Rows of posts that refer to the account by uid are deleted with it.";
        shown.StandardOutput.ShouldContain(away);
        json.GetProperty("notPlanned")[0].GetProperty("because").GetString()!.ShouldContain(away);
        JsonDocument.Parse(done.StandardOutput).RootElement.GetProperty("notTakenBack")[0].GetProperty("because").GetString()!.ShouldContain("likes.uid (1 row), posts.uid (2 rows)");
        done.StandardError.ShouldContain($"not taken back: Change 2, gone. The account comes back. {away}");
        workspace.Sql("app.db", "SELECT id FROM users ORDER BY id").ShouldBe(["2", "3", "9"]);
    }

    [Fact]
    public async Task What_changed_between_plan_and_apply_is_skipped_alone_and_said()
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        workspace.Sql("app.db", "UPDATE users SET password = 'signed in again' WHERE id = '9'");

        var apply = await workspace.ExpectAsync(2, "apply", "plan.json");

        apply.StandardOutput.ShouldContain("skipped");
        apply.StandardOutput.ShouldContain("password");
        workspace.Sql("app.db", "SELECT id FROM users ORDER BY id").ShouldBe(["1", "2", "3", "9"]);
    }

    [Fact]
    public async Task A_plan_that_was_edited_or_made_for_another_config_changes_nothing()
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        var plan = File.ReadAllText(workspace["plan.json"]);
        File.WriteAllText(workspace["edited.json"], plan.Replace("\"full_name\": \"Bob\"", "\"full_name\": \"Mallory\"", StringComparison.Ordinal));
        File.WriteAllText(workspace["other.yaml"], Config.Replace("full_name", "login", StringComparison.Ordinal));

        (await workspace.ExpectAsync(1, "apply", "edited.json")).StandardError.ShouldContain("changed after it was made");
        (await workspace.ExpectAsync(1, "apply", "plan.json", "--config", "other.yaml")).StandardError.ShouldContain("another config");
        (await workspace.ExpectAsync(1, "apply", "none.json")).StandardError.ShouldContain("there is no plan");

        workspace.Sql("app.db", "SELECT full_name FROM users WHERE id = '2'").ShouldBe(["Rob"]);
    }

    // CASES 23: an emptied source must not delete everybody.
    [Fact]
    public async Task A_source_that_lost_everybody_is_stopped_by_the_guard()
    {
        workspace.Sql("people.db", "DELETE FROM people");
        workspace.Sql("app.db", "WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 40) INSERT INTO users (id, login) SELECT i, 'user' || i FROM n");
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");

        (await workspace.ExpectAsync(3, "apply", "plan.json")).StandardError.ShouldContain("--max-deletes 34");

        workspace.Sql("app.db", "SELECT count(*) FROM users").ShouldBe(["34"]);
    }

    [Fact]
    public async Task Of_two_applies_at_once_the_second_is_told_to_wait()
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        await workspace.ExpectAsync(0, "runs");
        using var held = workspace.Open("app.db");
        using var command = held.CreateCommand();
        command.CommandText = "BEGIN IMMEDIATE";
        command.ExecuteNonQuery();

        // The first waits for the table that this test holds, and has the lease.
        var first = workspace.RunAsync("apply", "plan.json");
        while (workspace.Sql(Path.Combine("data", "selfsame.db"), "SELECT 1 FROM run_changes").Count == 0)
        {
            await Task.Delay(20);
        }

        var second = await workspace.ExpectAsync(3, "apply", "plan.json");
        second.StandardError.ShouldContain("Another apply is running");
        command.CommandText = "ROLLBACK";
        command.ExecuteNonQuery();
        await first;
        await workspace.ExpectAsync(0, "apply", "plan.json");
    }

    [Fact]
    public async Task A_config_with_mistakes_names_their_lines_and_makes_nothing()
    {
        File.WriteAllText(workspace["bad.yaml"], Config.Replace("app.db", "\"${NOT_SET}\"", StringComparison.Ordinal).Replace("orphan:", "orphans:", StringComparison.Ordinal));

        var result = await workspace.ExpectAsync(1, "audit", "--config", "bad.yaml");

        result.StandardError.ShouldContain("line 4: the environment variable NOT_SET");
        result.StandardError.ShouldContain("line 6: 'reconcile[0].orphans' is not known");
        Directory.Exists(workspace.Data).ShouldBeFalse();
    }
}
