using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Selfsame.Databases;

/// <summary>
/// A SQLite connection that keeps statements prepared: preparing one costs several times what running it does.
/// </summary>
internal sealed class PreparedSqliteConnection(string connectionString) : SqliteConnection(connectionString)
{
    // Far more than there are texts; a bound, since lists have a text for each length.
    private const int MostStatements = 200;

    private readonly Dictionary<string, SqliteCommand> prepared = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SqliteCommand> idle = new(StringComparer.Ordinal);

    /// <summary>The transaction that is open.</summary>
    public SqliteTransaction? Running => Transaction;

    /// <summary>A command for this text, without parameters, for <see cref="Keep"/> or disposal when it was used.</summary>
    public SqliteCommand Take(string sql)
    {
        if (idle.Remove(sql, out var kept))
        {
            return kept;
        }

        var command = CreateCommand();
        command.CommandText = sql;
        return command;
    }

    /// <summary>Keeps a command that has run, for whoever asks for its text next.</summary>
    public void Keep(SqliteCommand command)
    {
        command.Parameters.Clear();
        command.Transaction = null;
        command.CommandTimeout = DefaultTimeout;
        MakeRoom(idle);
        if (!idle.TryAdd(command.CommandText, command))
        {
            command.Dispose();
        }
    }

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

    protected override DbCommand CreateDbCommand() => new PreparedSqliteCommand(this);

    private static void MakeRoom(Dictionary<string, SqliteCommand> commands)
    {
        if (commands.Count == MostStatements)
        {
            foreach (var old in commands.Values)
            {
                old.Dispose();
            }

            commands.Clear();
        }
    }

    private SqliteCommand Prepared(Statement statement)
    {
        if (prepared.TryGetValue(statement.Sql, out var known))
        {
            return known;
        }

        MakeRoom(prepared);
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
