using System.Net;

namespace Selfsame.EndToEnd.Tests.Pages;

/// <summary>Where only the owner can have been, strangers slow nobody down afterwards (decision 0133).</summary>
public sealed class KnownBrowserTests
{
    [Fact]
    public async Task The_browser_and_the_network_of_a_sign_up_a_verification_and_a_reset_are_known()
    {
        await using var server = await PageServer.StartAsync();
        using var home = server.Client();
        (await home.SubmitAsync("/sign-up", ("email", "river@example.com"), ("username", "river"), ("password", PageServer.Password))).Status.ShouldBe(HttpStatusCode.SeeOther);
        (await KnownAsync(server)).ShouldBe(2, "the browser and the network");

        using var phone = server.Client();
        var verification = await server.LinkAsync("river@example.com", "verify-email");
        (await phone.SubmitAsync(verification, ("how", "password"), ("password", PageServer.Password))).Status.ShouldBe(HttpStatusCode.SeeOther);
        (await KnownAsync(server)).ShouldBe(3, "a second browser on the same network");

        using var office = server.Client();
        await office.SubmitAsync("/forgot-password", ("login", "river"));
        (await office.SubmitAsync(await server.LinkAsync("river@example.com", "reset-password"), ("newPassword", "small green heron"))).Status.ShouldBe(HttpStatusCode.SeeOther);
        (await KnownAsync(server)).ShouldBe(4);
        office.Cookies.GetCookies(server.Address)["selfsame_browser"].ShouldNotBeNull();
    }

    [Fact]
    public async Task Whom_an_administrator_makes_is_not_known_where_the_administrator_sits()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        using var client = server.Client();
        await client.SignInAsync("ada");
        var before = await KnownAsync(server);

        (await client.SubmitAsync("/admin/users/new", ("username", "river"), ("password", PageServer.Password))).Status.ShouldBe(HttpStatusCode.SeeOther);

        (await KnownAsync(server)).ShouldBe(before);
    }

    private static Task<long> KnownAsync(PageServer server)
        => server.Server.Context.Database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM known_sources"));
}
