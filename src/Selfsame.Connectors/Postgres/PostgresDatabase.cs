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

    // force_generic_plan: a statement that is prepared is planned once and not again for each list of keys, which costs more than running it.
    // row_security=off: a policy that would hide rows is an error instead, so that hidden rows never look like missing accounts.
    private const string Settings =
        """
        SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true), set_config('IntervalStyle', 'postgres', true),
            set_config('extra_float_digits', '1', true), set_config('bytea_output', 'hex', true), set_config('standard_conforming_strings', 'on', true),
            set_config('row_security', 'off', true), set_config('lock_timeout', '1s', true), set_config('plan_cache_mode', 'force_generic_plan', true),
            pg_is_in_recovery(), pg_backend_pid()
        """;

    private const int ConnectSeconds = 10;
    private const int CommandSeconds = 60;

    // Texts of statements that are prepared on a connection; the least used makes room.
    private const int PreparedStatements = 200;

    private readonly Lazy<NpgsqlDataSource> source = new(() => NpgsqlDataSource.Create(ConnectionSettings(system, connectionString)));
    private readonly Lazy<NpgsqlDataSource> preparing = new(() =>
    {
        var settings = ConnectionSettings(system, connectionString);
        settings.MaxAutoPrepare = PreparedStatements;
        settings.AutoPrepareMinUsages = 2;
        return NpgsqlDataSource.Create(settings);
    });

    // A pooler between us and the server may give every transaction another server connection, on which nothing of ours is prepared.
    private volatile bool direct;
    private volatile bool pooled;

    public async ValueTask DisposeAsync()
    {
        foreach (var opened in new[] { source, preparing }.Where(lazy => lazy.IsValueCreated))
        {
            await opened.Value.DisposeAsync();
        }
    }

    /// <summary>Runs reading work in one snapshot that can't write.</summary>
    public async Task<T> ReadAsync<T>(Func<PostgresSession, Task<T>> read, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            PostgresSession? session = null;
            try
            {
                await using var connection = await (direct ? preparing : source).Value.OpenConnectionAsync(cancellation);
                await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
                var begun = new PostgresSession(connection, cancellation);
                await BeginAsync(begun, connection, readOnly: true, null, cancellation);
                session = begun;
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
            connection = await source.Value.OpenConnectionAsync(cancellation);
            await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
            var session = new PostgresSession(connection, cancellation);
            await BeginAsync(session, connection, readOnly: true, null, cancellation);
            return (connection, session);
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

    /// <summary>Runs a change in one transaction, as the other.</summary>
    public Task<WriteOutcome> WriteAsync(Func<PostgresSession, Task<WriteOutcome>> write, CancellationToken cancellation)
        => WriteAsync(() => null, (session, _) => write(session), cancellation);

    /// <summary>
    /// Runs a change in one transaction; what the server says against it is an outcome. A deadlock, a failed serialization and a lock that was
    /// not got are tried again a few times: the work may run several times.
    /// </summary>
    /// <param name="open">What is to be sent with the transaction's beginning, or null; asked at each attempt.</param>
    /// <param name="write">The work, given what was sent with the beginning.</param>
    /// <param name="cancellation">Gives up, but not a commit.</param>
    public async Task<WriteOutcome> WriteAsync(
        Func<PostgresOpening?> open, Func<PostgresSession, PostgresOpening?, Task<WriteOutcome>> write, CancellationToken cancellation)
    {
        var opening = open();
        for (var attempt = 1; ; attempt++)
        {
            PostgresSession? session = null;
            var (began, committing) = (false, false);
            try
            {
                await using var connection = await (direct ? preparing : source).Value.OpenConnectionAsync(cancellation);
                await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellation);
                session = new PostgresSession(connection, cancellation);
                await BeginAsync(session, connection, readOnly: false, opening, cancellation);
                if (opening is { Rows: null })
                {
                    // The shapes are not those remembered: they are read in a transaction of its own.
                    opening = null;
                    continue;
                }

                began = true;
                var outcome = await write(session, opening);
                if (outcome is Done)
                {
                    committing = true;
                    // A commit that is under way is not given up: its answer decides what is known.
                    await transaction.CommitAsync(CancellationToken.None);
                }

                return outcome;
            }
            catch (PostgresException exception) when (opening is not null && !began && exception.SqlState is (PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.UndefinedTable))
            {
                opening = null;
            }
            catch (NpgsqlException exception) when (attempt < Attempts && IsWorthRepeating(exception, !began))
            {
                opening = open();
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

    private bool IsWorthRepeating(NpgsqlException exception, bool nothingSent) => exception switch
    {
        PostgresException { SqlState: PostgresErrorCodes.InvalidSqlStatementName or PostgresErrorCodes.DuplicatePreparedStatement } => WithoutPreparing(),
        PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.LockNotAvailable } => true,
        // Prepared for a shape that a table no longer has; the driver prepares it anew.
        PostgresException { SqlState: PostgresErrorCodes.FeatureNotSupported, Routine: "RevalidateCachedQuery" } => true,
        // A pooled connection that the server has closed meanwhile.
        { InnerException: IOException } => nothingSent,
        PostgresException { SqlState: PostgresErrorCodes.AdminShutdown } => nothingSent,
        _ => false,
    };

    /// <summary>What we prepared is not on the server connection that we were given: somebody stands between who did not look like it.</summary>
    private bool WithoutPreparing()
    {
        pooled = true;
        direct = false;
        return true;
    }

    /// <summary>The setting <c>connection</c> with time limits.</summary>
    private static NpgsqlConnectionStringBuilder ConnectionSettings(string system, string connectionString)
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

    /// <summary>Makes the transaction's settings and looks whom it talks to; sends the opening in the same round trip.</summary>
    private async Task BeginAsync(
        PostgresSession session, NpgsqlConnection connection, bool readOnly, PostgresOpening? opening, CancellationToken cancellation)
    {
        if (connection.PostgreSqlVersion.Major < OldestVersion)
        {
            throw new SystemUnavailableException($"'{system}': the server is PostgreSQL {connection.PostgreSqlVersion}; {OldestVersion} is the oldest that can be connected.");
        }

        opening?.Need(session);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand(readOnly ? "SET TRANSACTION READ ONLY" : "SET CONSTRAINTS ALL DEFERRED"));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Settings));
        foreach (var statement in opening?.Statements ?? [])
        {
            batch.BatchCommands.Add(statement.ToBatchCommand());
        }

        await using var reader = await batch.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        if (reader.GetBoolean(9))
        {
            throw new SystemUnavailableException(
                $"'{system}': the server is a standby, which may lag behind. Let 'connection' name the primary, or add 'Target Session Attributes=primary'.");
        }

        // A pooler gives its clients process ids of its own.
        direct = !pooled && reader.GetInt32(10) == connection.ProcessID;
        if (opening is not null)
        {
            await reader.NextResultAsync(cancellation);
            await opening.ReadAsync(reader, cancellation);
        }
    }

    private Task<SystemUnavailableException> UnavailableAsync(NpgsqlException exception, PostgresSession? session, CancellationToken cancellation)
        => new PostgresErrors(system, this).UnavailableAsync(exception, session, cancellation);
}
