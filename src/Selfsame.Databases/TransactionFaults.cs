namespace Selfsame.Databases;

/// <summary>
/// The seam at which the simulation injects faults into transactions. A method that throws
/// <see cref="TransientDatabaseException"/> stands for 40001 and is retried; <see cref="CommitUnknownException"/>
/// from <see cref="AfterCommit"/> stands for a lost commit answer; anything else is a crash.
/// </summary>
public class TransactionFaults
{
    public static TransactionFaults None { get; } = new();

    /// <summary>The work is done and nothing is committed.</summary>
    public virtual void BeforeCommit()
    {
    }

    /// <summary>The database has committed; the answer has not reached the caller.</summary>
    public virtual void AfterCommit()
    {
    }
}
