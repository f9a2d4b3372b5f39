using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Server.Hosting;
using Selfsame.Server.Watch;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

/// <summary>A round of a watch, on a clock that a test moves.</summary>
public sealed class WatcherTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly VirtualClock clock = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    public void Dispose() => folder.Dispose();

    // As docs/reconciliation.md says: after 2, 4 and 8 seconds.
    [Fact]
    public async Task An_audit_that_fails_three_times_and_then_succeeds_is_waited_for_and_tells_no_problem()
    {
        var (round, tried) = await RoundAsync(failures: 3);

        tried.ShouldBe([0, 2, 6, 14]);
        round.Problems.ShouldBeEmpty();
        round.Findings.ShouldBe(0);
        Directory.Exists(folder["mail"]).ShouldBeFalse();
    }

    [Fact]
    public async Task An_audit_that_fails_four_times_is_the_round_s_problem()
    {
        var (round, tried) = await RoundAsync(failures: 4);

        tried.ShouldBe([0, 2, 6, 14]);
        round.Problems.ShouldHaveSingleItem().ShouldContain("down");
        round.Findings.ShouldBeNull();
    }

    /// <summary>One round, and the seconds at which it audited.</summary>
    private async Task<(WatchRound Round, IReadOnlyList<double> Tried)> RoundAsync(int failures)
    {
        using var channels = AlertChannels.Open("ops@example.org", null, null, new ServerOptions { DataFolder = folder.Path, Clock = clock });
        List<double> tried = [];
        var watcher = new Watcher(
            _ =>
            {
                tried.Add(clock.Elapsed.TotalSeconds);
                return tried.Count > failures ? Task.FromResult(new AuditResult(new Dictionary<string, SystemPicture>(), []))
                    : throw (tried.Count % 2 == 0 ? new SystemUnavailableException("'app' is down.") : new TransientDatabaseException("The store is down."));
            },
            channels, new WatchMemory(folder.Path, null), clock, RandomSource.System);
        var round = watcher.OnceAsync(TestContext.Current.CancellationToken);
        while (!round.IsCompleted)
        {
            clock.FireNext();
            await Task.Yield();
        }

        return (await round, tried);
    }
}
