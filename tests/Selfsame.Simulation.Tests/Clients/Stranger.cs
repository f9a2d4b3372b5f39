using Selfsame.Core.Accounts;
using Selfsame.Simulation.Tests.Remotes;
using Selfsame.Simulation.Tests.Remotes.Services;

namespace Selfsame.Simulation.Tests.Clients;

/// <summary>Registers addresses and handles of other people in the connected systems, often before these come.</summary>
internal sealed class Stranger(World world, int seed) : Client(world, "stranger", seed)
{
    public override async Task RunAsync()
    {
        for (var registration = 0; registration < 2; registration++)
        {
            await World.DelayAsync(Random.NextInt32(60));
            var remote = Random.Pick(World.Remotes!.Systems);
            var email = Random.Pick(remote.Name == RemoteSystems.App ? Provided.Emails : [.. Person.All.Select(person => person.Emails[0]), Editor.Addresses[1], .. World.Remotes.Flow == Flow.Chain ? Provided.Emails : []]);
            var id = remote.Name == RemoteSystems.Pds ? SimulatedPds.NextDid(remote) : new AccountId(Random.NextUuid().ToString("D"));
            var taken = remote.Create(id, Record(remote.Name, id, email, registration), "the stranger's own", byStranger: true);
            Note($"registers {email} in {remote.Name}{(taken.Count > 0 ? ", in vain" : "")}");
        }
    }

    private Fields Record(string system, AccountId id, string email, int registration) => system switch
    {
        RemoteSystems.Pds => SimulatedPds.Record(id, Random.OneIn(2) ? Editor.Handles[registration] : $"stranger{registration}", email),
        RemoteSystems.Auth => SimulatedSupabase.Record(id, email),
        _ => ApplicationConnector.Record(id, email, $"stranger{registration}"),
    };
}
