using System.Collections.Concurrent;
using Microsoft.Playwright;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Pages;

[Trait("needs", "chromium")]
public sealed class SignUpPageTests
{
    /// <summary>Milliseconds for which a person's finger holds the button down.</summary>
    private const float HumanDelay = 60;

    [Fact]
    public async Task A_real_double_click_makes_one_user_and_sends_one_mail()
    {
        await using var server = await PageServer.StartAsync();
        await using var browser = await server.BrowseAsync();
        await browser.Page.FillSignUpAsync("river@example.com", "River");
        var posts = Posts(browser.Page);

        await browser.Page.Locator("main button[type=submit]").DblClickAsync(new() { Delay = HumanDelay });

        await browser.Page.ArriveAsync("/sign-up/done");
        posts.Count.ShouldBe(1);
        (await server.UsersAsync()).Count.ShouldBe(1);
        (await server.SettledMailsAsync()).Count.ShouldBe(1);
        browser.Errors.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_double_click_without_script_makes_one_user_and_sends_one_mail()
    {
        // The first sign-up ends only when both were sent: a server quicker than the finger would have shown the next page by then.
        var bothSent = new TaskCompletionSource();
        var passwords = new PlainPasswordHashing { WhileHashing = () => bothSent.Task };
        await using var server = await PageServer.StartAsync(options: options => options with { Passwords = passwords });
        await using var browser = await server.BrowseAsync(script: false);
        await browser.Page.FillSignUpAsync("river@example.com", "River");
        var posts = new ConcurrentQueue<string>();
        browser.Page.Request += (_, request) =>
        {
            if (request.Method == "POST")
            {
                posts.Enqueue(request.Url);
                if (posts.Count == 2)
                {
                    bothSent.SetResult();
                }
            }
        };

        await browser.Page.Locator("main button[type=submit]").DblClickAsync(new() { Delay = HumanDelay });

        await browser.Page.ArriveAsync("/sign-up/done");
        posts.Count.ShouldBe(2);
        (await server.UsersAsync()).Count.ShouldBe(1);
        (await server.SettledMailsAsync()).Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_button_is_off_and_says_so_while_the_sign_up_is_under_way()
    {
        await using var server = await PageServer.StartAsync();
        await using var browser = await server.BrowseAsync();
        var page = browser.Page;
        await page.FillSignUpAsync("river@example.com");

        // Playwright waits for the navigation to end, so the page itself notes what it showed meanwhile.
        await page.EvaluateAsync(
            """
            () => {
              const button = document.querySelector("main button[type=submit]");
              const announcer = document.getElementById("announcer");
              new MutationObserver(() => {
                sessionStorage.shown = JSON.stringify([button.disabled, button.textContent, announcer.textContent]);
              }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
            }
            """);
        await page.SubmitAsync();
        await page.ArriveAsync("/sign-up/done");

        (await page.EvaluateAsync<string>("sessionStorage.shown")).ShouldBe("""[true,"Making your account…","Making your account…"]""");
    }

    [Fact]
    public async Task A_refresh_after_the_sign_up_makes_nobody()
    {
        await using var server = await PageServer.StartAsync();
        await using var browser = await server.BrowseAsync();
        await browser.Page.FillSignUpAsync("river@example.com");
        await browser.Page.SubmitAsync();
        await browser.Page.ArriveAsync("/sign-up/done");

        await browser.Page.ReloadAsync();
        await browser.Page.GoBackAsync();
        await browser.Page.ReloadAsync();

        (await server.UsersAsync()).Count.ShouldBe(1);
        (await server.SettledMailsAsync()).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Everything_that_is_wrong_is_shown_at_its_field_and_the_summary_has_the_focus()
    {
        await using var server = await PageServer.StartAsync();
        await server.AddUserAsync("river", "river@example.com");
        await using var browser = await server.BrowseAsync();
        await browser.Page.FillSignUpAsync("RIVER@example.com", "RiVeR");
        await browser.Page.SubmitAsync();

        (await browser.Page.FieldErrorAsync("username")).ShouldContain("This username is taken");
        (await browser.Page.FieldErrorAsync("email")).ShouldContain("There is an account with this e-mail address already");
        (await browser.Page.EvaluateAsync<string>("document.activeElement.className")).ShouldBe("problems");
        (await browser.Page.TitleAsync()).ShouldStartWith("Error: ");
        (await browser.Page.InputValueAsync("#username")).ShouldBe("RiVeR");
        (await browser.Page.InputValueAsync("#password")).ShouldBe("");
        (await server.UsersAsync()).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Somebody_signs_up_confirms_by_the_mail_and_signs_in_in_another_letter_case()
    {
        await using var server = await PageServer.StartAsync();
        await using var browser = await server.BrowseAsync();
        var page = browser.Page;
        await page.FillSignUpAsync("River@Example.com", "River");
        await page.SubmitAsync();
        await page.ArriveAsync("/sign-up/done");

        await page.GotoAsync(await server.LinkAsync("River@example.com", "verify-email"));
        await page.SubmitAsync();
        await page.ArriveAsync("/sign-in?done=email-verified");
        (await server.UserAsync("river")).EmailVerifiedAt.ShouldNotBeNull();

        await page.SignInAsync("  rIVER  ");
        (await page.InnerTextAsync("main")).ShouldContain("✓ confirmed");
        browser.Errors.ShouldBeEmpty();
    }

    [Fact]
    public async Task Everything_works_without_script()
    {
        await using var server = await PageServer.StartAsync();
        await using var browser = await server.BrowseAsync(script: false);
        var page = browser.Page;
        await page.FillSignUpAsync("not an address", "River");
        await page.SubmitAsync();
        (await page.FieldErrorAsync("email")).ShouldNotBeEmpty();
        await page.FillAsync("#email", "river@example.com");
        await page.FillAsync("#password", PageServer.Password);
        await page.SubmitAsync();
        await page.ArriveAsync("/sign-up/done");
        await page.GotoAsync(await server.LinkAsync("river@example.com", "verify-email"));
        await page.SubmitAsync();
        await page.ArriveAsync("/sign-in?done=email-verified");
        await page.SignInAsync("RIVER@EXAMPLE.COM");

        await page.GotoAsync("/account/handle");
        await page.FillAsync("#handle", "river");
        await page.SubmitAsync();
        await page.ArriveAsync("/account?done=handle-saved");
        await page.ClickAsync("header button");
        await page.ArriveAsync("/?done=signed-out");

        (await server.UserAsync("river")).Handle.ShouldBe("river");
        browser.Faults().ShouldBeEmpty();
    }

    [Fact]
    public async Task Somebody_signs_up_and_signs_in_by_keyboard_alone()
    {
        await using var server = await PageServer.StartAsync();
        await using var browser = await server.BrowseAsync();
        var page = browser.Page;
        await page.GotoAsync("/sign-up");
        await page.Keyboard.PressAsync("Tab");
        (await page.EvaluateAsync<string>("document.activeElement.className")).ShouldBe("skip");
        await page.Keyboard.PressAsync("Enter");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.TypeAsync("river@example.com");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.TypeAsync("River");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.TypeAsync(PageServer.Password);
        await page.Keyboard.PressAsync("Enter");
        await page.ArriveAsync("/sign-up/done");

        await TabToAsync(page, "Sign in");
        await page.Keyboard.PressAsync("Enter");
        await page.ArriveAsync("/sign-in");
        await page.Locator("#login").FocusAsync();
        await page.Keyboard.TypeAsync("river");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.TypeAsync(PageServer.Password);
        await page.Keyboard.PressAsync("Enter");
        await page.ArriveAsync("/account");
    }

    /// <summary>The forms that the page sends from now on.</summary>
    private static ConcurrentQueue<string> Posts(IPage page)
    {
        var posts = new ConcurrentQueue<string>();
        page.Request += (_, request) =>
        {
            if (request.Method == "POST")
            {
                posts.Enqueue(request.Url);
            }
        };
        return posts;
    }

    private static async Task TabToAsync(IPage page, string text)
    {
        for (var presses = 0; presses < 20; presses++)
        {
            await page.Keyboard.PressAsync("Tab");
            if (await page.EvaluateAsync<string>("document.activeElement.textContent.trim()") == text)
            {
                return;
            }
        }

        throw new ShouldAssertException($"No focusable element with the text {text}.");
    }
}
