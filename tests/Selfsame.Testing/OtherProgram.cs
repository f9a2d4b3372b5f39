using Microsoft.Data.Sqlite;

namespace Selfsame.Testing;

/// <summary>Another program at work on a SQLite file, on a connection of its own that is closed when it is done.</summary>
public static class OtherProgram
{
    /// <summary>Runs SQL on the file; the rows, each as its columns joined by a bar.</summary>
    public static List<string> Sql(string path, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read())
        {
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(column => reader.IsDBNull(column) ? "NULL" : reader.GetValue(column))));
        }

        return rows;
    }
}
