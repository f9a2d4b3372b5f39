using Selfsame.EndToEnd.Tests.Api;
using Selfsame.EndToEnd.Tests.Pages;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;

namespace Selfsame.EndToEnd.Tests.Handles;

/// <summary>What the purge of a user leaves at a real PDS: nothing, where the config has orphans deleted.</summary>
[Trait("needs", "pds")]
public sealed class PurgeAtThePdsTests : IAsyncLifetime
{
    private PdsUsers pds = null!;
    private RunningServer server = null!;

    public async ValueTask InitializeAsync()
    {
        pds = await PdsUsers.OpenAsync();
        var topology = PdsUsers.Topology(pds.Server, pds.Server.Url, "orphan: deleteInTarget,");
        server = await RunningServer.StartAsync(options => options with
        {
            SecretKey = Convert.ToBase64String(new byte[SecretKeys.MinimumBytes]),
            Topology = topology,
            Tenants = [RunningServer.Unlimited with { ProvisionTo = topology.ProvisionedFrom("users"), DeletePurgedIn = topology.DeletedWith("users") }],
        });
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await pds.DisposeAsync();
    }

    [Fact]
    public async Task The_account_of_a_purged_user_is_deleted_at_the_PDS_and_handle_and_address_are_free_again()
    {
        var name = PdsUsers.NewName();
        var user = await PdsUsers.SignUpAsync(server.Context, name);
        var (id, handle) = (await PdsUsers.LinkedAsync(server.Context.Database, user.Uuid), user.UserCode);
        (await pds.HandleAsync(id)).ShouldBe(handle);
        await new UserAdministration(server.Context).DeleteAsync("main", user.Uuid, null, Actor.System, CancellationToken.None);
        await UntilAsync(async () => !(await pds.StateAsync(id)).Active);
        await server.Context.Database.TransactAsync(transaction => transaction.ExecuteAsync(
            "UPDATE users SET deleted_at = @then WHERE id = @Id", new { then = server.Context.Now() - TimeSpan.FromDays(31), user.Id }));

        (await new UserPurge(server.Context).ExecuteAsync("main", CancellationToken.None)).ShouldBe(1);

        await UntilAsync(async () => !await pds.IsThereAsync(id));
        await UntilAsync(async () => await server.Context.Database.ReadAsync(
            transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM provisioning")) == 0);
        var again = await PdsUsers.SignUpAsync(server.Context, name);
        var newId = await PdsUsers.LinkedAsync(server.Context.Database, again.Uuid);
        newId.ShouldNotBe(id);
        (await pds.StateAsync(newId)).Email.ShouldBe(user.Email);
    }

    [Fact]
    public async Task The_page_that_asks_before_a_user_is_deleted_says_what_becomes_of_the_accounts_elsewhere()
    {
        var user = await PdsUsers.SignUpAsync(server.Context, PdsUsers.NewName());
        using var administrator = new PageClient(server.Address);
        var owner = await server.MakeUserAsync(new AdministratorFields { IsSuperuser = true });
        await administrator.SignInAsync(owner.Email!, RunningServer.Password);

        var page = await administrator.GetAsync($"/admin/users/{user.Uuid}/delete");

        page.Text.ShouldContain("the account in pds is deleted there for good");
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        while (!await holds())
        {
            await Task.Delay(100, limit.Token);
        }
    }
}
