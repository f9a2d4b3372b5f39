using Selfsame.Core;
using Selfsame.Databases;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Databases;

/// <summary>Statements that decide by themselves whether they stay.</summary>
[Trait("needs", "postgresql")]
public sealed class AllOrNothingTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Where_a_part_lacks_its_rows_nothing_stays_also_of_the_statements_around_it()
    {
        await using var database = await OpenAsync();
        Statement before = new("INSERT INTO others VALUES ($1)", 1L);

        (await TryAsync(database, before, Insert(1, 2), before)).ShouldBe([1, 2]);
        (await TryAsync(database, before, Insert(3, 2), before)).ShouldBeNull();
        (await TryAsync(database, before, Insert(3, 4), before)).ShouldBe([3, 4]);

        (await CountAsync(database, "people")).ShouldBe(4);
        (await CountAsync(database, "others")).ShouldBe(4);
    }

    [Fact]
    public async Task The_parts_find_under_the_tables_name_what_was_inserted_and_not_what_was_there()
    {
        await using var database = await OpenAsync();
        var whole = AllOrNothing.Of(
            [
                new StatementPart("people", new Statement("INSERT INTO people VALUES ($1), ($2) RETURNING id", 1L, 2L), Rows: 2),
                new StatementPart("copied", new Statement("INSERT INTO others SELECT id + $1 FROM people WHERE id > $2", 10L, 0L)),
            ],
            "(SELECT max(id) FROM people)");
        await database.TransactAsync(transaction => transaction.ExecuteAsync("INSERT INTO people VALUES (5)"), Cancellation);

        (await TryAsync(database, whole)).ShouldBe([2]);

        (await database.ReadAsync(transaction => transaction.QueryAsync<long>("SELECT id FROM others ORDER BY id"), Cancellation)).ShouldBe([11, 12]);
    }

    // Whoever inserts in one order never waits in a circle.
    [Fact]
    public async Task The_parts_that_must_return_rows_are_done_in_their_order_and_those_after_one_that_lacks_some_are_not()
    {
        await using var database = await OpenAsync();
        Statement Draw(long number) => new("INSERT INTO people SELECT $1 WHERE nextval('draws') > 0 RETURNING id", number);
        Statement Whole(params long[] numbers) => AllOrNothing.Of([.. numbers.Select(number => new StatementPart($"p{number}", Draw(number), Rows: number == 3 ? 2 : 1))], null);

        (await TryAsync(database, Whole(2, 1))).ShouldBe([]);
        (await TryAsync(database, Whole(4, 3, 5))).ShouldBeNull();

        (await database.ReadAsync(transaction => transaction.QueryAsync<long>("SELECT id FROM people ORDER BY ctid"), Cancellation)).ShouldBe([2, 1]);
        (await database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT last_value FROM draws"), Cancellation)).ShouldBe(4, "the fifth was not drawn");
    }

    [Fact]
    public async Task An_error_of_its_own_is_no_refusal()
    {
        await using var database = await OpenAsync();
        var wrong = AllOrNothing.Of([new StatementPart("p", new Statement("INSERT INTO people SELECT CAST($1 AS bigint) RETURNING id", "no number"), Rows: 1)], null);

        (await Should.ThrowAsync<Npgsql.PostgresException>(() => TryAsync(database, wrong))).SqlState.ShouldBe("22P02");
    }

    [Fact]
    public async Task After_a_lost_answer_it_is_settled()
    {
        await using var lost = await OpenAsync(new LosesTheFirstAnswer());
        var settled = 0;

        var rows = await lost.TryTransactAsync(
            [Insert(1, 2)],
            row => row.GetInt64(0),
            rows => rows,
            async transaction =>
            {
                settled++;
                return new Settled<List<long>?>(true, await transaction.QueryAsync<long>("SELECT id + 100 FROM people ORDER BY id"));
            },
            Cancellation);

        settled.ShouldBe(1);
        rows.ShouldBe([101, 102]);
    }

    /// <summary>Two people, of whom both must be new.</summary>
    private static Statement Insert(long one, long other)
        => AllOrNothing.Of(
            [
                new StatementPart("one", new Statement("INSERT INTO people VALUES ($1) ON CONFLICT DO NOTHING RETURNING id", one), Rows: 1),
                new StatementPart("other", new Statement("INSERT INTO people VALUES ($1) ON CONFLICT DO NOTHING RETURNING id", other), Rows: 1),
            ],
            "unnest(ARRAY[(SELECT id FROM one), (SELECT id FROM other)])");

    private static Task<List<long>?> TryAsync(Database database, params Statement[] statements)
        => database.TryTransactAsync(statements, row => row.GetInt64(0), rows => rows, _ => Task.FromResult(default(Settled<List<long>?>)), Cancellation);

    private static Task<long> CountAsync(Database database, string table)
        => database.ReadAsync(transaction => transaction.ScalarAsync<long>($"SELECT count(*) FROM {table}"), Cancellation);

    private static async Task<Database> OpenAsync(TransactionFaults? faults = null)
    {
        var options = new DatabaseOptions { Faults = faults ?? TransactionFaults.None };
        var database = Database.Open(await (await PostgresServer.SharedAsync()).CreateDatabaseAsync(Cancellation), options, TimeProvider.System, RandomSource.System);
        await database.ReadAsync(
            transaction => transaction.ExecuteAsync("CREATE TABLE people (id bigint PRIMARY KEY); CREATE TABLE others (id bigint); CREATE SEQUENCE draws;"), Cancellation);
        return database;
    }

    private sealed class LosesTheFirstAnswer : TransactionFaults
    {
        private bool isLost;

        public override void AfterCommit()
        {
            if (!isLost)
            {
                isLost = true;
                throw new CommitUnknownException("lost");
            }
        }
    }
}
