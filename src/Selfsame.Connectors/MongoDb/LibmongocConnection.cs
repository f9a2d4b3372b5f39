using System.Runtime.InteropServices;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>The connection through libmongoc: ordinary commands share a few threads, slow ones have a thread of their own.</summary>
internal sealed class LibmongocConnection : IMongoConnection
{
    private const int OrdinaryThreads = 4;

    private readonly LibmongocThreads ordinary;
    private readonly LibmongocThreads slow;

    /// <param name="system">The system's name, for messages.</param>
    /// <param name="connectionString"><c>mongodb://</c> or <c>mongodb+srv://</c>; it never stands in a message.</param>
    public LibmongocConnection(string system, string connectionString)
    {
        MongoLibrary.EnsureLoaded(system);
        ordinary = new LibmongocThreads(connectionString, OrdinaryThreads, socketTimeout: TimeSpan.FromMinutes(1), system);
        slow = new LibmongocThreads(connectionString, threads: 1, socketTimeout: TimeSpan.FromHours(2), system);
        (Database, HasSeveralHosts) = Facts(connectionString, system);
    }

    public string? Database { get; }

    public bool HasSeveralHosts { get; }

    public Task<BsonDocument> RunAsync(MongoRequest request, MongoPatience patience, CancellationToken cancellation)
        => Threads(patience).RunAsync(request, session: null, cancellation);

    public Task<IMongoSession> OpenSessionAsync(MongoPatience patience, CancellationToken cancellation)
        => Threads(patience).OpenSessionAsync(cancellation);

    public async ValueTask DisposeAsync()
    {
        await ordinary.DisposeAsync();
        await slow.DisposeAsync();
    }

    /// <summary>The parsed connection string; the caller destroys it. libmongoc's own message could quote a password, so ours stands alone.</summary>
    public static unsafe nint ParsedUri(string connectionString, string system)
    {
        var error = stackalloc byte[MongoLibrary.ErrorSize];
        var uri = MongoLibrary.NewUri(connectionString, error);
        return uri != 0
            ? uri
            : throw new SystemUnavailableException(
                $"'{system}': 'connection' is no MongoDB connection string. It reads mongodb://user:password@host:port/database, with : / ? # [ ] @ and % in user and password percent-encoded.");
    }

    private LibmongocThreads Threads(MongoPatience patience) => patience == MongoPatience.Slow ? slow : ordinary;

    private static unsafe (string? Database, bool SeveralHosts) Facts(string connectionString, string system)
    {
        var uri = ParsedUri(connectionString, system);
        try
        {
            // mongoc_host_list_t begins with the pointer to the next host.
            var hosts = MongoLibrary.UriHosts(uri);
            return (Marshal.PtrToStringUTF8(MongoLibrary.UriDatabase(uri)), hosts is not null && *hosts != 0);
        }
        finally
        {
            MongoLibrary.DestroyUri(uri);
        }
    }
}
