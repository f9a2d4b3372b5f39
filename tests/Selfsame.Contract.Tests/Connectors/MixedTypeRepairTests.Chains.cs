using Selfsame.Connectors.Postgres;
using Selfsame.Connectors.Sqlite;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Accounts whose ids are each one too low.</summary>
public sealed partial class MixedTypeRepairTests
{
    private static readonly string[] InTheirOrder = ["06 ann", "07 bob", "08 cy", "09 dora", "10 eve", "20 zed"];

    // Whoever refers to who: each to each, to the next, and one to itself.
    private static string Chain(string guarding) =>
        $"""
        CREATE TABLE people (id text PRIMARY KEY, email text, username text);
        CREATE TABLE app (id bigint PRIMARY KEY, email text UNIQUE, username text UNIQUE, boss bigint REFERENCES app{guarding});
        CREATE TABLE orders (id int PRIMARY KEY, buyer bigint NOT NULL REFERENCES app{guarding}, seller bigint REFERENCES app{guarding});
        CREATE TABLE members (who bigint REFERENCES app{guarding}, club text, since int, PRIMARY KEY (who, club));
        CREATE TABLE follows (who bigint REFERENCES app{guarding}, whom bigint REFERENCES app{guarding}, PRIMARY KEY (who, whom));
        CREATE TABLE logs (who bigint, what text);
        INSERT INTO people VALUES ('6', 'ann@example.org', 'ann'), ('7', 'bob@example.org', 'bob'), ('8', 'cy@example.org', 'cy'), ('9', 'dora@example.org', 'dora'), ('10', 'eve@example.org', 'eve'), ('20', 'zed@example.org', 'zed');
        INSERT INTO app VALUES (5, 'ann@example.org', 'ann', NULL), (6, 'bob@example.org', 'bob', NULL), (7, 'cy@example.org', 'cy', NULL), (8, 'dora@example.org', 'dora', NULL), (9, 'eve@example.org', 'eve', NULL);
        UPDATE app SET boss = CASE id WHEN 9 THEN 5 WHEN 6 THEN 6 ELSE id + 1 END;
        INSERT INTO app VALUES (20, 'zed@example.org', 'zed', 6);
        INSERT INTO orders SELECT row_number() OVER (), b.id, s.id FROM app b, app s; INSERT INTO members SELECT id, 'chess', id FROM app UNION ALL SELECT 5, 'go', 55;
        INSERT INTO follows SELECT f.id, w.id FROM app f, app w WHERE w.id - f.id IN (0, 1, 2);
        INSERT INTO logs SELECT id, username FROM app UNION ALL SELECT id, 'again' || username FROM app
        """;

    private const string ChainState =
        """
        SELECT 'app ' || id || ' ' || username || ' ' || boss FROM app UNION ALL SELECT 'order ' || id || ' ' || buyer || ' ' || seller FROM orders UNION ALL SELECT 'member ' || who || ' ' || club || since FROM members
        UNION ALL SELECT 'follow ' || who || ' ' || whom FROM follows UNION ALL SELECT 'log ' || who || ' ' || what FROM logs ORDER BY 1
        """;

    private const string ChainOwners =
        """
        SELECT o.id || ' ' || b.username || ' ' || s.username FROM orders o JOIN app b ON b.id = buyer JOIN app s ON s.id = seller
        UNION ALL SELECT 'member ' || username || ' ' || club || since FROM members JOIN app ON app.id = who UNION ALL SELECT 'log ' || username || ' ' || what FROM logs JOIN app ON app.id = who
        UNION ALL SELECT 'follow ' || a.username || ' ' || b.username FROM follows JOIN app a ON a.id = who JOIN app b ON b.id = whom
        UNION ALL SELECT a.username || ' under ' || b.username FROM app a JOIN app b ON b.id = a.boss ORDER BY 1
        """;

    private const string ChainIds = "SELECT CASE WHEN id < 10 THEN '0' ELSE '' END || id || ' ' || username FROM app ORDER BY 1";

    [Theory]
    [Trait("needs", "postgresql")]
    [InlineData("")]
    [InlineData(" DEFERRABLE INITIALLY DEFERRED")]
    [InlineData(" ON UPDATE CASCADE")]
    [InlineData(" ON UPDATE RESTRICT")]
    [InlineData(" ON UPDATE CASCADE DEFERRABLE")]
    public async Task In_PostgreSQL_ids_that_are_each_one_too_low_are_put_right_by_one_plan_and_taken_back(string guarding)
    {
        var connection = await MakeAsync(Chain(guarding));
        await using var repair = await OverChainAsync(config => new PostgresSystem(config), "postgres", connection);
        await ShouldComeAndGoAsync(repair, sql => QueryAsync(connection, sql));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ON UPDATE CASCADE")]
    [InlineData(" DEFERRABLE INITIALLY DEFERRED")]
    public async Task In_SQLite_ids_that_are_each_one_too_low_are_put_right_by_one_plan_and_taken_back(string guarding)
    {
        await using var database = await FileAsync(Chain(guarding));
        await using var repair = await OverChainAsync(config => new SqliteSystem(config), "sqlite", folder["chain.db"]);
        await ShouldComeAndGoAsync(repair, sql => RowsAsync(database, sql));
    }

    [Theory]
    [Trait("needs", "postgresql")]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public async Task In_PostgreSQL_a_chain_that_was_begun_before_a_crash_ends_as_if_there_had_been_none(int time)
    {
        var connection = await MakeAsync(Chain(""));
        await using var repair = await OverChainAsync(config => new PostgresSystem(config), "postgres", connection);
        await ShouldSurviveAsync(repair, sql => QueryAsync(connection, sql), time);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public async Task In_SQLite_a_chain_that_was_begun_before_a_crash_ends_as_if_there_had_been_none(int time)
    {
        await using var database = await FileAsync(Chain(""));
        await using var repair = await OverChainAsync(config => new SqliteSystem(config), "sqlite", folder["chain.db"]);
        await ShouldSurviveAsync(repair, sql => RowsAsync(database, sql), time);
    }

    private static async Task ShouldComeAndGoAsync(Repair repair, Func<string, Task<IReadOnlyList<string>>> query)
    {
        var (before, owned) = (await query(ChainState), await query(ChainOwners));

        var run = await repair.ApplyAsync();

        run.Changes.Select(change => change.Label).ShouldBe(["eve", "dora", "cy", "bob", "ann"]);
        (await query(ChainIds)).ShouldBe(InTheirOrder);
        (await query(ChainOwners)).ShouldBe(owned);
        (await repair.FindingsAsync()).ShouldBeEmpty();
        await query("INSERT INTO logs VALUES (6, 'since') RETURNING what");
        await query("INSERT INTO orders VALUES (100, 6, 7) RETURNING 'made'");
        await repair.UndoAsync(run);

        // What came since is Ann's and Bob's still.
        (await query("DELETE FROM logs WHERE what = 'since' RETURNING who || ''")).ShouldBe(["5"]);
        (await query("DELETE FROM orders WHERE id = 100 RETURNING buyer || ' ' || seller")).ShouldBe(["5 6"]);
        (await query(ChainState)).ShouldBe(before);
    }

    private static async Task ShouldSurviveAsync(Repair repair, Func<string, Task<IReadOnlyList<string>>> query, int time)
    {
        var (before, owned) = (await query(ChainState), await query(ChainOwners));

        var (report, undo) = await repair.DyingAsync(() => Task.CompletedTask, time);

        (report.IsComplete, report.Applied, report.Unverified.Count).ShouldBe((true, 5, 0));
        (await query(ChainIds)).ShouldBe(InTheirOrder);
        (await query(ChainOwners)).ShouldBe(owned);
        (await repair.FindingsAsync()).ShouldBeEmpty();
        undo.NotPlanned.ShouldBeEmpty();
        await repair.MakeAsync(undo);
        (await query(ChainState)).ShouldBe(before);
    }

    private static Task<Repair> OverChainAsync(Func<SystemConfig, IConnectedSystem> open, string connector, string connection)
    {
        var people = Named(Config("people", connector, [("connection", connection), ("table", "people")]));
        var app = Named(Config("app", connector, [("connection", connection), ("table", "app")])) with
        {
            References = [new ReferencePlace { Table = "logs", Fields = ["who"], AccountFields = ["id"] }],
        };
        return Repair.OfAsync(open(people), people, open(app), app, WithIds);
    }

    private async Task<Database> FileAsync(string sql)
    {
        var database = SqliteDatabase.File(folder["chain.db"], new DatabaseOptions(), TimeProvider.System, Selfsame.Core.RandomSource.System);
        await database.TransactAsync(transaction => transaction.ExecuteAsync(sql));
        return database;
    }

    // Some of these questions write.
    private static async Task<IReadOnlyList<string>> RowsAsync(Database database, string sql)
        => await database.TransactAsync(transaction => transaction.QueryAsync<string>(sql));
}
