namespace Selfsame.Testing;

/// <summary>
/// A clock whose timers fire when it is moved to their time, on the thread that moves it, in the order of their time
/// and then of their making. For one thread only: it is what makes a simulation repeatable.
/// </summary>
public sealed class VirtualClock(DateTimeOffset start) : TimeProvider
{
    private readonly PriorityQueue<VirtualTimer, (long Due, long Order)> timers = new();
    private long elapsed;
    private long made;

    /// <summary>Time since the start.</summary>
    public TimeSpan Elapsed => new(elapsed);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => start + Elapsed;

    public override long GetTimestamp() => elapsed;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new VirtualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves to the next timer and fires it; false when there is none.</summary>
    public bool FireNext()
    {
        while (timers.TryDequeue(out var timer, out var place))
        {
            if (timer.IsDueAt(place.Order))
            {
                elapsed = Math.Max(elapsed, place.Due);
                timer.Fire();
                return true;
            }
        }

        return false;
    }

    /// <summary>Moves to the next timer and fires it, if it is due within that time.</summary>
    public bool FireNextWithin(TimeSpan span)
    {
        // What was stopped is passed over.
        while (timers.TryPeek(out var timer, out var place) && !timer.IsDueAt(place.Order))
        {
            timers.Dequeue();
        }

        return timers.TryPeek(out _, out var next) && next.Due - elapsed <= span.Ticks && FireNext();
    }

    /// <summary>Moves the clock, firing what becomes due on the way.</summary>
    public void Advance(TimeSpan span)
    {
        var end = elapsed + span.Ticks;
        while (timers.TryPeek(out _, out var place) && place.Due <= end)
        {
            FireNext();
        }

        elapsed = Math.Max(elapsed, end);
    }

    private sealed class VirtualTimer(VirtualClock clock, TimerCallback callback, object? state) : ITimer
    {
        private long? order;
        private TimeSpan period;

        public bool IsDueAt(long place) => order == place;

        public void Fire()
        {
            order = null;
            if (period > TimeSpan.Zero)
            {
                Schedule(period);
            }

            callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            this.period = period;
            order = null;
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                Schedule(dueTime);
            }

            return true;
        }

        public void Dispose() => order = null;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Schedule(TimeSpan after)
        {
            order = ++clock.made;
            clock.timers.Enqueue(this, (clock.elapsed + after.Ticks, order.Value));
        }
    }
}
