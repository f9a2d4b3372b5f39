using Selfsame.Core.Accounts;
using Selfsame.Simulation.Tests.Remotes;
using Selfsame.Simulation.Tests.Remotes.Services;
using Selfsame.Store.Inbox;

namespace Selfsame.Simulation.Tests.Clients;

/// <summary>
/// People of the identity provider: they sign up there and change, and webhooks tell it, or get lost, come twice or late. One of them comes by two connections, and has
/// one address under two ids: the other one's is proved from the start, and no event ever says so.
/// </summary>
internal sealed class Provided(World world, int seed) : Client(world, "provider", seed)
{
    private static readonly (AccountId Id, string Email)[] People =
    [
        (new("auth0|0"), "gina@example.org"),
        (new("auth0|1"), "hugo@example.org"),
        (new("auth0|2"), "ines@example.org"),
        (new("google-oauth2|3"), "gina@example.org"),
    ];

    public static IReadOnlyList<string> Emails { get; } = [.. People.Select(person => person.Email).Distinct()];

    private RemoteAccounts Accounts => World.Remotes!.Provider.Accounts;

    public override async Task RunAsync()
    {
        for (var action = 0; action < 10; action++)
        {
            await World.DelayAsync(Random.NextInt32(250));
            var (id, email) = Random.Pick(People);
            Tell(Accounts.Accounts.ContainsKey(id) ? Change(id) : SignUp(id, email));
        }
    }

    private SystemEvent SignUp(AccountId id, string email)
    {
        Accounts.Create(id, SimulatedAuth0.Record(id, email, email.Split('@')[0], verified: IsSocial(id)), null, byStranger: true);
        return World.Remotes!.Provider.Record("ss", id);
    }

    private SystemEvent Change(AccountId id)
    {
        var (type, field, value) = Random.NextInt32(3) switch
        {
            0 => ("sdu", "blocked", FieldValue.Boolean(!Accounts.Accounts[id].Record["blocked"].IsTruthy)),
            1 when !IsSocial(id) => ("sv", "verified", FieldValue.Boolean(true)),
            _ => ("scn", "name", FieldValue.Text($"Name {Random.NextInt32(4)}")),
        };
        Accounts.Set(id, new Fields([KeyValuePair.Create(field, value)]));
        return World.Remotes!.Provider.Record(type, id);
    }

    private static bool IsSocial(AccountId id) => !id.ToString().StartsWith("auth0|", StringComparison.Ordinal);

    private void Tell(SystemEvent happened)
    {
        Note($"{happened.Type} of {happened.Account}");
        var times = World.IsQuiet ? 1 : Random.NextInt32(4);
        for (var time = 0; time < Math.Min(times, 2); time++)
        {
            World.Outside(() => DeliverAsync(happened));
        }
    }

    // The way is long for some: a later event overtakes.
    private async Task DeliverAsync(SystemEvent happened)
    {
        await World.DelayAsync(Random.NextInt32(Random.OneIn(3) ? 600 : 10));
        await AskAsync($"webhook {happened.Id}", context => new EventInbox(context).ReceiveAsync(RemoteSystems.Idp, [happened], happened.Id, CancellationToken.None));
    }
}
