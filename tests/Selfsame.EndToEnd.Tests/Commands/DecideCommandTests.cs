using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

/// <summary><c>selfsame decide</c> and the file of decisions, as the commands that come after it heed it.</summary>
[Trait("needs", "executable")]
public sealed class DecideCommandTests
{
    [Fact]
    public async Task What_is_decided_stands_in_the_file_beside_the_config_and_every_later_command_heeds_it()
    {
        using var sandbox = await MakeAsync("# what we know\n");

        (await sandbox.ExpectAsync(0, "decide", "different", "app/u02", "app/u03", "--reason", "two \"Dirks\"")).StandardOutput
            .ShouldContain("decisions.yaml: different app/u02 app/u03. Every later audit, plan and apply heeds it");
        (await sandbox.ExpectAsync(0, "decide", "ignore", "app/u09", "--finding", "Orphan", "--reason", "a service account")).StandardError.ShouldBeEmpty();

        File.ReadAllText(sandbox["decisions.yaml"]).ShouldBe(
            """
            # what we know
            - { different: [app/u02, app/u03], reason: "two \"Dirks\"" }
            - { ignore: [app/u09], finding: Orphan, reason: "a service account" }

            """);
        var audit = await sandbox.JsonAsync(0, "audit", "--who", "tracy");
        audit.GetProperty("findings").GetArrayLength().ShouldBe(0);
        (await sandbox.ExpectAsync(2, "plan")).StandardOutput.ShouldContain("two \"Dirks\"");

        // It stands beside the config, wherever the command is run.
        var elsewhere = await SelfsameProcess.RunAsync(["decide", "same", "app/u04", "auth/u04", "--reason", "one", "--config", sandbox["selfsame.yaml"]], "", folder: Path.GetTempPath());
        elsewhere.ExitCode.ShouldBe(1, "the databases are relative to the folder of the command");
        elsewhere.StandardError.ShouldContain("there is no file");
    }

    [Fact]
    public async Task What_contradicts_is_not_there_or_can_not_be_read_is_refused_and_nothing_is_written()
    {
        const string before = "- { same: [app/u02, app/u03], reason: \"asked\" }\n";
        using var sandbox = await MakeAsync(before);

        (await sandbox.ExpectAsync(1, "decide", "different", "app/u02", "app/u03", "--reason", "no")).StandardError.ShouldContain("decisions.yaml, line 2: 'decisions[1]' calls app/u02 and app/u03 different people");
        (await sandbox.ExpectAsync(1, "decide", "different", "app/u02", "app/u99", "--reason", "no")).StandardError.ShouldContain("app has no account 'u99'");
        (await sandbox.ExpectAsync(1, "decide", "different", "app/u02", "nope/u03", "--reason", "no")).StandardError.ShouldContain("auth, app");
        (await sandbox.ExpectAsync(1, "decide", "different", "app/u02", "--reason", "no")).StandardError.ShouldContain("two accounts or more");
        (await sandbox.ExpectAsync(1, "decide", "ignore", "app/u02", "--finding", "Nonsense", "--reason", "no")).StandardError.ShouldContain("must be one of: Confirmed, Missing");
        (await sandbox.ExpectAsync(1, "decide", "different", "app/u02", "app/u04", "--reason", "costs ${NOT_SET}")).StandardError.ShouldContain("NOT_SET");
        (await sandbox.ExpectAsync(0, "decide", "same", "app/u03", "app/u02", "--reason", "again")).StandardOutput.ShouldContain("says so already");
        File.ReadAllText(sandbox["decisions.yaml"]).ShouldBe(before);

        File.WriteAllText(sandbox["decisions.yaml"], "[{ same: [app/u02, app/u03], reason: asked }]");
        (await sandbox.ExpectAsync(1, "decide", "ignore", "app/u09", "--reason", "x")).StandardError.ShouldContain("decisions.yaml");
        File.ReadAllText(sandbox["decisions.yaml"]).ShouldBe("[{ same: [app/u02, app/u03], reason: asked }]");
    }

    [Fact]
    public async Task Who_decides_waits_for_whoever_else_does_and_no_line_is_lost()
    {
        using var sandbox = await MakeAsync("");
        await sandbox.ExpectAsync(0, "decide", "ignore", "app/u09", "--reason", "first");
        Task<CommandResult> second;
        await using (File.Open(sandbox[Path.Combine("data", "decisions.lock")], FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            second = sandbox.ExpectAsync(0, "decide", "ignore", "app/u02", "--reason", "second");
            await Task.Delay(TimeSpan.FromSeconds(3));
            second.IsCompleted.ShouldBeFalse();
            await File.AppendAllTextAsync(sandbox["decisions.yaml"], "- { ignore: [app/u03], reason: \"between\" }\n");
        }

        await second;
        File.ReadAllLines(sandbox["decisions.yaml"]).ShouldBe(
        [
            "- { ignore: [app/u09], reason: \"first\" }",
            "- { ignore: [app/u03], reason: \"between\" }",
            "- { ignore: [app/u02], reason: \"second\" }",
        ]);
    }

    [Fact]
    public async Task Where_the_config_names_no_file_it_says_what_to_write_and_a_file_that_is_lost_stops_every_audit()
    {
        using var sandbox = await Sandbox.MakeAsync();
        (await sandbox.ExpectAsync(1, "decide", "ignore", "app/u09", "--reason", "x")).StandardError.ShouldContain("Write 'decisions: decisions.yaml' into it");

        await File.AppendAllTextAsync(sandbox["selfsame.yaml"], "decisions: decisions.yaml\n");
        (await sandbox.ExpectAsync(1, "audit")).StandardError.ShouldContain("touch decisions.yaml");
        await sandbox.ExpectAsync(0, "decide", "ignore", "app/u09", "--reason", "x");
        await sandbox.ExpectAsync(2, "audit");
    }

    [Fact]
    public async Task What_is_decided_after_the_plan_is_left_alone_by_apply()
    {
        using var sandbox = await MakeAsync("");
        await sandbox.ExpectAsync(2, "plan", "-o", "plan.json");
        await sandbox.ExpectAsync(0, "decide", "different", "app/u02", "app/u03", "--reason", "brothers");
        await sandbox.ExpectAsync(0, "decide", "ignore", "app/u09", "--reason", "a service account");
        await sandbox.ExpectAsync(0, "decide", "different", "auth/u04", "app/u04", "--reason", "two Graces");

        var apply = await sandbox.ExpectAsync(2, "apply", "plan.json");

        apply.StandardOutput.ShouldContain("By now the config says that app/u02 and app/u03 are different people. Plan again.");
        apply.StandardOutput.ShouldContain("By now the config says to leave it alone: a service account. Plan again.");
        apply.StandardOutput.ShouldContain("By now the config says that app/u04 and auth/u04 are different people. Plan again.");
        sandbox.Sql("app.db", "SELECT id, is_active, full_name FROM users WHERE id IN ('u02', 'u03', 'u04', 'u09') ORDER BY id").ShouldBe(
            ["u02|1|Dirk Dobbel", "u03|1|NULL", "u04|1|Grace Hoper", "u09|1|Tracy Kidder"]);
        sandbox.Sql("app.db", "SELECT count(*) FROM users WHERE username = 'printmaster'").ShouldBe(["1"], "all else is made");
    }

    private static async Task<Sandbox> MakeAsync(string decisions)
    {
        var sandbox = await Sandbox.MakeAsync();
        await File.AppendAllTextAsync(sandbox["selfsame.yaml"], "decisions: decisions.yaml\n");
        await File.WriteAllTextAsync(sandbox["decisions.yaml"], decisions);
        return sandbox;
    }
}
