using Selfsame.Connectors.MongoDb;
using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Sqlite;
using Selfsame.Contract.Tests.Connectors.MongoDb;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Duplicates that refer to themselves, to each other and to the duplicates of somebody else.</summary>
public sealed partial class MixedTypeRepairTests
{
    private const string People =
        """
        CREATE TABLE people (id text PRIMARY KEY);
        INSERT INTO people VALUES ('1'), ('2'), ('3'), ('4'), ('5'), ('6');
        """;

    private const string Referrers =
        """
        INSERT INTO app VALUES (1, 'ann@example.org', 'ann', 1, 2, NULL, 0), (2, 'Ann@example.org', 'Ann', 2, 3, 1, 0), (3, 'ANN@example.org', 'ANN', 3, 2, 2, 0),
            (4, 'bob@example.org', 'bob', 3, 5, 4, 0), (5, 'Bob@example.org', 'Bob', 2, 3, 5, 0), (6, 'cy@example.org', 'cy', 5, 3, 2, 0);
        """;

    private static readonly string[] Merged = ["1 1 1 -", "4 1 4 4", "6 4 1 1"];

    private static readonly ReconcileRule SameIds = new() { Source = "people", Target = "app", Correlate = [CorrelationRule.ById] };

    // Each foreign key is looked at after every statement, one sets null and one deletes.
    [Fact]
    [Trait("needs", "postgresql")]
    public async Task In_PostgreSQL_duplicates_that_refer_to_themselves_and_each_other_are_merged_and_all_come_back()
    {
        var connection = await MakeAsync(
            $"""
            {People}
            CREATE TABLE app (id bigint PRIMARY KEY, email text, username text, created_by bigint NOT NULL REFERENCES app, invited_by bigint REFERENCES app ON DELETE SET NULL,
                boss bigint REFERENCES app ON DELETE CASCADE, touched int);
            {Referrers}
            """);
        var people = Nameless(Config("people", "postgres", [("connection", connection), ("table", "people")]));
        var app = Mergeable(Config("app", "postgres", [("connection", connection), ("table", "app")]));
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, new PostgresSystem(app), app, SameIds);
        const string state = "SELECT a::text FROM app a ORDER BY 1";
        var before = await QueryAsync(connection, state);

        var run = await repair.ApplyAsync();

        (await QueryAsync(connection, "SELECT concat_ws(' ', id, created_by, invited_by, coalesce(boss::text, '-')) FROM app ORDER BY id")).ShouldBe(Merged);
        await repair.UndoAsync(run);
        (await QueryAsync(connection, state)).ShouldBe(before);
    }

    // Its trigger writes to a row that is to go, since what that refers to moves first.
    [Fact]
    public async Task In_SQLite_duplicates_that_refer_to_themselves_and_each_other_are_merged_and_all_come_back()
    {
        await using var database = SqliteDatabase.File(folder["referring.db"], new DatabaseOptions(), TimeProvider.System, Selfsame.Core.RandomSource.System);
        await database.TransactAsync(transaction => transaction.ExecuteAsync(
            $"""
            {People}
            CREATE TABLE app (id integer PRIMARY KEY, email text, username text, created_by integer NOT NULL REFERENCES app, invited_by integer REFERENCES app ON DELETE SET NULL,
                boss integer REFERENCES app ON DELETE CASCADE, touched integer);
            CREATE TRIGGER touch AFTER UPDATE ON app BEGIN UPDATE app SET touched = touched + 1 WHERE id = NEW.id; END;
            PRAGMA defer_foreign_keys = ON;
            {Referrers}
            """));
        var people = Nameless(Config("people", "sqlite", [("connection", folder["referring.db"]), ("table", "people")]));
        var app = Mergeable(Config("app", "sqlite", [("connection", folder["referring.db"]), ("table", "app")]));
        app = app with { Mapping = app.Mapping with { Attributes = new Dictionary<string, AttributeMapping> { ["lastSignIn"] = new("touched", Noise: true) } } };
        await using var repair = await Repair.OfAsync(new SqliteSystem(people), people, new SqliteSystem(app), app, SameIds);
        const string state = "SELECT id || ' ' || created_by || ' ' || invited_by || ' ' || coalesce(boss, '-') FROM app ORDER BY id";
        var before = await RowsAsync(database, state);

        var run = await repair.ApplyAsync();

        (await RowsAsync(database, state)).ShouldBe(Merged);
        await repair.UndoAsync(run);
        (await RowsAsync(database, state)).ShouldBe(before);
    }

    [Theory]
    [Trait("needs", "node, libmongoc")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task In_MongoDB_duplicates_that_refer_to_themselves_and_each_other_are_merged_and_all_come_back(bool replicaSet)
    {
        await using var database = await MongoTestDatabase.OnStandInAsync(replicaSet: replicaSet);
        foreach (var (id, email, createdBy, invitedBy, boss) in new[] { (1, "ann", 1, 2, "null"), (2, "Ann", 2, 3, "1"), (3, "ANN", 3, 2, "2"), (4, "bob", 3, 5, "4"), (5, "Bob", 2, 3, "5"), (6, "cy", 5, 3, "2") })
        {
            await database.InsertAsync("people", $$"""{"_id": {{id}}}""");
            await database.InsertAsync(
                "app", $$"""{"_id": {{id}}, "boss": {{boss}}, "created_by": {{createdBy}}, "email": "{{email}}@example.org", "invited_by": {{invitedBy}}, "username": "{{email}}"}""");
        }

        SystemConfig Collection(string name)
        {
            var config = Named(Config(name, "mongodb", [("connection", database.ConnectionString), ("collection", name), ("database", database.Name)]));
            return config with { Mapping = config.Mapping with { Id = ["_id"] } };
        }

        var (people, app) = (Nameless(Collection("people")), Mergeable(Collection("app"), "created_by", "invited_by", "boss"));
        await using var repair = await Repair.OfAsync(new MongoDbSystem(people), people, new MongoDbSystem(app), app, SameIds);
        var before = await database.DocumentsAsync("app");

        var run = await repair.ApplyAsync();

        (await database.DocumentsAsync("app")).ShouldBe(
        [
            """{"_id":1,"boss":null,"created_by":1,"email":"ann@example.org","invited_by":1,"username":"ann"}""",
            """{"_id":4,"boss":4,"created_by":1,"email":"bob@example.org","invited_by":4,"username":"bob"}""",
            """{"_id":6,"boss":1,"created_by":4,"email":"cy@example.org","invited_by":1,"username":"cy"}""",
        ]);
        await repair.UndoAsync(run);
        (await database.DocumentsAsync("app")).ShouldBe(before);
    }

    private static SystemConfig Nameless(SystemConfig config) => config with { Mapping = config.Mapping with { Identifiers = new Dictionary<IdentifierKind, string>() } };

    private static SystemConfig Mergeable(SystemConfig config, params string[] references) => Named(config) with
    {
        Mapping = Named(config).Mapping with { Id = config.Mapping.Id },
        Unique = [IdentifierKind.Email],
        Duplicates = DuplicatesAction.Merge,
        TrustEmail = true,
        References = [.. references.Select(field => new ReferencePlace { Table = "app", Fields = [field], AccountFields = config.Mapping.Id })],
    };
}
