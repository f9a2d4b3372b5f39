using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>Runs and undos that are killed or interrupted, and how a person goes on with them from the command line.</summary>
[Trait("needs", "executable")]
public sealed class InterruptedRunTests : IDisposable
{
    private const string Config =
        """
        minimumAge: 0
        systems:
          people: { connector: sqlite, connection: people.db, table: people, identifiers: { username: name }, attributes: { fullName: full } }
          app: { connector: sqlite, connection: app.db, table: users, identifiers: { username: login }, attributes: { fullName: full_name }, unique: [username], duplicates: merge }
        reconcile:
          - { source: people, target: app, correlate: [id, username], missing: createInTarget, drifted: updateTarget }
        """;

    private static readonly string[] Repaired = ["1|ann|Ann", "2|bob|Bob", "3|cy|Cy", "users_login_selfsame"];

    private readonly Workspace workspace = new(Config);
    private readonly IReadOnlyList<string> first;

    public InterruptedRunTests()
    {
        workspace.Sql("people.db", "CREATE TABLE people (id text PRIMARY KEY, name text, full text); INSERT INTO people VALUES ('1', 'ann', 'Ann'), ('2', 'bob', 'Bob'), ('3', 'cy', 'Cy')");
        workspace.Sql("app.db", "CREATE TABLE users (id text PRIMARY KEY, login text, full_name text); CREATE INDEX by_login ON users (login); INSERT INTO users VALUES ('2', 'bob', 'Rob'), ('3', 'cy', 'Cy'), ('9', 'CY', 'Cy')");
        first = State();
    }

    public void Dispose() => workspace.Dispose();

    [Fact]
    public async Task An_undo_killed_by_kill_9_is_told_by_doctor_and_the_same_command_again_ends_it()
    {
        var run = await ApplyAsync();
        (await workspace.RunAsync($"{ApplyCrashPoints.ChangeLeft}:2", ["undo", run, "--yes"])).ExitCode.ShouldBe(137);
        State().ShouldNotBe(first);
        (await workspace.ExpectAsync(2, "doctor")).StandardOutput.ShouldContain($"selfsame undo {run[..8]} --yes");
        (await workspace.ExpectAsync(3, "apply", "plan.json")).StandardError.ShouldContain($"To go on with that: selfsame undo {run} --yes");
        (await workspace.ExpectAsync(2, "undo", run)).StandardOutput.ShouldContain("To go on with it");

        await workspace.ExpectAsync(0, "undo", run, "--yes");

        State().ShouldBe(first);
        (await JournalAsync()).GetProperty("answer").GetString().ShouldBe("yes");
        (await workspace.ExpectAsync(0, "undo", run)).StandardOutput.ShouldContain("took it back already");
        (await workspace.ExpectAsync(0, "undo", run, "--yes")).StandardOutput.ShouldContain("There is nothing to take back");
        Runs().GetArrayLength().ShouldBe(2);
    }

    [Fact]
    public async Task A_plan_that_was_taken_back_is_not_applied_again_and_no_map_is_written()
    {
        var run = await ApplyAsync();
        await workspace.ExpectAsync(0, "undo", run, "--yes");
        File.Delete(workspace["plan.json.merged.jsonl"]);

        var again = await workspace.ExpectAsync(3, "apply", "plan.json");

        again.StandardOutput.ShouldBeEmpty();
        again.StandardError.ShouldContain($"Run {run} of this plan was taken back by run {Runs()[0].GetProperty("id").GetString()}. Nothing was changed. To repair again, make a new plan");
        File.Exists(workspace["plan.json.merged.jsonl"]).ShouldBeFalse();
        State().ShouldBe(first);
    }

    [Fact]
    public async Task A_killed_run_whose_plan_file_is_lost_is_gone_on_with_from_the_journal()
    {
        var run = await KillAsync();
        (await workspace.ExpectAsync(2, "doctor")).StandardOutput.ShouldContain($"selfsame apply --resume {run[..8]}");
        (await workspace.ExpectAsync(1, "apply", "--resume", run, "plan.json")).StandardError.ShouldContain("name the plan's file, or with --resume the run");

        await workspace.ExpectAsync(0, "apply", "--resume", run[..8]);

        State().ShouldBe(Repaired);
        File.ReadAllLines(workspace[$"{run}.merged.jsonl"]).Length.ShouldBe(1);
        (await workspace.ExpectAsync(0, "audit")).StandardOutput.ShouldContain("Clean");
    }

    [Fact]
    public async Task A_killed_run_is_taken_back_without_going_on_first()
    {
        var run = await KillAsync();

        await workspace.ExpectAsync(0, "undo", run, "--yes");

        State().ShouldBe(first);
        (await JournalAsync()).GetProperty("answer").GetString().ShouldBe("yes");
    }

    // Somebody else writes in the file: the first change waits for them, and meanwhile the command is asked to stop.
    [Fact]
    public async Task Ctrl_C_ends_apply_and_undo_with_130_and_the_same_again_goes_on()
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");

        (await InterruptAsync("apply", "plan.json")).ShouldContain("To go on: apply the same plan again.");
        State().ShouldNotBe(Repaired);
        await workspace.ExpectAsync(0, "apply", "plan.json");
        State().ShouldBe(Repaired);

        var run = Runs()[0].GetProperty("id").GetString()!;
        (await InterruptAsync("undo", run, "--yes")).ShouldContain($"To go on: selfsame undo {run} --yes");
        State().ShouldNotBe(first);
        await workspace.ExpectAsync(0, "undo", run, "--yes");
        State().ShouldBe(first);
    }

    private async Task<string> ApplyAsync()
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        await workspace.ExpectAsync(0, "apply", "plan.json");
        State().ShouldBe(Repaired);
        return Runs()[0].GetProperty("id").GetString()!;
    }

    private async Task<string> KillAsync()
    {
        await workspace.ExpectAsync(2, "plan", "-o", "plan.json");
        (await workspace.RunAsync($"{ApplyCrashPoints.ChangeLeft}:2", ["apply", "plan.json"])).ExitCode.ShouldBe(137);
        State().ShouldNotBe(first);
        File.Delete(workspace["plan.json"]);
        return Runs()[0].GetProperty("id").GetString()!;
    }

    /// <summary>Starts a command, sends SIGINT while it waits for the file, and waits for its end; its output.</summary>
    private async Task<string> InterruptAsync(params string[] arguments)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await using var writer = workspace.Open("app.db");
        await using var writing = writer.BeginTransaction(deferred: false);
        // A shell's background job, as these tests may be, ignores SIGINT, and hands that on.
        await using var command = ChildProcess.Start("env", ["--default-signal=INT", Checkout.Executable, .. arguments], workspace.Environment(), folder: workspace.Folder);
        while (!IsAtWork())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), patience.Token);
        }

        await ChildProcess.RunAsync("kill", ["-INT", command.Id.ToString(CultureInfo.InvariantCulture)], cancellationToken: patience.Token);
        (await command.WaitForExitAsync(patience.Token)).ShouldBe(130, command.StandardError.Text);
        return command.StandardOutput.Text;
    }

    /// <summary>Whether the newest run, not yet at its end, has noted what it is about to change.</summary>
    private bool IsAtWork()
    {
        try
        {
            return workspace.Sql(Path.Combine("data", "selfsame.db"), "SELECT 1 FROM run_changes c JOIN runs r ON r.id = c.run_id WHERE c.state = 'Intent' AND r.finished_at IS NULL").Count > 0;
        }
        catch (SqliteException)
        {
            // The command is about to make the store.
            return false;
        }
    }

    private IReadOnlyList<string> State()
        => [.. workspace.Sql("app.db", "SELECT id, login, full_name FROM users ORDER BY id"), .. workspace.Sql("app.db", "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")];

    private JsonElement Runs() => JsonDocument.Parse(workspace.ExpectAsync(0, "runs", "--json").GetAwaiter().GetResult().StandardOutput).RootElement;

    private async Task<JsonElement> JournalAsync()
        => JsonDocument.Parse((await workspace.RunAsync("doctor", "--json")).StandardOutput).RootElement.GetProperty("examinations").EnumerateArray().Single(one => one.GetProperty("name").GetString() == "journal");
}
