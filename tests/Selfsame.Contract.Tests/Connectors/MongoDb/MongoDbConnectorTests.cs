using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors.MongoDb;

/// <summary>The contract, on the server that SELFSAME_TEST_MONGODB names, else on the stand-in.</summary>
[Trait("needs", "node, libmongoc")]
public sealed class MongoDbConnectorTests : ConnectorContract
{
    private MongoTestDatabase database = null!;

    protected override bool HasFixedFields => false;

    protected override async Task<IConnectedSystem> OpenAsync()
    {
        database = await MongoTestDatabase.OnChosenServerAsync();
        await database.RunAsync("""
            {"createIndexes": "members", "indexes": [
              {"key": {"id": 1}, "name": "id_1", "unique": true},
              {"key": {"mail": 1}, "name": "mail_1", "unique": true, "sparse": false}]}
            """);
        return database.Open();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await database.DisposeAsync();
    }

    protected override async Task ChangeOutsideAsync(string id, string field, string value)
        => await database.RunAsync($$$"""{"update": "members", "updates": [{"q": {"id": "{{{id}}}"}, "u": {"$set": {"{{{field}}}": "{{{value}}}"} } }]}""");

    protected override async Task FillAsync(int count)
    {
        foreach (var chunk in Enumerable.Range(0, count).Chunk(1000))
        {
            await database.InsertAsync("members", [.. chunk.Select(number => $$"""{"id": "{{number}}", "login": "user{{number}}", "mail": "user{{number}}@example.org"}""")]);
        }
    }
}
