using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Selfsame.Databases;

/// <summary>
/// A SQLite connection that keeps the statements of batches prepared: preparing one costs several times what running it does.
/// </summary>
internal sealed class PreparedSqliteConnection(string connectionString) : SqliteConnection(connectionString)
{
    // Far more than there are texts; a bound, should somebody put values into one.
    private const int MostStatements = 100;

    private readonly Dictionary<string, SqliteCommand> prepared = new(StringComparer.Ordinal);

    /// <summary>Runs the statements one after the other; the rows of those that return any.</summary>
    public List<T> Run<T>(IReadOnlyList<Statement> statements, Func<DbDataReader, T> read)
    {
        var rows = new List<T>();
        foreach (var statement in statements)
        {
            var command = Prepared(statement);
            command.Transaction = Transaction;
            for (var index = 0; index < statement.Values.Count; index++)
            {
                command.Parameters[index].Value = Stored(statement.Values[index].Value);
            }

            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                rows.Add(read(reader));
            }
        }

        return rows;
    }

    private SqliteCommand Prepared(Statement statement)
    {
        if (prepared.TryGetValue(statement.Sql, out var known))
        {
            return known;
        }

        if (prepared.Count == MostStatements)
        {
            foreach (var old in prepared.Values)
            {
                old.Dispose();
            }

            prepared.Clear();
        }

        var command = CreateCommand();
        command.CommandText = statement.Sql;
        for (var index = 0; index < statement.Values.Count; index++)
        {
            command.Parameters.Add(
                new SqliteParameter(string.Create(CultureInfo.InvariantCulture, $"${index + 1}"), statement.Values[index].SqliteType));
        }

        command.Prepare();
        prepared.Add(statement.Sql, command);
        return command;
    }

    /// <summary>As <see cref="DapperTypes"/> stores it.</summary>
    private static object Stored(object? value) => value switch
    {
        null => DBNull.Value,
        DateTime utc => utc.ToString(DapperTypes.SqliteInstant, CultureInfo.InvariantCulture),
        Guid uuid => uuid.ToString("D"),
        _ => value,
    };
}
