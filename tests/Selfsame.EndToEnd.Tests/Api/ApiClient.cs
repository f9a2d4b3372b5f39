using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>A caller of the API, with or without a bearer token; it keeps no cookies.</summary>
public sealed class ApiClient
{
    private static readonly SocketsHttpHandler Handler = new()
    {
        UseCookies = false,
        AllowAutoRedirect = false,
        UseProxy = false,
        RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8,
    };

    // One for all callers: connections are shared, nothing that identifies a caller is.
    private static readonly HttpClient Http = new(Handler) { Timeout = TimeSpan.FromMinutes(5) };

    private readonly Uri address;

    public ApiClient(Uri address, string? token = null)
    {
        this.address = address;
        Token = token;
    }

    public string? Token { get; }

    public Task<ApiAnswer> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, path, null, headers);

    public Task<ApiAnswer> PostAsync(string path, object? body = null, params (string Name, string Value)[] headers)
        => SendAsync(HttpMethod.Post, path, body, headers);

    public Task<ApiAnswer> PutAsync(string path, object body, params (string Name, string Value)[] headers)
        => SendAsync(HttpMethod.Put, path, body, headers);

    public Task<ApiAnswer> PatchAsync(string path, object body, params (string Name, string Value)[] headers)
        => SendAsync(HttpMethod.Patch, path, body, headers);

    public Task<ApiAnswer> DeleteAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Delete, path, null, headers);

    /// <summary>Sends a body as it is when it is a text or a content, and as JSON otherwise.</summary>
    public async Task<ApiAnswer> SendAsync(HttpMethod method, string path, object? body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(address, path)) { Content = ContentOf(body) };
        if (Token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await SendAsync(request);
    }

    public static async Task<ApiAnswer> SendAsync(HttpRequestMessage request)
    {
        using var response = await Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return new ApiAnswer((int)response.StatusCode, text, response.Content.Headers.ContentType?.MediaType, Headers(response));
    }

    private static Dictionary<string, string> Headers(HttpResponseMessage response)
        => response.Headers.Concat(response.Content.Headers)
            .ToDictionary(header => header.Key, header => string.Join('\n', header.Value), StringComparer.OrdinalIgnoreCase);

    private static HttpContent? ContentOf(object? body) => body switch
    {
        null => null,
        HttpContent content => content,
        string text => new StringContent(text, Encoding.UTF8, "application/json"),
        _ => new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"),
    };
}

/// <summary>What came back.</summary>
public sealed record ApiAnswer(int Status, string Text, string? MediaType, Dictionary<string, string> Headers)
{
    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    /// <summary>In seconds.</summary>
    public int RetryAfter => int.Parse(Headers["Retry-After"], System.Globalization.CultureInfo.InvariantCulture);

    public string? Header(string name) => Headers.GetValueOrDefault(name);

    public string? TextOf(string property) => Json.GetProperty(property).GetString();

    public ApiAnswer ShouldHaveStatus(int status)
    {
        Status.ShouldBe(status, Text);
        return this;
    }

    /// <summary>The fields that a problem of this kind names; fails when the answer is anything else.</summary>
    public Dictionary<string, string> ShouldBeProblem(int status, string name)
    {
        Status.ShouldBe(status, Text);
        MediaType.ShouldBe("application/problem+json");
        TextOf("type").ShouldBe($"/problems/{name}", Text);
        Json.GetProperty("status").GetInt32().ShouldBe(status);
        TextOf("title").ShouldNotBeNullOrWhiteSpace();
        TextOf("detail").ShouldNotBeNull().ShouldEndWith(".");
        TextOf("correlationId").ShouldNotBeNullOrWhiteSpace();
        return Json.TryGetProperty("errors", out var errors)
            ? errors.EnumerateObject().ToDictionary(field => field.Name, field => string.Join(' ', field.Value.EnumerateArray().Select(sentence => sentence.GetString())))
            : new Dictionary<string, string>();
    }
}
