namespace Selfsame.Testing;

/// <summary>
/// A clock that stands still until a test moves it. Its timers run in real time, so that a back-off in the code under
/// test ends; <see cref="VirtualClock"/> has timers that follow the clock.
/// </summary>
public class ManualClock(DateTimeOffset start) : TimeProvider
{
    private long ticks = start.UtcTicks;

    /// <summary>Noon of a day in 2026.</summary>
    public ManualClock()
        : this(new DateTimeOffset(2026, 11, 21, 12, 0, 0, TimeSpan.Zero))
    {
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref ticks), TimeSpan.Zero);

    public override long GetTimestamp() => Interlocked.Read(ref ticks);

    /// <summary>Moves the clock; a negative span sets it back.</summary>
    public void Advance(TimeSpan span) => Interlocked.Add(ref ticks, span.Ticks);
}
