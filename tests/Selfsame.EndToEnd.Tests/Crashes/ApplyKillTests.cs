using System.Diagnostics;
using System.Text.Json;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Crashes;

/// <summary>
/// kill -9 of apply, at every named crash point and at random: the same plan again ends in the state of an undisturbed run, and undo
/// restores the first state row for row.
/// </summary>
[Trait("needs", "executable")]
public sealed class ApplyKillTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task Killed_on_PostgreSQL_apply_ends_as_if_undisturbed_and_undo_restores_every_row()
    {
        await using var store = await DamagedPostgres.MakeAsync();
        await RunAsync(store);
    }

    [Fact]
    [Trait("needs", "node, libmongoc")]
    public async Task Killed_on_MongoDB_without_transactions_apply_ends_as_if_undisturbed_and_undo_restores_every_document()
    {
        await using var store = await DamagedMongo.MakeAsync();
        await RunAsync(store);
    }

    private async Task RunAsync(IDamagedStore store)
    {
        var first = await store.StateAsync();
        await ExpectAsync(store, 2, "plan", "-o", "plan.json");
        var watch = Stopwatch.StartNew();
        await ExpectAsync(store, 0, Apply(-1));
        var undisturbed = watch.Elapsed;
        var repaired = await store.StateAsync();
        repaired.ShouldNotBe(first);
        await UndoAsync(store, -1, first);

        var random = new Random(30_26);
        var (atPoints, atRandom, rounds) = (0, 0, TestRun.Rounds(12, 20, 200));
        for (var round = 0; round < rounds; round++)
        {
            // Every other round at a crash point: each the first time first, then the n-th time.
            var points = ApplyCrashPoints.All;
            var how = round % 2 == 0 ? $"{points[round / 2 % points.Count]}:{(round / 2 < points.Count ? 1 : random.Next(1, 40))}" : null;
            var delay = undisturbed * (0.3 + (0.7 * random.NextDouble()));
            if (await KillAsync(store, round, how, delay))
            {
                _ = how is null ? atRandom++ : atPoints++;
            }

            await ExpectAsync(store, 0, Apply(round));

            (await store.StateAsync()).ShouldBe(repaired, $"round {round}, killed at {how ?? delay.ToString()}");
            await UndoAsync(store, round, first);
        }

        output.WriteLine($"{rounds} rounds, killed at {atPoints} points and {atRandom} times at random; undisturbed it takes {undisturbed.TotalSeconds:F1} s");
        atPoints.ShouldBeGreaterThanOrEqualTo(ApplyCrashPoints.All.Count);
        atRandom.ShouldBeGreaterThan(0);
    }

    /// <summary>Applies the plan and kills it at a crash point, or after a time; false when it had ended before.</summary>
    private static async Task<bool> KillAsync(IDamagedStore store, int round, string? point, TimeSpan delay)
    {
        var environment = new Dictionary<string, string?>(store.Environment) { ["SELFSAME_CRASH_AT"] = point };
        using var timeout = new CancellationTokenSource(Timeout);
        await using var process = ChildProcess.Start(Checkout.Executable, Apply(round), environment, folder: store.Folder);
        if (point is null)
        {
            await Task.Delay(delay, timeout.Token);
            process.Kill();
        }

        var code = await process.WaitForExitAsync(timeout.Token);
        code.ShouldBeOneOf([0, 137], process.StandardError.Text);
        return code == 137;
    }

    // Each round has a journal of its own: applying a finished run's plan again would change nothing.
    private static string[] Apply(int round)
        => ["apply", "plan.json", "--json", "--max-deletes", "1000", "--max-updates", "1000", "--data", $"data{round}"];

    private static async Task UndoAsync(IDamagedStore store, int round, IReadOnlyList<string> first)
    {
        var runs = JsonDocument.Parse(await ExpectAsync(store, 0, "runs", "--json", "--data", $"data{round}")).RootElement;
        await ExpectAsync(store, 0, "undo", runs[0].GetProperty("id").GetString()!, "--yes", "--max-deletes", "1000", "--max-updates", "1000", "--data", $"data{round}");
        (await store.StateAsync()).ShouldBe(first, $"undone after round {round}");
    }

    private static async Task<string> ExpectAsync(IDamagedStore store, int exitCode, params string[] arguments)
    {
        var result = await SelfsameProcess.RunAsync(arguments, "", store.Environment, store.Folder);
        result.ExitCode.ShouldBe(exitCode, $"{string.Join(' ', arguments)}\n{result.StandardOutput}\n{result.StandardError}");
        return result.StandardOutput;
    }
}
