using Selfsame.Store;

namespace Selfsame.Server.Pages;

/// <summary>
/// Makes an answer take a whole number of steps from the beginning of its request, so that its time does not tell
/// what was found (CASES 31).
/// </summary>
internal sealed class AnswerTime(StoreContext context)
{
    /// <summary>Far longer than what a found user costs more than an unknown one.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(250);

    private readonly long started = context.Clock.GetTimestamp();

    public Task RoundUpAsync(CancellationToken cancellation)
    {
        var elapsed = context.Clock.GetElapsedTime(started);
        return Task.Delay(TimeSpan.FromTicks(Step.Ticks - (elapsed.Ticks % Step.Ticks)), context.Clock, cancellation);
    }
}
