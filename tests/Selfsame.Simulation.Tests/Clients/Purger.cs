using Selfsame.Store.Users;

namespace Selfsame.Simulation.Tests.Clients;

/// <summary>Purges who was deleted a while ago, as the service's housekeeping does: these users cease to exist.</summary>
internal sealed class Purger(World world, int seed) : Client(world, "purger", seed)
{
    public override async Task RunAsync()
    {
        for (var round = 0; round < 4; round++)
        {
            await World.DelayAsync(Random.NextInt32(1500));
            await AskAsync("purge", context =>
            {
                World.NotePurgeable(World.Inspect(transaction => transaction.QueryAsync<Guid>("SELECT uuid FROM users WHERE deleted_at IS NOT NULL")));
                return new UserPurge(context).ExecuteAsync(World.Tenant, CancellationToken.None);
            });
        }
    }
}
