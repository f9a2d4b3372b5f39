using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>A document and the record it is.</summary>
internal sealed record MongoRow(BsonDocument Document)
{
    public Fields Record { get; } = BsonFields.ToFields(Document);
}

/// <summary>The commands on one collection. Comparisons are binary: an application's collation never decides which document is meant.</summary>
internal sealed class MongoCollection(MongoDatabase database, string name)
{
    public const string Id = "_id";
    private static readonly BsonDocument Binary = BsonDocument.Of(("locale", "simple"));
    private static readonly BsonDocument Majority = BsonDocument.Of(("w", "majority"));

    public string Name => name;

    public MongoDatabase Database => database;

    /// <summary>The documents that match; outside of a transaction as the primary has them now.</summary>
    public async Task<List<MongoRow>> FindAsync(
        BsonDocument filter, CancellationToken cancellation, MongoTransaction? transaction = null, int limit = 0, bool sorted = false, bool majority = false)
    {
        var find = BsonDocument.Of(("find", name), ("filter", filter), ("collation", Binary), ("batchSize", 1000), ("limit", limit));
        if (sorted)
        {
            find = find.With(("sort", BsonDocument.Of((Id, 1))));
        }

        if (majority && (await database.ServerAsync(cancellation)).HasMajority)
        {
            find = find.With(("readConcern", BsonDocument.Of(("level", "majority"))));
        }

        return (await database.ReadListAsync(find, cancellation, transaction)).ConvertAll(document => new MongoRow(document));
    }

    public Task InsertAsync(BsonDocument document, MongoTransaction? transaction, CancellationToken cancellation)
        => WriteAsync(BsonDocument.Of(("insert", name), ("documents", BsonValue.OfArray([document]))), transaction, cancellation);

    /// <summary>Sets fields on the one document that matches; false when none does.</summary>
    public async Task<bool> UpdateAsync(BsonDocument filter, BsonDocument update, MongoTransaction? transaction, CancellationToken cancellation)
    {
        var one = BsonDocument.Of(("q", filter), ("u", update), ("collation", Binary));
        return (await WriteAsync(BsonDocument.Of(("update", name), ("updates", BsonValue.OfArray([one]))), transaction, cancellation)).Number("n") == 1;
    }

    /// <summary>Deletes the one document that matches; false when none does.</summary>
    public async Task<bool> DeleteAsync(BsonDocument filter, MongoTransaction? transaction, CancellationToken cancellation)
    {
        var one = BsonDocument.Of(("q", filter), ("limit", 1), ("collation", Binary));
        return (await WriteAsync(BsonDocument.Of(("delete", name), ("deletes", BsonValue.OfArray([one]))), transaction, cancellation)).Number("n") == 1;
    }

    /// <summary>Takes a field away wherever it is null.</summary>
    public Task RemoveNullsAsync(string field, CancellationToken cancellation)
    {
        var filter = BsonDocument.Of((field, BsonDocument.Of(("$type", (int)BsonType.Null))));
        var many = BsonDocument.Of(("q", filter), ("u", BsonDocument.Of(("$unset", BsonDocument.Of((field, ""))))), ("multi", true));
        return WriteAsync(BsonDocument.Of(("update", name), ("updates", BsonValue.OfArray([many]))), null, cancellation, MongoPatience.Slow);
    }

    /// <summary>The indexes as <c>listIndexes</c> tells them; none for a collection that is not there.</summary>
    public async Task<List<BsonDocument>> IndexesAsync(CancellationToken cancellation)
    {
        try
        {
            return await database.ReadListAsync(BsonDocument.Of(("listIndexes", name)), cancellation);
        }
        catch (MongoErrorException exception) when (exception.Error.Code == MongoError.NamespaceNotFound)
        {
            return [];
        }
    }

    private Task<BsonDocument> WriteAsync(BsonDocument command, MongoTransaction? transaction, CancellationToken cancellation, MongoPatience patience = MongoPatience.Ordinary)
        => database.RunAsync(transaction?.Join(command) ?? command.With(("writeConcern", Majority)), cancellation, transaction?.Session, patience);
}
