using System.Net;
using System.Text.RegularExpressions;

namespace Selfsame.EndToEnd.Tests.Pages;

/// <summary>One answer and its text.</summary>
internal sealed record PageAnswer(HttpStatusCode Status, string Text, HttpResponseMessage Message)
{
    /// <summary>Where a redirection leads, as it was written.</summary>
    public string? Location => Message.Headers.Location?.OriginalString;
}

/// <summary>What a browser without script would do: keeps cookies, sends forms with their hidden fields, follows nothing by itself.</summary>
internal sealed partial class PageClient : IDisposable
{
    private readonly HttpClient http;

    public PageClient(Uri address)
    {
        var handler = new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = Cookies };
        http = new HttpClient(handler) { BaseAddress = address };
        http.DefaultRequestHeaders.Add("Accept", "text/html");
    }

    public CookieContainer Cookies { get; } = new();

    public Task<PageAnswer> GetAsync(string path) => SendAsync(new HttpRequestMessage(HttpMethod.Get, path));

    /// <summary>The hidden fields of the page, which a form of it sends along.</summary>
    public async Task<Dictionary<string, string>> FormAsync(string path) => HiddenFields((await GetAsync(path)).Text);

    public static Dictionary<string, string> HiddenFields(string html)
    {
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (Match input in Input().Matches(html))
        {
            if (Attribute(input.Value, "type") == "hidden")
            {
                fields[Attribute(input.Value, "name")!] = Attribute(input.Value, "value") ?? "";
            }
        }

        return fields;
    }

    /// <summary>Opens the page and sends its form.</summary>
    public async Task<PageAnswer> SubmitAsync(string path, params (string Name, string Value)[] fields)
        => await PostAsync(path, await FormAsync(path), fields);

    public Task<PageAnswer> PostAsync(string path, Dictionary<string, string> hidden, params (string Name, string Value)[] fields)
    {
        var all = new Dictionary<string, string>(hidden, StringComparer.Ordinal);
        foreach (var (name, value) in fields)
        {
            all[name] = value;
        }

        return SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent(all) });
    }

    public async Task<PageAnswer> SendAsync(HttpRequestMessage request)
    {
        var answer = await http.SendAsync(request);
        return new PageAnswer(answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer);
    }

    public async Task SignInAsync(string login, string password = PageServer.Password)
        => (await SubmitAsync("/sign-in", ("login", login), ("password", password))).Status.ShouldBe(HttpStatusCode.SeeOther);

    public void Dispose() => http.Dispose();

    private static string? Attribute(string element, string name)
    {
        var match = Regex.Match(element, $"\\b{name}=\"([^\"]*)\"");
        return match.Success ? WebUtility.HtmlDecode(match.Groups[1].Value) : null;
    }

    [GeneratedRegex("<input[^>]*>")]
    private static partial Regex Input();
}
