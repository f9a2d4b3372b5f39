using System.Runtime.CompilerServices;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>What a server is, from its answer to <c>hello</c>.</summary>
internal sealed record MongoServer(int WireVersion, bool IsReplicaSet, bool IsRouter)
{
    // Transactions came with 4.0 on replica sets (wire version 7) and with 4.2 behind mongos (8).
    public bool HasTransactions => IsReplicaSet ? WireVersion >= 7 : IsRouter && WireVersion >= 8;

    // A standalone server refuses a read concern of majority (error 123).
    public bool HasMajority => IsReplicaSet || IsRouter;
}

/// <summary>Commands on one database, their errors told apart. Every command goes to the primary.</summary>
internal sealed class MongoDatabase(IMongoConnection connection, string system, string name)
{
    private const int BatchSize = 5000;
    private MongoServer? server;

    public string Name => name;

    public string System => system;

    /// <summary>
    /// The server's kind. Where the connection string names one member of a replica set alone, it is asked each time: the driver then
    /// talks to that member whatever it is, and a secondary must never be taken for the primary (CASES 21).
    /// </summary>
    public async Task<MongoServer> ServerAsync(CancellationToken cancellation)
    {
        if (server is not null && (connection.HasSeveralHosts || !server.IsReplicaSet))
        {
            return server;
        }

        var hello = await connection.RunAsync(new MongoRequest("admin", BsonDocument.Of(("hello", 1))), MongoPatience.Ordinary, cancellation);
        if (MongoError.In(hello, "hello", name) is { Code: MongoError.CommandNotFound })
        {
            // Before 4.4.2 it has its old name.
            hello = await connection.RunAsync(new MongoRequest("admin", BsonDocument.Of(("isMaster", 1))), MongoPatience.Ordinary, cancellation);
        }

        if (MongoError.In(hello, "hello", name) is { } error)
        {
            throw new MongoErrorException(error);
        }

        var router = hello.Text("msg") == "isdbgrid";
        if (router && connection.HasSeveralHosts)
        {
            throw new SystemUnavailableException(
                $"'{system}': 'connection' names several mongos routers, and a cursor or transaction lives on one of them. Name one.");
        }

        if (!hello.Flag("isWritablePrimary") && !hello.Flag("ismaster"))
        {
            throw new SystemUnavailableException(
                $"'{system}': 'connection' reaches a server that is not the primary. Name all members of the replica set and add replicaSet={hello.Text("setName")}.");
        }

        return server = new MongoServer((int)hello.Number("maxWireVersion"), hello.Text("setName").Length > 0, router);
    }

    public Task<IMongoSession> OpenSessionAsync(CancellationToken cancellation) => connection.OpenSessionAsync(MongoPatience.Ordinary, cancellation);

    /// <summary>The server's answer; <see cref="MongoErrorException"/> when it is an error, also one of a single write.</summary>
    public async Task<BsonDocument> RunAsync(
        BsonDocument command, CancellationToken cancellation, IMongoSession? session = null, MongoPatience patience = MongoPatience.Ordinary, string? database = null)
    {
        var request = new MongoRequest(database ?? name, command);
        var reply = session is null ? await connection.RunAsync(request, patience, cancellation) : await session.RunAsync(request, cancellation);
        var first = command.First();
        var place = first.Value.AsText is { } collection ? $"{name}.{collection}" : name;
        return MongoError.In(reply, first.Name, place) is { } error ? throw new MongoErrorException(error) : reply;
    }

    /// <summary>
    /// The documents of a cursor, batch by batch, to its end, in one session. A cursor that dies throws: it never looks like the end.
    /// </summary>
    public async IAsyncEnumerable<IReadOnlyList<BsonDocument>> ReadAsync(
        BsonDocument command,
        MongoTransaction? transaction = null,
        MongoPatience patience = MongoPatience.Ordinary,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var own = transaction is null ? await connection.OpenSessionAsync(patience, cancellation) : null;
        var session = own ?? transaction!.Session;
        var cursor = (await RunAsync(transaction?.Join(command) ?? command, cancellation, session)).Document("cursor");
        var id = cursor.Number("id");
        var collection = cursor.Text("ns")[(cursor.Text("ns").IndexOf('.', StringComparison.Ordinal) + 1)..];
        try
        {
            yield return [.. cursor.Documents("firstBatch")];
            while (id != 0)
            {
                var more = BsonDocument.Of(("getMore", id), ("collection", collection), ("batchSize", BatchSize));
                cursor = (await RunAsync(transaction?.Join(more) ?? more, cancellation, session)).Document("cursor");
                id = cursor.Number("id");
                yield return [.. cursor.Documents("nextBatch")];
            }
        }
        finally
        {
            if (id != 0)
            {
                await LetGoAsync(session, collection, id);
            }
        }
    }

    /// <summary>All documents of a cursor that is known to be short.</summary>
    public async Task<List<BsonDocument>> ReadListAsync(
        BsonDocument command, CancellationToken cancellation, MongoTransaction? transaction = null, MongoPatience patience = MongoPatience.Ordinary)
    {
        var documents = new List<BsonDocument>();
        await foreach (var batch in ReadAsync(command, transaction, patience, cancellation))
        {
            documents.AddRange(batch);
        }

        return documents;
    }

    /// <summary>Reading: everything that the server or the way to it says against it is the contract's one exception.</summary>
    public async Task<T> ReadingAsync<T>(Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception exception) when (exception is MongoErrorException or MongoTransportException or BsonException)
        {
            throw Unreadable(exception);
        }
    }

    public SystemUnavailableException Unreadable(Exception exception) => new($"'{system}' can't be read: {exception.Message}", exception);

    /// <summary>Writing outside of a transaction: what the server or the way to it says against it is an outcome.</summary>
    public async Task<WriteOutcome> WritingAsync(Func<Task<WriteOutcome>> write)
    {
        try
        {
            return await write();
        }
        catch (MongoErrorException exception)
        {
            return exception.Error.ToOutcome();
        }
        catch (MongoTransportException exception)
        {
            return exception.Sent
                ? new Unknown($"'{system}' gave no answer: {exception.Message}")
                : new Unavailable($"'{system}' was not reached: {exception.Message}");
        }
        catch (SystemUnavailableException exception)
        {
            return new Unavailable(exception.Message);
        }
        catch (BsonException exception)
        {
            return new Refused($"'{system}': {exception.Message}");
        }
    }

    private async Task LetGoAsync(IMongoSession session, string collection, long id)
    {
        try
        {
            await RunAsync(BsonDocument.Of(("killCursors", collection), ("cursors", BsonValue.OfArray([(BsonValue)id]))), CancellationToken.None, session);
        }
        catch (IOException)
        {
            // Only a courtesy: the server ends a cursor that nobody asks for after ten minutes.
        }
    }
}
