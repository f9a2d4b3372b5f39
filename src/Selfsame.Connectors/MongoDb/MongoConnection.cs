namespace Selfsame.Connectors.MongoDb;

/// <summary>One command for the primary.</summary>
/// <param name="Database">The database it runs on.</param>
/// <param name="Command">The command; its first element is its name.</param>
/// <param name="Slow">It may take minutes (an index over everybody), and must not be given up or hold up others.</param>
internal sealed record MongoRequest(string Database, BsonDocument Command, bool Slow = false);

/// <summary>
/// The one way to a MongoDB server: the bytes of a command go in, the bytes of the answer come out. Everything else of the
/// connector stands above it, so that another driver can take its place.
/// </summary>
internal interface IMongoConnection : IAsyncDisposable
{
    /// <summary>The database that the connection string names, or null.</summary>
    string? Database { get; }

    /// <summary>Whether the connection string names more than one host.</summary>
    bool HasSeveralHosts { get; }

    /// <summary>What the server answered, also when that is an error; <see cref="MongoTransportException"/> when no answer came.</summary>
    Task<BsonDocument> RunAsync(MongoRequest request, CancellationToken cancellation);
}

/// <summary>No answer came from the server.</summary>
/// <param name="message">What happened; it holds no secret.</param>
/// <param name="sent">Whether the command may have reached the server.</param>
internal sealed class MongoTransportException(string message, bool sent) : IOException(message)
{
    public bool Sent => sent;
}
