using Npgsql;

namespace Selfsame.Connectors.Postgres;

/// <summary>The shapes of tables and the foreign keys that refer to them.</summary>
internal sealed record KnownShapes(
    IReadOnlyDictionary<string, PostgresTable> Tables, ILookup<uint, PostgresForeignKey> ForeignKeys, string Version);

/// <summary>
/// Remembers shapes from one change to the next: reading them costs more than most changes do. What is remembered is used only while
/// the catalog's rows are the very same, by the transactions that wrote them.
/// </summary>
internal sealed class PostgresShapes
{
    private volatile KnownShapes? known;

    /// <summary>What is remembered of these tables, if all of them are; it may be out of date.</summary>
    public KnownShapes? Remembered(IReadOnlyCollection<string> names) => known is { } remembered && names.All(remembered.Tables.ContainsKey) ? remembered : null;

    public async Task<KnownShapes> LoadAsync(PostgresSession session, IReadOnlyCollection<string> names)
    {
        if (Remembered(names) is { } remembered && await VersionAsync(session, remembered.Tables) == remembered.Version)
        {
            return remembered;
        }

        var tables = await PostgresTable.LoadAsync(session, [.. names, .. known?.Tables.Keys ?? []]);
        var foreignKeys = await PostgresCatalog.ForeignKeysToAsync(session, [.. tables.Values.Select(table => table.Id)]);
        var version = await VersionAsync(session, tables);

        // A table that is not there has no catalog row that could change: it is looked for again each time.
        var shapes = new KnownShapes(tables, foreignKeys.ToLookup(key => key.To), version);
        known = tables.Values.All(table => table.Id != 0) ? shapes : null;
        return shapes;
    }

    /// <summary>
    /// Asks which transactions wrote the catalog's rows of these tables. A foreign key that refers to one of them is seen by its triggers there: they can be
    /// found by an index, the constraint can't. One that refers to a part of a table has them at that.
    /// </summary>
    public static PostgresStatement Asking(IReadOnlyDictionary<string, PostgresTable> tables)
    {
        var statement = new PostgresStatement();
        var ids = statement.Ids(tables.Values.Select(table => table.Id));
        statement.Sql =
            $"""
            WITH RECURSIVE parts (id) AS (SELECT unnest({ids}) UNION SELECT i.inhrelid FROM parts JOIN pg_inherits i ON i.inhparent = parts.id)
            SELECT string_agg(v, ' ' ORDER BY v) FROM (
                SELECT concat('c', oid, ':', xmin) FROM pg_class WHERE oid = ANY ({ids})
                UNION ALL SELECT concat('a', attrelid, '.', attnum, ':', xmin) FROM pg_attribute WHERE attrelid = ANY ({ids}) AND attnum > 0
                UNION ALL SELECT concat('i', indexrelid, ':', xmin) FROM pg_index WHERE indrelid = ANY ({ids})
                UNION ALL SELECT concat('t', oid, ':', xmin) FROM pg_trigger WHERE tgrelid IN (SELECT id FROM parts)) AS versions (v)
            """;
        return statement;
    }

    public static string VersionOf(NpgsqlDataReader reader) => reader.IsDBNull(0) ? "" : reader.GetString(0);

    private static async Task<string> VersionAsync(PostgresSession session, IReadOnlyDictionary<string, PostgresTable> tables)
        => (await session.QueryAsync(Asking(tables), VersionOf)).Single();
}
