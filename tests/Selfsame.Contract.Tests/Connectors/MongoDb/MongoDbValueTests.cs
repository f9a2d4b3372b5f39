using System.Text.Json;
using Selfsame.Connectors.MongoDb;
using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors.MongoDb;

/// <summary>Documents as records: on the server that SELFSAME_TEST_MONGODB names, else on the stand-in.</summary>
[Trait("needs", "node, libmongoc")]
public sealed class MongoDbValueTests : IAsyncLifetime
{
    private const string ObjectIdHex = "64b7f0c2a1b2c3d4e5f60718";
    private MongoTestDatabase database = null!;

    public async ValueTask InitializeAsync()
    {
        database = await MongoTestDatabase.OnChosenServerAsync();
        await database.RunAsync("""{"create": "members"}""");
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task Every_type_of_value_survives_deletion_and_return()
    {
        var document = EveryType();
        await database.RunAsync(BsonDocument.Of(("insert", "members"), ("documents", BsonValue.OfArray([document]))));
        var stored = await StoredAsync();
        var system = database.Open(id: "_id");
        var account = (await ReadAllAsync(system)).Accounts.Single();
        var record = JsonSerializer.Deserialize<Fields>(JsonSerializer.Serialize(account.Record))!;

        (await system.DeleteAsync(account.Id, record, CancellationToken.None)).ShouldBe(new Done());
        (await database.DocumentsAsync("members")).ShouldBeEmpty();
        (await system.CreateAsync(account.Id, record, CancellationToken.None)).ShouldBeOfType<Done>();

        Sorted(await StoredAsync()).ShouldBe(Sorted(stored));
    }

    [Theory]
    [InlineData("5", "5")]
    [InlineData("""{"$numberLong": "5"}""", """{"type:long":"5"}""")]
    [InlineData("""{"$numberLong": "5000000000"}""", "5000000000")]
    [InlineData("5.0", "5.0")]
    [InlineData("\"five\"", "\"five\"")]
    [InlineData("null", "null")]
    [InlineData("""{"$oid": "64b7f0c2a1b2c3d4e5f60718"}""", """{"type:objectId":"64b7f0c2a1b2c3d4e5f60718"}""")]
    [InlineData("""{"$date": {"$numberLong": "1700000000123"}}""", """{"type:date":"2023-11-14T22:13:20.123Z"}""")]
    [InlineData("""{"$numberDecimal": "12.50"}""", """{"type:decimal":"12.50"}""")]
    [InlineData("""{"$binary": {"base64": "O5OTAG+dSci9d/2B4cKg6g==", "subType": "04"}}""", """{"type:uuid":"3b939300-6f9d-49c8-bd77-fd81e1c2a0ea"}""")]
    public async Task A_value_reads_as_it_is_stored(string stored, string read)
    {
        await database.InsertAsync("members", $$"""{"_id": "1", "value": {{stored}}}""");

        var record = (await ReadAllAsync(database.Open(id: "_id"))).Accounts.Single().Record;

        JsonSerializer.Serialize(record["value"]).ShouldBe(read);
        BsonFields.ToBson(record["value"]).ShouldBe(BsonJson.Read($$"""{"value": {{stored}}}""").AsDocument.Find("value")!.Value);
    }

    [Theory]
    [InlineData("5", """{"type:long":"5"}""")]
    [InlineData("5", "5.0")]
    [InlineData("null", "\"\"")]
    [InlineData("[5]", "5")]
    [InlineData("""{"a": 1, "b": 2}""", """{"type:object":"{\"b\":2,\"a\":1}"}""")]
    [InlineData("\"a\"", "\"A\"")]
    public async Task A_precondition_is_equal_in_value_and_type(string stored, string precondition)
    {
        await database.InsertAsync("members", $$"""{"_id": "1", "value": {{stored}}}""");
        var expected = new Fields([KeyValuePair.Create("value", JsonSerializer.Deserialize<FieldValue>(precondition))]);

        var outcome = await database.Open(id: "_id").UpdateAsync(new AccountId("1"), Of(("name", "New")), expected, CancellationToken.None);

        outcome.ShouldBeOfType<Drifted>().Message.ShouldContain("value");
    }

    // What the server compares when somebody changes the record between our look and our write.
    [Theory]
    [InlineData("5", "5.0")]
    [InlineData("5", """{"$numberLong": "5"}""")]
    [InlineData("null", null)]
    [InlineData(null, "null")]
    [InlineData("5", "[5]")]
    [InlineData("\"a\"", "\"A\"")]
    [InlineData("""{"a": 1}""", """{"a": 2}""")]
    public async Task The_server_itself_refuses_a_change_of_what_is_no_longer_the_same(string? looked, string? now)
    {
        var seen = BsonJson.Read(looked is null ? """{"_id": "1"}""" : $$"""{"_id": "1", "value": {{looked}}}""").AsDocument;
        await database.InsertAsync("members", now is null ? """{"_id": "1"}""" : $$"""{"_id": "1", "value": {{now}}}""");
        await database.InsertAsync("members", looked is null ? """{"_id": "2"}""" : $$"""{"_id": "2", "value": {{looked}}}""");

        (await CountAsync(MongoFilters.Unchanged(seen, ["value"]))).ShouldBe(0);
        (await CountAsync(MongoFilters.Unchanged(BsonDocument.Of([("_id", "2"), .. seen.Skip(1).Select(element => (element.Name, element.Value))]), ["value"]))).ShouldBe(1);
    }

    [Theory]
    [InlineData("""{"$oid": "64b7f0c2a1b2c3d4e5f60718"}""", ObjectIdHex)]
    [InlineData("\"64b7f0c2a1b2c3d4e5f60718\"", ObjectIdHex)]
    [InlineData("42", "42")]
    [InlineData("""{"$numberLong": "42"}""", "42")]
    [InlineData("42.0", "42")]
    [InlineData("\"42\"", "42")]
    [InlineData("\"auth0|ann\"", "auth0|ann")]
    [InlineData("\"3B939300-6F9D-49C8-BD77-FD81E1C2A0EA\"", "3b939300-6f9d-49c8-bd77-fd81e1c2a0ea")]
    [InlineData("""{"$binary": {"base64": "O5OTAG+dSci9d/2B4cKg6g==", "subType": "04"}}""", "3b939300-6f9d-49c8-bd77-fd81e1c2a0ea")]
    public async Task An_account_is_found_and_changed_by_the_text_of_its_id(string stored, string id)
    {
        await database.InsertAsync("members", $$"""{"_id": {{stored}}, "login": "ann"}""", """{"_id": "other"}""");
        var system = database.Open(id: "_id");

        (await ReadAllAsync(system)).Accounts.Select(account => account.Id).ShouldContain(new AccountId(id));
        (await system.ReadByIdAsync([new AccountId(id)], CancellationToken.None)).Single().Label.ShouldBe("ann");
        (await system.UpdateAsync(new AccountId(id), Of(("name", "New")), Of(("login", "ann")), CancellationToken.None)).ShouldBeOfType<Done>();
        (await system.DeleteAsync(new AccountId(id), Of(("name", "New")), CancellationToken.None)).ShouldBeOfType<Done>();
        (await database.DocumentsAsync("members")).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Two_documents_whose_ids_read_alike_are_left_alone()
    {
        await database.InsertAsync("members", """{"_id": 1}""", """{"_id": "1"}""");

        (await database.Open(id: "_id").DeleteAsync(new AccountId("1"), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Drifted>();

        (await database.DocumentsAsync("members")).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_second_document_whose_id_reads_as_anothers_is_reported_and_is_no_account()
    {
        await database.InsertAsync("members", $$$"""{"_id": {"$oid": "{{{ObjectIdHex}}}"} }""", $$"""{"_id": "{{ObjectIdHex}}"}""", """{"_id": "7"}""", """{"_id": "8"}""");

        var read = await ReadAllAsync(database.Open(id: "_id"));

        read.Accounts.Select(account => account.Id.ToString()).Order().ShouldBe([ObjectIdHex, "7", "8"], ignoreOrder: true);
        read.Unreadable.Single().Problem.ShouldContain("reads like");
    }

    [Theory]
    [InlineData("""{"_id": {"a": 1}}""")]
    [InlineData("""{"_id": {"$date": {"$numberLong": "0"}}}""")]
    [InlineData("""{"_id": true}""")]
    public async Task A_document_whose_id_no_text_names_is_reported_and_is_no_account(string document)
    {
        await database.InsertAsync("members", document);

        var read = await ReadAllAsync(database.Open(id: "_id"));

        read.Accounts.ShouldBeEmpty();
        read.Unreadable.Single().Problem.ShouldContain("id");
    }

    [Fact]
    public async Task Emails_that_are_no_text_and_nulls_are_read_as_they_are()
    {
        await database.InsertAsync(
            "members", """{"_id": "1", "mail": 42}""", """{"_id": "2", "mail": ["a@example.org"]}""", """{"_id": "3", "mail": null}""", """{"_id": "4"}""", """{"_id": "5", "mail": ""}""");

        var accounts = (await ReadAllAsync(database.Open(id: "_id"))).Accounts.OrderBy(account => account.Id, AccountId.Order).ToList();

        accounts.Select(account => account.Identifiers.GetValueOrDefault(IdentifierKind.Email)).ShouldBe(["42", """["a@example.org"]""", null, null, null]);
        accounts[2].Record.ContainsKey("mail").ShouldBeTrue();
        accounts[3].Record.ContainsKey("mail").ShouldBeFalse();
    }

    [Fact]
    public async Task A_document_of_ten_megabytes_is_read_changed_deleted_and_put_back()
    {
        var big = new string('é', 5_000_000);
        var system = database.Open(id: "_id");
        (await system.CreateAsync(new AccountId("1"), Of(("_id", "1"), ("login", "ann"), ("bio", big)), CancellationToken.None)).ShouldBeOfType<Done>();
        (await system.CreateAsync(new AccountId("2"), Of(("_id", "2"), ("login", "bob"), ("bio", big)), CancellationToken.None)).ShouldBeOfType<Done>();

        var account = (await ReadAllAsync(system)).Accounts[0];
        account.Record["bio"].AsText!.Length.ShouldBe(big.Length);
        (await system.UpdateAsync(account.Id, Of(("login", "carl")), account.Record, CancellationToken.None)).ShouldBeOfType<Done>();
        var record = (await system.ReadByIdAsync([account.Id], CancellationToken.None)).Single().Record;
        (await system.DeleteAsync(account.Id, record, CancellationToken.None)).ShouldBeOfType<Done>();
        (await system.CreateAsync(account.Id, record, CancellationToken.None)).ShouldBeOfType<Done>();

        (await system.ReadByIdAsync([account.Id], CancellationToken.None)).Single().Record.ShouldBe(record);
    }

    [Fact]
    public async Task A_document_over_the_servers_limit_is_refused()
        => (await database.Open(id: "_id").CreateAsync(new AccountId("1"), Of(("_id", "1"), ("bio", new string('x', 16 * 1024 * 1024))), CancellationToken.None))
            .ShouldBeOfType<Refused>();

    [Fact]
    public async Task A_collection_that_is_not_there_is_told()
    {
        var system = database.Open(collection: "nobody");

        (await Should.ThrowAsync<SystemUnavailableException>(system.DescribeAsync(CancellationToken.None))).Message.ShouldContain("no collection 'nobody'");
        await Should.ThrowAsync<SystemUnavailableException>(ReadAllAsync(system));
    }

    [Fact]
    public async Task The_fields_that_a_validator_requires_are_told()
    {
        await database.RunAsync("""{"create": "strict", "validator": {"$jsonSchema": {"required": ["login", "mail"]}}}""");

        var facts = await database.Open(collection: "strict").DescribeAsync(CancellationToken.None);

        facts.NotNullFields.ShouldBe(["_id", "login", "mail"], ignoreOrder: true);
        facts.TakesChosenId.ShouldBeTrue();
    }

    [Theory]
    [InlineData("$set")]
    [InlineData("profile.name")]
    [InlineData("")]
    public async Task A_field_whose_name_MongoDB_reads_as_something_else_is_refused(string field)
    {
        await database.InsertAsync("members", """{"_id": "1", "login": "ann"}""");

        (await database.Open(id: "_id").UpdateAsync(new AccountId("1"), Of((field, "x")), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Refused>();

        (await database.DocumentsAsync("members")).Single().ShouldBe("""{"_id":"1","login":"ann"}""");
    }

    [Fact]
    public async Task A_value_that_looks_like_a_query_is_only_a_value()
    {
        await database.InsertAsync("members", """{"_id": "1", "login": "ann"}""");
        var system = database.Open(id: "_id");

        (await system.UpdateAsync(new AccountId("1"), Of(("name", "$login")), Of(("login", "ann")), CancellationToken.None)).ShouldBeOfType<Done>();
        (await system.UpdateAsync(new AccountId("1"), Of(("name", "x")), Of(("name", "$login")), CancellationToken.None)).ShouldBeOfType<Done>();
        (await system.ReadByIdAsync([new AccountId("""{"$ne": null}""")], CancellationToken.None)).ShouldBeEmpty();
    }

    private static BsonDocument EveryType() => BsonDocument.Of(
        ("_id", new BsonValue(BsonType.ObjectId, Convert.FromHexString(ObjectIdHex))),
        ("int", 5),
        ("long", 5L),
        ("big", 5_000_000_000L),
        ("double", 5.0),
        ("tenth", 0.1),
        ("zero", -0.0),
        ("infinite", double.PositiveInfinity),
        ("nan", BitConverter.Int64BitsToDouble(0x7FF8000000000000)),
        ("text", "Ünï\0code"),
        ("empty", ""),
        ("true", true),
        ("null", BsonValue.Null),
        ("bytes", BsonValue.OfBinary(0, [0, 255])),
        ("md5", BsonValue.OfBinary(5, new byte[16])),
        ("uuid", BsonFields.OfUuid(new Guid("3b939300-6f9d-49c8-bd77-fd81e1c2a0ea"))),
        ("date", BsonValue.OfDate(1_700_000_000_123)),
        ("before", BsonValue.OfDate(-1)),
        ("never", BsonValue.OfDate(8_640_000_000_000_000)),
        ("decimal", new BsonValue(BsonType.Decimal, Decimal128Text.ToBytes("1.00")!)),
        ("timestamp", new BsonValue(BsonType.Timestamp, new byte[] { 1, 0, 0, 0, 2, 0, 0, 0 })),
        ("regex", new BsonValue(BsonType.Regex, "a/b\0i\0"u8.ToArray())),
        ("nested", BsonDocument.Of(("b", 1L), ("a", BsonValue.OfArray([(BsonValue)1, 1.0, "x", BsonDocument.Of(("deep", BsonValue.Null))])))),
        ("list", BsonValue.OfArray([(BsonValue)"a@example.org", BsonValue.Null])),
        ("tagged", BsonDocument.Of(("$oid", "no such id"))),
        ("lowest", new BsonValue(BsonType.MinKey, default)));

    private static Fields Of(params (string Field, object? Value)[] fields)
        => new(fields.Select(field => KeyValuePair.Create(field.Field, FieldValue.From(field.Value))));

    private static Task<BulkRead> ReadAllAsync(MongoDbSystem system) => system.ReadEverythingAsync("app", null, CancellationToken.None);

    private async Task<BsonDocument> StoredAsync()
        => (await database.RunAsync("""{"find": "members"}""")).Document("cursor").Documents("firstBatch").Single();

    // A record does not keep the order of its fields; their bytes it does.
    private static List<string> Sorted(BsonDocument document)
        => [.. document.Select(element => $"{element.Name} {element.Value.Type} {Convert.ToHexString(element.Value.Bytes.Span)}").Order(StringComparer.Ordinal)];

    private async Task<int> CountAsync(BsonDocument filter)
        => (await database.RunAsync(BsonDocument.Of(("find", "members"), ("filter", filter)))).Document("cursor").Documents("firstBatch").Count();
}
