using Microsoft.Playwright;

namespace Selfsame.EndToEnd.Tests.Browser;

/// <summary>The installed Chromium, driven by Playwright. One browser for all tests; a page of its own, without cookies, for each.</summary>
internal static class Chromium
{
    private static readonly Lazy<Task<IBrowser>> Shared = new(LaunchAsync);

    /// <summary>A new page in a new, empty profile, so that relative addresses lead to <paramref name="site"/>.</summary>
    /// <param name="site">The address of the service.</param>
    /// <param name="script">False for what a visitor without JavaScript meets.</param>
    public static async Task<BrowserPage> OpenAsync(Uri site, bool script = true)
    {
        var browser = await Shared.Value;
        var profile = await browser.NewContextAsync(new()
        {
            BaseURL = site.AbsoluteUri,
            JavaScriptEnabled = script,
            Locale = "en-NZ",
            ViewportSize = new() { Width = 1280, Height = 900 },
        });
        return new BrowserPage(profile, await profile.NewPageAsync());
    }

    private static async Task<IBrowser> LaunchAsync()
    {
        var executable = Environment.GetEnvironmentVariable("SELFSAME_CHROMIUM") is { Length: > 0 } named ? named : "/usr/bin/chromium";
        if (!File.Exists(executable))
        {
            throw new InvalidOperationException($"{executable} is missing. Install the Debian package chromium (or set SELFSAME_CHROMIUM).");
        }

        var playwright = await Playwright.CreateAsync();
        return await playwright.Chromium.LaunchAsync(new()
        {
            ExecutablePath = executable,
            Headless = true,
            Args =
            [
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
            ],
        });
    }
}
