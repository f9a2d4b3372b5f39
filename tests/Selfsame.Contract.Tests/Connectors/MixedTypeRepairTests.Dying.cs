using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Sqlite;
using Selfsame.Databases;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>What was made before a crash, and changed since.</summary>
public sealed partial class MixedTypeRepairTests
{
    private const string Exchange =
        """
        CREATE TABLE people (id text PRIMARY KEY, email text, username text);
        CREATE TABLE app (id bigint PRIMARY KEY, email text UNIQUE, username text UNIQUE);
        CREATE TABLE orders (id int PRIMARY KEY, buyer bigint NOT NULL REFERENCES app);
        INSERT INTO people VALUES ('5', 'ann@example.org', 'ann'), ('6', 'bob@example.org', 'bob');
        INSERT INTO app VALUES (6, 'ann@example.org', 'ann'), (5, 'bob@example.org', 'bob');
        INSERT INTO orders VALUES (1, 6), (2, 5)
        """;

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task In_PostgreSQL_ids_that_were_exchanged_before_a_crash_count_as_exchanged_whoever_changed_since()
    {
        var connection = await MakeAsync(Exchange);
        var people = Named(Config("people", "postgres", [("connection", connection), ("table", "people")]));
        var app = Named(Config("app", "postgres", [("connection", connection), ("table", "app")]));
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, new PostgresSystem(app), app, WithIds);

        var (report, undo) = await repair.DyingAsync(() => QueryAsync(connection, "UPDATE app SET email = username || '@elsewhere.example' RETURNING email"));

        (report.Applied, report.Skipped.Count).ShouldBe((1, 0));
        (await QueryAsync(connection, "SELECT a.id || username || o.id FROM app a JOIN orders o ON buyer = a.id ORDER BY a.id")).ShouldBe(["5ann1", "6bob2"]);
        undo.NotPlanned.ShouldHaveSingleItem().Because.ShouldBe("The accounts exchange their ids back. What somebody changed since stays: ann (5): email; bob (6): email.");
        undo.Changes.ShouldHaveSingleItem().Exchanged.ShouldHaveSingleItem();
    }

    [Fact]
    public async Task In_SQLite_ids_that_were_exchanged_before_a_crash_count_as_exchanged_whoever_changed_since()
    {
        await using var database = SqliteDatabase.File(folder["dying.db"], new DatabaseOptions(), TimeProvider.System, Selfsame.Core.RandomSource.System);
        await database.TransactAsync(transaction => transaction.ExecuteAsync(Exchange));
        var people = Named(Config("people", "sqlite", [("connection", folder["dying.db"]), ("table", "people")]));
        var app = Named(Config("app", "sqlite", [("connection", folder["dying.db"]), ("table", "app")]));
        await using var repair = await Repair.OfAsync(new SqliteSystem(people), people, new SqliteSystem(app), app, WithIds);

        var (report, undo) = await repair.DyingAsync(
            () => database.TransactAsync(transaction => transaction.ExecuteAsync("UPDATE app SET email = username || '@elsewhere.example'")));

        (report.Applied, report.Skipped.Count).ShouldBe((1, 0));
        (await database.ReadAsync(transaction => transaction.QueryAsync<string>("SELECT a.id || username || o.id FROM app a JOIN orders o ON buyer = a.id ORDER BY a.id"))).ShouldBe(["5ann1", "6bob2"]);
        undo.NotPlanned.ShouldHaveSingleItem().Because.ShouldBe("The accounts exchange their ids back. What somebody changed since stays: ann (5): email; bob (6): email.");
        undo.Changes.ShouldHaveSingleItem().Exchanged.ShouldHaveSingleItem();
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task In_PostgreSQL_whoever_a_trigger_changed_is_known_by_the_number_after_a_crash()
    {
        var connection = await MakeAsync(
            """
            CREATE TABLE people (id text PRIMARY KEY, email text, username text);
            CREATE TABLE app (id bigserial PRIMARY KEY, email text UNIQUE, username text UNIQUE);
            INSERT INTO people VALUES ('5', 'ann@example.org', 'Ann'), ('6', 'bob@example.org', 'Bob');
            CREATE FUNCTION low() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.username := lower(NEW.username); RETURN NEW; END $$;
            CREATE TRIGGER low BEFORE INSERT ON app FOR EACH ROW EXECUTE FUNCTION low();
            """);
        var people = Named(Config("people", "postgres", [("connection", connection), ("table", "people")]));
        var app = Named(Config("app", "postgres", [("connection", connection), ("table", "app")]));
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, new PostgresSystem(app), app, IntoNumbered);

        var (report, undo) = await repair.DyingAsync(() => Task.CompletedTask);

        (report.Applied, report.Skipped.Count, report.Unverified.Count).ShouldBe((2, 0, 2));
        (await QueryAsync(connection, "SELECT username FROM app ORDER BY username")).ShouldBe(["ann", "bob"]);
        undo.NotPlanned.Select(left => left.Because).ShouldAllBe(why => why.StartsWith("The account was changed since: username."));
        undo.NotPlanned.Count.ShouldBe(2);
    }
}
