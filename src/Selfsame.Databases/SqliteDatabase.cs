using System.Collections.Concurrent;
using System.Data.Common;
using Microsoft.Data.Sqlite;
using Selfsame.Core;

namespace Selfsame.Databases;

/// <summary>
/// A SQLite database in WAL mode: one writing connection that the process's writers take in turn, and readers beside
/// it. A private in-memory database has one connection for both.
/// </summary>
public sealed class SqliteDatabase : Database
{
    /// <summary>
    /// The name of a SQL function that folds all letters; SQLite's own <c>lower</c> knows ASCII only. For searching text
    /// that people see, never for keys.
    /// </summary>
    public const string LowerCase = "lower_case";

    private const int Busy = 5;
    private const int Locked = 6;

    /// <summary>Seconds, the least that the driver can be told: how long one try to begin holds a thread.</summary>
    private const int OneTry = 1;

    private readonly SqliteConnection writer;
    private readonly SemaphoreSlim writers = new(1);
    private readonly SemaphoreSlim? readers;
    private readonly ConcurrentBag<SqliteConnection> idleReaders = [];
    private readonly string connectionString;

    // Whether the last try to begin found the file locked by another process; only whoever has the writer's turn touches it.
    private bool isHeldElsewhere;

    private SqliteDatabase(string connectionString, bool shared, DatabaseOptions options, TimeProvider clock, RandomSource random)
        : base(options, clock, random)
    {
        SqliteLibrary.EnsureLoaded();
        DapperTypes.EnsureRegistered();
        this.connectionString = connectionString;
        writer = OpenConnection();
        readers = shared ? new SemaphoreSlim(options.MaximumConnections) : null;
        if (shared)
        {
            // What waits for longer is BeginAsync, which gives up when its caller would.
            writer.DefaultTimeout = OneTry;
            using var command = writer.CreateCommand();
            command.CommandText = $"PRAGMA busy_timeout={OneTry * 1000}";
            command.ExecuteNonQuery();
        }
    }

    /// <summary>A database file; it and its folder are made when they are not there, readable by their owner only.</summary>
    public static SqliteDatabase File(string path, DatabaseOptions options, TimeProvider clock, RandomSource random)
    {
        var full = Path.GetFullPath(path);
        PrivateFiles.CreateFolder(Path.GetDirectoryName(full)!);
        PrivateFiles.Create(full);
        var settings = new SqliteConnectionStringBuilder { DataSource = full, Pooling = false };
        return new SqliteDatabase(settings.ToString(), shared: true, options, clock, random);
    }

    /// <summary>A database that lives as long as this object.</summary>
    public static SqliteDatabase InMemory(DatabaseOptions options, TimeProvider clock, RandomSource random)
        => new("Data Source=:memory:;Pooling=False", shared: false, options, clock, random);

    /// <summary>
    /// A database in memory that lives as long as any object of this <paramref name="name"/> in the process: one that
    /// is opened again finds what the one before committed, as after a restart.
    /// </summary>
    public static SqliteDatabase SharedInMemory(string name, DatabaseOptions options, TimeProvider clock, RandomSource random)
    {
        var settings = new SqliteConnectionStringBuilder
        {
            DataSource = name,
            Mode = SqliteOpenMode.Memory,
            Cache = SqliteCacheMode.Shared,
            Pooling = false,

            // Seconds: a table that another object left locked stays locked, so waiting for it (30 s unless told) is in vain.
            DefaultTimeout = 1,
        };
        return new SqliteDatabase(settings.ToString(), shared: false, options, clock, random);
    }

    public override Dialect Dialect => Dialect.Sqlite;

    public override async ValueTask DisposeAsync()
    {
        while (idleReaders.TryTake(out var reader))
        {
            await reader.DisposeAsync();
        }

        await writer.DisposeAsync();
        writers.Dispose();
        readers?.Dispose();
    }

    private protected override async ValueTask<ConnectionLease> LeaseWriterAsync(CancellationToken cancellation)
    {
        await writers.WaitAsync(cancellation);
        return new ConnectionLease(writer, GiveBackWriter);
    }

    private protected override async ValueTask<ConnectionLease> LeaseReaderAsync(CancellationToken cancellation)
    {
        if (readers is null)
        {
            return await LeaseWriterAsync(cancellation);
        }

        await readers.WaitAsync(cancellation);
        try
        {
            return new ConnectionLease(idleReaders.TryTake(out var idle) ? idle : OpenConnection(), GiveBackReader);
        }
        catch
        {
            readers.Release();
            throw;
        }
    }

    internal static bool IsBusy(SqliteException exception) => exception.SqliteErrorCode is Busy or Locked;

    // Immediate: a deferred transaction that turns from reading to writing can fail where waiting would have helped.
    private protected override async ValueTask<DbTransaction> BeginAsync(DbConnection connection, TimeSpan patience, CancellationToken cancellation)
    {
        if (readers is null)
        {
            return ((SqliteConnection)connection).BeginTransaction(deferred: false);
        }

        if (patience <= TimeSpan.Zero && isHeldElsewhere)
        {
            // It has waited in the queue, behind one who tried all along.
            throw HeldElsewhere(null);
        }

        for (var waited = TimeSpan.Zero; ; waited += TimeSpan.FromSeconds(OneTry))
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                var open = ((SqliteConnection)connection).BeginTransaction(deferred: false);
                isHeldElsewhere = false;
                return open;
            }
            catch (SqliteException exception) when (IsBusy(exception))
            {
                isHeldElsewhere = true;
                if (waited + TimeSpan.FromSeconds(OneTry) >= patience)
                {
                    throw HeldElsewhere(exception);
                }
            }

            await Task.Yield();
        }
    }

    private static LockTimeoutException HeldElsewhere(Exception? inner)
        => new("Another process held the database file for too long, as a backup or a shell does.", inner);

    private ValueTask GiveBackWriter(DbConnection connection)
    {
        writers.Release();
        return ValueTask.CompletedTask;
    }

    private ValueTask GiveBackReader(DbConnection connection)
    {
        idleReaders.Add((SqliteConnection)connection);
        readers!.Release();
        return ValueTask.CompletedTask;
    }

    private PreparedSqliteConnection OpenConnection()
    {
        var connection = new PreparedSqliteConnection(connectionString);
        connection.Open();
        connection.CreateFunction(LowerCase, (string? text) => text?.ToLowerInvariant(), isDeterministic: true);
        using var command = connection.CreateCommand();
        var synchronous = Options.SurvivePowerLoss ? "FULL" : "NORMAL";
        var busy = (int)Options.LockTimeout.TotalMilliseconds;
        command.CommandText = $"PRAGMA busy_timeout={busy}; PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA foreign_keys=ON;";
        command.ExecuteNonQuery();
        return connection;
    }
}
