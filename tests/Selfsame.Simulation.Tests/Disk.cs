using System.Collections.Concurrent;
using Selfsame.Core;
using Selfsame.Databases;
using Selfsame.Store.Schema;

namespace Selfsame.Simulation.Tests;

/// <summary>
/// What the servers of a run store on: a database in memory that outlives each of them. A later run gets it emptied, with its schema, its connections and
/// the statements that these have prepared: to make them anew costs more than all that a run does with them.
/// </summary>
internal sealed class Disk
{
    private static readonly ConcurrentBag<Disk> Free = [];

    // Dapper compiles its readers anew for each name: those of databases that are gone are used again.
    private static readonly ConcurrentBag<string> FreeNames = [];
    private static int names;

    // What has to wait is given up: its real timer must bring it back neither into the simulation nor to a connection that is being closed.
    private static readonly SynchronizationContext NeverResumed = new DeafContext();

    private readonly string name = FreeNames.TryTake(out var free) ? free : $"simulation-{Interlocked.Increment(ref names)}";
    private readonly List<DiskConnection> connections = [];
    private readonly Stack<DiskConnection> idle = [];
    private readonly DiskConnection own;
    private readonly string deletions;

    private Disk()
    {
        own = Connect(TransactionFaults.None, TimeProvider.System, RandomSource.System);
        Finish(StoreSchema.MigrateAsync(own.Database));
        var tables = Finish(own.Database.ReadAsync(transaction => transaction.QueryAsync<string>(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'schema_migrations' ORDER BY rowid DESC")));
        deletions = string.Concat(tables.Append("sqlite_sequence").Select(table => $"DELETE FROM {table};"));
    }

    /// <summary>An empty one with the store's schema.</summary>
    public static Disk Take() => Free.TryTake(out var disk) ? disk : new Disk();

    /// <summary>A connection that no other process has.</summary>
    /// <param name="faults">What befalls its transactions.</param>
    /// <param name="clock">Its process's clock.</param>
    /// <param name="random">Where its process's randomness comes from.</param>
    public DiskConnection Connect(TransactionFaults faults, TimeProvider clock, RandomSource random)
    {
        if (!idle.TryPop(out var connection))
        {
            connection = new DiskConnection(name);
            connections.Add(connection);
        }

        connection.Serve(faults, clock, random);
        return connection;
    }

    /// <summary>Its process is dead. Open transactions, if broken code left one, end with it, as a database ends those of a dead client.</summary>
    public void Disconnect(DiskConnection connection)
    {
        if (IsAtRest(connection))
        {
            idle.Push(connection);
        }
        else
        {
            connections.Remove(connection);
            Close(connection);
        }
    }

    /// <summary>Reads what is committed, past every server. Reading never waits.</summary>
    public T Read<T>(Func<Database, Task<T>> read)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(NeverResumed);
        try
        {
            var task = read(own.Database);
            return task.IsCompleted
                ? task.GetAwaiter().GetResult()
                : throw new InvalidOperationException("A transaction was left open between two steps: something in it waited for more than the database.");
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    /// <summary>The run is over and all was well: another may have it.</summary>
    public void Release()
    {
        idle.Clear();
        foreach (var connection in connections.Where(connection => connection != own).ToList())
        {
            Disconnect(connection);
        }

        Finish(own.Database.TransactAsync(transaction => transaction.ExecuteAsync($"PRAGMA defer_foreign_keys = ON; {deletions}")));
        Free.Add(this);
    }

    /// <summary>The run broke off: what it left behind goes with it.</summary>
    public void Destroy()
    {
        connections.ForEach(Close);
        FreeNames.Add(name);
    }

    private static bool IsAtRest(DiskConnection connection)
        => connection.Database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT 1")) is { IsCompletedSuccessfully: true };

    private static void Close(DiskConnection connection) => connection.Database.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private static T Finish<T>(Task<T> task) => task.GetAwaiter().GetResult();

    private sealed class DeafContext : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
            // Whoever waited stays where it is.
        }
    }
}

/// <summary>A way to the <see cref="Disk"/>, of one process after the other.</summary>
internal sealed class DiskConnection
{
    private readonly ServedClock clock = new();
    private readonly ServedRandom random = new();
    private readonly ServedFaults faults = new();

    public DiskConnection(string name) => Database = SqliteDatabase.SharedInMemory(name, new DatabaseOptions { Faults = faults }, clock, random);

    public Database Database { get; }

    public void Serve(TransactionFaults processFaults, TimeProvider processClock, RandomSource processRandom)
    {
        faults.Served = processFaults;
        clock.Served = processClock;
        random.Served = processRandom;
    }

    private sealed class ServedFaults : TransactionFaults
    {
        public TransactionFaults Served { get; set; } = None;

        public override void BeforeCommit() => Served.BeforeCommit();

        public override void AfterCommit() => Served.AfterCommit();
    }

    private sealed class ServedClock : TimeProvider
    {
        public TimeProvider Served { get; set; } = System;

        public override long TimestampFrequency => Served.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => Served.GetUtcNow();

        public override long GetTimestamp() => Served.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
            => Served.CreateTimer(callback, state, dueTime, period);
    }

    private sealed class ServedRandom : RandomSource
    {
        public RandomSource Served { get; set; } = System;

        public override void Fill(Span<byte> bytes) => Served.Fill(bytes);
    }
}
