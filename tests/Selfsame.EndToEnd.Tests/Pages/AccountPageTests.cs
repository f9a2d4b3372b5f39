using System.Diagnostics;
using System.Net;
using Microsoft.Playwright;

namespace Selfsame.EndToEnd.Tests.Pages;

[Trait("needs", "chromium")]
public sealed class AccountPageTests
{
    [Fact]
    public async Task The_answer_to_a_change_of_address_is_as_long_in_coming_for_a_taken_one()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");
        await server.AddUserAsync("osprey", "osprey@example.com");
        using var client = server.Client();
        await client.SignInAsync("river");
        foreach (var email in new[] { "free@example.com", "osprey@example.com" })
        {
            var form = await client.FormAsync("/account/email");
            var started = Stopwatch.GetTimestamp();
            (await client.PostAsync("/account/email", form, ("email", email), ("password", PageServer.Password))).Location.ShouldBe("/account/email?done=email-link-sent");
            Stopwatch.GetElapsedTime(started).ShouldBeGreaterThanOrEqualTo(TimeSpan.FromMilliseconds(245));
        }
    }

    [Fact]
    public async Task Sessions_are_listed_and_ended()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");
        using var other = server.Client();
        await other.SignInAsync("river");
        await using var browser = await server.BrowseAsync();
        var page = browser.Page;
        await page.SignInAsync("river");
        await page.GotoAsync("/account/sessions");
        await Assertions.Expect(page.Locator("tbody tr")).ToHaveCountAsync(2);
        (await page.Locator("tbody tr").First.InnerTextAsync()).ShouldContain("✓ this one");

        await page.ClickAsync("tbody button");
        await page.ArriveAsync("/account/sessions?done=session-ended");

        await Assertions.Expect(page.Locator("tbody tr")).ToHaveCountAsync(1);
        (await other.GetAsync("/account")).Status.ShouldBe(HttpStatusCode.SeeOther);
        browser.Errors.ShouldBeEmpty();
    }

    [Fact]
    public async Task Nobody_ends_a_session_of_somebody_else()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");
        await server.AddUserAsync("maple");
        using var victim = server.Client();
        await victim.SignInAsync("river");
        using var attacker = server.Client();
        await attacker.SignInAsync("maple");
        var session = (await new Store.Sessions.SessionStore(server.Server.Context).ListAsync(await server.UserAsync("river"), CancellationToken.None)).Single();

        await attacker.SubmitAsync("/account/sessions", ("session", session.Uuid.ToString()));

        (await victim.GetAsync("/account")).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_new_password_ends_the_other_sessions_and_keeps_this_one()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");
        using var other = server.Client();
        await other.SignInAsync("river");
        await using var browser = await server.BrowseAsync();
        var page = browser.Page;
        await page.SignInAsync("river");
        await page.GotoAsync("/account/password");
        await page.FillAsync("#password", "not my password");
        await page.FillAsync("#newPassword", "quiet green mountain");
        await page.SubmitAsync();
        (await page.FieldErrorAsync("password")).ShouldContain("not your present password");
        await page.FillAsync("#password", PageServer.Password);
        await page.FillAsync("#newPassword", "quiet green mountain");
        await page.SubmitAsync();
        await page.ArriveAsync("/account?done=password-changed");

        (await other.GetAsync("/account")).Status.ShouldBe(HttpStatusCode.SeeOther);
        await other.SignInAsync("river", "quiet green mountain");
        (await server.SettledMailsAsync()).ShouldContain(mail => mail.Contains("Your password was changed"));
        browser.Faults().ShouldBeEmpty();
    }

    // A double click without script: the browser shows the second answer.
    [Fact]
    public async Task A_password_and_an_address_that_are_changed_twice_by_one_form_are_changed()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river", "river@example.com");
        using var client = server.Client();
        await client.SignInAsync("river");
        var form = await client.FormAsync("/account/password");
        for (var click = 0; click < 2; click++)
        {
            (await client.PostAsync("/account/password", form, ("password", PageServer.Password), ("newPassword", "quiet green mountain"))).Location
                .ShouldBe("/account?done=password-changed");
        }

        await client.SubmitAsync("/account/email", ("email", "brook@example.com"), ("password", "quiet green mountain"));
        var link = await server.LinkAsync("brook@example.com", "confirm-email");
        form = await client.FormAsync(link);
        for (var click = 0; click < 2; click++)
        {
            (await client.PostAsync(link, form)).Location.ShouldBe("/account?done=email-changed");
        }

        (await client.GetAsync("/confirm-email?token=nobodys")).Status.ShouldBe(HttpStatusCode.NotFound);
        (await server.SettledMailsAsync()).Count(mail => mail.Contains("Your password was changed")).ShouldBe(1);
    }

    [Fact]
    public async Task The_email_address_is_changed_by_the_new_one_and_taken_back_by_the_old_one()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river", "river@example.com");
        await using var browser = await server.BrowseAsync();
        var page = browser.Page;
        await page.SignInAsync("river");
        await page.GotoAsync("/account/email");
        await page.FillAsync("#email", "brook@example.com");
        await page.FillAsync("#password", PageServer.Password);
        await page.SubmitAsync();
        await page.ArriveAsync("/account/email?done=email-link-sent");
        (await server.UserAsync("river")).Email.ShouldBe("river@example.com");

        // A mistyped address must not win an account: the link leads to sign in where nobody is.
        var confirm = await server.LinkAsync("brook@example.com", "confirm-email");
        using var stranger = server.Client();
        (await stranger.GetAsync(confirm)).Location.ShouldBe($"/sign-in?next={Uri.EscapeDataString(confirm)}");
        await page.GotoAsync("/confirm-email?token=nobodys");
        await page.Locator("h1:has-text('This link does not work')").WaitForAsync();
        await page.GotoAsync(confirm);
        await page.SubmitAsync();
        await page.ArriveAsync("/account?done=email-changed");
        await page.GotoAsync(confirm);
        await page.Locator("h1:has-text('Your account uses the new address')").WaitForAsync();
        (await server.UserAsync("river")).Email.ShouldBe("brook@example.com");

        using var owner = server.Client();
        var revert = await server.LinkAsync("river@example.com", "revert-email");
        (await owner.GetAsync(revert)).Status.ShouldBe(HttpStatusCode.OK);
        (await owner.SubmitAsync(revert, ("newPassword", "short"))).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        (await owner.SubmitAsync(revert, ("newPassword", "quiet green mountain"))).Location.ShouldBe("/sign-in?done=email-reverted");

        (await server.UserAsync("river")).Email.ShouldBe("river@example.com");
        await page.GotoAsync("/account");
        page.Url.ShouldContain("/sign-in");
        await owner.SignInAsync("river@example.com", "quiet green mountain");
        (await owner.GetAsync(revert)).Status.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_forgotten_password_is_set_by_the_mail_and_the_link_works_once()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river", "river@example.com");
        using var client = server.Client();

        var known = await client.SubmitAsync("/forgot-password", ("login", " RIVER "));
        var unknown = await client.SubmitAsync("/forgot-password", ("login", "nobody"));
        (known.Status, known.Location).ShouldBe((unknown.Status, unknown.Location));
        var link = await server.LinkAsync("river@example.com", "reset-password");
        (await client.SubmitAsync(link, ("newPassword", "river"))).Status.ShouldBe(HttpStatusCode.UnprocessableEntity);
        var form = await client.FormAsync(link);
        (await client.PostAsync(link, form, ("newPassword", "quiet green mountain"))).Location.ShouldBe("/sign-in?done=password-set");

        (await client.PostAsync(link, form, ("newPassword", "quiet green mountain"))).Location.ShouldBe("/sign-in?done=password-set", "a double click");
        (await client.PostAsync(link, form, ("newPassword", "another green mountain"))).Status.ShouldBe(HttpStatusCode.NotFound);
        await client.SignInAsync("river", "quiet green mountain");
        (await server.SettledMailsAsync()).Count(mail => mail.Contains("Set a new password")).ShouldBe(1);
    }

    [Fact]
    public async Task A_handle_needs_a_confirmed_address_and_the_page_says_how_to_confirm_it()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river", "river@example.com", new());
        await using var browser = await server.BrowseAsync();
        var page = browser.Page;
        await page.SignInAsync("river");

        var answer = await page.GotoAsync("/account/handle");
        answer!.Status.ShouldBe(403);
        (await page.InnerTextAsync("h1")).ShouldBe("Confirm your e-mail address first");
        await page.SubmitAsync();
        await page.ArriveAsync("/verify-email/send?sent=1");
        await page.GotoAsync(await server.LinkAsync("river@example.com", "verify-email"));
        await page.SubmitAsync();
        await page.ArriveAsync("/account?done=email-verified");
        await page.GotoAsync("/account/handle");
        await page.FillAsync("#handle", "No.Dots");
        await page.SubmitAsync();
        (await page.FieldErrorAsync("handle")).ShouldContain("Enter only the first part");
        await page.FillAsync("#handle", "River");
        await page.SubmitAsync();
        await page.ArriveAsync("/account?done=handle-saved");
        (await server.UserAsync("river")).Handle.ShouldBe("river");
        browser.Faults().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_profile_is_saved_and_a_stale_form_is_not()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("maple");
        await server.AddUserAsync("river");
        using var client = server.Client();
        await client.SignInAsync("river");
        var form = await client.FormAsync("/account/profile");

        (await client.PostAsync("/account/profile", form, ("username", "MAPLE"), ("locale", "en"))).Status.ShouldBe(HttpStatusCode.Conflict);
        (await client.PostAsync("/account/profile", form, ("username", "Brook"), ("firstName", "Ri"), ("locale", "en-nz"))).Location
            .ShouldBe("/account?done=profile-saved");
        (await client.PostAsync("/account/profile", form, ("username", "Stale"), ("locale", "en"))).Status.ShouldBe(HttpStatusCode.Conflict);

        var user = await server.UserAsync("brook");
        (user.Username, user.FirstName, user.Locale).ShouldBe(("Brook", "Ri", "en-nz"));
    }
}
