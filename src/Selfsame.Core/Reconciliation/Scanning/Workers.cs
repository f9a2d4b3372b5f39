using System.Runtime.ExceptionServices;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>Threads that share work on what a scan holds. The caller waits for them, and what comes out does not depend on how many there are.</summary>
/// <param name="accountsEach">For how many accounts another thread is worth it.</param>
internal sealed class Workers(int accountsEach)
{
    /// <summary>Fewer accounts are matched sooner than a thread is started.</summary>
    public const int AccountsEach = 50_000;

    /// <summary>How many are worth it for so many accounts.</summary>
    public int For(long accounts) => (int)Math.Clamp(accounts / accountsEach, 1, Environment.ProcessorCount);

    /// <summary>Runs the work of each, by their numbers from 0; throws what one of them threw.</summary>
    public static void Run(int count, Action<int> work)
    {
        if (count == 1)
        {
            work(0);
            return;
        }

        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = count }, work);
        }
        catch (AggregateException several)
        {
            ExceptionDispatchInfo.Throw(several.InnerExceptions[0]);
        }
    }
}
