using System.Net;
using Selfsame.EndToEnd.Tests.Api;
using Selfsame.Store;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Handles;

/// <summary>An account that is asked for at a real PDS by a call which arrives after it was given up.</summary>
[Trait("needs", "pds")]
public sealed class LateCreationTests : IAsyncLifetime
{
    private PdsUsers pds = null!;
    private PdsProxy proxy = null!;
    private RunningServer server = null!;

    public async ValueTask InitializeAsync()
    {
        pds = await PdsUsers.OpenAsync();
        proxy = await PdsProxy.StartAsync(pds.Server);
        var topology = PdsUsers.Topology(pds.Server, proxy.Url);
        server = await RunningServer.StartAsync(options => options with
        {
            SecretKey = Convert.ToBase64String(new byte[SecretKeys.MinimumBytes]),
            Topology = topology,
            Tenants = [RunningServer.Unlimited with { ProvisionTo = topology.ProvisionedFrom("users") }],
        });
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await proxy.DisposeAsync();
        await pds.DisposeAsync();
    }

    /// <param name="milliseconds">Before the service asks again, while it may, and when what it asked for again is made.</param>
    [Theory]
    [InlineData(50)]
    [InlineData(1_000)]
    [InlineData(8_000)]
    public async Task A_creation_that_arrives_after_it_was_given_up_makes_no_second_account(int milliseconds)
    {
        var creations = 0;
        proxy.Lateness = TimeSpan.FromMilliseconds(milliseconds);
        proxy.Fault = method => method == "createAccount" && Interlocked.Increment(ref creations) == 1 ? PdsFault.Late : PdsFault.None;

        var user = await PdsUsers.SignUpAsync(server.Context, PdsUsers.NewName());
        var id = await PdsUsers.LinkedAsync(server.Context.Database, user.Uuid);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (proxy.LateAnswers.IsEmpty)
        {
            await Task.Delay(50, limit.Token);
        }

        (await pds.StateAsync(id)).ShouldBe((user.Email, true));
        (await pds.WithEmailAsync(user.Email!)).ShouldBe([id]);
        proxy.LateAnswers.ShouldHaveSingleItem().ShouldBeOneOf(HttpStatusCode.OK, HttpStatusCode.BadRequest);
        await StoreInvariants.CheckAsync(server.Context.Database);
    }
}
