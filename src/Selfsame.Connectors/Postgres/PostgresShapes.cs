using Npgsql;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>The shapes of tables and the foreign keys that refer to them.</summary>
/// <param name="Tables">By name.</param>
/// <param name="ForeignKeys">By the id of the table to which they refer.</param>
/// <param name="HaveParts">Whether one of the tables has, or had, partitions or tables that inherit from it.</param>
/// <param name="Version">Which transactions wrote the catalog's rows of all this.</param>
internal sealed record KnownShapes(
    IReadOnlyDictionary<string, PostgresTable> Tables, ILookup<uint, PostgresForeignKey> ForeignKeys, bool HaveParts, string Version);

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
        if (Remembered(names) is { } remembered && await VersionAsync(session, remembered.Tables, remembered.HaveParts) == remembered.Version)
        {
            return remembered;
        }

        // The version comes before what it is the version of: what changes in between is told by the next look, and never taken for known.
        IReadOnlyList<string> all = [.. names, .. known?.Tables.Keys ?? []];
        var seen = await PostgresTable.LoadAsync(session, all);
        var haveParts = await HavePartsAsync(session, seen);
        var version = await VersionAsync(session, seen, haveParts);
        var tables = await PostgresTable.LoadAsync(session, all);
        var foreignKeys = await PostgresCatalog.ForeignKeysToAsync(session, [.. tables.Values.Select(table => table.Id)]);

        // A table that is not there has no catalog row that could change: it is looked for again each time.
        var shapes = new KnownShapes(tables, foreignKeys.ToLookup(key => key.To), haveParts, version);
        known = tables.Values.All(table => table.Id != 0) ? shapes : null;
        return shapes;
    }

    /// <summary>
    /// Asks which transactions wrote the catalog's rows of these tables. A foreign key that refers to one of them is seen by its triggers there: they can be
    /// found by an index, the constraint can't. One that refers to a part of a table has them at that; that a table got its first part is written in its own row.
    /// Rows that come in another order are another version, which costs a look.
    /// </summary>
    public static PostgresStatement Asking(IReadOnlyDictionary<string, PostgresTable> tables, bool haveParts)
    {
        var statement = new PostgresStatement();
        var ids = statement.Ids(tables.Values.Select(table => table.Id));
        var (parts, among) = haveParts
            ? ($"WITH RECURSIVE parts (id) AS (SELECT unnest({ids}) UNION SELECT i.inhrelid FROM parts JOIN pg_inherits i ON i.inhparent = parts.id)", "IN (SELECT id FROM parts)")
            : ("", $"= ANY ({ids})");
        statement.Sql =
            $"""
            {parts}
            SELECT string_agg(v, ' ') FROM (
                SELECT concat('c', oid, ':', xmin) FROM pg_class WHERE oid = ANY ({ids})
                UNION ALL SELECT concat('a', attrelid, '.', attnum, ':', xmin) FROM pg_attribute WHERE attrelid = ANY ({ids}) AND attnum > 0
                UNION ALL SELECT concat('i', indexrelid, ':', xmin) FROM pg_index WHERE indrelid = ANY ({ids})
                UNION ALL SELECT concat('t', oid, ':', xmin) FROM pg_trigger WHERE tgrelid {among}) AS versions (v)
            """;
        return statement;
    }

    /// <summary>
    /// Keeps everybody from making a foreign key or a trigger of the tables from which rows are deleted, until the transaction ends: a deletion asks for that lock too late, when
    /// it is known no more that it takes nothing along. None where nothing is deleted; whoever may delete may lock.
    /// </summary>
    public static IReadOnlyList<PostgresStatement> Holding(IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyList<RowWrite> writes)
    {
        var deleting = writes.Where(write => write.Action == RowAction.Delete).Select(write => tables[write.Table]).Where(table => table.Id != 0 && table.Undeletable is null)
            .Select(table => table.Quoted).Distinct().Order(StringComparer.Ordinal).ToList();
        return deleting.Count == 0 ? [] : [new PostgresStatement { Sql = $"LOCK TABLE {string.Join(", ", deleting)} IN ROW EXCLUSIVE MODE" }];
    }

    public static string VersionOf(NpgsqlDataReader reader) => reader.IsDBNull(0) ? "" : reader.GetString(0);

    private static async Task<string> VersionAsync(PostgresSession session, IReadOnlyDictionary<string, PostgresTable> tables, bool haveParts)
        => (await session.QueryAsync(Asking(tables, haveParts), VersionOf)).Single();

    private static async Task<bool> HavePartsAsync(PostgresSession session, IReadOnlyDictionary<string, PostgresTable> tables)
    {
        var statement = new PostgresStatement();
        statement.Sql = $"SELECT coalesce(bool_or(relhassubclass), false) FROM pg_class WHERE oid = ANY ({statement.Ids(tables.Values.Select(table => table.Id))})";
        return (await session.QueryAsync(statement, reader => reader.GetBoolean(0))).Single();
    }
}
