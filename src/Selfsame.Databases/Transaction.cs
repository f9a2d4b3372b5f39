using System.Data.Common;
using Dapper;
using Npgsql;

namespace Selfsame.Databases;

/// <summary>
/// One open transaction. Parameters are named <c>@name</c> and taken from an anonymous object; instants are
/// <see cref="DateTimeOffset"/> in UTC with microseconds, ids are <see cref="Guid"/>.
/// </summary>
public sealed class Transaction
{
    private readonly DbConnection connection;
    private readonly DbTransaction? transaction;
    private readonly CancellationToken cancellation;

    internal Transaction(Dialect dialect, DbConnection connection, DbTransaction? transaction, CancellationToken cancellation)
    {
        Dialect = dialect;
        this.connection = connection;
        this.transaction = transaction;
        this.cancellation = cancellation;
    }

    public Dialect Dialect { get; }

    /// <summary>Set by the work when its result is an answer but its writes must not stay (a refusal).</summary>
    public bool RollBack { get; set; }

    /// <summary>Runs one or several statements; the number of rows changed.</summary>
    public Task<int> ExecuteAsync(string sql, object? parameters = null) => connection.ExecuteAsync(Command(sql, parameters));

    /// <summary>All rows.</summary>
    public async Task<List<T>> QueryAsync<T>(string sql, object? parameters = null)
        => (await connection.QueryAsync<T>(Command(sql, parameters))).AsList();

    /// <summary>The first row, or the type's default when there is none.</summary>
    public Task<T?> QueryFirstOrDefaultAsync<T>(string sql, object? parameters = null)
        => connection.QueryFirstOrDefaultAsync<T>(Command(sql, parameters));

    /// <summary>The first column of the first row.</summary>
    public Task<T?> ScalarAsync<T>(string sql, object? parameters = null)
        => connection.ExecuteScalarAsync<T>(Command(sql, parameters));

    /// <summary>
    /// Several statements in one round trip, prepared once for each connection; the rows of those that return any. For what is
    /// done often: it costs a fraction of the other methods.
    /// </summary>
    public Task<List<T>> BatchAsync<T>(IReadOnlyList<Statement> statements, Func<DbDataReader, T> read)
        => connection is PreparedSqliteConnection sqlite
            ? Task.FromResult(sqlite.Run(statements, read))
            : RunBatchAsync((NpgsqlConnection)connection, statements, read);

    /// <summary>As above, each row as <see cref="QueryAsync{T}"/> would give it.</summary>
    public Task<List<T>> BatchAsync<T>(IReadOnlyList<Statement> statements) => statements.Count == 0 ? Task.FromResult(new List<T>()) : BatchAsync(statements, Row<T>);

    /// <summary>A row as <see cref="QueryAsync{T}"/> would give it, for a batch whose statements return different ones.</summary>
    public static T Row<T>(DbDataReader reader) => reader.GetRowParser<T>()(reader);

    /// <summary>As above, for statements that return nothing.</summary>
    public Task BatchAsync(params IReadOnlyList<Statement> statements) => statements.Count == 0 ? Task.CompletedTask : BatchAsync(statements, _ => 0);

    private async Task<List<T>> RunBatchAsync<T>(NpgsqlConnection postgres, IReadOnlyList<Statement> statements, Func<DbDataReader, T> read)
    {
        await using var batch = new NpgsqlBatch(postgres, (NpgsqlTransaction?)transaction);
        foreach (var statement in statements)
        {
            var command = new NpgsqlBatchCommand(statement.Sql);
            foreach (var value in statement.Values)
            {
                command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = value.Type, Value = value.Value ?? DBNull.Value });
            }

            batch.BatchCommands.Add(command);
        }

        var rows = new List<T>();
        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        do
        {
            while (await reader.ReadAsync(cancellation))
            {
                rows.Add(read(reader));
            }
        }
        while (await reader.NextResultAsync(cancellation));
        return rows;
    }

    private CommandDefinition Command(string sql, object? parameters)
        => new(sql, parameters, transaction, cancellationToken: cancellation);
}
