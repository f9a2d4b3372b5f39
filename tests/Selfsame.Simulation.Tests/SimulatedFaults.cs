using Selfsame.Databases;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests;

/// <summary>The process died here: nothing of it runs on, and whoever waited for it learns nothing.</summary>
internal sealed class CrashException : Exception;

/// <summary>The caller's view of a crash: the connection broke, and what was asked may or may not have happened.</summary>
internal sealed class ConnectionLostException : Exception;

/// <summary>Lets transactions fail as databases and machines do, as often as the seed says.</summary>
internal sealed class SimulatedFaults(SeededRandom random, Action crash) : TransactionFaults
{
    /// <summary>While false, nothing fails: the end of a run is quiet, so that it can end.</summary>
    public bool IsOn { get; set; } = true;

    public int Commits { get; private set; }

    public override void BeforeCommit()
    {
        if (Strikes(15))
        {
            throw new TransientDatabaseException("40001");
        }

        if (Strikes(60))
        {
            throw new CommitUnknownException("The connection broke before COMMIT arrived.");
        }

        CrashOneIn(60);
    }

    public override void AfterCommit()
    {
        Commits++;
        if (Strikes(30))
        {
            throw new CommitUnknownException("The connection broke before the answer to COMMIT arrived.");
        }

        CrashOneIn(60);
    }

    public void CrashOneIn(int times)
    {
        if (Strikes(times))
        {
            crash();
            throw new CrashException();
        }
    }

    private bool Strikes(int oneIn) => IsOn && random.OneIn(oneIn);
}
