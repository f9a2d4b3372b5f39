using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>
/// Several documents changed as one: in one transaction where the server has them; else one after the other, each
/// under its own precondition, so that the same call can be repeated.
/// </summary>
internal sealed class MongoRowWrites(MongoDatabase database, string accounts)
{
    private const int Attempts = 3;

    /// <summary>Whether the server refused a transaction although it looked as if it had them.</summary>
    public bool TransactionsRefused { get; private set; }

    public async Task<bool> HasTransactionsAsync(CancellationToken cancellation)
        => !TransactionsRefused && (await database.ServerAsync(cancellation)).HasTransactions;

    public Task<WriteOutcome> WriteAsync(IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft> noneLeft, CancellationToken cancellation)
        => database.WritingAsync(async () =>
        {
            foreach (var field in writes.Where(write => write.Action == RowAction.Update).SelectMany(write => write.After.Keys))
            {
                if (MongoIndexes.UnwritableName(field) is { } refused)
                {
                    return refused;
                }
            }

            if (await HasTransactionsAsync(cancellation) && await TogetherAsync(writes, noneLeft) is { } outcome)
            {
                return outcome;
            }

            return await OneByOneAsync(writes, noneLeft);
        });

    public async Task<IReadOnlyList<Fields?>> ReadAsync(IReadOnlyList<(string Table, Fields Key)> keys, CancellationToken cancellation)
    {
        var rows = new MongoRowSet(database, null);
        await rows.LoadAsync(keys, cancellation);
        return [.. keys.Select(key => rows[key]?.Record)];
    }

    // Null: the server has no transactions after all.
    private async Task<WriteOutcome?> TogetherAsync(IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft> noneLeft)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var transaction = new MongoTransaction(database, await database.OpenSessionAsync(CancellationToken.None));
            var committing = false;
            try
            {
                var made = await new MongoRowPass(database, accounts, transaction).RunAsync(writes, noneLeft);
                if (made.Outcome is not Done)
                {
                    await transaction.AbortAsync();
                    return made.Outcome;
                }

                committing = true;
                await transaction.CommitAsync();
                return made.Outcome;
            }
            catch (MongoErrorException exception) when (!committing && exception.Error.Fault == MongoFault.NoTransactions)
            {
                TransactionsRefused = true;
                return null;
            }
            catch (MongoErrorException exception) when (exception.Error.TransientTransaction && attempt < Attempts)
            {
                await transaction.AbortAsync();
            }
            catch (MongoErrorException exception) when (!committing || exception.Error.TransientTransaction)
            {
                await transaction.AbortAsync();
                return exception.Error.ToOutcome() is Unknown unknown ? new Unavailable(unknown.Message) : exception.Error.ToOutcome();
            }
            catch (MongoTransportException exception) when (!committing)
            {
                // What was not committed never happened.
                return new Unavailable($"'{database.System}' gave no answer: {exception.Message}");
            }
        }
    }

    private async Task<WriteOutcome> OneByOneAsync(IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft> noneLeft)
    {
        var pass = new MongoRowPass(database, accounts, null);
        var outcome = await database.WritingAsync(async () => (await pass.RunAsync(writes, noneLeft)).Outcome);
        if (pass.Made == 0)
        {
            return outcome;
        }

        var so = $" Before that {pass.Made} of {writes.Count} writes were made.";
        return outcome switch
        {
            Drifted drifted => new Drifted(drifted.Message + so),
            Refused refused => refused with { Message = refused.Message + so },
            AlreadyExists exists => exists with { Message = exists.Message + so },
            Unavailable unavailable => new Unknown(unavailable.Message + so),
            Throttled => new Unknown("The server asked to wait." + so),
            _ => outcome,
        };
    }
}
