using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Selfsame.EndToEnd.Tests.Browser;

namespace Selfsame.EndToEnd.Tests.Pages;

/// <summary>What the tests do on pages again and again.</summary>
internal static class PageActions
{
    /// <summary>Clicks the page's own button, not the one of the header.</summary>
    public static Task SubmitAsync(this IPage page) => page.Locator("main button[type=submit]").First.ClickAsync();

    /// <summary>Waits until the page at an address that ends like this is there whole.</summary>
    public static async Task ArriveAsync(this IPage page, string address)
    {
        await Assertions.Expect(page).ToHaveURLAsync(new Regex($"{Regex.Escape(address)}(#main)?$"), new() { Timeout = 30_000 });
        await page.Locator("#announcer").WaitForAsync(new() { State = WaitForSelectorState.Attached });
    }

    public static async Task SignInAsync(this IPage page, string login, string password = PageServer.Password)
    {
        await page.GotoAsync("/sign-in");
        await page.FillAsync("#login", login);
        await page.FillAsync("#password", password);
        await page.SubmitAsync();
        await page.ArriveAsync("/account");
    }

    public static async Task FillSignUpAsync(this IPage page, string email, string username = "", string password = PageServer.Password)
    {
        await page.GotoAsync("/sign-up");
        await page.FillAsync("#email", email);
        await page.FillAsync("#username", username);
        await page.FillAsync("#password", password);
    }

    /// <summary>Errors other than that the server refused something, which a page may well explain.</summary>
    public static IReadOnlyList<string> Faults(this BrowserPage browser)
        => [.. browser.Errors.Where(error => !error.Contains("the server responded with a status of 4", StringComparison.Ordinal))];

    /// <summary>The text of the error beside a field, as <c>aria-describedby</c> binds it.</summary>
    public static async Task<string> FieldErrorAsync(this IPage page, string field)
    {
        var input = page.Locator($"#{field}");
        (await input.GetAttributeAsync("aria-invalid")).ShouldBe("true");
        ((await input.GetAttributeAsync("aria-describedby")) ?? "").ShouldContain($"{field}-error");
        return await page.Locator($"#{field}-error").InnerTextAsync();
    }
}
