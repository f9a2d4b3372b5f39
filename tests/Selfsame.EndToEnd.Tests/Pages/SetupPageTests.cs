using System.Net;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;

namespace Selfsame.EndToEnd.Tests.Pages;

public sealed class SetupPageTests
{
    [Fact]
    public async Task The_link_makes_one_administrator_and_works_once()
    {
        await using var server = await PageServer.StartAsync();
        var link = (await server.Server.FirstAdministratorLinkAsync(CancellationToken.None))!.PathAndQuery;
        using var client = server.Client();

        var made = await client.SubmitAsync(link, ("email", "ada@example.com"), ("username", "Ada"), ("password", PageServer.Password));

        made.Location.ShouldBe("/sign-in?done=administrator-made");
        var user = await server.UserAsync("ada");
        (user.IsSuperuser, user.IsStaff, user.EmailVerifiedAt is not null).ShouldBe((true, true, true));
        (await client.GetAsync(link)).Status.ShouldBe(HttpStatusCode.NotFound);
        (await client.PostAsync(link, await client.FormAsync("/sign-in"), ("email", "eve@example.com"), ("password", PageServer.Password))).Status
            .ShouldBe(HttpStatusCode.NotFound);
        (await server.Server.FirstAdministratorLinkAsync(CancellationToken.None)).ShouldBeNull();
        (await server.UsersAsync()).Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_refused_form_leaves_the_link_good()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river", "river@example.com");
        var link = (await server.Server.FirstAdministratorLinkAsync(CancellationToken.None))!.PathAndQuery;
        using var client = server.Client();

        (await client.SubmitAsync(link, ("email", ""), ("password", PageServer.Password))).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await client.SubmitAsync(link, ("email", "ada@example.com"), ("password", "short"))).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await client.SubmitAsync(link, ("email", "ada@example.com"), ("password", ""))).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await client.SubmitAsync(link, ("email", "RIVER@example.com"), ("password", PageServer.Password))).Status.ShouldBe(HttpStatusCode.Conflict);

        (await client.SubmitAsync(link, ("email", "ada@example.com"), ("password", PageServer.Password))).Status.ShouldBe(HttpStatusCode.SeeOther);
    }

    [Fact]
    public async Task Two_people_with_the_link_at_once_make_one_administrator()
    {
        await using var server = await PageServer.StartAsync();
        var link = (await server.Server.FirstAdministratorLinkAsync(CancellationToken.None))!.PathAndQuery;
        using var client = server.Client();
        var form = await client.FormAsync(link);

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(number =>
            client.PostAsync(link, form, ("email", $"ada{number % 2}@example.com"), ("password", PageServer.Password))));

        answers.ShouldContain(answer => answer.Status == HttpStatusCode.SeeOther);
        answers.ShouldAllBe(answer => answer.Status == HttpStatusCode.SeeOther || answer.Status == HttpStatusCode.NotFound);
        (await server.UsersAsync()).Count(user => user.IsSuperuser).ShouldBe(1);
    }

    [Fact]
    public async Task Who_deletes_a_mistyped_administrator_gets_a_link_that_makes_the_right_one()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        foreach (var name in new[] { "mistyped", "right" })
        {
            var link = (await server.Server.FirstAdministratorLinkAsync(CancellationToken.None))!.PathAndQuery;
            (await client.SubmitAsync(link, ("email", $"{name}@example.com"), ("password", PageServer.Password))).Status.ShouldBe(HttpStatusCode.SeeOther);
            var made = await server.UserAsync($"{name}@example.com");
            made.IsSuperuser.ShouldBeTrue();
            if (name == "mistyped")
            {
                await new UserAdministration(server.Server.Context).DeleteAsync("main", made.Uuid, null, Actor.CommandLine, CancellationToken.None);
            }
        }
    }

    [Fact]
    public async Task A_wrong_link_makes_nobody()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();

        (await client.GetAsync("/setup")).Status.ShouldBe(HttpStatusCode.NotFound);
        (await client.PostAsync("/setup?token=guess", await client.FormAsync("/sign-in"), ("email", "eve@example.com"), ("password", PageServer.Password)))
            .Status.ShouldBe(HttpStatusCode.NotFound);

        (await server.UsersAsync()).ShouldBeEmpty();
    }
}
