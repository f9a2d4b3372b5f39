using System.Net;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Webhooks;
using Selfsame.EndToEnd.Tests.Reconciliation;
using Selfsame.Store.Audit;
using Selfsame.Store.Mail;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Users;
using Selfsame.Store.Webhooks;

namespace Selfsame.EndToEnd.Tests.Pages;

/// <summary>What an administrator sees of sign-up conflicts, webhooks and provisioning.</summary>
public sealed class OperationsPageTests
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    [Fact]
    public async Task Conflicts_are_shown_with_time_field_and_repeat_and_never_with_their_value()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        await server.AddUserAsync("riverstone");
        await TakeAsync(server, "riverstone");
        await TakeAsync(server, "RiverStone");
        using var client = server.Client();
        await client.SignInAsync("ada");

        var page = await client.GetAsync("/admin/conflicts");

        page.Status.ShouldBe(HttpStatusCode.OK);
        page.Text.ShouldContain("Username");
        page.Text.ShouldContain("<td>yes</td>");
        page.Text.ShouldNotContain("riverstone", Case.Insensitive);
        (await client.GetAsync("/admin/conflicts?page=99")).Text.ShouldContain("Page 1 of 1");
        (await client.GetAsync("/admin/conflicts?page=-%00")).Status.ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task The_pages_are_for_administrators()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river");
        using var client = server.Client();
        foreach (var path in new[] { "/admin/conflicts", "/admin/webhooks", "/admin/mails", "/admin/provisioning", "/admin/provisioning/account" })
        {
            (await client.GetAsync(path)).Location.ShouldNotBeNull().ShouldStartWith("/sign-in?next=");
        }

        await client.SignInAsync("river");
        foreach (var path in new[] { "/admin/conflicts", "/admin/webhooks", "/admin/mails", "/admin/provisioning", "/admin/provisioning/account" })
        {
            (await client.GetAsync(path)).Status.ShouldBe(HttpStatusCode.Forbidden);
        }
    }

    [Fact]
    [Trait("needs", "chromium")]
    public async Task A_webhook_that_was_given_up_is_shown_with_its_error_and_sent_again_by_keyboard_and_without_script()
    {
        await using var server = await PageServer.StartAsync(options: options => options with { Webhooks = [Unreachable("crm")] });
        await server.AddSuperuserAsync();
        await GiveUpAsync(server, "crm");
        await using var browser = await server.BrowseAsync(script: false);
        var page = browser.Page;
        await page.SignInAsync("ada");
        await page.GotoAsync("/admin/webhooks");
        (await page.InnerTextAsync("tbody tr")).ShouldContain("✕ needs you");
        (await page.InnerTextAsync("tbody tr")).ShouldContain("crm.example.org answered 410.");

        await page.FocusAsync("tbody button");
        await page.Keyboard.PressAsync("Enter");
        await page.ArriveAsync("?done=webhooks-retried");

        (await page.InnerTextAsync("tbody tr")).ShouldNotContain("needs you");
        (await WebhookBacklogs.ReadAsync(server.Server.Context, CancellationToken.None)).Single().GivenUp.ShouldBe(0);
    }

    [Fact]
    public async Task Mails_that_were_given_up_are_shown_with_their_error_and_tried_again()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        await server.Server.Context.Database.TransactAsync(transaction => transaction.ExecuteAsync(
            """
            INSERT INTO mails (uuid, tenant, recipient, subject, body, attempts, not_before, last_error, created_at, given_up_at)
            VALUES (@uuid, 'main', 'river@example.com', 'Confirm', @body, 80, @now, 'The SMTP server answered 530.', @now, @now)
            """,
            new { uuid = Guid.NewGuid(), body = server.Server.Context.Secrets.Protect("mail", "the text"), now = server.Server.Context.Now() }));
        using var client = server.Client();
        await client.SignInAsync("ada");
        var page = await client.GetAsync("/admin/mails");
        page.Text.ShouldContain("✕ needs you");
        page.Text.ShouldContain("The SMTP server answered 530.");
        page.Text.ShouldNotContain("river@example.com");

        (await client.PostAsync("/admin/mails", await client.FormAsync("/admin/mails"))).Location.ShouldBe("/admin/mails?done=mails-retried");

        (await client.GetAsync("/admin/mails")).Text.ShouldNotContain("✕ needs you");
        (await MailBacklogs.ReadAsync(server.Server.Context, CancellationToken.None)).Single().GivenUp.ShouldBe(0);
    }

    [Fact]
    [Trait("needs", "chromium")]
    public async Task Conflicts_are_shown_by_system_and_by_user_and_retried_by_keyboard_and_without_script()
    {
        await using var server = await PageServer.StartAsync(tenant => tenant with { ProvisionTo = ["app", "pds"] });
        await server.AddSuperuserAsync();
        var river = await server.AddUserAsync("river");
        await ProvisionedRows.SettleAsync(server.Server.Context, "app", new FoundOurs(new AccountId("app-7")));
        await ProvisionedRows.SettleAsync(server.Server.Context, "pds", new FoundConflict("The handle river is somebody else's."));
        await using var browser = await server.BrowseAsync(script: false);
        var page = browser.Page;
        await page.SignInAsync("ada");
        await page.GotoAsync("/admin/users");
        await page.ClickAsync("nav.tabs >> text=Provisioning");
        var systems = page.Locator("[aria-label='Connected systems'] tbody tr");
        (await systems.Nth(0).InnerTextAsync()).ShouldContain("app");
        (await systems.Nth(1).InnerTextAsync()).ShouldContain("The handle river is somebody else's.");
        (await page.Locator("[aria-labelledby='accounts'] tbody tr").CountAsync()).ShouldBe(2);

        await page.ClickAsync($"text={river.Uuid}");
        var rows = page.Locator("[aria-labelledby='systems'] tbody tr");
        (await rows.Nth(0).InnerTextAsync()).ShouldContain("app-7");
        (await rows.Nth(1).InnerTextAsync()).ShouldContain("✕ conflict");
        (await rows.Nth(1).Locator(".history li").CountAsync()).ShouldBe(2);
        await rows.Nth(1).Locator("button").FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await page.ArriveAsync("?done=provisioning-retried");
        (await page.Locator("[aria-labelledby='systems'] tbody tr").Nth(1).InnerTextAsync()).ShouldContain("An administrator asked to try again.");

        await page.GotoAsync("/admin/provisioning?state=Conflict");
        (await page.Locator("[aria-labelledby='accounts'] tbody tr").CountAsync()).ShouldBe(1);
        await page.Locator("[aria-label='Connected systems'] tbody tr").Nth(1).Locator("button").FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await page.ArriveAsync("?done=provisioning-retried");
        (await page.InnerTextAsync("main")).ShouldContain("0 accounts");
        await page.SelectOptionAsync("#state", "Pending");
        await page.ClickAsync("text=Show");
        (await page.Locator("[aria-labelledby='accounts'] tbody tr").CountAsync()).ShouldBe(2);
        browser.Faults().ShouldBeEmpty();
    }

    [Fact]
    public async Task What_happened_to_an_account_of_a_provider_is_on_a_page_of_its_own_from_which_it_is_retried()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        var (context, ann) = (server.Server.Context, new AccountId("auth0|ann"));
        await context.Database.TransactAsync(transaction => ProvisioningRows.InsertPending(transaction, "idp", ann, ["app"], context.Now(), "of-the-webhook"));
        await ProvisionedRows.SettleAsync(context, "app", new FoundConflict("The address is somebody else's."));
        using var client = server.Client();
        await client.SignInAsync("ada");
        const string address = "/admin/provisioning/account?source=idp&account=auth0%7Cann";
        (await client.GetAsync("/admin/provisioning")).Text.ShouldContain(address.Replace("&", "&amp;", StringComparison.Ordinal));

        var page = await client.GetAsync(address);

        page.Status.ShouldBe(HttpStatusCode.OK);
        page.Text.ShouldContain("<code>of-the-webhook</code>");
        page.Text.ShouldContain("The address is somebody else&#x27;s.");
        var retried = await client.PostAsync($"{address}&handler=Retry", await client.FormAsync(address), ("source", "idp"), ("system", "app"), ("account", "auth0|ann"));
        retried.Location.ShouldBe($"{address}&done=provisioning-retried");
        (await client.GetAsync(address)).Text.ShouldContain("An administrator asked to try again.");
        foreach (var query in new[] { "", "?source=idp", "?source=idp&account=nobody", "?source=%00&account=a", "?source=idp&account=%00", "?source=idp&account=%5Bnull%5D" })
        {
            (await client.GetAsync($"/admin/provisioning/account{query}")).Status.ShouldBe(HttpStatusCode.NotFound, query);
        }
    }

    // A provider whose secret was revoked: nothing is in provisioning yet, and the alert's link leads here.
    [Fact]
    [Trait("needs", "chromium")]
    public async Task Sign_ups_that_fail_at_their_source_are_shown_with_the_reason_and_tried_by_keyboard_and_without_script()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddSuperuserAsync();
        await FailingEvents.AddAsync(server.Server.Context, "idp", 3, "'idp' refused our credentials (401).");
        await using var browser = await server.BrowseAsync(script: false);
        var page = browser.Page;
        await page.SignInAsync("ada");
        await page.GotoAsync("/admin/provisioning");
        var row = page.Locator("[aria-labelledby='sources'] tbody tr");
        var shown = await row.InnerTextAsync();
        shown.ShouldContain("idp");
        shown.ShouldContain("✕ is tried again");
        shown.ShouldContain("'idp' refused our credentials (401).");
        (await row.Locator("td").Nth(2).InnerTextAsync()).ShouldBe("3");

        await row.Locator("button").FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await page.ArriveAsync("?done=events-retried");

        (await FailingEvents.CountDueAsync(server.Server.Context)).ShouldBe(3);
        browser.Faults().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_strange_filter_or_retry_breaks_nothing_and_changes_nothing()
    {
        await using var server = await PageServer.StartAsync(tenant => tenant with { ProvisionTo = ["app"] });
        await server.AddSuperuserAsync();
        await ProvisionedRows.SettleAsync(server.Server.Context, "app", new FoundConflict("taken"));
        using var client = server.Client();
        await client.SignInAsync("ada");

        foreach (var query in new[] { "system=%00", "state=7", "state=conflict'", "page=-1", "page=2147483647", "system=app&system=b" })
        {
            (await client.GetAsync($"/admin/provisioning?{query}")).Status.ShouldBe(HttpStatusCode.OK, query);
        }

        var hidden = await client.FormAsync("/admin/provisioning");
        foreach (var account in new[] { "", "[", "[]", "[null]", "nobody" })
        {
            (await client.PostAsync("/admin/provisioning?handler=Retry", hidden, ("source", "users"), ("system", "app"), ("account", account)))
                .Status.ShouldBe(HttpStatusCode.SeeOther, account);
        }

        (await client.PostAsync("/admin/provisioning?handler=RetryAll", hidden, ("system", "nothing"))).Status.ShouldBe(HttpStatusCode.SeeOther);
        (await client.PostAsync("/admin/provisioning?handler=RetryEvents", hidden, ("system", "nothing"))).Status.ShouldBe(HttpStatusCode.SeeOther);
        (await client.GetAsync("/admin/provisioning")).Text.ShouldContain("1 account<");
    }

    /// <summary>An endpoint that answers nothing: the port is the discard service's, which nobody runs.</summary>
    internal static WebhookConfig Unreachable(string name)
        => new() { Name = name, Url = new Uri("http://127.0.0.1:9/hooks?key=hidden"), Signatures = [WebhookSignature.Parse(Secret)!], Events = WebhookEvents.All };

    /// <summary>Marks all that waits for an endpoint as given up, whatever the sender does meanwhile.</summary>
    internal static Task GiveUpAsync(PageServer server, string endpoint)
        => server.Server.Context.Database.TransactAsync(transaction => transaction.ExecuteAsync(
            "UPDATE webhook_messages SET given_up_at = created_at, attempts = 100, leased_until = NULL, last_error = 'crm.example.org answered 410.' WHERE endpoint = @endpoint",
            new { endpoint }));

    private static async Task TakeAsync(PageServer server, string username)
    {
        var form = new SignUpForm { Username = username, Email = $"{Guid.NewGuid():N}@example.com", Password = PageServer.Password };
        (await new SignUp(server.Server.Context).ExecuteAsync(new SignUpRequest { Tenant = "main", Form = form, Actor = Actor.Self }, CancellationToken.None))
            .ShouldBeOfType<SignUpResult.Taken>();
    }
}
