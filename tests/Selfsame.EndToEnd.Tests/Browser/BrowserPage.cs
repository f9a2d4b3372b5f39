using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Playwright;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Browser;

/// <summary>An element that axe-core holds to be inaccessible.</summary>
/// <param name="Rule">The rule's id, such as <c>color-contrast</c>.</param>
/// <param name="Impact">minor, moderate, serious or critical.</param>
/// <param name="Element">The element's CSS selector.</param>
/// <param name="Help">What is wrong, and how to mend it.</param>
internal sealed record AccessibilityViolation(string Rule, string Impact, string Element, string Help);

/// <summary>One page in a profile of its own, with everything that went wrong in it.</summary>
internal sealed class BrowserPage : IAsyncDisposable
{
    private readonly IBrowserContext profile;
    private readonly ConcurrentQueue<string> errors = new();

    public BrowserPage(IBrowserContext profile, IPage page)
    {
        this.profile = profile;
        Page = page;
        page.Console += (_, message) => Note(message.Type == "error", $"console: {message.Text}");
        page.PageError += (_, error) => Note(true, $"script: {error}");
        page.RequestFailed += (_, request) => Note(request.Failure != "net::ERR_ABORTED", $"request: {request.Url}: {request.Failure}");
        page.Response += (_, response) => Note(response.Status >= 500, $"answer {response.Status}: {response.Url}");
    }

    public IPage Page { get; }

    /// <summary>
    /// Errors on the console (Chromium also puts there what the Content-Security-Policy blocked and every 4xx answer), uncaught
    /// exceptions, requests that got no answer, and 5xx answers, in order.
    /// </summary>
    public IReadOnlyList<string> Errors => [.. errors];

    /// <summary>Saves the whole page as artifacts/NAME.png and returns the path.</summary>
    public async Task<string> ScreenshotAsync(string name)
    {
        var path = Path.Combine(Checkout.Artifacts, $"{name}.png");
        await Page.ScreenshotAsync(new() { Path = path, FullPage = true });
        return path;
    }

    /// <summary>
    /// What axe-core finds on the page as it stands, by the WCAG 2.2 A and AA rules and its best practices. The script comes in by the debugging
    /// protocol, which the page's Content-Security-Policy does not govern; a script element would be blocked.
    /// </summary>
    public async Task<IReadOnlyList<AccessibilityViolation>> FindAccessibilityViolationsAsync()
    {
        await Page.EvaluateAsync(await File.ReadAllTextAsync(Path.Combine(Checkout.NodeFolder, "node_modules", "axe-core", "axe.min.js")));
        var json = await Page.EvaluateAsync<string>(
            """
            async () => {
              const { violations } = await axe.run(document, { resultTypes: ["violations"] });
              return JSON.stringify(violations.flatMap(({ id, impact, help, helpUrl, nodes }) =>
                nodes.map((node) => ({ rule: id, impact, element: node.target.join(" "), help: `${help} (${helpUrl})` }))));
            }
            """);
        return JsonSerializer.Deserialize<List<AccessibilityViolation>>(json, JsonSerializerOptions.Web)!;
    }

    public async ValueTask DisposeAsync() => await profile.CloseAsync();

    private void Note(bool isError, string error)
    {
        if (isError)
        {
            errors.Enqueue(error);
        }
    }
}
