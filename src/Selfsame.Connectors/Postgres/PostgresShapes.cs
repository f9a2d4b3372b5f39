using Npgsql;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>The shapes of tables and the foreign keys that refer to them.</summary>
/// <param name="Tables">By name.</param>
/// <param name="ForeignKeys">By the id of the table to which they refer.</param>
/// <param name="Version">Which transactions wrote the catalog's rows of all this.</param>
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

        // The version comes before what it is the version of: what changes in between is told by the next look, and never taken for known.
        IReadOnlyList<string> all = [.. names, .. known?.Tables.Keys ?? []];
        var seen = await PostgresTable.LoadAsync(session, all);
        var version = await VersionAsync(session, seen);
        var tables = await PostgresTable.LoadAsync(session, all);
        var foreignKeys = await PostgresCatalog.ForeignKeysToAsync(session, [.. tables.Values.Select(table => table.Id)]);

        // A table that is not there has no catalog row that could change: it is looked for again each time.
        var shapes = new KnownShapes(tables, foreignKeys.ToLookup(key => key.To), version);
        known = tables.Values.All(table => table.Id != 0) ? shapes : null;
        return shapes;
    }

    /// <summary>As <see cref="LoadAsync"/>, with the lock that the writes' deletions want: what was read before it may be so no more.</summary>
    public async Task<KnownShapes> LoadHeldAsync(PostgresSession session, IReadOnlyCollection<string> names, IReadOnlyList<RowWrite> writes)
    {
        var shapes = await LoadAsync(session, names);
        PostgresRows.Need(session, shapes.Tables, writes);
        return await HoldAsync(session, Deleting(shapes.Tables, writes)) ? await LoadAsync(session, names) : shapes;
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

    /// <summary>
    /// Keeps everybody from making a foreign key or a trigger of the tables from which rows are deleted, until the transaction ends: a deletion asks for that lock too late, when
    /// it is known no more that it takes nothing along. None where nothing is deleted; whoever may delete may lock.
    /// </summary>
    public static IReadOnlyList<PostgresStatement> Holding(IReadOnlyList<PostgresTable> deleting)
    {
        var names = deleting.Where(table => table.Id != 0 && table.Undeletable is null).Select(table => table.Quoted).Order(StringComparer.Ordinal).ToList();
        return names.Count == 0 ? [] : [new PostgresStatement { Sql = $"LOCK TABLE {string.Join(", ", names)} IN ROW EXCLUSIVE MODE" }];
    }

    /// <summary>The tables from which some of the writes delete.</summary>
    public static IReadOnlyList<PostgresTable> Deleting(IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyList<RowWrite> writes)
        => [.. writes.Where(write => write.Action == RowAction.Delete).Select(write => tables[write.Table]).Distinct()];

    /// <summary>Takes the lock of <see cref="Holding"/>; whether there was one to take.</summary>
    public static async Task<bool> HoldAsync(PostgresSession session, IReadOnlyList<PostgresTable> deleting)
    {
        var holding = Holding(deleting);
        if (holding.Count > 0)
        {
            await session.ExecuteAsync(holding);
        }

        return holding.Count > 0;
    }

    public static string VersionOf(NpgsqlDataReader reader) => reader.IsDBNull(0) ? "" : reader.GetString(0);

    private static async Task<string> VersionAsync(PostgresSession session, IReadOnlyDictionary<string, PostgresTable> tables)
        => (await session.QueryAsync(Asking(tables), VersionOf)).Single();
}
