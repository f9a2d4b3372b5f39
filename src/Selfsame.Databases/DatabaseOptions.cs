namespace Selfsame.Databases;

/// <summary>How a <see cref="Database"/> behaves; the defaults are for production.</summary>
public sealed record DatabaseOptions
{
    /// <summary>The most connections this process opens at once (PostgreSQL) or the most readers (SQLite).</summary>
    public int MaximumConnections { get; init; } = 32;

    /// <summary>How often a transaction is tried when the database asks for a repeat (40001, 40P01, SQLITE_BUSY).</summary>
    public int MaximumAttempts { get; init; } = 12;

    /// <summary>
    /// How long a statement may wait for another transaction's lock. In a SQLite file, how long a whole transaction waits for the one lock that there is, with
    /// the time in the queue of this process's own writers.
    /// </summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>SQLite only: survive a loss of power (synchronous=FULL), not only the loss of the process.</summary>
    public bool SurvivePowerLoss { get; init; } = true;

    /// <summary>Where the faults of a test enter; production has none.</summary>
    public TransactionFaults Faults { get; init; } = TransactionFaults.None;
}

/// <summary>What a database did not do. It is the world's fault and no bug: a command says it in a sentence.</summary>
public abstract class DatabaseException(string message, Exception? inner) : Exception(message, inner);

/// <summary>The database asked for the transaction to be repeated (serialization failure, deadlock, busy).</summary>
public sealed class TransientDatabaseException(string message, Exception? inner = null) : DatabaseException(message, inner);

/// <summary>
/// The connection was lost while COMMIT was under way: the transaction may or may not have happened. The caller
/// finds out by re-reading what it wrote by its own uuid.
/// </summary>
public sealed class CommitUnknownException(string message, Exception? inner = null) : DatabaseException(message, inner);

/// <summary>A statement waited longer for another transaction than it was allowed to.</summary>
public sealed class LockTimeoutException(string message, Exception? inner = null) : DatabaseException(message, inner);
