using System.Globalization;
using Npgsql;

namespace Selfsame.Bench.Audits;

/// <summary>
/// Two tables of users in one PostgreSQL database, <c>people</c> and <c>app</c>, with the columns that an audit needs and some that it does not. They
/// stand in different orders, and have the indexes that a sign-in by name or address needs.
/// </summary>
internal static class AuditTables
{
    /// <summary>One account in so many is damaged: missing, nobody's, renamed in part, an address or a name that differs.</summary>
    public const int OneDamagedIn = 1000;

    private const string Columns = "id bigint PRIMARY KEY, username text, email text, full_name text, email_verified boolean, password text, created_at timestamptz";

    private const string Row =
        """
        'User' || i, 'user' || i || '@example' || i % 997 || '.org', 'Person Number ' || i, true, md5(i::text), timestamptz '2020-01-01' + i * interval '1 second'
        """;

    /// <summary>Fills a database with damaged tables of <paramref name="rows"/> rows each.</summary>
    public static Task DamagedAsync(string connection, int rows) => MakeAsync(
        connection,
        rows,
        $"""
        DELETE FROM app WHERE id % {5 * OneDamagedIn} = {OneDamagedIn};
        DELETE FROM people WHERE id % {5 * OneDamagedIn} = {2 * OneDamagedIn};
        UPDATE app SET full_name = 'Somebody' WHERE id % {5 * OneDamagedIn} = {3 * OneDamagedIn};
        UPDATE app SET email = 'other' || email WHERE id % {5 * OneDamagedIn} = {4 * OneDamagedIn};
        INSERT INTO app SELECT id + {10L * rows}, upper(username), 'again' || email, full_name, true, password, created_at FROM app WHERE id % {5 * OneDamagedIn} = 0;
        """);

    /// <summary>Fills a database with tables that agree, but for <paramref name="missing"/> accounts that <c>app</c> lacks.</summary>
    public static Task IncompleteAsync(string connection, int rows, int missing)
        => MakeAsync(connection, rows, $"DELETE FROM app WHERE id % {Math.Max(1, rows / missing)} = 0");

    /// <summary>Fills a database with one table, <c>app</c>, in which one name in a thousand is there twice, in two spellings.</summary>
    public static Task DuplicatedAsync(string connection, int rows) => MakeAsync(
        connection,
        rows,
        $"""
        DROP TABLE people;
        INSERT INTO app SELECT id + {10L * rows}, upper(username), 'again' || email, full_name, true, password, created_at FROM app WHERE id % {OneDamagedIn} = 0;
        """);

    // Written once, read only: nothing is gained by a log, and the first reader should not have to set every row's visibility.
    private static async Task MakeAsync(string connection, int rows, string damage)
    {
        var count = rows.ToString(CultureInfo.InvariantCulture);
        await RunAsync(
            connection,
            $"""
            SET max_parallel_maintenance_workers = 2;
            CREATE UNLOGGED TABLE people ({Columns});
            CREATE UNLOGGED TABLE app ({Columns});
            INSERT INTO people SELECT i, {Row} FROM generate_series(1, {count}) i;
            INSERT INTO app SELECT i, {Row} FROM (SELECT n::bigint * 7919 % {count} + 1 AS i FROM generate_series(1, {count}) n) numbers;
            UPDATE app SET username = lower(username) WHERE id % 50 = 0;
            {damage};
            """);
        await RunAsync(connection, "VACUUM (FULL, FREEZE, ANALYZE) app");
        foreach (var index in (string[])["people (lower(email))", "people (lower(username))", "app (lower(email))", "app (lower(username))"])
        {
            await RunAsync(connection, $"DO $$ BEGIN IF to_regclass('{index.Split(' ')[0]}') IS NOT NULL THEN CREATE INDEX ON {index}; END IF; END $$");
        }

        await RunAsync(connection, "VACUUM (FREEZE, ANALYZE)");
        await RunAsync(connection, "CHECKPOINT");
    }

    private static async Task RunAsync(string connection, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connection + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        command.CommandTimeout = 0;
        await command.ExecuteNonQueryAsync();
    }
}
