using Selfsame.Connectors.MongoDb;
using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors.MongoDb;

/// <summary>Canonical indexes and what is equal under them: on the server that SELFSAME_TEST_MONGODB names, else on the stand-in.</summary>
[Trait("needs", "node, libmongoc")]
public sealed class MongoDbIndexTests : IAsyncLifetime
{
    private MongoTestDatabase database = null!;
    private MongoDbSystem system = null!;

    public async ValueTask InitializeAsync()
    {
        database = await MongoTestDatabase.OnChosenServerAsync();
        await database.RunAsync("""{"create": "members"}""");
        system = database.Open(id: "_id");
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task The_canonical_index_is_made_recognised_and_dropped_again()
    {
        var index = system.CanonicalIndex(IdentifierKind.Username);
        index.Name.ShouldBe("login_1");
        index.Collation.ShouldBe("en/2");
        var step = new SchemaStep(SchemaAction.CreateIndex, index.Name, index.Definition);

        (await ChangeAsync(step)).ShouldBe(new Done());
        (await ChangeAsync(step)).ShouldBe(new Done());

        var made = (await CanonicalAsync()).Single();
        made.Unique.ShouldBeTrue();
        await database.InsertAsync("members", """{"_id": 1, "login": "Dobbeltop"}""");
        (await system.CreateAsync(new AccountId("2"), Login("2", "dobbeltop"), CancellationToken.None)).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["login"]);
        (await ChangeAsync(new SchemaStep(SchemaAction.DropIndex, made.Name, made.Definition))).ShouldBe(new Done());
        (await ChangeAsync(step.Reversed())).ShouldBe(new Done());
        (await CanonicalAsync()).ShouldBeEmpty();
        (await ChangeAsync(new SchemaStep(SchemaAction.CreateIndex, made.Name, made.Definition))).ShouldBe(new Done());
        (await CanonicalAsync()).Single().Definition.ShouldBe(made.Definition);
    }

    // The index's own equality is not that of our keys: the server is asked.
    [Theory]
    [InlineData("Dobbeltop", "dobbeltop", true)]
    [InlineData("x²", "x2", true)]
    [InlineData("Σίσυφος", "σίσυφοσ", true)]
    [InlineData("é", "e\u0301", true)]
    [InlineData("ane", "åne", false)]
    [InlineData("ann", "anna", false)]
    public async Task What_is_equal_under_the_index_is_found_as_the_server_holds_it(string left, string right, bool equal)
    {
        await InsertLoginsAsync(left, right);

        var groups = await system.FindEqualAsync(IdentifierKind.Username, CancellationToken.None);

        groups.SelectMany(group => group.Accounts).Select(id => id.ToString()).ShouldBe(equal ? ["0", "1"] : []);
        (await ChangeAsync(CanonicalStep())).GetType().ShouldBe(equal ? typeof(AlreadyExists) : typeof(Done));
    }

    [Fact]
    public async Task Records_without_a_value_are_nobodys_doubles()
    {
        await database.InsertAsync("members", """{"_id": 1, "login": null}""", """{"_id": 2, "login": null}""", """{"_id": 3}""", """{"_id": 4}""", """{"_id": 5, "login": ""}""", """{"_id": 6, "login": ""}""");

        (await system.FindEqualAsync(IdentifierKind.Username, CancellationToken.None)).ShouldBeEmpty();

        // Nor does the index hold any of them: it can be made, and more of them come.
        (await ChangeAsync(CanonicalStep())).ShouldBe(new Done());
        await database.InsertAsync("members", """{"_id": 7, "login": ""}""", """{"_id": 8}""", """{"_id": 9, "login": "ann"}""");
        (await system.CreateAsync(new AccountId("10"), Login("10", "ANN"), CancellationToken.None)).ShouldBeOfType<AlreadyExists>();
    }

    [Fact]
    public async Task A_plain_index_takes_one_record_without_a_value_and_says_so()
    {
        await database.InsertAsync("members", """{"_id": 1, "login": null}""", """{"_id": 2}""");
        var plain = system.PlainIndex("login");

        (await ChangeAsync(new SchemaStep(SchemaAction.CreateIndex, plain.Name, plain.Definition))).ShouldBeOfType<AlreadyExists>().Message.ShouldContain("or several have none");
    }

    [Fact]
    public async Task Groups_hold_everybody_whom_the_index_holds_lists_too_and_numbers_not()
    {
        await database.InsertAsync(
            "members", """{"_id": 1, "login": "bob"}""", """{"_id": 2, "login": "BOB"}""", """{"_id": 3, "login": "Bob"}""", """{"_id": 4, "login": 7}""",
            """{"_id": 5, "login": {"$numberLong": "7"}}""", """{"_id": 6, "login": ["carl", "CARL"]}""", """{"_id": 7, "login": "Carl"}""", """{"_id": 8, "login": "7"}""");

        var groups = await system.FindEqualAsync(IdentifierKind.Username, CancellationToken.None);

        groups.Select(group => string.Join(' ', group.Accounts)).ShouldBe(["1 2 3", "6 7"]);
        await database.RunAsync("""{"delete": "members", "deletes": [{"q": {"_id": {"$in": [2, 3, 7]}}, "limit": 0}]}""");
        (await ChangeAsync(CanonicalStep())).ShouldBe(new Done(), "the two numbers are under no text index");
    }

    [Theory]
    [InlineData(true, """ "locale": "en", "strength": 1 """, "ignores accents")]
    [InlineData(true, """ "locale": "en", "strength": 2, "alternate": "shifted" """, "ignores blanks and punctuation")]
    [InlineData(true, """ "locale": "en", "strength": 3, "numericOrdering": true """, "takes 01 for 1")]
    [InlineData(true, """ "locale": "en", "strength": 3 """, null)]
    [InlineData(false, """ "locale": "en", "strength": 1 """, null)]
    public async Task A_unique_index_that_makes_one_of_different_names_is_told_besides_the_canonical_one(bool unique, string collation, string? why)
    {
        (await ChangeAsync(CanonicalStep())).ShouldBe(new Done());
        await database.RunAsync($$"""{"createIndexes": "members", "indexes": [{"key": {"login": 1}, "name": "other", "unique": {{(unique ? "true" : "false")}}, "collation": { {{collation}} } }]}""");

        var indexes = await system.ReadIndexesAsync(CancellationToken.None);

        indexes.Where(index => index.Name != "other").Select(index => system.JoinsMore(index, IdentifierKind.Username)).ShouldAllBe(told => told == null);
        var found = system.JoinsMore(indexes.Single(index => index.Name == "other"), IdentifierKind.Username);
        (why is null ? found is null : found!.Contains(why, StringComparison.Ordinal)).ShouldBeTrue();
    }

    [Theory]
    [InlineData("""{"key": {"login": 1}, "name": "other", "unique": true, "collation": {"locale": "en", "strength": 2}}""", true)]
    [InlineData("""{"key": {"login": -1}, "name": "other", "unique": true, "collation": {"locale": "en", "strength": 2}}""", true)]
    [InlineData("""{"key": {"login": 1.0}, "name": "other", "unique": true, "collation": {"locale": "en", "strength": 2.0}}""", true)]
    [InlineData("""{"key": {"login": 1}, "name": "other", "unique": true, "sparse": true, "collation": {"locale": "en", "strength": 2}}""", true)]
    [InlineData("""{"key": {"login": 1}, "name": "other", "unique": true, "partialFilterExpression": {"login": {"$type": "string"}}, "collation": {"locale": "en", "strength": 2}}""", true)]
    [InlineData("""{"key": {"login": 1}, "name": "other", "unique": true, "partialFilterExpression": {"active": true}, "collation": {"locale": "en", "strength": 2}}""", false)]
    [InlineData("""{"key": {"login": 1}, "name": "other", "unique": true, "collation": {"locale": "en", "strength": 1}}""", false)]
    [InlineData("""{"key": {"login": 1}, "name": "other", "unique": true, "collation": {"locale": "sv", "strength": 2}}""", false)]
    [InlineData("""{"key": {"login": 1}, "name": "login_1", "unique": true}""", false)]
    [InlineData("""{"key": {"login": 1}, "name": "login_1", "collation": {"locale": "en", "strength": 2}}""", false)]
    [InlineData("""{"key": {"login": 1, "tenant": 1}, "name": "other", "unique": true, "collation": {"locale": "en", "strength": 2}}""", false)]
    public async Task An_index_is_canonical_by_its_options_and_not_by_its_name(string specification, bool canonical)
    {
        await database.RunAsync($$"""{"createIndexes": "members", "indexes": [{{specification}}]}""");

        (await CanonicalAsync()).Count.ShouldBe(canonical ? 1 : 0);

        // What it was comes back exactly from its definition.
        var index = (await system.ReadIndexesAsync(CancellationToken.None)).Single(index => index.Name != "_id_");
        await ChangeAsync(new SchemaStep(SchemaAction.DropIndex, index.Name, index.Definition));
        (await ChangeAsync(new SchemaStep(SchemaAction.CreateIndex, index.Name, index.Definition))).ShouldBe(new Done());
        (await system.ReadIndexesAsync(CancellationToken.None)).Single(again => again.Name != "_id_").Definition.ShouldBe(index.Definition);
    }

    // CASES 19 (an index under another name): the same index is there already, whatever it is called.
    [Fact]
    public async Task The_same_index_under_another_name_is_fine()
    {
        await database.RunAsync("""{"createIndexes": "members", "indexes": [{"key": {"login": 1}, "name": "by_login", "unique": true, "collation": {"locale": "en", "strength": 2}}]}""");

        (await ChangeAsync(CanonicalStep())).ShouldBe(new Done());

        (await system.ReadIndexesAsync(CancellationToken.None)).Select(index => index.Name).ShouldBe(["_id_", "by_login"], ignoreOrder: true);
    }

    [Fact]
    public async Task An_index_that_equal_values_forbid_leaves_the_old_one_in_place()
    {
        await database.RunAsync("""{"createIndexes": "members", "indexes": [{"key": {"login": 1}, "name": "login_1", "unique": true}]}""");
        await InsertLoginsAsync("Dobbeltop", "dobbeltop");
        var old = (await system.ReadIndexesAsync(CancellationToken.None)).Single(index => index.Name == "login_1");

        (await ChangeAsync(new SchemaStep(SchemaAction.DropIndex, old.Name, old.Definition), CanonicalStep())).ShouldBeOfType<AlreadyExists>();

        (await system.ReadIndexesAsync(CancellationToken.None)).Single(index => index.Name == "login_1").Definition.ShouldBe(old.Definition);
    }

    [Fact]
    public async Task An_index_that_is_another_one_now_is_not_dropped()
    {
        await database.RunAsync("""{"createIndexes": "members", "indexes": [{"key": {"login": 1}, "name": "login_1"}]}""");

        (await ChangeAsync(CanonicalStep().Reversed())).ShouldBeOfType<Drifted>().Message.ShouldContain("login_1");

        (await system.ReadIndexesAsync(CancellationToken.None)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task An_index_that_was_rebuilt_under_its_name_already_is_done()
    {
        await database.RunAsync("""{"createIndexes": "members", "indexes": [{"key": {"login": 1}, "name": "login_1", "unique": true}]}""");
        var old = (await system.ReadIndexesAsync(CancellationToken.None)).Single(index => index.Name == "login_1");
        SchemaStep[] steps = [new(SchemaAction.DropIndex, old.Name, old.Definition), CanonicalStep()];

        (await ChangeAsync(steps)).ShouldBe(new Done());
        (await ChangeAsync(steps)).ShouldBe(new Done());

        (await CanonicalAsync()).Single().Name.ShouldBe("login_1");
    }

    [Theory]
    [InlineData("CREATE INDEX x")]
    [InlineData("{}")]
    [InlineData("""{"key": {"login": 1}, "name": "x", "sideways": true}""")]
    public async Task A_definition_that_is_no_index_is_refused(string definition)
        => (await ChangeAsync(new SchemaStep(SchemaAction.CreateIndex, "x", definition))).ShouldBeOfType<Refused>();

    [Fact]
    public async Task A_uuid_field_needs_no_step_and_goes_again_without_a_trace()
    {
        await database.InsertAsync("members", """{"_id": 1, "uuid": null}""", """{"_id": 2, "uuid": "kept"}""");

        (await ChangeAsync(new SchemaStep(SchemaAction.AddUuidField, "uuid"), new SchemaStep(SchemaAction.AllowNull, "uuid"))).ShouldBe(new Done());
        (await ChangeAsync(new SchemaStep(SchemaAction.DropField, "uuid"))).ShouldBe(new Done());

        (await database.DocumentsAsync("members")).ShouldBe(["""{"_id":1}""", """{"_id":2,"uuid":"kept"}"""]);
        (await ChangeAsync(new SchemaStep(SchemaAction.RequireValue, "uuid"))).ShouldBeOfType<Refused>().Message.ShouldContain("validator");
    }

    [Fact]
    public async Task Accounts_are_found_as_they_stand_and_in_another_case()
    {
        await database.InsertAsync("members", """{"_id": 1, "login": "Dobbeltop"}""", """{"_id": 2, "login": "dobbeltop"}""", """{"_id": 3, "login": "other", "mail": "D@example.org"}""", """{"_id": 4}""");
        var wanted = new Dictionary<IdentifierKind, IReadOnlyList<string>> { [IdentifierKind.Username] = ["dobbelTOP"], [IdentifierKind.Email] = ["d@example.org"] };

        var found = await system.FindAsync(wanted, CancellationToken.None);

        found.Select(account => account.Id.ToString()).ShouldBe(["1", "2", "3"], ignoreOrder: true);
    }

    private SchemaStep CanonicalStep()
    {
        var index = system.CanonicalIndex(IdentifierKind.Username);
        return new SchemaStep(SchemaAction.CreateIndex, index.Name, index.Definition);
    }

    private Task<WriteOutcome> ChangeAsync(params SchemaStep[] steps) => system.ChangeSchemaAsync(steps, CancellationToken.None);

    private async Task<IReadOnlyList<SystemIndex>> CanonicalAsync()
        => [.. (await system.ReadIndexesAsync(CancellationToken.None)).Where(index => system.IsCanonical(index, IdentifierKind.Username))];

    private Task<BsonDocument> InsertLoginsAsync(params string[] logins)
        => database.RunAsync(BsonDocument.Of(
            ("insert", "members"), ("documents", BsonValue.OfArray(logins.Select((login, number) => BsonDocument.Of(("_id", number), ("login", login)))))));

    private static Fields Login(string id, string login) => new([new("_id", FieldValue.Text(id)), new("login", FieldValue.Text(login))]);
}
