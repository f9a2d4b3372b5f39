using Microsoft.Data.Sqlite;
using Selfsame.Connectors.Rows;
using Selfsame.Databases;
using SQLitePCL;

namespace Selfsame.Connectors.Sqlite;

/// <summary>A foreign key that refers to a table.</summary>
/// <param name="Table">The table that refers.</param>
/// <param name="Fields">Its columns.</param>
/// <param name="AccountFields">The columns referred to, in the same order.</param>
/// <param name="OnDelete">What happens to its rows when the row referred to is deleted, as SQLite writes it: NO ACTION, CASCADE, SET NULL …</param>
internal sealed record SqliteForeignKey(string Table, IReadOnlyList<string> Fields, IReadOnlyList<string> AccountFields, string OnDelete)
{
    /// <summary>Whether a deletion goes on by itself into the rows that refer.</summary>
    public bool Cascades => OnDelete is "CASCADE" or "SET NULL" or "SET DEFAULT";
}

/// <summary>A unique index that is partial or over an expression.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Keys">What it holds, each a column or an expression as SQL, with its collation.</param>
/// <param name="Predicate">Of which rows, as SQL; null for all.</param>
internal sealed record SqliteUniqueIndex(string Name, IReadOnlyList<(string Text, string Collation)> Keys, string? Predicate);

/// <summary>What the file's catalog says about references between its tables.</summary>
internal static class SqliteCatalog
{
    /// <summary>All foreign keys that refer to <paramref name="table"/>, its own among them, in a fixed order.</summary>
    public static IReadOnlyList<SqliteForeignKey> ForeignKeysTo(SqliteConnection connection, string table)
    {
        var own = new SqliteTable(table).Columns(connection);
        return [.. SqliteTable.Query(
            connection,
            """
            SELECT m.name, k.id, k."from", k."to", k.on_delete FROM sqlite_master m, pragma_foreign_key_list(m.name) k
            WHERE m.type = 'table' AND lower(k."table") = lower($table) ORDER BY m.name, k.id, k.seq
            """,
            ("$table", table))
            .GroupBy(row => ((string)row[0]!, (long)row[1]!))
            .Select(key => ForeignKeyOf(key.Key.Item1, [.. key], own))];
    }

    /// <summary>The columns by which one row of a table is named: the primary key, else the row id, else all columns.</summary>
    public static IReadOnlyList<string> KeyOf(SqliteConnection connection, string table)
    {
        var columns = new SqliteTable(table).Columns(connection);
        var key = columns.Where(column => column.KeyPosition > 0).OrderBy(column => column.KeyPosition).Select(column => column.Name).ToList();
        if (key.Count > 0)
        {
            return key;
        }

        // sqlite.org/rowidtable.html: a column of that name hides the row id.
        var rowId = SqliteTable.RowIdNames.FirstOrDefault(name => !columns.Any(column => Same(column.Name, name)));
        return rowId is null ? [.. columns.Select(column => column.Name)] : [rowId];
    }

    /// <summary>The full unique constraints of a table in which one of <paramref name="fields"/> takes part.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> UniqueSetsOf(SqliteConnection connection, string table, IReadOnlyList<string> fields)
    {
        var indexes = SqliteTable.Query(
            connection,
            """
            SELECT l.name, x.name FROM pragma_index_list($table) l JOIN pragma_index_xinfo(l.name) x ON x.key = 1
            WHERE l."unique" = 1 AND l.partial = 0 ORDER BY l.name, x.seqno
            """,
            ("$table", table))
            .GroupBy(row => (string)row[0]!)
            .Where(index => index.All(row => row[1] is not null))
            .Select(index => (IReadOnlyList<string>)[.. index.Select(row => (string)row[1]!)]);
        // INTEGER PRIMARY KEY is unique without an index.
        var rowIds = new SqliteTable(table).Columns(connection).Where(column => column.IsRowId).Select(column => (IReadOnlyList<string>)[column.Name]);
        return [.. indexes.Concat(rowIds).Where(set => set.Any(fields.Contains))];
    }

    /// <summary>The unique indexes of a table that are partial or over an expression.</summary>
    public static IReadOnlyList<SqliteUniqueIndex> UnforeseenIndexesOf(SqliteConnection connection, string table)
        => [.. SqliteTable.Query(
            connection,
            """
            SELECT l.name, x.name, x.coll, m.sql FROM pragma_index_list($table) l JOIN pragma_index_xinfo(l.name) x ON x.key = 1
            JOIN sqlite_master m ON m.type = 'index' AND m.name = l.name AND m.sql IS NOT NULL WHERE l."unique" = 1 ORDER BY l.name, x.seqno
            """,
            ("$table", table))
            .GroupBy(row => (string)row[0]!)
            .Select(index => (Rows: index.ToList(), Sql: (string)index.First()[3]!))
            .Where(index => IndexDefinition.PredicateOf(index.Sql) is not null || index.Rows.Exists(row => row[1] is null))
            .Select(index => new SqliteUniqueIndex(
                (string)index.Rows[0][0]!,
                [.. index.Rows.Zip(IndexDefinition.PartsOf(index.Sql), (row, part) => (row[1] is string column ? DialectText.Quote(column) : part, (string)row[2]!))],
                IndexDefinition.PredicateOf(index.Sql)))];

    /// <summary>The collation of a column, under which a foreign key compares what refers to it.</summary>
    public static string CollationOf(SqliteConnection connection, string table, string column)
    {
        var result = raw.sqlite3_table_column_metadata(
            connection.Handle, null, table, column, out _, out var collation, out _, out _, out _);
        return result == raw.SQLITE_OK && !string.IsNullOrEmpty(collation) ? collation : "BINARY";
    }

    public static bool Same(string left, string right) => string.Equals(left, right, StringComparison.OrdinalIgnoreCase);

    private static SqliteForeignKey ForeignKeyOf(string table, IReadOnlyList<object?[]> rows, IReadOnlyList<SqliteColumn> own)
    {
        // A foreign key that names no columns refers to the primary key.
        var primary = own.Where(column => column.KeyPosition > 0).OrderBy(column => column.KeyPosition).Select(column => column.Name).ToList();
        var to = rows.Select((row, index) => row[3] is string named
            ? own.Select(column => column.Name).FirstOrDefault(name => Same(name, named), named)
            : primary.ElementAtOrDefault(index) ?? "rowid");
        return new SqliteForeignKey(table, [.. rows.Select(row => (string)row[2]!)], [.. to], (string)rows[0][4]!);
    }
}
