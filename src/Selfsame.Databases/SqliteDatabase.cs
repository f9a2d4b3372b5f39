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

    private readonly SqliteConnection writer;
    private readonly SemaphoreSlim writers = new(1);
    private readonly SemaphoreSlim? readers;
    private readonly ConcurrentBag<SqliteConnection> idleReaders = [];
    private readonly string connectionString;

    private SqliteDatabase(string connectionString, bool shared, DatabaseOptions options, TimeProvider clock, RandomSource random)
        : base(options, clock, random)
    {
        SqliteLibrary.EnsureLoaded();
        DapperTypes.EnsureRegistered();
        this.connectionString = connectionString;
        writer = OpenConnection();
        readers = shared ? new SemaphoreSlim(options.MaximumConnections) : null;
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

    // Immediate: a deferred transaction that turns from reading to writing can fail where waiting would have helped.
    private protected override ValueTask<DbTransaction> BeginAsync(DbConnection connection, CancellationToken cancellation)
        => ValueTask.FromResult<DbTransaction>(((SqliteConnection)connection).BeginTransaction(deferred: false));

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
