using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Simulation.Tests.Remotes;
using Selfsame.Simulation.Tests.Remotes.Services;
using Selfsame.Store.Inbox;

namespace Selfsame.Simulation.Tests.Clients;

/// <summary>
/// People of the identity provider: they sign up there and change, and webhooks tell it, or get lost, come twice or late. One of them comes by two connections, and has
/// one address under two ids: the other one's is proved from the start, and no event ever says so. Where the rules chain they also change their addresses, and delete
/// themselves, best while their account is being made.
/// </summary>
internal sealed class Provided(World world, int seed) : Client(world, "provider", seed)
{
    private const int MostLooks = 60;

    private static readonly (AccountId Id, string Email)[] People =
    [
        (new("auth0|0"), "gina@example.org"),
        (new("auth0|1"), "hugo@example.org"),
        (new("auth0|2"), "ines@example.org"),
        (new("google-oauth2|3"), "gina@example.org"),
    ];

    public static IReadOnlyList<string> Emails { get; } = [.. People.Select(person => person.Email).Distinct()];

    private static IReadOnlyList<string> Addresses { get; } = [.. Emails, "nova@example.org"];

    private bool Chains => World.Remotes!.Flow == Flow.Chain;

    private RemoteAccounts Accounts => World.Remotes!.Provider.Accounts;

    public override async Task RunAsync()
    {
        for (var action = 0; action < 10; action++)
        {
            await World.DelayAsync(Random.NextInt32(250));
            TellOfSettled();
            var (id, email) = Random.Pick(People);
            if (Accounts.Accounts.ContainsKey(id))
            {
                Tell(Change(id));
            }
            else if (IsFree(id, email))
            {
                Tell(SignUp(id, email));
                await (Chains && Random.OneIn(3) ? LeaveWhileMadeAsync(id) : Task.CompletedTask);
            }
        }
    }

    /// <summary>Whoever waits for a person's decision, or has no account any more, tries to sign in.</summary>
    private void TellOfSettled()
    {
        foreach (var (id, _) in People)
        {
            var state = World.Remotes!.StateOf(RemoteSystems.App, id.ToText());
            if (state is ProvisioningState.Conflict or ProvisioningState.Compensated && Random.OneIn(state == ProvisioningState.Conflict ? 1 : 2))
            {
                Tell(World.Remotes.Provider.Record("fs", id));
            }
        }
    }

    /// <summary>Deletes itself as soon as the account is asked for, and is heard of once more.</summary>
    private async Task LeaveWhileMadeAsync(AccountId id)
    {
        for (var look = 0; look < MostLooks && World.Remotes!.StateOf(RemoteSystems.App, id.ToText()) != ProvisioningState.Intent; look++)
        {
            await World.DelayAsync(5);
        }

        await World.DelayAsync(Random.NextInt32(30));
        Tell(Delete(id));
        await World.DelayAsync(Random.NextInt32(80));
        Tell(World.Remotes!.Provider.Record("fs", id));
    }

    private SystemEvent SignUp(AccountId id, string email)
    {
        Accounts.Create(id, SimulatedAuth0.Record(id, email, email.Split('@')[0], verified: IsSocial(id)), null, byStranger: true);
        return World.Remotes!.Provider.Record("ss", id);
    }

    private SystemEvent Delete(AccountId id)
    {
        Accounts.Remove(id);
        return World.Remotes!.Provider.Record("sdu", id);
    }

    private SystemEvent Change(AccountId id)
    {
        var action = Random.NextInt32(Chains ? 6 : 3);
        if (action == 5)
        {
            return Delete(id);
        }

        var address = Random.Pick(Addresses);
        if (action > 2 && !IsSocial(id) && IsFree(id, address))
        {
            Accounts.Set(id, new Fields([KeyValuePair.Create("email", FieldValue.Text(address)), KeyValuePair.Create("verified", FieldValue.Boolean(false))]));
            return World.Remotes!.Provider.Record("sce", id);
        }

        var (type, field, value) = action switch
        {
            0 => ("sdu", "blocked", FieldValue.Boolean(!Accounts.Accounts[id].Record["blocked"].IsTruthy)),
            1 when !IsSocial(id) => ("sv", "verified", FieldValue.Boolean(true)),
            _ => ("scn", "name", FieldValue.Text($"Name {Random.NextInt32(4)}")),
        };
        Accounts.Set(id, new Fields([KeyValuePair.Create(field, value)]));
        return World.Remotes!.Provider.Record(type, id);
    }

    /// <summary>Whether nobody else of the same connection has the address.</summary>
    private bool IsFree(AccountId id, string address)
        => !Accounts.Accounts.Any(other => !other.Key.Equals(id) && IsSocial(other.Key) == IsSocial(id) && other.Value.Record["email"].AsText == address);

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
