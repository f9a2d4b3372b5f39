using Microsoft.Data.Sqlite;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Sqlite;

/// <summary>A database file that belongs to somebody else: it must be there, and only its rows are changed.</summary>
internal sealed class SqliteFile(string system, string path)
{
    private const int BusyError = 5;
    private const int LockedError = 6;
    private const int ReadOnlyError = 8;
    private const int ConstraintError = 19;
    private const int MismatchError = 20;
    private static readonly TimeSpan BusyTimeout = TimeSpan.FromSeconds(5);

    public string Path => path;

    /// <summary>Runs reading work on a connection that can't write.</summary>
    public async Task<T> ReadAsync<T>(Func<SqliteConnection, T> read, CancellationToken cancellation)
    {
        await using var connection = await OpenAsync(SqliteOpenMode.ReadOnly, cancellation);
        return await GuardAsync(() => Task.FromResult(read(connection)));
    }

    /// <summary>Runs a change in one immediate transaction; what the database says against it is an outcome.</summary>
    public async Task<WriteOutcome> WriteAsync(Func<SqliteConnection, SqliteTransaction, WriteOutcome> write, CancellationToken cancellation)
    {
        var committing = false;
        try
        {
            await using var connection = await OpenAsync(SqliteOpenMode.ReadWrite, cancellation);
            await using var transaction = connection.BeginTransaction(deferred: false);
            var outcome = write(connection, transaction);
            if (outcome is Done)
            {
                committing = true;
                await transaction.CommitAsync(cancellation);
            }

            return outcome;
        }
        catch (SystemUnavailableException exception)
        {
            return new Unavailable(exception.Message);
        }
        catch (SqliteException exception)
        {
            return OutcomeOf(exception, committing);
        }
    }

    /// <summary>Turns the database's errors while reading into the contract's one.</summary>
    public async Task<T> GuardAsync<T>(Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (SqliteException exception)
        {
            throw new SystemUnavailableException($"'{system}': {path} can't be read: {exception.Message}", exception);
        }
    }

    public async Task<SqliteConnection> OpenAsync(SqliteOpenMode mode, CancellationToken cancellation)
    {
        if (!IsUri && !File.Exists(path))
        {
            throw new SystemUnavailableException($"'{system}': there is no file {path}. Correct 'connection' in the config.");
        }

        try
        {
            return await ConnectAsync(mode, cancellation);
        }
        catch (SqliteException exception) when (exception.SqliteErrorCode == ReadOnlyError && mode == SqliteOpenMode.ReadOnly)
        {
            await TakeBackAsync(cancellation);
        }
        catch (SqliteException exception)
        {
            throw Unopened(exception);
        }

        try
        {
            return await ConnectAsync(mode, cancellation);
        }
        catch (SqliteException exception)
        {
            throw Unopened(exception);
        }
    }

    private bool IsUri => path.StartsWith("file:", StringComparison.Ordinal);

    // A program that was killed in mid-change leaves a journal beside the file, which the next one to open it takes back (sqlite.org/lockingv3.html, section 4.2): it
    // must be allowed to write.
    private async Task TakeBackAsync(CancellationToken cancellation)
    {
        try
        {
            await (await ConnectAsync(SqliteOpenMode.ReadWrite, cancellation)).DisposeAsync();
        }
        catch (SqliteException exception)
        {
            throw new SystemUnavailableException(
                $"'{system}': a program was killed while it changed {path}; whoever may write the file and its folder has to open it once, so that the half-made change is taken back ({exception.Message}).",
                exception);
        }
    }

    private SystemUnavailableException Unopened(SqliteException exception) => new($"'{system}': {path} can't be opened: {exception.Message}", exception);

    private async Task<SqliteConnection> ConnectAsync(SqliteOpenMode mode, CancellationToken cancellation)
    {
        var settings = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = IsUri ? SqliteOpenMode.ReadWriteCreate : mode,
            Pooling = false,
            ForeignKeys = true,
            DefaultTimeout = (int)BusyTimeout.TotalSeconds,
        };
        var connection = new SqliteConnection(settings.ToString());
        try
        {
            await connection.OpenAsync(cancellation);
            using var command = connection.CreateCommand();
            command.CommandText = $"PRAGMA busy_timeout={(int)BusyTimeout.TotalMilliseconds}";
            command.ExecuteNonQuery();

            // So that a journal that was left behind is noticed here.
            command.CommandText = "PRAGMA schema_version";
            command.ExecuteScalar();
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private WriteOutcome OutcomeOf(SqliteException exception, bool committing) => exception switch
    {
        // 2067 SQLITE_CONSTRAINT_UNIQUE, 1555 SQLITE_CONSTRAINT_PRIMARYKEY, 2579 SQLITE_CONSTRAINT_ROWID (sqlite.org/rescode.html)
        { SqliteErrorCode: ConstraintError, SqliteExtendedErrorCode: 2067 or 1555 or 2579 }
            => new AlreadyExists(FieldsNamedIn(exception.Message), $"Another row has the same value: {exception.Message}"),
        { SqliteErrorCode: ConstraintError or MismatchError } => new Refused(exception.Message),
        { SqliteErrorCode: BusyError or LockedError } => new Unavailable($"'{system}' is locked by another program."),
        _ when committing => new Unknown($"'{system}' did not confirm the change: {exception.Message}"),
        _ => new Unavailable($"'{system}': {exception.Message}"),
    };

    // "SQLite Error 19: 'UNIQUE constraint failed: users.email, users.tenant'."
    private static List<string> FieldsNamedIn(string message)
    {
        const string marker = "constraint failed: ";
        var start = message.IndexOf(marker, StringComparison.Ordinal);
        return start < 0
            ? []
            : [.. message[(start + marker.Length)..].TrimEnd('.', '\'').Split(", ").Select(column => column[(column.LastIndexOf('.') + 1)..])];
    }
}
