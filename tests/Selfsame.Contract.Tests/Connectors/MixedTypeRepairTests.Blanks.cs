using Selfsame.Connectors.Files;
using Selfsame.Connectors.MongoDb;
using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Sqlite;
using Selfsame.Contract.Tests.Connectors.MongoDb;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Unique indexes that take one account only without an e-mail.</summary>
public sealed partial class MixedTypeRepairTests
{
    private const string OnlyOne = "app has the unique index 'one', which takes only one account without email, and another is without, or is to be: "
        + "give this one a value, or let the index leave out whoever has none, then plan again.";

    private const string Fault = "A fault of the system or of the config is put right there.";

    private const string ReportOnly = "The config says to report it only.";

    private static ReconcileRule ByName => IntoNumbered with { Correlate = [new CorrelationRule(IdentifierKind.Username)] };

    // PostgreSQL 15: whoever has none is equal to whoever else has none.
    [Theory]
    [Trait("needs", "postgresql")]
    [InlineData("(lower(email)) NULLS NOT DISTINCT", 1, Fault, OnlyOne)]
    [InlineData("(lower(email)) NULLS NOT DISTINCT WHERE username IS NOT NULL", 1, OnlyOne)]
    [InlineData("(lower(email)) NULLS NOT DISTINCT WHERE lower(email) <> ''", 2)]
    [InlineData("(lower(email))", 2)]
    public async Task In_PostgreSQL_the_second_without_an_email_is_left_alone_by_the_plan_where_an_index_takes_one_only(string index, int created, params string[] leftAlone)
    {
        var connection = await MakeAsync(
            $"""
            CREATE TABLE people (id text PRIMARY KEY, email text, username text);
            CREATE TABLE app (id text PRIMARY KEY, email text, username text UNIQUE);
            CREATE UNIQUE INDEX one ON app {index};
            INSERT INTO people VALUES ('1', NULL, 'ann'), ('2', NULL, 'bob');
            """);
        var people = Named(Config("people", "postgres", [("connection", connection), ("table", "people")]));
        var app = Named(Config("app", "postgres", [("connection", connection), ("table", "app")])) with { Unique = [IdentifierKind.Email] };
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, new PostgresSystem(app), app, ByName);

        await repair.ApplyAsync(leftAlone);

        (await QueryAsync(connection, "SELECT id FROM app")).Count.ShouldBe(created);
    }

    // A sparse index, and one over those that have the field, takes one null only, and any number of documents that lack it.
    [Theory]
    [Trait("needs", "node, libmongoc")]
    [InlineData(""" "sparse": false """, true, 1, OnlyOne)]
    [InlineData(""" "sparse": false """, false, 1, OnlyOne)]
    [InlineData(""" "sparse": true """, true, 1, OnlyOne)]
    [InlineData(""" "sparse": true """, false, 2)]
    [InlineData(""" "partialFilterExpression": {"email": {"$exists": true}} """, true, 1, OnlyOne)]
    [InlineData(""" "partialFilterExpression": {"email": {"$exists": true}} """, false, 2)]
    [InlineData(""" "partialFilterExpression": {"email": {"$gt": ""}} """, true, 2)]
    public async Task In_MongoDB_the_second_without_an_email_is_left_alone_by_the_plan_where_an_index_takes_one_only(
        string options, bool isNull, int created, params string[] leftAlone)
    {
        await using var database = await MongoTestDatabase.OnChosenServerAsync();
        await database.RunAsync($$"""{"createIndexes": "app", "indexes": [{"key": {"email": 1}, "name": "one", "unique": true, {{options}} }]}""");
        await File.WriteAllLinesAsync(folder["people.jsonl"], ["""{"id": "1", "email": null, "username": "ann"}""", """{"id": "2", "email": null, "username": "bob"}"""]);
        var people = Named(Config("people", "files", [("path", folder["people.jsonl"])]));
        var app = Named(Config("app", "mongodb", [("connection", database.ConnectionString), ("database", database.Name), ("collection", "app")]));
        if (!isNull)
        {
            people = people with { Mapping = people.Mapping with { Identifiers = ByUsername } };
        }

        await using var repair = await Repair.OfAsync(new FilesSystem(people), people, new MongoDbSystem(app), app with { Unique = [IdentifierKind.Email] }, ByName);

        await repair.ApplyAsync(leftAlone);

        (await database.DocumentsAsync("app")).Count.ShouldBe(created);
    }

    // A user code, or what a default fills, is no value that is lacking.
    [Fact]
    [Trait("needs", "postgresql")]
    public async Task In_PostgreSQL_whoever_is_made_with_a_code_and_a_default_is_without_neither_for_the_plan()
    {
        var connection = await MakeAsync(
            """
            CREATE TABLE people (id text PRIMARY KEY, username text);
            CREATE TABLE app (id text PRIMARY KEY, email text DEFAULT gen_random_uuid() || '@example.org', username text UNIQUE, code text);
            CREATE UNIQUE INDEX one ON app (lower(email)) NULLS NOT DISTINCT;
            CREATE UNIQUE INDEX one_code ON app (lower(code)) NULLS NOT DISTINCT;
            INSERT INTO people VALUES ('1', 'ann'), ('2', 'bob');
            """);
        var people = Config("people", "postgres", [("connection", connection), ("table", "people")]);
        people = people with { Mapping = people.Mapping with { Identifiers = ByUsername } };
        var app = WithCode(Config("app", "postgres", [("connection", connection), ("table", "app")]), [IdentifierKind.Email, IdentifierKind.UserCode]);
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, new PostgresSystem(app), app, ByName);

        await repair.ApplyAsync(Fault, Fault);

        (await QueryAsync(connection, "SELECT username FROM app WHERE email IS NOT NULL AND code IS NOT NULL ORDER BY id")).ShouldBe(["ann", "bob"]);
    }

    [Fact]
    [Trait("needs", "node, libmongoc")]
    public async Task In_MongoDB_whoever_is_made_with_a_code_is_not_without_one_for_the_plan()
    {
        await using var database = await MongoTestDatabase.OnChosenServerAsync();
        await database.RunAsync("""{"createIndexes": "app", "indexes": [{"key": {"code": 1}, "name": "one_code", "unique": true, "collation": {"locale": "en", "strength": 2}}]}""");
        await File.WriteAllLinesAsync(folder["people.jsonl"], ["""{"id": "1", "username": "ann"}""", """{"id": "2", "username": "bob"}"""]);
        var people = Config("people", "files", [("path", folder["people.jsonl"])]);
        people = people with { Mapping = people.Mapping with { Identifiers = ByUsername } };
        var app = WithCode(Config("app", "mongodb", [("connection", database.ConnectionString), ("database", database.Name), ("collection", "app")]), [IdentifierKind.UserCode]);
        await using var repair = await Repair.OfAsync(new FilesSystem(people), people, new MongoDbSystem(app), app, ByName);

        await repair.ApplyAsync();

        (await database.DocumentsAsync("app")).ShouldAllBe(document => document.Contains("\"code\":\"ac", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task In_PostgreSQL_of_two_blanks_under_a_full_index_one_is_put_into_the_normal_form()
    {
        var connection = await MakeAsync(
            """
            CREATE TABLE people (id text PRIMARY KEY, email text, username text);
            CREATE TABLE app (id text PRIMARY KEY, email text, username text UNIQUE);
            CREATE UNIQUE INDEX one ON app (lower(email));
            INSERT INTO people VALUES ('1', ' ', 'ann'), ('2', '  ', 'bob');
            INSERT INTO app VALUES ('1', ' ', 'ann'), ('2', '  ', 'bob');
            """);
        var people = Named(Config("people", "postgres", [("connection", connection), ("table", "people")]));
        var app = Named(Config("app", "postgres", [("connection", connection), ("table", "app")])) with { Unique = [IdentifierKind.Email] };
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, new PostgresSystem(app), app, ByName with { Drifted = DriftedAction.Report });

        await repair.ApplyAsync(OnlyOne);

        (await QueryAsync(connection, "SELECT length(email)::text FROM app ORDER BY id")).ShouldBe(["0", "2"]);
    }

    // The system's own index decides, not what the config calls unique.
    [Fact]
    [Trait("needs", "postgresql")]
    public async Task In_PostgreSQL_so_it_is_with_an_identifier_that_the_config_does_not_call_unique()
    {
        var connection = await MakeAsync(
            """
            CREATE TABLE people (id text PRIMARY KEY, email text, username text);
            CREATE TABLE app (id text PRIMARY KEY, email text, username text UNIQUE);
            CREATE UNIQUE INDEX one ON app (email) NULLS NOT DISTINCT;
            INSERT INTO people VALUES ('1', NULL, 'ann'), ('2', NULL, 'bob'), ('3', '', 'cy');
            """);
        var people = Named(Config("people", "postgres", [("connection", connection), ("table", "people")]));
        var app = Named(Config("app", "postgres", [("connection", connection), ("table", "app")]));
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, new PostgresSystem(app), app, ByName);

        await repair.ApplyAsync(OnlyOne, OnlyOne);

        (await QueryAsync(connection, "SELECT username FROM app")).ShouldBe(["ann"]);
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task In_PostgreSQL_a_merge_leaves_a_blank_as_it_is_where_another_is_empty_and_an_index_takes_one_such_only()
    {
        var connection = await MakeAsync(
            """
            CREATE TABLE people (id text PRIMARY KEY, email text, username text);
            CREATE TABLE app (id text PRIMARY KEY, email text, username text UNIQUE);
            CREATE UNIQUE INDEX one ON app (lower(email));
            INSERT INTO app VALUES ('1', '', 'cy'), ('2', ' ', 'ann'), ('3', NULL, 'Ann');
            """);
        var people = Named(Config("people", "postgres", [("connection", connection), ("table", "people")]));
        var app = Named(Config("app", "postgres", [("connection", connection), ("table", "app")])) with { Unique = [IdentifierKind.Email, IdentifierKind.Username], Duplicates = DuplicatesAction.Merge };
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, new PostgresSystem(app), app, ByName);

        await repair.ApplyAsync(OnlyOne, ReportOnly, ReportOnly, ReportOnly);

        (await QueryAsync(connection, "SELECT concat(id, ' ', length(email)) FROM app ORDER BY id")).ShouldBe(["1 0", "2 1"]);
    }

    [Fact]
    public async Task In_SQLite_of_two_blanks_under_a_full_index_one_is_put_into_the_normal_form()
    {
        await using var database = SqliteDatabase.File(folder["blanks.db"], new DatabaseOptions(), TimeProvider.System, Selfsame.Core.RandomSource.System);
        await database.TransactAsync(transaction => transaction.ExecuteAsync(
            """
            CREATE TABLE people (id text PRIMARY KEY, email text, username text);
            CREATE TABLE app (id text PRIMARY KEY, email text, username text UNIQUE);
            CREATE UNIQUE INDEX one ON app (email COLLATE NOCASE);
            INSERT INTO people VALUES ('1', ' ', 'ann'), ('2', '  ', 'bob');
            INSERT INTO app VALUES ('1', ' ', 'ann'), ('2', '  ', 'bob');
            """));
        var people = Named(Config("people", "sqlite", [("connection", folder["blanks.db"]), ("table", "people")]));
        var app = Named(Config("app", "sqlite", [("connection", folder["blanks.db"]), ("table", "app")])) with { Unique = [IdentifierKind.Email] };
        await using var repair = await Repair.OfAsync(new SqliteSystem(people), people, new SqliteSystem(app), app, ByName with { Drifted = DriftedAction.Report });

        await repair.ApplyAsync(OnlyOne);

        (await database.ReadAsync(transaction => transaction.QueryAsync<string>("SELECT CAST(length(email) AS text) FROM app ORDER BY id"))).ShouldBe(["0", "2"]);
    }

    private static IReadOnlyDictionary<IdentifierKind, string> ByUsername { get; } = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = "username" };

    private static SystemConfig WithCode(SystemConfig config, IReadOnlyList<IdentifierKind> unique)
    {
        var identifiers = new Dictionary<IdentifierKind, string>(Named(config).Mapping.Identifiers) { [IdentifierKind.UserCode] = "code" };
        return config with { Mapping = config.Mapping with { Identifiers = identifiers }, UserCode = new UserCodeConfig("code", "ac"), Unique = unique };
    }
}
