using System.Collections.Concurrent;
using Selfsame.Databases;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>All that stands in a store, for who looks for what must not stand there.</summary>
internal static class StoredTexts
{
    // The tests' hashing keeps a password as it is. Of a session and a link only their tokens' hashes are stored.
    private static readonly HashSet<string> Excepted = ["users.password_hash"];

    private static readonly ConcurrentDictionary<string, IReadOnlyList<string>> Queries = new();

    /// <summary>Every value of every column, sealed ones too: these hold no plain text either.</summary>
    public static IEnumerable<(string Table, string Text)> Read(World world)
        => from query in Queries.GetOrAdd("", _ => world.Inspect(FindAsync))
           let table = query.Split('"')[^2]
           from text in world.Inspect(transaction => transaction.QueryAsync<string>(query))
           select (table, text);

    private static async Task<IReadOnlyList<string>> FindAsync(Transaction transaction)
    {
        var columns = await transaction.QueryAsync<ColumnState>(
            """
            SELECT t.name AS table_name, c.name AS column_name FROM sqlite_master t JOIN pragma_table_info(t.name) c
            WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND (lower(c.type) IN ('text', 'blob', ''))
            """);
        return
        [
            .. columns.Where(column => !Excepted.Contains($"{column.TableName}.{column.ColumnName}")).GroupBy(column => column.TableName).Select(group =>
                $"SELECT {string.Join(" || ' ' || ", group.Select(column => $"coalesce(CAST({column.ColumnName} AS text), '')"))} FROM \"{group.Key}\""),
        ];
    }

    private sealed record ColumnState
    {
        public string TableName { get; init; } = "";

        public string ColumnName { get; init; } = "";
    }
}
