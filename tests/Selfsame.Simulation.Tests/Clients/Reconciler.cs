namespace Selfsame.Simulation.Tests.Clients;

/// <summary>In some runs somebody audits, plans and applies while the service works.</summary>
internal sealed class Reconciler(World world, int seed) : Client(world, "reconciler", seed)
{
    public override async Task RunAsync()
    {
        for (var run = 0; run < 2 && Random.OneIn(3); run++)
        {
            await World.DelayAsync(Random.NextInt32(1500));
            await AskAsync("audit, plan, apply", World.Remotes!.ReconcileAsync);
        }
    }
}
