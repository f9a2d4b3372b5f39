using Selfsame.Core.Accounts;
using Selfsame.Core.Discovery;

namespace Selfsame.Connectors.MongoDb;

/// <summary>Describes the collections of a MongoDB database, for the search for its users: their indexes, and the fields of a few documents.</summary>
public static class MongoShape
{
    private const int Sample = 100;

    /// <summary>The catalog; a <see cref="SystemUnavailableException"/> when the database can't be reached.</summary>
    /// <param name="connection">As the config's <c>connection</c>; it must name the database.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<Catalog> ReadAsync(string connection, CancellationToken cancellation)
    {
        await using var opened = new LibmongocConnection("init", connection);
        if (opened.Database is not { Length: > 0 } name)
        {
            throw new SystemUnavailableException("the connection names no database: mongodb://host:port/database");
        }

        var database = new MongoDatabase(opened, "init", name);
        var tables = await database.ReadingAsync(() => ReadAsync(database, cancellation));
        return new Catalog(MongoDbSystem.Kind.Name, tables);
    }

    private static async Task<IReadOnlyList<CatalogTable>> ReadAsync(MongoDatabase database, CancellationToken cancellation)
    {
        var collections = await database.ReadListAsync(BsonDocument.Of(("listCollections", 1)), cancellation);
        var tables = new List<CatalogTable>();
        foreach (var name in collections.Where(found => found.Text("type") is "" or "collection").Select(found => found.Text("name")).Where(name => !name.StartsWith("system.", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            var documents = await database.ReadListAsync(
                BsonDocument.Of(("find", name), ("filter", BsonDocument.Empty), ("limit", Sample), ("singleBatch", true)), cancellation);
            var indexes = await new MongoCollection(database, name).IndexesAsync(cancellation);
            var unique = indexes.Select(index => (IsPartial: index.Find("partialFilterExpression") is not null, Index: new MongoIndex(index))).Where(pair => pair.Index.Unique).ToList();
            tables.Add(new CatalogTable
            {
                Name = name,
                Columns = ColumnsOf(documents),
                PrimaryKey = [MongoCollection.Id],
                UniqueSets = [.. unique.Where(pair => !pair.IsPartial).Select(pair => pair.Index.Fields)],
                OtherUniqueSets = [.. unique.Where(pair => pair.IsPartial && pair.Index.Fields.Count > 1).Select(pair => pair.Index.Fields)],
            });
        }

        return tables;
    }

    /// <summary>Every field that one of the documents has, with the type of its first value that is not null.</summary>
    private static IReadOnlyList<CatalogColumn> ColumnsOf(IReadOnlyList<BsonDocument> documents)
        => [.. documents.SelectMany(document => document)
            .GroupBy(element => element.Name, StringComparer.Ordinal)
            .Select(field => new CatalogColumn(field.Key, field.Select(element => TypeOf(element.Value.Type)).FirstOrDefault(type => type is not null) ?? CatalogType.Other))];

    private static CatalogType? TypeOf(BsonType type) => type switch
    {
        BsonType.Null => null,
        BsonType.String => CatalogType.Text,
        BsonType.Int or BsonType.Long => CatalogType.Whole,
        BsonType.Bool => CatalogType.Boolean,
        BsonType.Date => CatalogType.Instant,
        _ => CatalogType.Other,
    };
}
