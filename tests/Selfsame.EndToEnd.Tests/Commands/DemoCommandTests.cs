using Selfsame.Databases;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

[Trait("needs", "executable")]
public sealed class DemoCommandTests
{
    private static readonly string[] Shown =
    [
        "SELECT id, username, email, full_name, phone, password, is_active, last_login FROM users ORDER BY id",
        "SELECT * FROM printers ORDER BY id",
        "SELECT * FROM print_jobs ORDER BY id",
        "SELECT * FROM comments ORDER BY id",
        "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    ];

    [Fact]
    public async Task The_demo_walks_by_itself_in_a_pipe_and_leaves_every_row_as_it_was()
    {
        using var sandbox = await Sandbox.MakeAsync();
        var before = Shown.Select(sql => sandbox.Sql("app.db", sql)).ToList();
        var auth = sandbox.Sql("auth.db", "SELECT * FROM accounts ORDER BY id");

        var demo = await SelfsameProcess.RunAsync(["demo", "--folder", sandbox.Folder]);

        demo.ExitCode.ShouldBe(0, demo.StandardOutput + demo.StandardError);
        demo.StandardOutput.ShouldNotContain("The system's SQLite was not found");
        string[] steps = ["$ selfsame audit", "11 findings", "$ selfsame plan -o plan.json", "signs in with: the password of dobbeltop (id u02)", "$ selfsame apply plan.json --merged merged.jsonl",
            "7 changes made; 7 of 7 in all", "Clean: every system agrees.", "$ selfsame undo ", "Every row and every index is as it was before"];
        var at = 0;
        foreach (var step in steps)
        {
            at = demo.StandardOutput.IndexOf(step, at, StringComparison.Ordinal);
            at.ShouldBeGreaterThanOrEqualTo(0, $"'{step}' is missing or out of order:\n{demo.StandardOutput}");
        }

        Shown.Select(sql => sandbox.Sql("app.db", sql)).ShouldBe(before);
        sandbox.Sql("auth.db", "SELECT * FROM accounts ORDER BY id").ShouldBe(auth);
    }

    [Fact]
    public async Task Without_any_library_of_the_system_the_demo_runs_all_the_same_and_says_so_once()
    {
        using var folder = new TemporaryFolder();
        var libraries = Directory.CreateDirectory(folder["libraries"]).FullName;

        // The loader looks here first, and finds something that is no library.
        foreach (var name in new[] { "libsqlite3.so.0", "libsodium.so.23", "libsodium.so.26", "libsodium.so", "libargon2.so.1", "libargon2.so" })
        {
            await File.WriteAllTextAsync(Path.Combine(libraries, name), "none");
        }

        var demo = await SelfsameProcess.RunAsync(["demo", "--folder", folder["box"]], environment: new Dictionary<string, string?> { ["LD_LIBRARY_PATH"] = libraries });

        demo.ExitCode.ShouldBe(0, demo.StandardOutput + demo.StandardError);
        demo.StandardOutput.ShouldContain("Every row and every index is as it was before");
        demo.StandardOutput.Split("The system's SQLite was not found").Length.ShouldBe(2, demo.StandardOutput);
    }

    // Whoever runs the tests may write everywhere, so what can't be written is no file's place.
    [Theory]
    [InlineData("nowhere/merged.jsonl")]
    [InlineData("plan.json/merged.jsonl")]
    [InlineData("data")]
    [InlineData(null)]
    public async Task A_map_that_could_not_be_written_stops_the_apply_before_anything_is_changed(string? map)
    {
        using var sandbox = await Sandbox.MakeAsync();
        await sandbox.ExpectAsync(2, "plan", "-o", "plan.json");
        Directory.CreateDirectory(sandbox["plan.json.merged.jsonl"]);
        Directory.CreateDirectory(sandbox["data"]);
        var before = sandbox.Sql("app.db", "SELECT * FROM users ORDER BY id");

        (await sandbox.ExpectAsync(1, ["apply", "plan.json", .. map is null ? Array.Empty<string>() : ["--merged", map]])).StandardError.ShouldContain("Nothing was changed: name another file with --merged");

        sandbox.Sql("app.db", "SELECT * FROM users ORDER BY id").ShouldBe(before);
    }

    [Fact]
    public async Task A_map_of_before_stays_until_there_is_another()
    {
        using var sandbox = await Sandbox.MakeAsync();
        await sandbox.ExpectAsync(2, "plan", "-o", "plan.json");
        await File.WriteAllTextAsync(sandbox["merged.jsonl"], "of before");

        PrivateFiles.WhyNotWritable(sandbox["merged.jsonl"]).ShouldBeNull();

        File.ReadAllText(sandbox["merged.jsonl"]).ShouldBe("of before");
        Directory.GetFiles(sandbox.Folder, "*.tmp").ShouldBeEmpty();
    }

    [Fact]
    public async Task Applied_in_the_sandbox_there_is_one_account_per_person_with_all_that_was_theirs()
    {
        using var sandbox = await Sandbox.MakeAsync();
        await sandbox.ExpectAsync(2, "plan", "-o", "plan.json");
        var applied = await sandbox.JsonAsync(0, "apply", "plan.json", "--merged", "merged.jsonl");

        applied.GetProperty("systems").GetProperty("app").GetProperty("merge").GetInt32().ShouldBe(2);
        File.ReadAllLines(sandbox["merged.jsonl"]).ShouldBe(
            ["{\"system\":\"app\",\"loser\":\"u03\",\"survivor\":\"u02\"}", "{\"system\":\"app\",\"loser\":\"u06\",\"survivor\":\"u07\"}", "{\"system\":\"app\",\"loser\":\"u08\",\"survivor\":\"u07\"}"]);
        sandbox.Sql("app.db", "SELECT id, username, full_name, phone, password, is_active FROM users ORDER BY id").ShouldBe(
        [
            "u01|ada|Ada Lovelace|NULL|hash-of-ada|1",
            "u02|dobbeltop|Dirk Dobbel|+64 21 555 0123|hash-of-dobbeltop|1",
            "u04|grace|Grace Hopper|NULL|hash-of-grace|1",
            "u07|printmaster|Pat Master|NULL|hash-of-printmaster|1",
            "u09|tracy|Tracy Kidder|NULL|hash-of-tracy|0",
            "u10|NULL|Katherine Johnson|NULL|NULL|1",
            "u25|margaret|Margaret Hamilton|NULL|hash-of-margaret|1",
        ]);
        sandbox.Sql("app.db", "SELECT user_id, name FROM printers ORDER BY id").ShouldBe(["u02|Ender", "u02|Prusa", "u07|Voron", "u25|Ultimaker"]);
        sandbox.Sql("app.db", "SELECT user_id, model FROM print_jobs ORDER BY id").ShouldBe(["u02|gear", "u02|case", "u02|hook", "u07|vase", "u25|lunar module", "u01|engine"]);
        sandbox.Sql("app.db", "SELECT author_name FROM comments ORDER BY id").ShouldBe(["dobbeltop", "dobbeltop", "printmaster", "ada"]);

        var runs = await sandbox.JsonAsync(0, "runs");
        runs[0].GetProperty("did").GetProperty("app").GetProperty("rekey").GetInt32().ShouldBe(1);
        var run = runs[0].GetProperty("id").GetString()!;
        (await sandbox.ExpectAsync(0, "runs", run[..8])).StandardOutput.ShouldContain("applied    rekey    app u05");
        (await sandbox.JsonAsync(0, "runs", run)).GetProperty("changes")[0].GetProperty("state").GetString().ShouldBe("applied");
        (await sandbox.ExpectAsync(1, "runs", "00000000")).StandardError.ShouldContain("no such run");
    }

    [Fact]
    public async Task On_a_terminal_the_demo_asks_before_each_step_and_q_ends_it()
    {
        using var sandbox = await Sandbox.MakeAsync();
        var before = sandbox.Sql("app.db", Shown[0]);
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));

        // script(1) gives it a pseudo-terminal; what is typed ahead waits in it.
        await using var terminal = ChildProcess.Start(
            "script", ["--quiet", "--return", "--command", $"'{Checkout.Executable}' demo --folder '{sandbox.Folder}'", "/dev/null"], new Dictionary<string, string?> { ["NO_COLOR"] = "1", ["TERM"] = "dumb" });
        await terminal.StandardOutput.FirstAsync(line => line.Contains("$ selfsame audit", StringComparison.Ordinal), timeout.Token);
        await TypeAsync("");
        (await terminal.StandardOutput.FirstAsync(line => line.Contains("$ selfsame plan", StringComparison.Ordinal), timeout.Token)).ShouldNotBeNull(terminal.StandardOutput.Text);
        terminal.StandardOutput.Text.ShouldContain("Enter goes on, q ends");
        terminal.StandardOutput.Text.ShouldContain("11 findings");
        await TypeAsync("q");
        await terminal.WaitForExitAsync(timeout.Token);

        terminal.StandardOutput.Text.ShouldNotContain("$ selfsame apply");
        sandbox.Sql("app.db", Shown[0]).ShouldBe(before);

        async Task TypeAsync(string line)
        {
            await terminal.StandardInput.WriteLineAsync(line.AsMemory(), timeout.Token);
            await terminal.StandardInput.FlushAsync(timeout.Token);
        }
    }

    [Fact]
    public async Task A_folder_that_the_demo_did_not_make_is_left_alone()
    {
        using var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder["app.db"], "mine");

        var demo = await SelfsameProcess.RunAsync(["demo", "--folder", folder.Path]);

        demo.ExitCode.ShouldBe(1);
        demo.StandardError.ShouldContain("--folder");
        (await File.ReadAllTextAsync(folder["app.db"])).ShouldBe("mine");
    }
}
