using System.Net;
using Selfsame.Core.Webhooks;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;
using Selfsame.Store.Webhooks;

namespace Selfsame.EndToEnd.Tests.Pages;

/// <summary>What an administrator sees of sign-up conflicts and webhooks.</summary>
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
        foreach (var path in new[] { "/admin/conflicts", "/admin/webhooks" })
        {
            (await client.GetAsync(path)).Location.ShouldNotBeNull().ShouldStartWith("/sign-in?next=");
        }

        await client.SignInAsync("river");
        foreach (var path in new[] { "/admin/conflicts", "/admin/webhooks" })
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
