using Microsoft.Playwright;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.EndToEnd.Tests.Browser;
using Selfsame.EndToEnd.Tests.Reconciliation;
using Selfsame.Store.Sessions;
using Selfsame.Store.Users;

namespace Selfsame.EndToEnd.Tests.Pages;

/// <summary>Every page in light and dark, as it comes and with errors. The screenshots are for people to look at.</summary>
[Trait("needs", "chromium")]
public sealed class AccessibilityTests
{
    [Fact]
    [Trait("needs", "npm")]
    public async Task Axe_finds_no_violation_on_any_page_for_strangers()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river", "river@example.com");
        using var client = server.Client();
        await client.SubmitAsync("/sign-up", ("email", "maple@example.com"), ("password", PageServer.Password));
        await client.SubmitAsync("/forgot-password", ("login", "river"));
        await server.AddUserAsync("closed", "closed@example.com", new AdministratorFields { IsActive = false });
        await client.SubmitAsync("/forgot-password", ("login", "closed"));
        var verify = await server.LinkAsync("maple@example.com", "verify-email");
        await using var browser = await server.BrowseAsync();

        await CheckAsync(
            browser,
            ("home", "/", false),
            ("sign-up", "/sign-up", true),
            ("sign-up-done", "/sign-up/done", false),
            ("sign-in", "/sign-in", true),
            ("sign-in-notice", "/sign-in?done=email-verified", false),
            ("forgot-password", "/forgot-password", true),
            ("forgot-password-sent", "/forgot-password?sent=1", false),
            ("reset-password", await server.LinkAsync("river@example.com", "reset-password"), true),
            ("link-invalid", "/reset-password?token=x", false),
            ("revert-email", await ChangedEmailAsync(server), true),
            ("release-email", await server.LinkAsync("closed@example.com", "release-email"), false),
            ("release-email-gone", "/release-email?token=x", false),
            ("verify-email", verify, true),
            ("verify-email-new", $"{verify}&new=1", true),
            ("verify-email-send", "/verify-email/send", true),
            ("setup", (await server.Server.FirstAdministratorLinkAsync(CancellationToken.None))!.PathAndQuery, true),
            ("not-found", "/nothing", false));
    }

    [Fact]
    [Trait("needs", "npm")]
    public async Task Axe_finds_no_violation_on_any_page_of_an_account()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river", "river@example.com");
        await server.AddUserAsync("maple", "maple@example.com", new AdministratorFields());
        await using var browser = await server.BrowseAsync();
        await browser.Page.SignInAsync("river");
        using var other = server.Client();
        await other.SignInAsync("river");
        await other.SubmitAsync("/account/email", ("email", "brook@example.com"), ("password", PageServer.Password));

        await CheckAsync(
            browser,
            ("account", "/account?done=profile-saved", false),
            ("account-profile", "/account/profile", false),
            ("account-email", "/account/email", true),
            ("account-password", "/account/password", true),
            ("account-handle", "/account/handle", false),
            ("account-sessions", "/account/sessions", false),
            ("confirm-email", await server.LinkAsync("brook@example.com", "confirm-email"), false),
            ("confirm-email-gone", "/confirm-email?token=x", false),
            ("sign-out", "/sign-out", false),
            ("not-administrator", "/admin/users", false));
        await CheckWrongAsync(browser, "account-profile", "/account/profile", ("username", "a b"), ("phone", "12"), ("locale", "??"));
        await using var unverified = await server.BrowseAsync();
        await unverified.Page.SignInAsync("maple");
        await CheckAsync(unverified, ("account-unconfirmed", "/account", false), ("handle-unconfirmed", "/account/handle", false));
    }

    [Fact]
    [Trait("needs", "npm")]
    public async Task Axe_finds_no_violation_on_any_page_of_an_administrator()
    {
        await using var server = await PageServer.StartAsync(
            tenant => tenant with { ProvisionTo = ["app", "pds"] },
            options => options with { Webhooks = [OperationsPageTests.Unreachable("crm"), OperationsPageTests.Unreachable("mailing")] });
        await server.AddSuperuserAsync();
        await AddExamplesAsync(server);
        await AddOperationsAsync(server);
        var river = await server.UserAsync("river");
        await using var browser = await server.BrowseAsync();
        await browser.Page.SignInAsync("ada");

        await CheckAsync(
            browser,
            ("admin-users", "/admin/users?deleted=true", false),
            ("admin-nobody", "/admin/users?search=nobody", false),
            ("admin-new", "/admin/users/new", true),
            ("admin-provisioning", "/admin/provisioning", false),
            ("admin-provisioning-all", "/admin/provisioning?state=&system=app", false),
            ("admin-provisioning-account", $"/admin/provisioning/account?source=users&account={river.Uuid}", false),
            ("admin-webhooks", "/admin/webhooks", false),
            ("admin-mails", "/admin/mails", false),
            ("admin-conflicts", "/admin/conflicts", false),
            ("admin-user", $"/admin/users/{river.Uuid}", false),
            ("admin-edit", $"/admin/users/{river.Uuid}/edit", false),
            ("admin-delete", $"/admin/users/{river.Uuid}/delete", false));
        await CheckWrongAsync(browser, "admin-edit", $"/admin/users/{river.Uuid}/edit", ("username", "a b"), ("email", "nowhere"), ("phone", "12"), ("locale", "??"), ("role", "a b"));
    }

    /// <summary>A user moves to another address; the link by which the earlier one takes it back.</summary>
    private static async Task<string> ChangedEmailAsync(PageServer server)
    {
        await server.AddUserAsync("birch", "birch@example.com");
        var user = await server.UserAsync("birch");
        var change = new EmailChange(server.Server.Context);
        var here = new SignInOrigin("192.0.2.1", "192.0.2.1", null, null);
        (await change.RequestAsync(user, "thief@example.com", PageServer.Password, here, Store.Audit.Actor.Self, CancellationToken.None))
            .ShouldBeOfType<EmailChangeResult.LinkSent>();
        var confirm = await server.LinkAsync("thief@example.com", "confirm-email");
        (await change.ConfirmAsync(user, confirm[(confirm.IndexOf('=', StringComparison.Ordinal) + 1)..], Store.Audit.Actor.Self, CancellationToken.None))
            .ShouldBeOfType<EmailChangeResult.Changed>();
        return await server.LinkAsync("birch@example.com", "revert-email");
    }

    private static async Task AddExamplesAsync(PageServer server)
    {
        await server.AddUserAsync("river", "river@example.com", new AdministratorFields { EmailVerified = true, Groups = ["Household 7"], Role = "editor" });
        await server.AddUserAsync("Maple", "maple@example.com", new AdministratorFields());
        await server.AddUserAsync("osprey", "osprey@example.org", new AdministratorFields { EmailVerified = true, IsStaff = true });
        await server.AddUserAsync("fern", "fern@example.net", new AdministratorFields { IsActive = false });
        await server.AddUserAsync("riνer", "other@example.net", new AdministratorFields { EmailVerified = true });
        var gone = await server.AddUserAsync("pebble", "pebble@example.com");
        await new UserAdministration(server.Server.Context).DeleteAsync("main", gone.Uuid, null, Store.Audit.Actor.System, CancellationToken.None);
    }

    /// <summary>Accounts in every state, a webhook that was given up, and sign-ups that asked for what is taken.</summary>
    private static async Task AddOperationsAsync(PageServer server)
    {
        await FailingEvents.AddAsync(server.Server.Context, "idp", 3, "'idp' refused our credentials (401): is the secret still the one of its application?");
        var context = server.Server.Context;
        await ProvisionedRows.SettleAsync(context, "app", new FoundOurs(new AccountId("7f3c")));
        await ProvisionedRows.SettleAsync(context, "pds", new FoundConflict("The handle is somebody else's: choose another one, or give the present holder's up."));
        await server.AddUserAsync("heron", "heron@example.com");
        await ProvisionedRows.SettleAsync(context, "app", new Failed("The system asked to be called later."));
        await OperationsPageTests.GiveUpAsync(server, "crm");
        foreach (var email in new[] { "river@example.com", "River@example.com", "maple@example.com" })
        {
            var form = new SignUpForm { Email = email, Password = PageServer.Password };
            await new SignUp(context).ExecuteAsync(new SignUpRequest { Tenant = "main", Form = form, Actor = Store.Audit.Actor.Self }, CancellationToken.None);
        }
    }

    /// <summary>Opens each page; where told, sends its form empty, too.</summary>
    private static async Task CheckAsync(BrowserPage browser, params (string Name, string Path, bool WithErrors)[] pages)
    {
        var violations = new List<string>();
        foreach (var (name, path, withErrors) in pages)
        {
            await browser.Page.GotoAsync(path);
            await CheckBothAsync(browser, name, violations);
            if (withErrors)
            {
                await browser.Page.SubmitAsync();
                await browser.Page.Locator(".problems, h1:has-text('does not work')").WaitForAsync();
                await CheckBothAsync(browser, $"{name}-errors", violations);
            }
        }

        violations.ShouldBeEmpty();
        browser.Faults().ShouldBeEmpty();
    }

    /// <summary>Sends a form that holds what is saved already, with values that are none: each is told at its field.</summary>
    private static async Task CheckWrongAsync(BrowserPage browser, string name, string path, params (string Field, string Value)[] wrong)
    {
        var violations = new List<string>();
        await browser.Page.GotoAsync(path);
        foreach (var (field, value) in wrong)
        {
            await browser.Page.FillAsync($"#{field}", value);
        }

        await browser.Page.SubmitAsync();
        await browser.Page.Locator(".problems").WaitForAsync();
        foreach (var (field, _) in wrong)
        {
            (await browser.Page.FieldErrorAsync(field)).ShouldNotBeEmpty();
        }

        await CheckBothAsync(browser, $"{name}-errors", violations);
        violations.ShouldBeEmpty();
        browser.Faults().ShouldBeEmpty();
    }

    private static async Task CheckBothAsync(BrowserPage browser, string name, List<string> violations)
    {
        foreach (var scheme in new[] { ColorScheme.Light, ColorScheme.Dark })
        {
            await browser.Page.EmulateMediaAsync(new() { ColorScheme = scheme, ReducedMotion = ReducedMotion.Reduce });
            violations.AddRange((await browser.FindAccessibilityViolationsAsync()).Select(violation => $"{name} ({scheme}): {violation}"));
            await browser.ScreenshotAsync($"page-{name}-{scheme.ToString().ToLowerInvariant()}");
        }
    }
}
