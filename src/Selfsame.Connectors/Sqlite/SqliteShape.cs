using Selfsame.Connectors.Rows;
using Selfsame.Core.Discovery;
using Selfsame.Databases;

namespace Selfsame.Connectors.Sqlite;

/// <summary>Describes the tables of a SQLite file, for the search for its users. No row is read.</summary>
public static class SqliteShape
{
    /// <summary>The catalog of the file at <paramref name="path"/>; a <see cref="Core.Accounts.SystemUnavailableException"/> when it can't be read.</summary>
    public static Task<Catalog> ReadAsync(string path, CancellationToken cancellation)
    {
        SqliteLibrary.EnsureLoaded();
        return new SqliteFile("init", path).ReadAsync(
            connection =>
            {
                var names = SqliteTable.Query(connection, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name").ConvertAll(row => (string)row[0]!);
                return new Catalog(SqliteSystem.Kind.Name, names.ConvertAll(name => Describe(connection, name)));
            },
            cancellation);
    }

    private static CatalogTable Describe(Microsoft.Data.Sqlite.SqliteConnection connection, string name)
    {
        var columns = SqliteTable.Query(connection, "SELECT name, type, pk FROM pragma_table_xinfo($table) WHERE hidden <> 1 ORDER BY cid", ("$table", name));
        var keys = SqliteTable.Query(connection, "SELECT id, \"from\", \"table\" FROM pragma_foreign_key_list($table) ORDER BY id, seq", ("$table", name));
        var columnNames = columns.ConvertAll(row => (string)row[0]!);
        return new CatalogTable
        {
            Name = name,
            Columns = columns.ConvertAll(row => new CatalogColumn((string)row[0]!, CatalogTypes.Of((string)row[1]!))),
            PrimaryKey = [.. columns.Where(row => row[2] is > 0L).OrderBy(row => (long)row[2]!).Select(row => (string)row[0]!)],
            UniqueSets = SqliteCatalog.UniqueSetsOf(connection, name, columnNames),
            OtherUniqueSets =
            [
                .. SqliteCatalog.UnforeseenIndexesOf(connection, name).Where(index => index.Predicate is null || index.Keys.Count > 1)
                    .Select(index => IndexExpression.NamedIn([.. index.Keys.Select(key => key.Text)], columnNames)),
            ],
            ForeignKeys = [.. keys.GroupBy(row => (long)row[0]!).Select(key => new CatalogForeignKey([.. key.Select(row => (string)row[1]!)], (string)key.First()[2]!))],
        };
    }
}
