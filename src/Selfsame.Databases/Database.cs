using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;
using Selfsame.Core;

namespace Selfsame.Databases;

/// <summary>What a transaction whose commit got no answer turned out to be.</summary>
/// <param name="Happened">Whether our own uuid was found in the database.</param>
/// <param name="Value">The result to return when it happened.</param>
public readonly record struct Settled<T>(bool Happened, T Value);

/// <summary>
/// One SQL database and the only way to it: retryable transactions. The work is a closure that may run several
/// times, so it must have no effect but its SQL; it never awaits the network.
/// </summary>
public abstract class Database(DatabaseOptions options, TimeProvider clock, RandomSource random) : IAsyncDisposable
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(2);

    /// <summary>Opens what <see cref="PostgresAddress"/> knows as PostgreSQL and anything else as a SQLite file's path.</summary>
    /// <exception cref="InvalidOperationException">It means PostgreSQL and can't be read; the message shows none of it.</exception>
    public static Database Open(string connection, DatabaseOptions options, TimeProvider clock, RandomSource random)
        => PostgresAddress.IsMeant(connection)
            ? new PostgreSqlDatabase(connection, options, clock, random)
            : SqliteDatabase.File(connection, options, clock, random);

    public abstract Dialect Dialect { get; }

    /// <summary>How long a statement waits for another transaction's lock.</summary>
    public TimeSpan LockTimeout => Options.LockTimeout;

    protected DatabaseOptions Options { get; } = options;

    protected TimeProvider Clock { get; } = clock;

    /// <summary>
    /// Runs <paramref name="work"/> in one transaction and commits, or rolls back where the work says so. Repeats it
    /// when the database asks for that. When the commit's answer is lost, <paramref name="settle"/> re-reads what was
    /// written by our own uuid: found, its value is the result; not found, the work runs again. Without it the
    /// <see cref="CommitUnknownException"/> reaches the caller.
    /// </summary>
    public Task<T> TransactAsync<T>(
        Func<Transaction, Task<T>> work, Func<Transaction, Task<Settled<T>>>? settle, CancellationToken cancellation)
        => RepeatAsync(() => RunOnceAsync(work, cancellation), settle, cancellation);

    /// <summary>As the full overload, for work that is harmless to find done or whose caller handles the doubt.</summary>
    public Task<T> TransactAsync<T>(Func<Transaction, Task<T>> work, CancellationToken cancellation = default)
        => TransactAsync(work, null, cancellation);

    /// <summary>As the full overload, for work without a result.</summary>
    public Task TransactAsync(Func<Transaction, Task> work, CancellationToken cancellation = default)
        => TransactAsync(
            async transaction =>
            {
                await work(transaction);
                return true;
            },
            cancellation);

    /// <summary>
    /// As the full overload, for statements that are a whole transaction, none of which waits for another's answer: PostgreSQL takes and commits them
    /// in one round trip. The rows of those that return any.
    /// </summary>
    /// <exception cref="CommitUnknownException">The connection was lost while they were under way.</exception>
    public Task<List<T>> TransactAsync<T>(IReadOnlyList<Statement> statements, Func<DbDataReader, T> read, CancellationToken cancellation = default)
        => Dialect == Dialect.Sqlite
            ? TransactAsync(transaction => transaction.BatchAsync(statements, read), cancellation)
            : RepeatAsync(() => RunAtOnceAsync(statements, read, cancellation), null, cancellation);

    /// <summary>
    /// For PostgreSQL: as the overload for statements, of which one or more are <see cref="AllOrNothing"/>; null where one of these undid the whole. Nothing is written then, and
    /// the work that finds out why is the caller's.
    /// </summary>
    /// <param name="statements">A whole transaction.</param>
    /// <param name="read">Reads a row.</param>
    /// <param name="conclude">What the rows say.</param>
    /// <param name="settle">As in the full overload.</param>
    /// <param name="cancellation">Gives up, but not once the statements have left.</param>
    public Task<T?> TryTransactAsync<TRow, T>(
        IReadOnlyList<Statement> statements,
        Func<DbDataReader, TRow> read,
        Func<List<TRow>, T> conclude,
        Func<Transaction, Task<Settled<T?>>> settle,
        CancellationToken cancellation)
        where T : class
        => RepeatAsync(
            async () =>
            {
                try
                {
                    return conclude(await RunAtOnceAsync(statements, read, cancellation));
                }
                catch (PostgresException exception) when (AllOrNothing.IsUndone(exception))
                {
                    return null;
                }
            },
            settle,
            cancellation);

    /// <summary>
    /// As the overload for statements, for what a crash of the database may take back, as long as it takes back what came after it, too: on PostgreSQL the answer does not wait for the disk, and a row that
    /// many want is free again at once. What has lost its answer is left as it is.
    /// </summary>
    public Task TransactUnflushedAsync(IReadOnlyList<Statement> statements, CancellationToken cancellation)
        => RepeatAsync(
            Dialect == Dialect.Sqlite
                ? () => RunOnceAsync(transaction => transaction.BatchAsync(statements, _ => 0), cancellation)
                : () => RunAtOnceAsync([new Statement($"SELECT {AllOrNothing.Unflushed}"), .. statements], _ => 0, cancellation),
            _ => Task.FromResult(new Settled<List<int>>(true, [])),
            cancellation);

    /// <summary>Runs reading work outside the writers' queue; it sees one committed state per statement.</summary>
    public async Task<T> ReadAsync<T>(Func<Transaction, Task<T>> read, CancellationToken cancellation = default)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var lease = await LeaseReaderAsync(cancellation);
                return await read(new Transaction(Dialect, lease.Connection, null, cancellation));
            }
            catch (Exception exception) when (IsTransient(exception))
            {
                if (attempt >= Options.MaximumAttempts)
                {
                    throw new TransientDatabaseException($"The database could not be read: {exception.Message}", exception);
                }

                await BackOffAsync(attempt, cancellation);
            }
            catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.LockNotAvailable)
            {
                throw new LockTimeoutException("Another transaction held a table for too long.", exception);
            }
        }
    }

    /// <summary>Whether PostgreSQL refused a statement because a unique index holds its key already; the transaction can only be done again.</summary>
    public static bool IsUniqueViolation(Exception exception) => exception is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation };

    public abstract ValueTask DisposeAsync();

    private protected abstract ValueTask<ConnectionLease> LeaseWriterAsync(CancellationToken cancellation);

    private protected abstract ValueTask<ConnectionLease> LeaseReaderAsync(CancellationToken cancellation);

    /// <param name="connection">What was leased for it.</param>
    /// <param name="patience">What is left of <see cref="DatabaseOptions.LockTimeout"/>; may be negative.</param>
    /// <param name="cancellation">Gives up.</param>
    private protected abstract ValueTask<DbTransaction> BeginAsync(DbConnection connection, TimeSpan patience, CancellationToken cancellation);

    private async Task<T> RepeatAsync<T>(Func<Task<T>> run, Func<Transaction, Task<Settled<T>>>? settle, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await run();
            }
            catch (Exception exception) when (IsTransient(exception) && attempt < Options.MaximumAttempts)
            {
                await BackOffAsync(attempt, cancellation);
            }
            catch (CommitUnknownException) when (settle is not null && attempt < Options.MaximumAttempts)
            {
                await BackOffAsync(attempt, cancellation);
                var settled = await ReadAsync(settle, cancellation);
                if (settled.Happened)
                {
                    return settled.Value;
                }
            }
        }
    }

    private async Task<T> RunOnceAsync<T>(Func<Transaction, Task<T>> work, CancellationToken cancellation)
    {
        var started = Clock.GetTimestamp();
        await using var lease = await LeaseTranslatedAsync(cancellation);
        await using var open = await BeginTranslatedAsync(lease, Options.LockTimeout - Clock.GetElapsedTime(started), cancellation);
        var transaction = new Transaction(Dialect, lease.Connection, open, cancellation);
        T result;
        try
        {
            result = await work(transaction);
        }
        catch (Exception exception) when (IsTransient(exception))
        {
            throw new TransientDatabaseException("The database asked for the transaction to be repeated.", exception);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            throw new LockTimeoutException("Another transaction held a row for too long.", exception);
        }

        if (transaction.RollBack)
        {
            return result;
        }

        Options.Faults.BeforeCommit();
        await CommitAsync(open);
        Options.Faults.AfterCommit();
        return result;
    }

    /// <summary>A batch without BEGIN is one transaction in PostgreSQL. Not cancellable, like a COMMIT: once it has left, only its answer or its absence ends the wait.</summary>
    private async Task<List<T>> RunAtOnceAsync<T>(IReadOnlyList<Statement> statements, Func<DbDataReader, T> read, CancellationToken cancellation)
    {
        await using var lease = await LeaseTranslatedAsync(cancellation);
        Options.Faults.BeforeCommit();
        List<T> rows;
        try
        {
            rows = await new Transaction(Dialect, lease.Connection, null, CancellationToken.None).BatchAsync(statements, read);
        }
        catch (NpgsqlException exception) when (exception is not PostgresException { InvariantSeverity: "ERROR" })
        {
            // FATAL too: a server that is shut down may say so after it has committed.
            throw new CommitUnknownException("The connection was lost during a transaction.", exception);
        }
        catch (Exception exception) when (IsTransient(exception))
        {
            throw new TransientDatabaseException("The database asked for the transaction to be repeated.", exception);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            throw new LockTimeoutException("Another transaction held a row for too long.", exception);
        }

        Options.Faults.AfterCommit();
        return rows;
    }

    private async ValueTask<ConnectionLease> LeaseTranslatedAsync(CancellationToken cancellation)
    {
        try
        {
            return await LeaseWriterAsync(cancellation);
        }
        catch (Exception exception) when (IsTransient(exception))
        {
            throw new TransientDatabaseException($"No connection to the database could be opened: {exception.Message}", exception);
        }
    }

    private async ValueTask<DbTransaction> BeginTranslatedAsync(ConnectionLease lease, TimeSpan patience, CancellationToken cancellation)
    {
        try
        {
            return await BeginAsync(lease.Connection, patience, cancellation);
        }
        catch (Exception exception) when (IsTransient(exception))
        {
            throw new TransientDatabaseException("The database asked for the transaction to be repeated.", exception);
        }
    }

    /// <summary>Not cancellable: once COMMIT has left, only its answer or its absence may end the wait.</summary>
    private static async Task CommitAsync(DbTransaction open)
    {
        try
        {
            await open.CommitAsync(CancellationToken.None);
        }
        catch (NpgsqlException exception) when (exception is not PostgresException { InvariantSeverity: "ERROR" })
        {
            // FATAL too: a server that is shut down may say so after it has committed.
            throw new CommitUnknownException("The connection was lost during COMMIT.", exception);
        }
        catch (Exception exception) when (IsTransient(exception))
        {
            throw new TransientDatabaseException("The database asked for the transaction to be repeated.", exception);
        }
    }

    private Task BackOffAsync(int attempt, CancellationToken cancellation)
    {
        var ceiling = FirstDelay * Math.Pow(2, Math.Min(attempt, 7));
        var delay = ceiling * (0.5 + (random.NextInt32(1000) / 2000.0));
        return Task.Delay(delay, Clock, cancellation);
    }

    /// <summary>The one place that knows which errors mean "do it again".</summary>
    private static bool IsTransient(Exception exception) => exception switch
    {
        TransientDatabaseException => true,
        PostgresException postgres => postgres.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected
            or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow
            or PostgresErrorCodes.TooManyConnections,
        // A connection lost before COMMIT has left: nothing happened, and doing it again is safe.
        NpgsqlException npgsql => npgsql.IsTransient,
        SqliteException sqlite => SqliteDatabase.IsBusy(sqlite),
        _ => false,
    };
}

/// <summary>A connection on loan; disposing gives it back.</summary>
internal readonly struct ConnectionLease(DbConnection connection, Func<DbConnection, ValueTask> giveBack) : IAsyncDisposable
{
    public DbConnection Connection => connection;

    public ValueTask DisposeAsync() => giveBack(connection);
}
