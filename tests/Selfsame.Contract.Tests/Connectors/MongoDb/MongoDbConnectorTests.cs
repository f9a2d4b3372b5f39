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

    protected override IReadOnlyList<string> KindFields { get; } = ["flag", "whole", "big", "twice", "exact", "words", "uid", "moment", "oid", "raw", "doc", "unknown"];

    protected override async Task<IConnectedSystem> OpenKindsAsync(string active, string verified)
    {
        await database.RunAsync("""{"createIndexes": "spelled", "indexes": [{"key": {"id": 1}, "name": "id_1", "unique": true}]}""");
        await database.InsertAsync("spelled", """
            {"id": "sample", "flag": true, "whole": 1, "big": {"$numberLong": "1"}, "twice": 1.0, "exact": {"$numberDecimal": "1.00"}, "words": "word",
             "uid": {"$binary": {"base64": "O5OTAG+dSci9d/2B4cKg6g==", "subType": "04"}}, "moment": {"$date": {"$numberLong": "1700000000123"}},
             "oid": {"$oid": "64b7f0c2a1b2c3d4e5f60718"}, "raw": {"$binary": {"base64": "AP8=", "subType": "00"}}, "doc": {"a": 1}}
            """);
        return database.Open(KindMapping(active, verified), "spelled");
    }

    [Fact]
    public async Task Values_of_other_systems_are_written_in_the_type_that_the_field_has()
    {
        await using var system = await OpenKindsAsync("flag", "moment");
        var facts = await system.DescribeAsync(CancellationToken.None);

        Spelled("whole", FieldValue.Text("5")).ShouldBe(FieldValue.Integer(5));
        Spelled("big", FieldValue.Integer(5)).ShouldBe(FieldValue.Native("long", "5"));
        Spelled("twice", FieldValue.Integer(5)).ShouldBe(FieldValue.Number(5));
        Spelled("exact", FieldValue.Native("numeric", "1.50")).ShouldBe(FieldValue.Native("decimal", "1.50"));
        Spelled("moment", FieldValue.Native("timestamp with time zone", "2024-02-29 21:59:59.1239+00")).ShouldBe(FieldValue.Native("date", "2024-02-29T21:59:59.123Z"));
        Spelled("oid", FieldValue.Text("64B7F0C2A1B2C3D4E5F60718")).ShouldBe(FieldValue.Native("objectId", "64b7f0c2a1b2c3d4e5f60718"));
        Spelled("words", FieldValue.Integer(5)).ShouldBe(FieldValue.Text("5"));
        Spelled("unknown", FieldValue.Native("timestamp with time zone", "2024-02-29 21:59:59+00")).ShouldBe(FieldValue.Native("date", "2024-02-29T21:59:59.000Z"));
        Spelled("unknown", FieldValue.Native("numeric", "5")).ShouldBe(FieldValue.Native("decimal", "5"));
        facts.Spell(new ForeignValue("whole", FieldValue.Text("five"))).Problem.ShouldBe("holds numbers");

        // One document that holds a date as a text is not the rule.
        Spelled("moment", FieldValue.Native("timestamp with time zone", "2024-02-29 21:59:59+00"), FieldValue.Text("2024-02-29 21:59:59+00")).ShouldBe(FieldValue.Native("date", "2024-02-29T21:59:59.000Z"));

        FieldValue Spelled(string field, FieldValue value, FieldValue present = default) => facts.Spell(new ForeignValue(field, value, present)).Value;
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
