namespace Selfsame.Connectors.MongoDb;

/// <summary>A server session, and the client it belongs to: one of libmongoc's clients serves one call at a time.</summary>
internal sealed class LibmongocSession(LibmongocThreads threads, nint client, nint session) : IMongoSession
{
    // Sessions are pooled and used again, so no number may come twice in the whole process.
    private static long lastTransaction;
    private bool disposed;

    public nint Client => client;

    public nint Session => session;

    public Task<BsonDocument> RunAsync(MongoRequest request, CancellationToken cancellation) => threads.RunAsync(request, this, cancellation);

    public long NextTransactionNumber() => Interlocked.Increment(ref lastTransaction);

    public void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            MongoLibrary.DestroySession(session);
            threads.Return(client);
        }
    }
}
