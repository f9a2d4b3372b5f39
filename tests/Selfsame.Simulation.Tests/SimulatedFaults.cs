using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Simulation.Tests.Remotes;

namespace Selfsame.Simulation.Tests;

/// <summary>The process died here: nothing of it runs on, and whoever waited for it learns nothing.</summary>
internal sealed class CrashException : Exception;

/// <summary>The caller's view of a crash: the connection broke, and what was asked may or may not have happened.</summary>
internal sealed class ConnectionLostException : Exception;

/// <summary>Lets a process's transactions fail as databases and machines do, as often as the seed says; the end of a run is quiet, so that it can end.</summary>
internal sealed class SimulatedFaults(World world, SimulatedProcess process) : TransactionFaults
{
    /// <summary>The state that the provisioning row gets which is being written; null while another transaction runs.</summary>
    public ProvisioningState? Writing { get; set; }

    public override void BeforeCommit()
    {
        // What unwinds after a crash is not there in life: nothing of it is committed.
        if (process.Context.IsDead)
        {
            throw new CrashException();
        }

        if (Strikes(15))
        {
            Count(Fault.TransactionRepeated);
            throw new TransientDatabaseException("40001");
        }

        if (Strikes(60))
        {
            Count(Fault.CommitUnknown);
            throw new CommitUnknownException("The connection broke before COMMIT arrived.");
        }

        CrashOneIn(60);
    }

    public override void AfterCommit()
    {
        world.CountCommit();
        if (Strikes(30))
        {
            Count(Fault.CommitUnknown);
            throw new CommitUnknownException("The connection broke before the answer to COMMIT arrived.");
        }

        CrashOneIn(60);
    }

    /// <summary>A named place at which losing the process matters.</summary>
    public void ReachCrashPoint(string name) => CrashOneIn(name.StartsWith("provisioning.", StringComparison.Ordinal) ? 60 : 200);

    private void CrashOneIn(int times)
    {
        if (Strikes(times))
        {
            Count(Fault.Crash);
            world.Crash(process);
            throw new CrashException();
        }
    }

    private void Count(Fault fault)
    {
        if (Writing is { } state)
        {
            world.Coverage.Count(fault, state);
        }
    }

    private bool Strikes(int oneIn) => !world.IsQuiet && world.FaultRandom.OneIn(oneIn);
}
