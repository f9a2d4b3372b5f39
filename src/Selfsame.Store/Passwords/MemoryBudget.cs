namespace Selfsame.Store.Passwords;

/// <summary>
/// Shares out memory between the hashing threads. Our own hashes fit all at once; the larger ones of other systems take
/// turns. Who waits first is served first, so that many small requests cannot starve a large one.
/// </summary>
internal sealed class MemoryBudget
{
    private readonly Lock admission = new();
    private readonly object released = new();
    private readonly int total;
    private int free;

    /// <param name="total">KiB.</param>
    internal MemoryBudget(int total) => this.total = free = total;

    /// <summary>Blocks until that much, at most the total, is free.</summary>
    internal void Take(int kibibytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(kibibytes, total);
        lock (admission)
        {
            lock (released)
            {
                while (free < kibibytes)
                {
                    Monitor.Wait(released);
                }
                free -= kibibytes;
            }
        }
    }

    internal void Return(int kibibytes)
    {
        lock (released)
        {
            free += kibibytes;
            Monitor.PulseAll(released);
        }
    }
}
