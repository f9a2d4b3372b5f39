using Selfsame.Testing;

namespace Selfsame.Simulation.Tests;

/// <summary>
/// Runs everything of a simulation on one thread, one continuation at a time, in an order that follows from the seed.
/// A continuation that arrives from another thread has left the simulation, and with it every promise of repeatability.
/// </summary>
internal sealed class Scheduler(SeededRandom random)
{
    private readonly List<(SimulatedContext Context, SendOrPostCallback Callback, object? State)> ready = [];
    private readonly int thread = Environment.CurrentManagedThreadId;
    private volatile string? escape;

    /// <summary>Where a continuation came from another thread; null as long as none did.</summary>
    public string? Escape => escape;

    /// <summary>Callbacks that have run so far.</summary>
    public int Steps { get; private set; }

    public void Enqueue(SimulatedContext context, SendOrPostCallback callback, object? state)
    {
        if (Environment.CurrentManagedThreadId != thread)
        {
            escape ??= Environment.StackTrace;
            return;
        }

        if (context.IsPaused)
        {
            context.Run(() => Enqueue(context, callback, state));
        }
        else if (!context.IsDead)
        {
            ready.Add((context, callback, state));
        }
    }

    /// <summary>Takes what was about to run in a context out, in order.</summary>
    public IReadOnlyList<(SendOrPostCallback Callback, object? State)> Take(SimulatedContext context)
    {
        var taken = ready.Where(item => item.Context == context).Select(item => (item.Callback, item.State)).ToList();
        Drop(context);
        return taken;
    }

    /// <summary>Forgets what was about to run in a context.</summary>
    public void Drop(SimulatedContext context) => ready.RemoveAll(item => item.Context == context);

    /// <summary>Runs one callback; false when none is ready.</summary>
    public bool RunOne()
    {
        if (ready.Count == 0)
        {
            return false;
        }

        var index = random.NextInt32(ready.Count);
        var (context, callback, state) = ready[index];
        ready.RemoveAt(index);
        Steps++;
        var outside = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(context);
        try
        {
            callback(state);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outside);
        }

        return true;
    }
}

/// <summary>What a simulated process, or the world around it, runs in. A dead one runs nothing any more.</summary>
internal sealed class SimulatedContext(Scheduler scheduler) : SynchronizationContext
{
    private readonly List<Action> waiting = [];

    public bool IsDead { get; private set; }

    public bool IsPaused { get; private set; }

    public void Kill()
    {
        IsDead = true;
        waiting.Clear();
        scheduler.Drop(this);
    }

    /// <summary>Nothing runs until <see cref="Resume"/>; time goes on, and timers are late.</summary>
    public void Pause()
    {
        IsPaused = true;
        waiting.AddRange(scheduler.Take(this).Select(item => (Action)(() => Post(item.Callback, item.State))));
    }

    public void Resume()
    {
        IsPaused = false;
        var late = waiting.ToList();
        waiting.Clear();
        late.ForEach(action => Run(action));
    }

    /// <summary>Runs what the process's own clock has due: late where it is paused, never where it is dead.</summary>
    /// <param name="action">It.</param>
    /// <param name="isTimer">Whether it is a timer's: of a process that wakes, nobody knows whether a timer or an answer that came meanwhile is seen first.</param>
    public void Run(Action action, bool isTimer = false)
    {
        if (IsPaused && !IsDead)
        {
            waiting.Add(isTimer ? () => Post(_ => action(), null) : action);
        }
        else if (!IsDead)
        {
            action();
        }
    }

    public override void Post(SendOrPostCallback d, object? state) => scheduler.Enqueue(this, d, state);

    public override void Send(SendOrPostCallback d, object? state)
        => throw new NotSupportedException("Nothing in a simulation may block.");

    public override SynchronizationContext CreateCopy() => this;
}
