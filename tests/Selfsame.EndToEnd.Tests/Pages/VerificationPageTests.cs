using System.Net;

namespace Selfsame.EndToEnd.Tests.Pages;

public sealed class VerificationPageTests
{
    [Fact]
    public async Task Opening_the_link_acts_on_nothing_however_often_a_mail_scanner_does_it()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        await client.SubmitAsync("/sign-up", ("email", "river@example.com"), ("password", PageServer.Password));
        var link = await server.LinkAsync("river@example.com", "verify-email");
        using var scanner = server.Client();

        for (var times = 0; times < 3; times++)
        {
            (await scanner.GetAsync(link)).Status.ShouldBe(HttpStatusCode.OK);
            (await scanner.SendAsync(new HttpRequestMessage(HttpMethod.Head, link))).Status.ShouldBe(HttpStatusCode.OK);
        }

        (await server.UserAsync("river@example.com")).EmailVerifiedAt.ShouldBeNull();
        var form = await client.FormAsync(link);
        (await client.PostAsync(link, form)).Location.ShouldBe("/sign-in?done=email-verified");
        (await server.UserAsync("river@example.com")).EmailVerifiedAt.ShouldNotBeNull();
    }

    // A double click without script: the browser shows the second answer.
    [Fact]
    public async Task A_link_that_has_done_what_it_was_for_says_so()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        await client.SubmitAsync("/sign-up", ("email", "river@example.com"), ("password", PageServer.Password));
        var link = await server.LinkAsync("river@example.com", "verify-email");
        using var elsewhere = server.Client();
        var form = await elsewhere.FormAsync($"{link}&new=1");

        for (var click = 0; click < 2; click++)
        {
            (await elsewhere.PostAsync(link, form, ("newPassword", "quiet green mountain"))).Location.ShouldBe("/sign-in?done=email-verified");
        }

        (await elsewhere.PostAsync(link, form, ("newPassword", "another green mountain"))).Status.ShouldBe(HttpStatusCode.NotFound);
        (await client.PostAsync(link, await client.FormAsync("/sign-in"), ("how", "click"))).Location.ShouldBe("/sign-in?done=email-verified");
        var again = await client.GetAsync(link);
        again.Status.ShouldBe(HttpStatusCode.OK);
        again.Text.ShouldContain("<h1>Your e-mail address is confirmed</h1>");
        await elsewhere.SignInAsync("river@example.com", "quiet green mountain");
    }

    [Fact]
    [Trait("needs", "chromium")]
    public async Task Another_browser_is_asked_for_the_password()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        await client.SubmitAsync("/sign-up", ("email", "river@example.com"), ("password", PageServer.Password));
        await using var browser = await server.BrowseAsync();
        var page = browser.Page;
        await page.GotoAsync(await server.LinkAsync("river@example.com", "verify-email"));

        await page.FillAsync("#password", "some other password");
        await page.SubmitAsync();
        (await page.FieldErrorAsync("password")).ShouldContain("not the password of the account");
        await page.FillAsync("#password", PageServer.Password);
        await page.SubmitAsync();

        await page.ArriveAsync("/sign-in?done=email-verified");
        (await server.UserAsync("river@example.com")).EmailVerifiedAt.ShouldNotBeNull();
    }

    [Fact]
    [Trait("needs", "chromium")]
    public async Task Who_owns_the_mailbox_but_did_not_sign_up_takes_the_account_with_a_new_password()
    {
        await using var server = await PageServer.StartAsync();
        using var stranger = server.Client();
        await stranger.SubmitAsync("/sign-up", ("email", "river@example.com"), ("password", "password of a stranger"));
        await stranger.SignInAsync("river@example.com", "password of a stranger");
        await using var browser = await server.BrowseAsync();
        var page = browser.Page;
        await page.GotoAsync(await server.LinkAsync("river@example.com", "verify-email"));
        await page.ClickAsync("text=choose a new password");
        await page.FillAsync("#newPassword", "short");
        await page.SubmitAsync();
        (await page.FieldErrorAsync("newPassword")).ShouldContain("too short");
        await page.FillAsync("#newPassword", PageServer.Password);
        await page.SubmitAsync();
        await page.ArriveAsync("/sign-in?done=email-verified");
        await page.SignInAsync("river@example.com");

        (await stranger.GetAsync("/account")).Status.ShouldBe(HttpStatusCode.SeeOther);
        (await stranger.SubmitAsync("/sign-in", ("login", "river@example.com"), ("password", "password of a stranger"))).Status.ShouldBe(HttpStatusCode.Unauthorized);
        browser.Faults().ShouldBeEmpty();
    }

    [Fact]
    public async Task The_link_is_sent_again_and_the_answer_tells_nobody_whether_there_is_an_account()
    {
        await using var server = await PageServer.StartAsync();
        using var client = server.Client();
        await client.SubmitAsync("/sign-up", ("email", "river@example.com"), ("password", PageServer.Password));

        var known = await client.SubmitAsync("/verify-email/send", ("login", "river@example.com"));
        var unknown = await client.SubmitAsync("/verify-email/send", ("login", "nobody@example.com"));

        (known.Status, known.Location).ShouldBe((unknown.Status, unknown.Location));
        (await server.SettledMailsAsync()).Count.ShouldBe(2);
    }
}
