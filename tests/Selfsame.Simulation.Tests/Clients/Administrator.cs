using Selfsame.Store.Audit;
using Selfsame.Store.Users;

namespace Selfsame.Simulation.Tests.Clients;

/// <summary>Disables, enables, deletes and restores whoever there is.</summary>
internal sealed class Administrator(World world, int seed) : Client(world, "administrator", seed)
{
    public override async Task RunAsync()
    {
        for (var action = 0; action < 6; action++)
        {
            await World.DelayAsync(Random.NextInt32(100));
            var users = World.Inspect(transaction => transaction.QueryAsync<Guid>("SELECT uuid FROM users ORDER BY id"));
            if (users.Count > 0)
            {
                await ActAsync(Random.Pick(users));
            }
        }
    }

    private async Task ActAsync(Guid uuid)
    {
        var action = Random.NextInt32(4);
        await AskAsync($"action {action} on {uuid}", context =>
        {
            var administration = new UserAdministration(context);
            return action switch
            {
                0 => administration.SetActiveAsync(World.Tenant, uuid, false, Actor.CommandLine, CancellationToken.None),
                1 => administration.SetActiveAsync(World.Tenant, uuid, true, Actor.CommandLine, CancellationToken.None),
                2 => administration.DeleteAsync(World.Tenant, uuid, null, Actor.CommandLine, CancellationToken.None),
                _ => administration.RestoreAsync(World.Tenant, uuid, null, Actor.CommandLine, CancellationToken.None),
            };
        });
    }
}
