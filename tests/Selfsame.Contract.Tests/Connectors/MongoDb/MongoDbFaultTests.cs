using System.Diagnostics;
using Selfsame.Connectors.MongoDb;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Contract.Tests.Connectors.MongoDb;

/// <summary>What goes wrong, and what differs by version; always on the stand-in, which can be told to misbehave.</summary>
[Trait("needs", "node, libmongoc")]
public sealed class MongoDbFaultTests : IAsyncLifetime
{
    private MongoTestDatabase database = null!;
    private MongoDbSystem system = null!;

    public async ValueTask InitializeAsync()
    {
        database = await MongoTestDatabase.OnStandInAsync();
        await database.RunAsync("""{"createIndexes": "members", "indexes": [{"key": {"mail": 1}, "name": "mail_1", "unique": true, "sparse": true}]}""");
        system = database.Open(id: "_id");
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    // A lost answer is unknown, never failed: look again.
    [Theory]
    [InlineData("dropAfter", 1)]
    [InlineData("dropBefore", 0)]
    public async Task A_lost_answer_to_an_insert_is_unknown_and_looking_again_tells(string action, int there)
    {
        await database.FaultAsync("insert", action);

        (await CreateAsync("1")).ShouldBeOfType<Unknown>();

        (await system.ReadByIdAsync([new AccountId("1")], CancellationToken.None)).Count.ShouldBe(there);
        (await CreateAsync("1")).GetType().ShouldBe(there == 1 ? typeof(AlreadyExists) : typeof(Done));
    }

    [Fact]
    public async Task A_lost_answer_to_an_update_or_a_deletion_is_unknown()
    {
        await CreateAsync("1");
        await database.FaultAsync("update", "dropAfter");
        (await system.UpdateAsync(new AccountId("1"), Name("New"), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unknown>();
        (await system.ReadByIdAsync([new AccountId("1")], CancellationToken.None)).Single().Attributes["name"].ShouldBe(FieldValue.Text("New"));

        await database.FaultAsync("delete", "dropBefore");
        (await system.DeleteAsync(new AccountId("1"), Fields.Empty, CancellationToken.None)).ShouldBeOfType<Unknown>();
        (await system.DeleteAsync(new AccountId("1"), Fields.Empty, CancellationToken.None)).ShouldBe(new Done());
    }

    [Theory]
    [InlineData(112, typeof(Unavailable))]
    [InlineData(251, typeof(Unavailable))]
    [InlineData(10107, typeof(Unavailable))]
    [InlineData(91, typeof(Unknown))]
    [InlineData(189, typeof(Unknown))]
    [InlineData(11602, typeof(Unknown))]
    [InlineData(13, typeof(Refused))]
    [InlineData(121, typeof(Refused))]
    [InlineData(16500, typeof(Throttled))]
    public async Task Each_error_of_the_server_has_its_outcome_and_nothing_was_written(int code, Type outcome)
    {
        await database.FaultAsync("insert", "error", code);

        (await CreateAsync("1")).ShouldBeOfType(outcome);

        (await database.DocumentsAsync("members")).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_write_that_most_members_have_not_confirmed_is_unknown()
    {
        await database.FaultAsync("insert", "writeConcern", 64);

        (await CreateAsync("1")).ShouldBeOfType<Unknown>();
    }

    [Fact]
    public async Task A_missing_permission_is_named_and_no_value_is_told()
    {
        await database.FaultAsync("insert", "error", 13);

        var message = (await CreateAsync("1")).ShouldBeOfType<Refused>().Message;

        message.ShouldContain("may not run insert on");
        message.ShouldNotContain("example.org");
    }

    // CASES 23: a read that ended early is never "the rest is missing".
    [Theory]
    [InlineData("dropBefore", 0)]
    [InlineData("error", 43)]
    [InlineData("error", 11602)]
    public async Task A_cursor_that_dies_is_never_a_complete_read(string action, int code)
    {
        await FillAsync(12_000);
        await database.FaultAsync("getMore", action, code, skip: 1);
        long read = 0;
        var ended = false;

        await Should.ThrowAsync<SystemUnavailableException>(async () =>
        {
            await foreach (var part in system.ReadAllAsync(CancellationToken.None))
            {
                read += part is ReadAccounts some ? some.Accounts.Count : 0;
                ended |= part is ReadEnd;
            }
        });

        read.ShouldBe(10_000);
        ended.ShouldBeFalse();
    }

    // CASES 25: bulk reads, never a call for each account.
    [Fact]
    public async Task Everybody_is_read_with_one_find()
    {
        await FillAsync(12_000);

        (await system.ReadEverythingAsync("app", null, CancellationToken.None)).Accounts.Count.ShouldBe(12_000);

        var commands = await database.CommandsAsync();
        commands.Count(command => command == "find").ShouldBe(1);
        commands.Count(command => command == "getMore").ShouldBe(2);
    }

    [Fact]
    public async Task A_read_that_is_given_up_lets_its_cursor_go()
    {
        await FillAsync(12_000);

        await foreach (var part in system.ReadAllAsync(CancellationToken.None))
        {
            part.ShouldBeOfType<ReadAccounts>();
            break;
        }

        (await database.CommandsAsync()).ShouldContain("killCursors");
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_unavailable_within_its_timeout()
    {
        await using var nobody = Open("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300&serverSelectionTryOnce=false", "app");
        var clock = Stopwatch.StartNew();

        (await Should.ThrowAsync<SystemUnavailableException>(nobody.DescribeAsync(CancellationToken.None))).Message.ShouldContain("app");
        (await nobody.CreateAsync(new AccountId("1"), Name("x"), CancellationToken.None)).ShouldBeOfType<Unavailable>();

        clock.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_given_up_within_the_socket_timeout()
    {
        await using var impatient = Open((await Testing.MongoStandIn.SharedAsync()).ConnectionString + "?socketTimeoutMS=100", database.Name);
        await database.FaultAsync("insert", "slow");

        (await impatient.CreateAsync(new AccountId("1"), Login("1"), CancellationToken.None)).ShouldBeOfType<Unknown>();
    }

    [Theory]
    [InlineData("postgres://user:hunter2@host/app")]
    [InlineData("mongodb://user:hunter2@@host:port/app")]
    public void A_connection_string_that_is_none_is_told_without_its_password(string connection)
    {
        var error = Should.Throw<SystemUnavailableException>(() => Open(connection, "app"));

        error.Message.ShouldContain("no MongoDB connection string");
        error.Message.ShouldNotContain("hunter2");
    }

    [Fact]
    public void A_connection_without_a_database_is_told()
        => Should.Throw<SystemUnavailableException>(() => Open("mongodb://127.0.0.1:1/", null)).Message.ShouldContain("database: NAME");

    [Fact]
    public void Where_libmongoc_is_missing_its_package_is_named()
        => MongoLibrary.Missing("app").Message.ShouldContain("apt-get install libmongoc-1.0-0");

    // Many more commands than threads and places in the queue.
    [Fact]
    public async Task Five_hundred_commands_at_once_are_all_answered()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 500).Select(number => CreateAsync($"{number % 250}")));

        outcomes.Count(outcome => outcome is Done).ShouldBe(250);
        outcomes.Count(outcome => outcome is AlreadyExists).ShouldBe(250);
    }

    [Theory]
    [InlineData("3.6.0", false)]
    [InlineData("4.0.0", true)]
    [InlineData("5.0.0", false)]
    [InlineData("6.0.0", true)]
    public async Task A_taken_value_is_named_by_every_version_also_under_a_collation(string version, bool replicaSet)
    {
        await using var server = await MongoTestDatabase.OnStandInAsync(version, replicaSet);
        await server.RunAsync("""{"createIndexes": "members", "indexes": [{"key": {"login": 1}, "name": "odd name", "unique": true, "collation": {"locale": "en", "strength": 2}}, {"key": {"mail": 1}, "name": "mail_1", "unique": true}]}""");
        var one = server.Open(id: "_id");
        await one.CreateAsync(new AccountId("1"), Login("1", "Dobbeltop"), CancellationToken.None);

        var taken = (await one.CreateAsync(new AccountId("2"), Login("2", "dobbeltop"), CancellationToken.None)).ShouldBeOfType<AlreadyExists>();

        taken.Fields.ShouldBe(["login"]);
        taken.Message.ShouldNotContain("dobbeltop", Case.Insensitive);
        (await one.CreateAsync(new AccountId("1"), Login("1", "x"), CancellationToken.None)).ShouldBeOfType<AlreadyExists>().Fields.ShouldBe(["_id"]);
        (await one.DescribeAsync(CancellationToken.None)).AtomicPreconditions.ShouldBe(replicaSet);
    }

    // CASES 19. The table of index conflicts: 85 and 86 differ by version, what comes of them does not.
    [Theory]
    [InlineData("3.6.0", """{"key": {"login": 1}, "name": "login_1"}""", typeof(Refused))]
    [InlineData("5.0.0", """{"key": {"login": 1}, "name": "login_1"}""", typeof(Refused))]
    [InlineData("3.6.0", """{"key": {"login": 1}, "name": "login_1", "unique": true}""", typeof(Refused))]
    [InlineData("5.0.0", """{"key": {"login": 1}, "name": "login_1", "unique": true}""", typeof(Refused))]
    [InlineData("3.6.0", """{"key": {"other": 1}, "name": "login_1"}""", typeof(Refused))]
    [InlineData("5.0.0", """{"key": {"other": 1}, "name": "login_1"}""", typeof(Refused))]
    [InlineData("3.6.0", """{"key": {"login": 1}, "name": "old", "collation": {"locale": "en", "strength": 2}}""", typeof(Refused))]
    [InlineData("5.0.0", """{"key": {"login": 1}, "name": "old", "collation": {"locale": "en", "strength": 2}}""", typeof(Done))]
    [InlineData("3.6.0", """{"key": {"login": 1}, "name": "old", "unique": true, "collation": {"locale": "en", "strength": 2}}""", typeof(Done))]
    [InlineData("5.0.0", """{"key": {"login": 1}, "name": "old", "unique": true, "collation": {"locale": "en", "strength": 2}}""", typeof(Done))]
    public async Task An_index_in_conflict_is_named_and_a_rebuild_replaces_it(string version, string present, Type outcome)
    {
        await using var server = await MongoTestDatabase.OnStandInAsync(version, replicaSet: false);
        await server.RunAsync($$"""{"createIndexes": "members", "indexes": [{{present}}]}""");
        var one = server.Open(id: "_id");
        var wanted = one.CanonicalIndex(IdentifierKind.Username);
        var step = new SchemaStep(SchemaAction.CreateIndex, wanted.Name, wanted.Definition);
        var old = (await one.ReadIndexesAsync(CancellationToken.None)).Single(index => index.Name != "_id_");

        var made = await one.ChangeSchemaAsync([step], CancellationToken.None);

        made.ShouldBeOfType(outcome);
        if (made is Refused refused)
        {
            refused.Message.ShouldContain(old.Name);
            (await one.ChangeSchemaAsync([new SchemaStep(SchemaAction.DropIndex, old.Name, old.Definition), step], CancellationToken.None)).ShouldBe(new Done());
        }

        (await one.ReadIndexesAsync(CancellationToken.None)).Count(index => one.IsCanonical(index, IdentifierKind.Username)).ShouldBe(1);
    }

    [Fact]
    public async Task A_lost_answer_while_an_index_is_made_is_unknown_and_the_same_step_again_is_done()
    {
        var wanted = system.CanonicalIndex(IdentifierKind.Username);
        var step = new SchemaStep(SchemaAction.CreateIndex, wanted.Name, wanted.Definition);
        await database.FaultAsync("createIndexes", "dropAfter");

        (await system.ChangeSchemaAsync([step], CancellationToken.None)).ShouldBeOfType<Unknown>();

        (await system.ChangeSchemaAsync([step], CancellationToken.None)).ShouldBe(new Done());
        (await system.ReadIndexesAsync(CancellationToken.None)).Count(index => system.IsCanonical(index, IdentifierKind.Username)).ShouldBe(1);
    }

    [Fact]
    public async Task A_step_that_fails_takes_back_what_was_done_before_it()
    {
        var wanted = system.CanonicalIndex(IdentifierKind.Username);
        var old = (await system.ReadIndexesAsync(CancellationToken.None)).Single(index => index.Name == "mail_1");
        await database.FaultAsync("createIndexes", "error", 13);

        var outcome = await system.ChangeSchemaAsync(
            [new SchemaStep(SchemaAction.DropIndex, old.Name, old.Definition), new SchemaStep(SchemaAction.CreateIndex, wanted.Name, wanted.Definition)], CancellationToken.None);

        outcome.ShouldBeOfType<Refused>();
        (await system.ReadIndexesAsync(CancellationToken.None)).Single(index => index.Name == "mail_1").Definition.ShouldBe(old.Definition);
    }

    private static MongoDbSystem Open(string connection, string? databaseName)
    {
        var settings = new Dictionary<string, string> { ["connection"] = connection, ["collection"] = "members" };
        if (databaseName is not null)
        {
            settings["database"] = databaseName;
        }

        return new MongoDbSystem(
            new SystemConfig
            {
                Name = "app",
                Connector = "mongodb",
                Settings = settings,
                Mapping = new AccountMapping { Id = ["_id"], Identifiers = new Dictionary<IdentifierKind, string>() },
            });
    }

    private Task<WriteOutcome> CreateAsync(string id) => system.CreateAsync(new AccountId(id), Login(id), CancellationToken.None);

    private Task FillAsync(int count)
        => Task.WhenAll(Enumerable.Range(0, count).Chunk(2000).Select(chunk =>
            database.InsertAsync("members", [.. chunk.Select(number => $$"""{"_id": {{number}}, "login": "user{{number}}", "mail": "user{{number}}@example.org"}""")])));

    private static Fields Login(string id, string? login = null)
        => new([new("_id", FieldValue.Text(id)), new("login", FieldValue.Text(login ?? $"user{id}")), new("mail", FieldValue.Text($"user{id}@example.org"))]);

    private static Fields Name(string name) => new([new("name", FieldValue.Text(name))]);
}
