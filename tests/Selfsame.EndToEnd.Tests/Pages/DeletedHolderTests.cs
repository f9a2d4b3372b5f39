using System.Net;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;

namespace Selfsame.EndToEnd.Tests.Pages;

/// <summary>Within the grace period a deleted user keeps name and address: who comes back is told so (CASES 8).</summary>
public sealed class DeletedHolderTests
{
    private const string Told = "This belongs to a deleted account. Ask an administrator to restore it";

    [Fact]
    public async Task Who_was_deleted_and_signs_up_again_is_told_at_each_field_that_a_restore_helps()
    {
        await using var server = await PageServer.StartAsync();
        await DeleteAsync(server, await server.AddUserAsync("river"));
        await server.AddUserAsync("maple");
        using var client = server.Client();

        var gone = await client.SubmitAsync("/sign-up", ("email", "River@example.com"), ("username", "RIVER"), ("password", PageServer.Password));
        var here = await client.SubmitAsync("/sign-up", ("email", "maple@example.com"), ("username", "river"), ("password", PageServer.Password));

        gone.Status.ShouldBe(HttpStatusCode.Conflict);
        Count(gone.Text, Told).ShouldBe(4, "in the summary and at both fields");
        here.Text.ShouldContain("There is an account with this e-mail address already.");
        Count(here.Text, Told).ShouldBe(2);
    }

    [Fact]
    public async Task An_administrator_is_led_to_the_deleted_user()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        var gone = await server.AddUserAsync("river");
        await DeleteAsync(server, gone);
        using var client = server.Client();
        await client.SignInAsync("ada");

        var answer = await client.SubmitAsync("/admin/users/new", ("username", "river"), ("email", "other@example.com"));

        answer.Status.ShouldBe(HttpStatusCode.Conflict);
        answer.Text.ShouldContain("A deleted user has this. Restore that user");
        answer.Text.ShouldContain($"href=\"/admin/users/{gone.Uuid}\"");
        (await client.GetAsync($"/admin/users/{gone.Uuid}")).Text.ShouldContain("Restore");
    }

    [Fact]
    public async Task Where_it_is_hidden_who_is_registered_a_stranger_is_told_nothing()
    {
        await using var server = await PageServer.StartAsync(settings => settings with { Disclosure = Disclosure.Hide });
        await DeleteAsync(server, await server.AddUserAsync("river"));
        using var client = server.Client();

        var gone = await client.SubmitAsync("/sign-up", ("email", "river@example.com"), ("password", PageServer.Password));
        var free = await client.SubmitAsync("/sign-up", ("email", "maple@example.com"), ("password", PageServer.Password));

        (gone.Status, gone.Location, gone.Text).ShouldBe((free.Status, free.Location, free.Text));
    }

    // Whoever made it with another's address is gone or shut out; that must not shut out who the address belongs to.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_gets_the_mails_of_a_closed_account_that_never_confirmed_them_makes_the_address_free_and_signs_up(bool isDeleted)
    {
        await using var server = await PageServer.StartAsync();
        var mallory = await server.AddUserAsync("mallory", "river@example.com", new AdministratorFields());
        _ = isDeleted
            ? await DeleteAsync(server, mallory)
            : await new UserAdministration(server.Server.Context).SetActiveAsync("main", mallory.Uuid, false, Actor.CommandLine, CancellationToken.None);
        using var client = server.Client();
        (string, string)[] fields = [("email", "river@example.com"), ("password", PageServer.Password)];
        var taken = await client.SubmitAsync("/sign-up", fields);
        taken.Status.ShouldBe(HttpStatusCode.Conflict);
        taken.Text.Contains("the mail makes it free", StringComparison.Ordinal).ShouldBe(isDeleted);

        (await client.SubmitAsync("/forgot-password", ("login", "river@example.com"))).Location.ShouldBe("/forgot-password?sent=1");
        var link = await server.LinkAsync("river@example.com", "release-email");
        (await client.GetAsync(link)).Text.ShouldContain("Make the address free");
        var form = await client.FormAsync(link);
        for (var click = 0; click < 2; click++)
        {
            (await client.PostAsync(link, form)).Location.ShouldBe("/sign-up?done=email-released");
        }

        (await client.GetAsync(link)).Text.ShouldContain("Your e-mail address is free");
        (await client.GetAsync("/release-email?token=nobodys")).Status.ShouldBe(HttpStatusCode.NotFound);
        (await client.SubmitAsync("/sign-up", fields)).Location.ShouldBe("/sign-up/done");
        (await server.UserAsync("mallory")).CanSignIn.ShouldBeFalse();
    }

    private static Task<UserChangeResult> DeleteAsync(PageServer server, User user)
        => new UserAdministration(server.Server.Context).DeleteAsync("main", user.Uuid, null, Actor.CommandLine, CancellationToken.None);

    private static int Count(string text, string part) => text.Split(part).Length - 1;
}
