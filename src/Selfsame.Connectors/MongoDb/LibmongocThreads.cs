using System.Collections.Concurrent;

namespace Selfsame.Connectors.MongoDb;

/// <summary>
/// A few threads over one pool of libmongoc's clients. Its calls block and can't be cancelled, so they never run on the
/// thread pool; the queue before them is bounded, and each has connect, socket and selection timeouts.
/// </summary>
internal sealed class LibmongocThreads : IAsyncDisposable
{
    private const int QueueLength = 64;
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    private readonly string connectionString;
    private readonly string system;
    private readonly int threads;
    private readonly TimeSpan socketTimeout;
    private readonly SemaphoreSlim places = new(QueueLength);
    private readonly BlockingCollection<Action> queue = [];
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock starting = new();
    private nint pool;
    private int running;
    private bool disposed;

    public LibmongocThreads(string connectionString, int threads, TimeSpan socketTimeout, string system)
    {
        this.connectionString = connectionString;
        this.threads = threads;
        this.socketTimeout = socketTimeout;
        this.system = system;
    }

    /// <summary>Runs a command in a session, or outside of any.</summary>
    public Task<BsonDocument> RunAsync(MongoRequest request, LibmongocSession? session, CancellationToken cancellation)
        => OnThreadAsync(
            () =>
            {
                if (session is not null)
                {
                    return LibmongocCommand.Run(session.Client, session.Session, request);
                }

                var client = PopClient();
                try
                {
                    return LibmongocCommand.Run(client, session: 0, request);
                }
                finally
                {
                    MongoLibrary.PushClient(pool, client);
                }
            },
            cancellation);

    /// <summary>A session with a client of its own until it is disposed of.</summary>
    public Task<IMongoSession> OpenSessionAsync(CancellationToken cancellation)
        => OnThreadAsync<IMongoSession>(
            () =>
            {
                var client = PopClient();
                try
                {
                    return new LibmongocSession(this, client, LibmongocCommand.StartSession(client));
                }
                catch (MongoTransportException)
                {
                    MongoLibrary.PushClient(pool, client);
                    throw;
                }
            },
            cancellation);

    /// <summary>Takes a session's client back.</summary>
    public void Return(nint client) => MongoLibrary.PushClient(pool, client);

    /// <summary>Ends when the commands under way have ended, which their timeouts see to.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref disposed, true))
        {
            return;
        }

        queue.CompleteAdding();
        if (running > 0)
        {
            await ended.Task;
        }

        if (pool != 0)
        {
            MongoLibrary.DestroyPool(pool);
            pool = 0;
        }

        queue.Dispose();
        places.Dispose();
    }

    private void Start()
    {
        lock (starting)
        {
            if (pool != 0)
            {
                return;
            }

            pool = NewPool();
            running = threads;
            for (var number = 0; number < threads; number++)
            {
                new Thread(TakeWork) { IsBackground = true, Name = $"MongoDB {system} {number}" }.Start();
            }
        }
    }

    private nint NewPool()
    {
        var uri = LibmongocConnection.ParsedUri(connectionString, system);
        try
        {
            SetUnlessThere(uri, "connecttimeoutms", ConnectTimeout);
            SetUnlessThere(uri, "serverselectiontimeoutms", ConnectTimeout);
            SetUnlessThere(uri, "sockettimeoutms", socketTimeout);
            SetUnlessThere(uri, "waitqueuetimeoutms", ConnectTimeout);
            var made = MongoLibrary.NewPool(uri);
            MongoLibrary.SetErrorApi(made, MongoLibrary.ErrorVersion);
            MongoLibrary.SetApplicationName(made, "selfsame");
            return made;
        }
        finally
        {
            MongoLibrary.DestroyUri(uri);
        }
    }

    private static void SetUnlessThere(nint uri, string option, TimeSpan value)
    {
        if (MongoLibrary.UriOption(uri, option, 0) <= 0)
        {
            MongoLibrary.SetUriOption(uri, option, (int)value.TotalMilliseconds);
        }
    }

    private async Task<T> OnThreadAsync<T>(Func<T> call, CancellationToken cancellation)
    {
        Start();
        await places.WaitAsync(cancellation);
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        queue.Add(() => Answer(call, answer, cancellation), CancellationToken.None);
        return await answer.Task;
    }

    private void TakeWork()
    {
        foreach (var work in queue.GetConsumingEnumerable())
        {
            places.Release();
            work();
        }

        if (Interlocked.Decrement(ref running) == 0)
        {
            ended.SetResult();
        }
    }

    private static void Answer<T>(Func<T> call, TaskCompletionSource<T> answer, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            answer.SetCanceled(cancellation);
            return;
        }

        try
        {
            answer.SetResult(call());
        }
        catch (Exception exception)
        {
            // Whatever it is belongs to who asked; the thread goes on with the next.
            answer.SetException(exception);
        }
    }

    private nint PopClient()
    {
        var client = MongoLibrary.PopClient(pool);
        return client != 0 ? client : throw new MongoTransportException("all connections are in use", sent: false);
    }
}
