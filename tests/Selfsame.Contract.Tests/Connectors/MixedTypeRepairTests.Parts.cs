using Selfsame.Connectors.Postgres;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Contract.Tests.Connectors;

/// <summary>Accounts that stand in other tables than the one that is mapped.</summary>
public sealed partial class MixedTypeRepairTests
{
    private const string TwoAnns =
        """
        CREATE TABLE people (id text PRIMARY KEY); INSERT INTO people VALUES ('1');
        CREATE TABLE members (id bigint PRIMARY KEY, email text, username text);
        INSERT INTO members VALUES (1, 'ann@example.org', 'ann'), (2, 'Ann@example.org', 'Ann');
        """;

    // No foreign key is one to a view: a merge found nothing that refers, and the posts went along with the duplicate for ever.
    [Theory]
    [Trait("needs", "postgresql")]
    [InlineData("CREATE VIEW app AS SELECT * FROM members", "is a view or a foreign table")]
    [InlineData("CREATE MATERIALIZED VIEW app AS SELECT * FROM members", "is a view or a foreign table")]
    [InlineData("CREATE TABLE app (id bigint, email text, username text); ALTER TABLE members INHERIT app", "shows rows of tables that inherit from it")]
    public async Task From_a_view_in_PostgreSQL_nobody_goes(string made, string said)
    {
        var connection = await MakeAsync($"{TwoAnns} CREATE TABLE posts (who bigint REFERENCES members ON DELETE CASCADE); INSERT INTO posts VALUES (1), (2); {made}");
        var people = Nameless(Config("people", "postgres", [("connection", connection), ("table", "people")]));
        var app = Mergeable(Config("app", "postgres", [("connection", connection), ("table", "app")])) with { Unique = [] };
        var system = new PostgresSystem(app);
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, system, app, SameIds with { Orphan = OrphanAction.DeleteInTarget });
        var two = (await system.ReadByIdAsync([new AccountId("2")], CancellationToken.None)).Single();
        RowWrite Write(RowAction action, Fields before, Fields after) => new() { Table = "app", Action = action, Key = two.Record.Only(["id"]), Before = before, After = after };

        var left = await repair.LeftAloneAsync();

        left.Count.ShouldBeGreaterThan(1, "the duplicates, and the one of them whom nobody has");
        left.ShouldAllBe(why => why.StartsWith($"app {said}") && why.EndsWith("map the table in which the rows stand."));
        (await system.WriteTogetherAsync([Write(RowAction.Delete, two.Record, Fields.Empty)], [], CancellationToken.None)).ShouldBeOfType<Refused>();
        (await system.WriteTogetherAsync([Write(RowAction.Update, two.Record, two.Record.With(new Fields([KeyValuePair.Create("id", FieldValue.Integer(3))])))], [], CancellationToken.None)).ShouldBeOfType<Refused>();
        (await system.DeleteAsync(two.Id, two.Record, CancellationToken.None)).ShouldBeOfType<Refused>();
        (await system.ProbeAsync(CancellationToken.None)).Single(probe => probe.Name == "delete accounts").WhatToDo.ShouldBe(left[0]);
        (await QueryAsync(connection, "SELECT p::text FROM posts p ORDER BY 1")).ShouldBe(["(1)", "(2)"]);
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task In_PostgreSQL_what_refers_to_a_partition_moves_comes_back_and_is_counted()
    {
        var connection = await MakeAsync(
            """
            CREATE TABLE people (id text PRIMARY KEY); INSERT INTO people VALUES ('1'), ('2');
            CREATE TABLE app (id bigint NOT NULL, email text, username text, region text NOT NULL, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
            CREATE TABLE app_eu PARTITION OF app FOR VALUES IN ('eu'); CREATE UNIQUE INDEX eu_id ON app_eu (id); CREATE TABLE app_us PARTITION OF app FOR VALUES IN ('us');
            CREATE TABLE posts (id int PRIMARY KEY, who bigint REFERENCES app_eu (id) ON DELETE CASCADE);
            CREATE TABLE wholes (id bigint, region text, FOREIGN KEY (id, region) REFERENCES app ON DELETE SET NULL) PARTITION BY LIST (region); CREATE TABLE wholes_eu PARTITION OF wholes DEFAULT;
            INSERT INTO app VALUES (1, 'ann@example.org', 'ann', 'eu'), (2, 'Ann@example.org', 'Ann', 'eu'), (3, 'gone@example.org', 'gone', 'eu'), (4, 'late@example.org', 'late', 'eu');
            INSERT INTO posts VALUES (1, 1), (2, 2), (3, 3), (4, 3); INSERT INTO wholes VALUES (2, 'eu'), (3, 'eu');
            """);
        var people = Nameless(Config("people", "postgres", [("connection", connection), ("table", "people")]));
        var app = Mergeable(Config("app", "postgres", [("connection", connection), ("table", "app")])) with { Unique = [] };
        var system = new PostgresSystem(app);
        await using var repair = await Repair.OfAsync(new PostgresSystem(people), people, system, app, SameIds);
        const string state = "SELECT a::text FROM app a UNION ALL SELECT p::text FROM posts p UNION ALL SELECT w::text FROM wholes w ORDER BY 1";
        var before = await QueryAsync(connection, state);
        const string alone = "The config says to report it only.";

        (await system.FindPlacesAsync([], CancellationToken.None)).Select(place => $"{place}").ShouldBe(["posts.who", "wholes.id+region"]);
        var taken = await system.CountTakenAsync([new AccountId("3")], CancellationToken.None);
        taken[new AccountId("3")].Select(rows => $"{rows.Place} {rows.Rows}").ShouldBe(["posts.who 2", "wholes.id+region 1"]);
        (await system.DescribeAsync(CancellationToken.None)).DeletionEffects.ShouldBe(
            ["Rows of posts that refer to the account by who are deleted with it.", "wholes.id, region loses its reference to the account."]);
        var run = await repair.ApplyAsync(alone, alone);

        (await QueryAsync(connection, "SELECT p::text FROM posts p UNION ALL SELECT w::text FROM wholes w ORDER BY 1")).ShouldBe(["(1,1)", "(1,eu)", "(2,1)", "(3,3)", "(3,eu)", "(4,3)"]);
        await repair.UndoAsync(run);
        (await QueryAsync(connection, state)).ShouldBe(before);

        // What is remembered of a table tells of a foreign key to its part, too.
        var late = (await system.ReadByIdAsync([new AccountId("4")], CancellationToken.None)).Single();
        await QueryAsync(connection, "CREATE TABLE stars (who bigint REFERENCES app_eu (id) ON DELETE CASCADE); INSERT INTO stars VALUES (4) RETURNING who::text");
        var deletion = new RowWrite { Table = "app", Action = RowAction.Delete, Key = late.Record.Only(["id"]), Before = late.Record, After = Fields.Empty };
        (await system.WriteTogetherAsync([deletion], [], CancellationToken.None)).ShouldBeOfType<Refused>().Message.ShouldContain("1 of stars by who (ON DELETE CASCADE)");
    }
}
