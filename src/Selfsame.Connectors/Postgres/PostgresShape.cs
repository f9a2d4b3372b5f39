using Selfsame.Connectors.Rows;
using Selfsame.Core.Discovery;

namespace Selfsame.Connectors.Postgres;

/// <summary>Describes the tables of a PostgreSQL database, for the search for its users. No row is read.</summary>
public static class PostgresShape
{
    /// <summary>The catalog; a <see cref="Core.Accounts.SystemUnavailableException"/> when the database can't be reached.</summary>
    /// <param name="connection">As the config's <c>connection</c>.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<Catalog> ReadAsync(string connection, CancellationToken cancellation)
    {
        await using var database = new PostgresDatabase("init", connection);
        var tables = await database.ReadAsync(ReadAsync, cancellation);
        return new Catalog(PostgresSystem.Kind.Name, tables);
    }

    private static async Task<IReadOnlyList<CatalogTable>> ReadAsync(PostgresSession session)
    {
        var tables = await session.QueryAsync(
            $"""
            SELECT c.oid, {Of("c", "n")}, c.relname::text, greatest(c.reltuples, 0)::bigint
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
            ORDER BY 2, 3
            """,
            reader => (Id: reader.GetFieldValue<uint>(0), Schema: reader.IsDBNull(1) ? null : reader.GetString(1), Name: reader.GetString(2), Rows: reader.GetInt64(3)));
        var ids = tables.ConvertAll(table => table.Id);
        var columns = await session.QueryAsync(
            """
            SELECT a.attrelid, a.attname::text, format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END, NULL)
            FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
            WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum
            """,
            reader => (Table: reader.GetFieldValue<uint>(0), Column: new CatalogColumn(reader.GetString(1), CatalogTypes.Of(reader.GetString(2)))),
            [ids.ToArray()]);
        var keys = await session.QueryAsync(
            $"""
            SELECT k.conrelid, k.contype::text,
                ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(num, number)
                    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.number),
                {Of("r", "m")}, r.relname::text
            FROM pg_constraint k LEFT JOIN pg_class r ON r.oid = k.confrelid LEFT JOIN pg_namespace m ON m.oid = r.relnamespace
            WHERE k.contype IN ('p', 'f') AND k.conparentid = 0 AND k.conrelid = ANY ($1) ORDER BY k.conrelid, k.conname
            """,
            reader => (
                Table: reader.GetFieldValue<uint>(0),
                IsPrimary: reader.GetString(1) == "p",
                Columns: (IReadOnlyList<string>)reader.GetFieldValue<string[]>(2),
                To: reader.IsDBNull(4) ? "" : reader.IsDBNull(3) ? reader.GetString(4) : $"{reader.GetString(3)}.{reader.GetString(4)}"),
            [ids.ToArray()]);
        var unique = await PostgresCatalog.UniqueSetsAsync(session, ids);
        var unforeseen = await PostgresCatalog.UnforeseenIndexesAsync(session, ids);
        return tables.ConvertAll(table => new CatalogTable
        {
            Schema = table.Schema,
            Name = table.Name,
            Rows = table.Rows,
            Columns = [.. columns.Where(column => column.Table == table.Id).Select(column => column.Column)],
            PrimaryKey = keys.Where(key => key.Table == table.Id && key.IsPrimary).Select(key => key.Columns).FirstOrDefault([]),
            UniqueSets = [.. unique[table.Id]],
            OtherUniqueSets =
            [
                .. unforeseen.Where(index => index.Table == table.Id && (index.Predicate is null || index.Keys.Count > 1))
                    .Select(index => IndexExpression.NamedIn(index.Keys, [.. columns.Where(column => column.Table == table.Id).Select(column => column.Column.Name)])),
            ],
            ForeignKeys = [.. keys.Where(key => key.Table == table.Id && !key.IsPrimary).Select(key => new CatalogForeignKey(key.Columns, key.To))],
        });
    }

    // Null where the table is found without its schema.
    private static string Of(string table, string schema) => $"CASE WHEN pg_table_is_visible({table}.oid) THEN NULL ELSE {schema}.nspname::text END";
}
