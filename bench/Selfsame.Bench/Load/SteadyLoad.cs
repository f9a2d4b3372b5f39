using System.Diagnostics;

namespace Selfsame.Bench.Load;

/// <summary>Several clients that repeat one operation, each without a pause.</summary>
internal static class SteadyLoad
{
    /// <summary>
    /// Operations per second, counted in a window within the load: neither the start nor the end of the clients is in it.
    /// What an operation throws ends the measurement.
    /// </summary>
    public static async Task<double> PerSecondAsync(int clients, TimeSpan settle, TimeSpan window, Func<int, Task> operation)
    {
        using var stop = new CancellationTokenSource();
        var completed = 0L;
        var workers = Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                await operation(client);
                Interlocked.Increment(ref completed);
            }
        })).ToArray();

        // A thread of its own: the pool's may all be busy with the load.
        var counted = await Task.Factory.StartNew(
            () =>
            {
                Thread.Sleep(settle);
                var (before, started) = (Interlocked.Read(ref completed), Stopwatch.GetTimestamp());
                Thread.Sleep(window);
                return (Interlocked.Read(ref completed) - before) / Stopwatch.GetElapsedTime(started).TotalSeconds;
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await stop.CancelAsync();
        await Task.WhenAll(workers);
        return counted;
    }

    /// <summary>Runs the operation once for each number below <paramref name="count"/>, by several clients at once.</summary>
    public static Task EachAsync(int clients, int count, Func<int, Task> operation)
    {
        var next = -1;
        return Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            for (var number = Interlocked.Increment(ref next); number < count; number = Interlocked.Increment(ref next))
            {
                await operation(number);
            }
        })));
    }
}
