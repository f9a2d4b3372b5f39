using System.Globalization;
using Selfsame.Connectors.MongoDb;

namespace Selfsame.Bench.Audits;

/// <summary>The collection <c>app</c> in a MongoDB database, with the same names as in PostgreSQL (<see cref="AuditTables"/>), and the server's own question after those that are there twice.</summary>
internal sealed class MongoUsers(string address) : IAsyncDisposable
{
    public const string Collection = "app";

    private const int PerInsert = 5000;

    private readonly LibmongocConnection connection = new("bench", address);

    /// <summary>Fills it: one name in a thousand is there twice, in two spellings.</summary>
    public async Task FillAsync(int rows)
    {
        foreach (var numbers in Enumerable.Range(1, rows).Chunk(PerInsert))
        {
            var documents = numbers.SelectMany(number => number % AuditTables.OneDamagedIn == 0 ? [Document(number, number), Document(number, number + (10L * rows))] : new[] { Document(number, number) });
            var reply = await RunAsync($"{{ \"insert\": \"{Collection}\", \"documents\": [{string.Join(", ", documents)}] }}");
            if (reply.Number("ok") != 1 || reply.Find("writeErrors") is not null)
            {
                throw new InvalidOperationException($"MongoDB did not take the users of the benchmark: {reply.Text("errmsg")}");
            }
        }
    }

    /// <summary>How many names are there twice, but for the case of A to Z, as MongoDB's own aggregation tells.</summary>
    public async Task<long> GroupAsync()
    {
        var reply = await RunAsync(
            $$"""
            { "aggregate": "{{Collection}}", "allowDiskUse": true, "cursor": { "batchSize": 100000 }, "pipeline": [
                { "$group": { "_id": { "$toLower": "$username" }, "count": { "$sum": 1 } } }, { "$match": { "count": { "$gt": 1 } } }] }
            """);
        return reply.Number("ok") == 1 ? reply.Document("cursor").Documents("firstBatch").LongCount() : throw new InvalidOperationException($"MongoDB did not group: {reply.Text("errmsg")}");
    }

    public Task DropAsync() => RunAsync("{ \"dropDatabase\": 1 }");

    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private static string Document(int number, long id)
    {
        var name = $"User{number.ToString(CultureInfo.InvariantCulture)}";
        var spelled = id != number ? name.ToUpperInvariant() : number % 50 == 0 ? name.ToLowerInvariant() : name;
        return string.Create(CultureInfo.InvariantCulture, $"{{ \"_id\": {id}, \"username\": \"{spelled}\", \"email\": \"user{id}@example{number % 997}.org\", \"full_name\": \"Person Number {number}\" }}");
    }

    private Task<BsonDocument> RunAsync(string command)
        => connection.RunAsync(new MongoRequest(connection.Database!, BsonJson.Read(command).AsDocument), MongoPatience.Slow, CancellationToken.None);
}
