using System.Data;
using Npgsql;
using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// A PostgreSQL database that belongs to somebody else. Everything runs in a transaction whose settings make values read the same on every
/// server; all of them are local to it, so that a pooler between us and the server does no harm.
/// </summary>
internal sealed class PostgresDatabase(string system, string connectionString) : IAsyncDisposable
{
    private const int Attempts = 4;

    // The collations' and columns' properties that we ask for exist since 12.
    private const int OldestVersion = 12;

    // row_security=off: a policy that would hide rows is an error instead, so that hidden rows never look like missing accounts.
    private const string Settings =
        """
        SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true), set_config('IntervalStyle', 'postgres', true),
            set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true), set_config('standard_conforming_strings', 'on', true),
            set_config('row_security', 'off', true), set_config('lock_timeout', '1s', true), pg_is_in_recovery()
        """;

    private const int ConnectSeconds = 10;
    private const int CommandSeconds = 60;

    private NpgsqlDataSource? source;

    public ValueTask DisposeAsync() => source?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>Runs reading work in one snapshot that can't write.</summary>
    public async Task<T> ReadAsync<T>(Func<PostgresSession, Task<T>> read, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            PostgresSession? session = null;
            try
            {
                await using var connection = await OpenAsync(cancellation);
                await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
                session = await BeginAsync(connection, readOnly: true, cancellation);
                return await read(session);
            }
            catch (NpgsqlException exception) when (attempt < Attempts && IsWorthRepeating(exception, session is null))
            {
            }
            catch (NpgsqlException exception)
            {
                throw await UnavailableAsync(exception, session, cancellation);
            }
        }
    }

    /// <summary>Opens a snapshot for a stream of rows; the caller disposes of the connection, which ends it.</summary>
    public async Task<(NpgsqlConnection Connection, PostgresSession Session)> OpenSnapshotAsync(CancellationToken cancellation)
    {
        NpgsqlConnection? connection = null;
        try
        {
            connection = await OpenAsync(cancellation);
            await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
            return (connection, await BeginAsync(connection, readOnly: true, cancellation));
        }
        catch (Exception exception)
        {
            if (connection is not null)
            {
                await connection.DisposeAsync();
            }

            throw exception is NpgsqlException failure ? await UnavailableAsync(failure, null, cancellation) : exception;
        }
    }

    /// <summary>Turns the server's errors while reading into the contract's one.</summary>
    public async Task<T> GuardAsync<T>(PostgresSession session, Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (NpgsqlException exception)
        {
            throw await UnavailableAsync(exception, session, session.Cancellation);
        }
    }

    /// <summary>
    /// Runs a change in one transaction; what the server says against it is an outcome. A deadlock, a failed serialization and a lock that was
    /// not got are tried again a few times: the work may run several times.
    /// </summary>
    public async Task<WriteOutcome> WriteAsync(Func<PostgresSession, Task<WriteOutcome>> write, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            PostgresSession? session = null;
            var committing = false;
            try
            {
                await using var connection = await OpenAsync(cancellation);
                await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellation);
                session = await BeginAsync(connection, readOnly: false, cancellation);
                var outcome = await write(session);
                if (outcome is Done)
                {
                    committing = true;
                    // A commit that is under way is not given up: its answer decides what is known.
                    await transaction.CommitAsync(CancellationToken.None);
                }

                return outcome;
            }
            catch (NpgsqlException exception) when (attempt < Attempts && IsWorthRepeating(exception, session is null))
            {
            }
            catch (NpgsqlException exception)
            {
                return await new PostgresErrors(system, this).OutcomeAsync(exception, session, committing, cancellation);
            }
            catch (SystemUnavailableException exception)
            {
                return new Unavailable(exception.Message);
            }
        }
    }

    private static bool IsWorthRepeating(NpgsqlException exception, bool nothingSent) => exception switch
    {
        PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.LockNotAvailable } => true,
        // A pooled connection that the server has closed meanwhile.
        { InnerException: IOException } => nothingSent,
        PostgresException { SqlState: PostgresErrorCodes.AdminShutdown } => nothingSent,
        _ => false,
    };

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellation)
    {
        source ??= NpgsqlDataSource.Create(ConnectionSettings());
        return await source.OpenConnectionAsync(cancellation);
    }

    /// <summary>The setting <c>connection</c> with time limits.</summary>
    private NpgsqlConnectionStringBuilder ConnectionSettings()
    {
        if (!PostgresAddress.TryParse(connectionString, out var settings))
        {
            throw new SystemUnavailableException($"'{system}': 'connection' is {PostgresAddress.Expected}");
        }

        settings.ApplicationName ??= "selfsame";
        SetWhereUnset(settings, "Timeout", ConnectSeconds);
        SetWhereUnset(settings, "Command Timeout", CommandSeconds);
        SetWhereUnset(settings, "Keepalive", CommandSeconds);

        // Nothing of ours outlives its transaction, so that there is no session state to reset at each loan.
        SetWhereUnset(settings, "No Reset On Close", true);
        return settings;
    }

    private static void SetWhereUnset(NpgsqlConnectionStringBuilder settings, string key, object value)
    {
        if (!settings.Keys.Cast<string>().Contains(key, StringComparer.OrdinalIgnoreCase))
        {
            settings[key] = value;
        }
    }

    private async Task<PostgresSession> BeginAsync(NpgsqlConnection connection, bool readOnly, CancellationToken cancellation)
    {
        if (connection.PostgreSqlVersion.Major < OldestVersion)
        {
            throw new SystemUnavailableException($"'{system}': the server is PostgreSQL {connection.PostgreSqlVersion}; {OldestVersion} is the oldest that can be connected.");
        }

        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand(readOnly ? "SET TRANSACTION READ ONLY" : "SET CONSTRAINTS ALL DEFERRED"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Settings));
        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return reader.GetBoolean(8)
            ? throw new SystemUnavailableException(
                $"'{system}': the server is a standby, which may lag behind. Let 'connection' name the primary, or add 'Target Session Attributes=primary'.")
            : new PostgresSession(connection, cancellation);
    }

    private Task<SystemUnavailableException> UnavailableAsync(NpgsqlException exception, PostgresSession? session, CancellationToken cancellation)
        => new PostgresErrors(system, this).UnavailableAsync(exception, session, cancellation);
}
