using Selfsame.Databases;

namespace Selfsame.Bench.Stores;

/// <summary>How many rows each table holds, or was given.</summary>
internal sealed record RowCounts(IReadOnlyDictionary<string, long> ByTable)
{
    public long Total => ByTable.Values.Sum();

    public static async Task<RowCounts> ReadAsync(Database database)
    {
        var list = database.Dialect == Dialect.Sqlite
            ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            : "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'";
        return await database.ReadAsync(async transaction =>
        {
            var counts = new Dictionary<string, long>(StringComparer.Ordinal);
            foreach (var table in await transaction.QueryAsync<string>(list))
            {
                counts[table] = await transaction.ScalarAsync<long>($"SELECT count(*) FROM {DialectText.Quote(table)}");
            }

            return new RowCounts(counts);
        });
    }

    /// <summary>What <paramref name="work"/> added, by table.</summary>
    public static async Task<RowCounts> AddedByAsync(Database database, Func<Task> work)
    {
        var before = await ReadAsync(database);
        await work();
        var after = await ReadAsync(database);
        return new RowCounts(after.ByTable
            .Select(table => (table.Key, Value: table.Value - before.ByTable[table.Key]))
            .Where(table => table.Value != 0)
            .ToDictionary(table => table.Key, table => table.Value, StringComparer.Ordinal));
    }

    public override string ToString()
        => $"{Total} rows each: {string.Join(", ", ByTable.OrderBy(table => table.Key, StringComparer.Ordinal).Select(table => $"{table.Key} {table.Value}"))}";
}
