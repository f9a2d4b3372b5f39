using Npgsql;
using NpgsqlTypes;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>One transaction: its statements, and which privileges they need, so that a missing one can be named.</summary>
internal sealed class PostgresSession(NpgsqlConnection connection, CancellationToken cancellation)
{
    /// <summary>Time for a question that may have to read a large table whole, in seconds.</summary>
    public const int ScanSeconds = 2 * 3600;

    private readonly HashSet<(string Table, string Privilege)> needs = [];

    public CancellationToken Cancellation => cancellation;

    /// <summary>What this transaction does to which tables.</summary>
    public IReadOnlyCollection<(string Table, string Privilege)> Needs => needs;

    /// <summary>Time for one statement that may take long (an index, a scan), in seconds; null: the connection's.</summary>
    public int? CommandTimeout { get; set; }

    public void Need(PostgresTable table, params ReadOnlySpan<string> privileges) => Need(table.Name, privileges);

    public void Need(string table, params ReadOnlySpan<string> privileges)
    {
        foreach (var privilege in privileges)
        {
            needs.Add((table, privilege));
        }
    }

    public async Task<List<T>> QueryAsync<T>(string sql, Func<NpgsqlDataReader, T> read, IReadOnlyList<object>? values = null)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.CommandTimeout = CommandTimeout ?? command.CommandTimeout;
        foreach (var value in values ?? [])
        {
            command.Parameters.Add(value switch
            {
                uint => new NpgsqlParameter { Value = value, NpgsqlDbType = NpgsqlDbType.Oid },
                uint[] => new NpgsqlParameter { Value = value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Oid },
                _ => new NpgsqlParameter { Value = value },
            });
        }

        await using var reader = await command.ExecuteReaderAsync(cancellation);
        return await RowsAsync(reader, read);
    }

    public async Task<List<T>> QueryAsync<T>(PostgresStatement statement, Func<NpgsqlDataReader, T> read)
        => (await QueryAsync([statement], (reader, _) => read(reader)))[0];

    /// <summary>The rows of several statements in one round trip.</summary>
    public async Task<List<List<T>>> QueryAsync<T>(IReadOnlyList<PostgresStatement> statements, Func<NpgsqlDataReader, int, T> read)
    {
        var results = new List<List<T>>();
        if (statements.Count == 0)
        {
            return results;
        }

        await using var batch = Batch(statements);
        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        do
        {
            var number = results.Count;
            results.Add(await RowsAsync(reader, row => read(row, number)));
        }
        while (await reader.NextResultAsync(cancellation));

        return results;
    }

    /// <summary>Runs statements in one round trip; how many rows each changed.</summary>
    public async Task<IReadOnlyList<int>> ExecuteAsync(IReadOnlyList<PostgresStatement> statements)
    {
        await using var batch = Batch(statements);
        await batch.ExecuteNonQueryAsync(cancellation);
        return [.. batch.BatchCommands.Cast<NpgsqlBatchCommand>().Select(command => command.RecordsAffected)];
    }

    /// <summary>
    /// Runs steps in one round trip; what the first of them that did not come out as it must comes to, or null. Those after it were run too: the caller
    /// rolls back.
    /// </summary>
    public async Task<WriteOutcome?> RunAsync(IReadOnlyList<PostgresStep> steps)
    {
        if (steps.Count == 0)
        {
            return null;
        }

        await using var batch = Batch([.. steps.Select(step => step.Statement)]);
        var answers = new List<long>();
        try
        {
            await using var reader = await batch.ExecuteReaderAsync(cancellation);

            // Results come from the questions alone: a write gives none.
            do
            {
                answers.AddRange(await RowsAsync(reader, row => row.GetInt64(0)));
            }
            while (await reader.NextResultAsync(cancellation));
        }
        catch (PostgresException) when (PostgresStep.FirstAgainst(steps, Results(steps, batch, answers)) is not null)
        {
            // The server refused what an answer before it speaks against already, and says it less well.
        }

        return PostgresStep.FirstAgainst(steps, Results(steps, batch, answers));
    }

    private static List<long> Results(IReadOnlyList<PostgresStep> steps, NpgsqlBatch batch, List<long> answers)
    {
        var results = new List<long>();
        var answered = 0;
        foreach (var (step, command) in steps.Zip(batch.BatchCommands.Cast<NpgsqlBatchCommand>()))
        {
            if (step.Question is null ? command.StatementType == StatementType.Unknown : answered == answers.Count)
            {
                // It was not reached.
                break;
            }

            results.Add(step.Question is null ? command.RecordsAffected : answers[answered++]);
        }

        return results;
    }

    /// <summary>A reader that the caller disposes, over rows that come as they are read.</summary>
    public async Task<NpgsqlDataReader> StreamAsync(string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteReaderAsync(cancellation);
    }

    /// <summary>The rows, by COPY; the caller disposes of it.</summary>
    public async Task<PostgresCopy> CopyAsync(string sql)
        => new(await connection.BeginRawBinaryCopyAsync($"COPY ({sql}) TO STDOUT (FORMAT BINARY)", cancellation));

    // A batch command is never split at semicolons, as a plain command without parameters is.
    private NpgsqlBatch Batch(IReadOnlyList<PostgresStatement> statements)
    {
        var batch = new NpgsqlBatch(connection);
        if (CommandTimeout is { } seconds)
        {
            batch.Timeout = seconds;
        }

        foreach (var statement in statements)
        {
            batch.BatchCommands.Add(statement.ToBatchCommand());
        }

        return batch;
    }

    private async Task<List<T>> RowsAsync<T>(NpgsqlDataReader reader, Func<NpgsqlDataReader, T> read)
    {
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellation))
        {
            rows.Add(read(reader));
        }

        return rows;
    }
}
