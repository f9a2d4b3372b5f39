namespace Selfsame.Connectors.MongoDb;

/// <summary>
/// One transaction of several documents, as the driver specification for transactions has it on the wire: each command
/// carries the session and the number, the first one opens it, commit and abort go to <c>admin</c>.
/// </summary>
internal sealed class MongoTransaction(MongoDatabase database, IMongoSession session) : IDisposable
{
    private const int CommitAttempts = 3;
    private readonly long number = session.NextTransactionNumber();
    private bool started;

    public IMongoSession Session => session;

    public void Dispose() => session.Dispose();

    /// <summary>The command as a part of the transaction.</summary>
    public BsonDocument Join(BsonDocument command)
    {
        var joined = command.With(("txnNumber", number), ("autocommit", false));
        if (started)
        {
            return joined;
        }

        started = true;
        return joined.With(("startTransaction", true), ("readConcern", BsonDocument.Of(("level", "snapshot"))));
    }

    /// <summary>
    /// Commits; asked again after a lost answer, which the server answers as it did the first time. Throws
    /// <see cref="MongoTransportException"/> or <see cref="MongoErrorException"/> when it stays unknown or is refused.
    /// </summary>
    public async Task CommitAsync()
    {
        for (var attempt = 1; started; attempt++)
        {
            try
            {
                await FinishAsync("commitTransaction");
                return;
            }
            catch (MongoTransportException exception) when (exception.Sent && attempt < CommitAttempts)
            {
                // The next round asks again.
            }
            catch (MongoErrorException exception) when (exception.Error.Fault == MongoFault.Uncertain && attempt < CommitAttempts)
            {
                // The next round asks again.
            }
        }
    }

    /// <summary>Gives it up; one that the server does not hear of ends there by itself.</summary>
    public async Task AbortAsync()
    {
        if (!started)
        {
            return;
        }

        try
        {
            await FinishAsync("abortTransaction");
        }
        catch (IOException)
        {
            // Whatever the reason, an uncommitted transaction changes nothing; the server drops it after a minute.
        }
    }

    private Task<BsonDocument> FinishAsync(string command) => database.RunAsync(
        BsonDocument.Of(
            (command, 1), ("txnNumber", number), ("autocommit", false), ("writeConcern", BsonDocument.Of(("w", "majority")))),
        CancellationToken.None,
        session,
        database: "admin");
}
