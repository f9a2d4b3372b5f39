using Selfsame.Server.Api;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Store;

/// <summary>CASES 31: whatever was to do, the answer leaves at a whole step, and what takes a little more or less leaves at the same.</summary>
public sealed class AnswerGridTests
{
    [Theory]
    [InlineData(0, 250)]
    [InlineData(10, 250)]
    [InlineData(240, 250)]
    [InlineData(249.9999, 250)]
    [InlineData(250, 500)]
    [InlineData(260, 500)]
    [InlineData(490, 500)]
    [InlineData(1730, 1750)]
    public async Task An_answer_leaves_at_the_next_whole_step_and_not_before(double work, int step)
    {
        var clock = new VirtualClock(new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero));
        clock.Advance(TimeSpan.FromMilliseconds(33.3));
        var (began, started) = (clock.Elapsed, clock.GetTimestamp());
        clock.Advance(TimeSpan.FromMilliseconds(work));

        var answer = AnswerGrid.HoldAsync(clock, started, TestContext.Current.CancellationToken);

        answer.IsCompleted.ShouldBeFalse();
        clock.FireNext().ShouldBeTrue();
        await answer.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        (clock.Elapsed - began).TotalMilliseconds.ShouldBeInRange(step, step + 0.9999);
    }
}
