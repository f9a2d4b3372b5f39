using System.Collections.Concurrent;
using System.Runtime.InteropServices;

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
    private readonly BlockingCollection<Work> queue = [];
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

    public async Task<BsonDocument> RunAsync(string database, BsonDocument command, CancellationToken cancellation)
    {
        Start();
        await places.WaitAsync(cancellation);
        var work = new Work(database, command, cancellation);
        queue.Add(work, CancellationToken.None);
        return await work.Answer.Task;
    }

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

    private void TakeWork()
    {
        foreach (var work in queue.GetConsumingEnumerable())
        {
            places.Release();
            if (work.Cancellation.IsCancellationRequested)
            {
                work.Answer.SetCanceled(work.Cancellation);
                continue;
            }

            var client = MongoLibrary.PopClient(pool);
            try
            {
                work.Answer.SetResult(Run(client, work));
            }
            catch (Exception exception)
            {
                // Whatever it is belongs to who asked; the thread goes on with the next.
                work.Answer.SetException(exception);
            }
            finally
            {
                MongoLibrary.PushClient(pool, client);
            }
        }

        if (Interlocked.Decrement(ref running) == 0)
        {
            ended.SetResult();
        }
    }

    private static unsafe BsonDocument Run(nint client, Work work)
    {
        var memory = (byte*)NativeMemory.AlignedAlloc(2 * MongoLibrary.BsonSize, MongoLibrary.BsonSize);
        var command = memory;
        var reply = memory + MongoLibrary.BsonSize;
        var error = stackalloc byte[MongoLibrary.ErrorSize];
        new Span<byte>(error, MongoLibrary.ErrorSize).Clear();
        MongoLibrary.InitBson(reply);
        try
        {
            fixed (byte* bytes = work.Command.Bytes.Span)
            {
                if (!MongoLibrary.InitStaticBson(command, bytes, (nuint)work.Command.Bytes.Length))
                {
                    throw new BsonException("libmongoc takes the command for no BSON.");
                }

                var done = MongoLibrary.RunCommand(client, work.Database, command, 0, reply, error);
                var data = MongoLibrary.BsonData(reply);
                var answer = new BsonDocument(new ReadOnlySpan<byte>(data, *(int*)data).ToArray());
                return done || answer.Find("ok") is not null ? answer : throw LibmongocError.Read(new ReadOnlySpan<byte>(error, MongoLibrary.ErrorSize));
            }
        }
        finally
        {
            MongoLibrary.DestroyBson(reply);
            NativeMemory.AlignedFree(memory);
        }
    }

    private sealed record Work(string Database, BsonDocument Command, CancellationToken Cancellation)
    {
        public TaskCompletionSource<BsonDocument> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
