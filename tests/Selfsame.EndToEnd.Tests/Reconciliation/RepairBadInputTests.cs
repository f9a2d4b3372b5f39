using System.Net;
using System.Net.Sockets;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>What audit, plan and apply make of configs, servers, tables and records that are not as they should be: a sentence that says what to do, and nothing changed.</summary>
[Trait("needs", "executable")]
public sealed class RepairBadInputTests : IDisposable
{
    private const string App = "  app: { connector: sqlite, connection: app.db, table: users, identifiers: { username: login, email: email }, attributes: { fullName: full_name } }\n";

    private readonly Workspace workspace = new(
        $$"""
        minimumAge: 0
        systems:
          people: { connector: files, path: people.jsonl, identifiers: { username: name, email: mail }, attributes: { fullName: full } }
        {{App}}reconcile:
          - { source: people, target: app, correlate: [id], drifted: updateTarget }
        """);

    public RepairBadInputTests()
    {
        workspace.Sql("app.db", "CREATE TABLE users (id text PRIMARY KEY, login text, email text, full_name text); INSERT INTO users VALUES ('1', 'ann', NULL, 'Anna'), ('2', 'bob', NULL, 'Rob')");
        File.WriteAllText(workspace["people.jsonl"], """
            {"id": "1", "name": "ann", "mail": null, "full": "Ann"}
            {"id": "2", "name": "bob", "full": "Bob"}

            """);
    }

    public void Dispose() => workspace.Dispose();

    [Theory]
    [InlineData("systems: [\n", "line 2: this is not YAML")]
    [InlineData("systems: {}\nsystems: {}\n", "line 2: this is not YAML")]
    [InlineData("- a\n- list\n", "must be a mapping")]
    [InlineData("", "exactly one YAML document")]
    public async Task A_config_that_is_none_is_told_with_its_line_and_makes_nothing(string config, string told)
    {
        File.WriteAllText(workspace["bad.yaml"], config);

        (await workspace.ExpectAsync(1, "plan", "-o", "plan.json", "--config", "bad.yaml")).StandardError.ShouldContain(told);

        File.Exists(workspace["plan.json"]).ShouldBeFalse();
        Directory.Exists(workspace.Data).ShouldBeFalse();
    }

    [Theory]
    [InlineData(false, "is not reached")]
    [InlineData(true, "did not answer in time")]
    public async Task A_server_that_is_not_there_or_half_dead_ends_the_plan_with_its_name_and_nothing_is_written(bool hangs, string told)
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var port = ((IPEndPoint)server.LocalEndpoint).Port;
        (hangs ? (Action)(() => { }) : server.Stop)();
        File.WriteAllText(
            workspace["remote.yaml"],
            $"systems:\n{App}  far: {{ connector: postgres, connection: \"Host=127.0.0.1;Port={port};Username=x;Timeout=2;SSL Mode=Disable\", table: users, identifiers: {{ email: email }} }}\n");

        var plan = await workspace.ExpectAsync(1, "plan", "-o", "plan.json", "--config", "remote.yaml");

        plan.StandardError.ShouldContain("'far'");
        plan.StandardError.ShouldContain(told);
        File.Exists(workspace["plan.json"]).ShouldBeFalse();
    }

    [Theory]
    [InlineData("ALTER TABLE users DROP COLUMN full_name", "has no column full_name, which the config maps")]
    [InlineData("ALTER TABLE users RENAME TO people", "has no table 'users'")]
    public async Task A_table_that_changed_its_shape_since_the_plan_is_told_and_nothing_is_changed(string change, string told)
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        workspace.Sql("app.db", change);
        var table = change.Contains("RENAME", StringComparison.Ordinal) ? "people" : "users";
        var before = workspace.Sql("app.db", $"SELECT * FROM {table}");

        (await workspace.ExpectAsync(1, "apply", "plan.json")).StandardError.ShouldContain(told);

        workspace.Sql("app.db", $"SELECT * FROM {table}").ShouldBe(before);
    }

    [Fact]
    public async Task Addresses_that_are_no_text_are_findings_that_say_so_and_nulls_are_none()
    {
        File.WriteAllText(workspace["people.jsonl"], """
            {"id": "1", "name": "ann", "mail": ["ann@example.org"], "full": "Anna"}
            {"id": "2", "name": "bob", "mail": 42, "full": "Rob"}
            {"id": "3", "name": null, "mail": null, "full": null}
            {"id": "4", "name": "dee", "mail": {"work": "dee@example.org"}, "full": ""}

            """);

        var shown = (await workspace.ExpectAsync(2, "audit")).StandardOutput;

        shown.ShouldContain("The email of 1 in people has no key: it is no text but of the type json. Let one text stand there.");
        shown.ShouldContain("The email of 2 in people has no key: it is no text but a number. Let one text stand there.");
        shown.ShouldContain("The email of 4 in people has no key: it is no text but of the type json. Let one text stand there.");
        shown.ShouldNotContain("of 3 in people has no key");
    }

    [Fact]
    public async Task A_document_of_ten_megabytes_is_read_and_told_why_its_name_is_none()
    {
        File.AppendAllText(workspace["people.jsonl"], $"{{\"id\": \"3\", \"name\": \"{new string('a', 10_000_000)}\"}}\n");

        var audit = await workspace.ExpectAsync(2, "audit");

        audit.StandardOutput.ShouldContain("The username of 3 in people has no key: A username has at most 64 characters");
        audit.StandardOutput.ShouldContain("aaa… is in people and not in app.");
        audit.StandardOutput.Length.ShouldBeLessThan(20_000);
        audit.StandardError.ShouldBeEmpty();
        (await workspace.ExpectAsync(2, "audit", "--sample", "5")).StandardOutput.Length.ShouldBeLessThan(20_000);
        (await workspace.ExpectAsync(2, "show", "--system", "people", "3")).StandardOutput.Length.ShouldBeLessThan(20_000);
    }

    [Fact]
    public async Task A_row_of_ten_megabytes_is_read_planned_changed_and_taken_back()
    {
        workspace.Sql("app.db", "ALTER TABLE users ADD COLUMN photo blob");
        workspace.Sql("app.db", "UPDATE users SET photo = zeroblob(10000000) WHERE id = '1'");
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");

        var apply = await workspace.ExpectAsync(0, "apply", "plan.json");
        workspace.Sql("app.db", "SELECT full_name, length(photo) FROM users ORDER BY id").ShouldBe(["Ann|10000000", "Bob|NULL"]);

        var run = apply.StandardOutput.Split("undo ")[1].Split(' ')[0];
        await workspace.ExpectAsync(0, "undo", run, "--yes");
        workspace.Sql("app.db", "SELECT full_name, length(photo) FROM users ORDER BY id").ShouldBe(["Anna|10000000", "Rob|NULL"]);
    }
}
