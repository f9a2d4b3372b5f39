using System.Data.Common;
using Dapper;

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

    /// <summary>The connection, for bulk reading and copying that the methods here don't cover.</summary>
    public DbConnection Connection => connection;

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

    /// <summary>Several statements in one round trip, each answer read in turn.</summary>
    public Task<SqlMapper.GridReader> QueryMultipleAsync(string sql, object? parameters = null)
        => connection.QueryMultipleAsync(Command(sql, parameters));

    private CommandDefinition Command(string sql, object? parameters)
        => new(sql, parameters, transaction, cancellationToken: cancellation);
}
