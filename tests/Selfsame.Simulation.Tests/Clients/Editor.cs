using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Simulation.Tests.Remotes;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Simulation.Tests.Clients;

/// <summary>Changes names, handles and activity of whoever there is, proves addresses, retries conflicts; and is a person who moves from address to address.</summary>
internal sealed class Editor(World world, int seed) : Client(world, "editor", seed)
{
    private Guid? self;

    public static IReadOnlyList<string> Addresses { get; } = ["eva@one.example", "eva@two.example", "eva@three.example"];

    public static IReadOnlyList<string> Handles { get; } = ["annabel", "beatrix", "cecily"];

    private static IReadOnlyList<string> Roles { get; } = ["observer", "creator", "moderator"];

    public override async Task RunAsync()
    {
        await SignUpAsync();
        for (var action = 0; action < 16; action++)
        {
            await World.DelayAsync(Random.NextInt32(250));
            var users = World.Inspect(transaction => transaction.QueryAsync<Guid>("SELECT uuid FROM users ORDER BY id"));
            if (users.Count > 0)
            {
                await ActAsync(Random.Pick(users));
            }

            await (Random.OneIn(3) ? SetHandleOfSettledAsync() : Task.CompletedTask);
        }
    }

    private async Task SignUpAsync()
    {
        var request = new SignUpRequest
        {
            Tenant = World.Tenant,
            Form = new SignUpForm { Username = "Eva", Email = Addresses[0], Password = "passphrase of Eva" },
            Actor = Actor.Self,
            Call = new IdempotentCall("form", "POST /sign-up", "eva", "eva"),
        };
        if ((await AskAsync("sign up Eva", context => World.Options.SignUp(context, request))).Answer is SignUpResult.Created created)
        {
            self = created.User.Uuid;
            World.Acknowledge(created.User.Uuid);
        }
    }

    private async Task ActAsync(Guid uuid)
    {
        switch (Random.NextInt32(14))
        {
            case 0 or 10 or 11:
                await ChangeAsync("a role", uuid, new UserChange { Role = new Change<string>(true, Random.Pick(Roles)) });
                break;
            case 1 when self is { } eva:
                await ChangeAsync("an address", eva, new UserChange { Email = new Change<string>(true, Random.Pick(Addresses)) });
                break;
            case 2 or 12:
                await SetHandleAsync(uuid, Random.OneIn(4) ? null : Random.Pick(Handles));
                break;
            case 3 or 9:
                await ChangeAsync("disabled", uuid, new UserChange { IsActive = new Change<bool>(true, false) });
                break;
            case 4 or 5:
                await ChangeAsync("enabled", uuid, new UserChange { IsActive = new Change<bool>(true, true) });
                break;
            case 6:
                await RetryAsync(uuid);
                break;
            default:
                await ChangeAsync("proved", uuid, new UserChange { EmailVerified = new Change<bool>(true, true) });
                break;
        }
    }

    private async Task ChangeAsync(string what, Guid uuid, UserChange change)
        => await AskAsync($"{what} of {uuid}", context => new UserAdministration(context).ChangeAsync(World.Tenant, uuid, change, null, Actor.CommandLine, CancellationToken.None));

    /// <summary>As the user asks for it: the other system takes it first.</summary>
    private async Task SetHandleAsync(Guid uuid, string? handle)
        => await AskAsync($"handle {handle} of {uuid}", async context =>
        {
            var user = await new UserReader(context).FindAsync(World.Tenant, uuid, CancellationToken.None);
            return user is null ? new UserChangeResult.NotFound() : await World.Remotes!.Of(context).Handles.SetAsync(user, handle, null, Actor.Self, CancellationToken.None);
        });

    /// <summary>Whoever waits for a person's decision, or whose account is disabled, wants another handle all the same.</summary>
    private async Task SetHandleOfSettledAsync()
    {
        var settled = World.Inspect(transaction => transaction.QueryAsync<Guid>(
            """
            SELECT u.uuid FROM users u JOIN provisioning p ON p.source_id = CAST(u.uuid AS text) AND p.system = @system
            WHERE p.target_id IS NOT NULL AND p.state IN ('Conflict', 'Compensated') ORDER BY u.id
            """,
            new { system = RemoteSystems.Pds }));
        await (settled.Count > 0 ? SetHandleAsync(Random.Pick(settled), Random.Pick(Handles)) : Task.CompletedTask);
    }

    private async Task RetryAsync(Guid uuid)
    {
        var key = new ProvisioningKey(RemoteSystems.Users, new AccountId(uuid.ToString("D")), Random.OneIn(2) ? RemoteSystems.Auth : RemoteSystems.Pds);
        await AskAsync($"retry {uuid}", context => RowsOf(context).RetryAsync(key, CancellationToken.None));
    }

    private ProvisioningRows RowsOf(StoreContext context) => new(context.Database, context.Secrets, context.Clock, World.Remotes!.Of(context).Holder);
}
