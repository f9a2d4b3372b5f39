namespace Selfsame.Connectors.MongoDb;

/// <summary>One command for the primary.</summary>
/// <param name="Database">The database it runs on.</param>
/// <param name="Command">The command; its first element is its name.</param>
internal sealed record MongoRequest(string Database, BsonDocument Command);

/// <summary>How long a command may take.</summary>
internal enum MongoPatience
{
    /// <summary>Seconds.</summary>
    Ordinary,

    /// <summary>Minutes (an index over everybody): not given up early, and never before others in the queue.</summary>
    Slow,
}

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
    Task<BsonDocument> RunAsync(MongoRequest request, MongoPatience patience, CancellationToken cancellation);

    /// <summary>A session of the server, for commands that belong together.</summary>
    Task<IMongoSession> OpenSessionAsync(MongoPatience patience, CancellationToken cancellation);
}

/// <summary>
/// Commands of one server session, one after the other: a cursor can be read on only in the session that opened it, and a
/// transaction is one of a session.
/// </summary>
internal interface IMongoSession : IDisposable
{
    /// <summary>As <see cref="IMongoConnection.RunAsync"/>.</summary>
    Task<BsonDocument> RunAsync(MongoRequest request, CancellationToken cancellation);

    /// <summary>A number that is higher than that of any transaction before in this session.</summary>
    long NextTransactionNumber();
}

/// <summary>No answer came from the server.</summary>
/// <param name="message">What happened; it holds no secret.</param>
/// <param name="sent">Whether the command may have reached the server.</param>
internal sealed class MongoTransportException(string message, bool sent) : IOException(message)
{
    public bool Sent => sent;
}
