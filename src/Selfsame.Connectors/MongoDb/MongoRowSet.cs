using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>Documents by collection and key as they were read, and as the writes since have left them.</summary>
internal sealed class MongoRowSet(MongoDatabase database, MongoTransaction? transaction)
{
    private const int KeysPerQuery = 500;
    private readonly Dictionary<(string Table, Fields Key), MongoRow?> rows = [];

    public MongoRow? this[(string Table, Fields Key) key]
    {
        get => rows[key];
        set => rows[key] = value;
    }

    /// <summary>Reads the documents under these keys that are not known yet, with one query for many.</summary>
    public async Task LoadAsync(IEnumerable<(string Table, Fields Key)> keys, CancellationToken cancellation)
    {
        foreach (var table in keys.Where(key => !rows.ContainsKey(key)).Distinct().ToList().GroupBy(key => key.Table))
        {
            foreach (var chunk in table.Chunk(KeysPerQuery))
            {
                var filter = BsonDocument.Of(("$or", BsonValue.OfArray(chunk.Select(key => MongoFilters.ByKey(key.Key)))));
                var found = await new MongoCollection(database, table.Key).FindAsync(filter, cancellation, transaction);
                var byKey = found.ToLookup(row => row.Record.Only(chunk[0].Key.Keys));
                foreach (var key in chunk)
                {
                    rows[key] = One(key.Key.Keys.SequenceEqual(chunk[0].Key.Keys) ? byKey[key.Key] : found.Where(row => row.Record.Only(key.Key.Keys).Equals(key.Key)));
                }
            }
        }
    }

    private static MongoRow? One(IEnumerable<MongoRow> found)
        => found.Take(2).ToList() switch
        {
            [] => null,
            [var row] => row,
            _ => throw new BsonException("several documents have one key; name a key that tells them apart."),
        };
}
