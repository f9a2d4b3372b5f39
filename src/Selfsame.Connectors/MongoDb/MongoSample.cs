using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.MongoDb;

/// <summary>Values of the mapped fields, as the newest documents have them: in what types is what is written later.</summary>
internal static class MongoSample
{
    private const int Size = 100;

    /// <summary>By the fields of an account's record, in which those of <paramref name="records"/> stand too.</summary>
    public static async Task<IReadOnlyList<KeyValuePair<string, FieldValue>>> ReadAsync(
        MongoDatabase database, string accounts, AccountMapping mapping, IReadOnlyList<RecordConfig> records, CancellationToken cancellation)
    {
        var sample = new List<KeyValuePair<string, FieldValue>>(await ReadAsync(database, accounts, mapping.MappedFields, field => field, cancellation));
        foreach (var record in records)
        {
            sample.AddRange(await ReadAsync(database, record.Table, record.Fields.Values, record.InAccount, cancellation));
        }

        return sample;
    }

    private static async Task<IEnumerable<KeyValuePair<string, FieldValue>>> ReadAsync(
        MongoDatabase database, string collection, IEnumerable<string> mapped, Func<string, string> inAccount, CancellationToken cancellation)
    {
        // A name with a point or a dollar is a path in a projection.
        var fields = mapped.Distinct().Where(field => field != MongoCollection.Id && !field.Contains('.', StringComparison.Ordinal) && !field.StartsWith('$')).ToList();
        if (fields.Count == 0)
        {
            return [];
        }

        var documents = await database.ReadListAsync(
            BsonDocument.Of(
                ("find", collection),
                ("filter", BsonDocument.Empty),
                ("sort", BsonDocument.Of((MongoCollection.Id, -1))),
                ("projection", BsonDocument.Of([.. fields.Select(field => (field, (BsonValue)1))])),
                ("limit", Size),
                ("batchSize", Size)),
            cancellation);
        return documents.SelectMany(document => fields
            .Select(field => (Field: field, Value: document.Find(field)))
            .Where(pair => pair.Value is not null)
            .Select(pair => KeyValuePair.Create(inAccount(pair.Field), BsonFields.ToField(pair.Value!.Value))));
    }
}
