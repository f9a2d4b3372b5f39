using System.Globalization;
using Npgsql;

namespace Selfsame.Bench.Merges;

/// <summary>
/// A table of users in a PostgreSQL database, in which every name is there twice, in two spellings, and orders that refer to them by a foreign key. Whoever came first lacks
/// the full name that the second has.
/// </summary>
internal static class MergeTables
{
    /// <summary>How many orders the account has that goes.</summary>
    public const int References = 3;

    /// <summary>Fills a database with <paramref name="pairs"/> pairs: <c>2n - 1</c> stays, <c>2n</c> goes.</summary>
    public static async Task FillAsync(string connection, int pairs)
    {
        var count = pairs.ToString(CultureInfo.InvariantCulture);
        await using var source = NpgsqlDataSource.Create(connection);
        foreach (var sql in (string[])
            [
                "CREATE TABLE users (id bigint PRIMARY KEY, username text NOT NULL, email text, full_name text, password text, created_at timestamptz)",
                "CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, item text)",
                $"INSERT INTO users SELECT 2 * i - 1, 'user' || i, 'user' || i || '@example.org', NULL, md5(i::text), timestamptz '2020-01-01' + i * interval '1 second' FROM generate_series(1, {count}) i",
                $"INSERT INTO users SELECT 2 * i, 'User' || i, 'again' || i || '@example.org', 'Person Number ' || i, md5(i::text), timestamptz '2021-01-01' + i * interval '1 second' FROM generate_series(1, {count}) i",
                $"INSERT INTO orders SELECT (n - 1) * {count} + i, 2 * i, 'Item ' || n FROM generate_series(1, {References}) n, generate_series(1, {count}) i",
                "CREATE INDEX ON users (lower(username))",
                "CREATE INDEX ON orders (user_id)",
                "VACUUM (ANALYZE)",
                "CHECKPOINT",
            ])
        {
            await using var command = source.CreateCommand(sql);
            await command.ExecuteNonQueryAsync();
        }
    }

    /// <summary>Throws unless every pair is one account by now, with all that referred to either: a side that does less must not be called faster.</summary>
    public static async Task CheckAsync(string connection, int pairs)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var command = source.CreateCommand(
            "SELECT (SELECT count(*) FROM users WHERE id % 2 = 1 AND full_name IS NOT NULL), (SELECT count(*) FROM users), (SELECT count(*) FROM orders WHERE user_id % 2 = 1)");
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        var (whole, users, orders) = (reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(2));
        if (whole != pairs || users != pairs || orders != (long)pairs * References)
        {
            throw new InvalidOperationException($"Of {pairs} pairs, {whole} were merged: {users} users are left, and {orders} orders refer to those who stay.");
        }
    }
}
