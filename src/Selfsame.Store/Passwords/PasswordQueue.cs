namespace Selfsame.Store.Passwords;

/// <summary>
/// Runs short, heavy pieces of work on its own named threads, first come, first served. The thread pool stays free for
/// requests, and what runs at once, and so its memory, is bounded by the number of threads.
/// </summary>
internal sealed class PasswordQueue : IDisposable
{
    private readonly object gate = new();
    private readonly LinkedList<Work> waiting = new();
    private readonly Thread[] threads;
    private readonly int maximumWaiting;
    private int idle;
    private bool stopping;

    internal PasswordQueue(int threadCount, int maximumWaiting)
    {
        this.maximumWaiting = maximumWaiting;
        idle = threadCount;
        threads = new Thread[threadCount];
        for (var index = 0; index < threadCount; index++)
        {
            threads[index] = new Thread(RunWork) { Name = $"password hashing {index + 1}", IsBackground = true };
            threads[index].Start();
        }
    }

    internal int Waiting
    {
        get
        {
            lock (gate)
            {
                return waiting.Count;
            }
        }
    }

    /// <summary>The task of <paramref name="function"/>, or null when every thread is busy and the queue is full.</summary>
    internal Task<T>? TryEnqueue<T>(Func<T> function, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<T>(cancellationToken);
        }
        var work = new Work<T>(function);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(stopping, typeof(PasswordHashing));
            // An idle thread takes the first of the waiting at once, so those do not count as waiting.
            if (waiting.Count >= idle + maximumWaiting)
            {
                return null;
            }
            waiting.AddLast(work.Place);
            Monitor.Pulse(gate);
        }
        work.WatchCancellation(this, cancellationToken);
        return work.Task;
    }

    public void Dispose()
    {
        Work[] left;
        lock (gate)
        {
            if (stopping)
            {
                return;
            }
            stopping = true;
            left = [.. waiting];
            waiting.Clear();
            Monitor.PulseAll(gate);
        }
        foreach (var work in left)
        {
            work.Abandon();
        }
        foreach (var thread in threads)
        {
            thread.Join();
        }
    }

    private void RunWork()
    {
        while (TakeNext() is { } work)
        {
            work.Run();
            lock (gate)
            {
                idle++;
            }
        }
    }

    private Work? TakeNext()
    {
        lock (gate)
        {
            while (waiting.First is null && !stopping)
            {
                Monitor.Wait(gate);
            }
            if (waiting.First is not { } first)
            {
                return null;
            }
            waiting.Remove(first);
            idle--;
            return first.Value;
        }
    }

    private bool TryWithdraw(Work work)
    {
        lock (gate)
        {
            if (work.Place.List is null)
            {
                return false;
            }
            waiting.Remove(work.Place);
            return true;
        }
    }

    private abstract class Work
    {
        protected Work() => Place = new LinkedListNode<Work>(this);

        internal LinkedListNode<Work> Place { get; }

        internal abstract void Run();

        internal abstract void Abandon();
    }

    private sealed class Work<T>(Func<T> function) : Work
    {
        // Without the option a caller's code after the await would run on, and hold up, the hashing thread.
        private readonly TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal Task<T> Task => completion.Task;

        internal void WatchCancellation(PasswordQueue queue, CancellationToken cancellationToken)
        {
            if (!cancellationToken.CanBeCanceled)
            {
                return;
            }
            var registration = cancellationToken.Register(() =>
            {
                if (queue.TryWithdraw(this))
                {
                    completion.SetCanceled(cancellationToken);
                }
            });
            completion.Task.ContinueWith(
                static (_, state) => ((CancellationTokenRegistration)state!).Unregister(),
                registration, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        internal override void Run()
        {
            try
            {
                completion.SetResult(function());
            }
            catch (Exception exception)
            {
                // Handed to whoever awaits it: the thread must outlive one failure.
                completion.SetException(exception);
            }
        }

        internal override void Abandon() => completion.SetException(new ObjectDisposedException(nameof(PasswordHashing)));
    }
}
