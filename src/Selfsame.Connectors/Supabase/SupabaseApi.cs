using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Supabase;

/// <summary>Sends single requests to the admin API and tells what became of them. Each has its own time limit.</summary>
internal sealed class SupabaseApi
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    // A page of a thousand users, each with metadata.
    private const int LargestAnswer = 64 * 1024 * 1024;

    private readonly string root;
    private readonly string key;
    private readonly HttpCalls calls;

    /// <summary>Throws <see cref="SystemUnavailableException"/> for an address or a key that can't be right.</summary>
    public SupabaseApi(string name, string url, string key, HttpMessageInvoker http, TimeProvider clock, Patience patience)
    {
        root = Root(name, url);
        this.key = key.Length > 0 && key.All(character => character is > ' ' and <= '~')
            ? key
            : throw new SystemUnavailableException(
                $"'{name}': 'serviceRoleKey' is empty or holds blanks or other characters that no key has. Copy the service_role key again.");
        calls = new HttpCalls(http, clock, Limit, LargestAnswer, "'url'", patience);
    }

    /// <summary>Reads, and waits where the other side asks for it, as often and as long as is bearable.</summary>
    public Task<HttpReply> ReadAsync(string path, CancellationToken cancellation)
        => calls.PatientlyAsync(() => SendAsync(HttpMethod.Get, path, null, cancellation), cancellation);

    /// <summary>Asks for the list or one user, by <paramref name="path"/> behind <c>…/admin/users</c>; changes them where there is a body.</summary>
    public Task<HttpReply> SendAsync(HttpMethod method, string path, JsonObject? body, CancellationToken cancellation)
        => SendToAsync(method, $"{root}/admin/users{path}", body, limitIsOfAll: true, cancellation);

    /// <summary>Asks for a mail with a link by which the owner of the address sets a password. Its limits are by address and of mails: they stop no other request.</summary>
    public Task<HttpReply> RecoverAsync(string email, CancellationToken cancellation)
        => SendToAsync(HttpMethod.Post, $"{root}/recover", new JsonObject { ["email"] = email }, limitIsOfAll: false, cancellation);

    private async Task<HttpReply> SendToAsync(HttpMethod method, string address, JsonObject? body, bool limitIsOfAll, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, address);
        request.Headers.TryAddWithoutValidation("apikey", key);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        request.Content = HttpCalls.Json(body);
        return await calls.SendAsync(
            request,
            (response, content) => new Answer
            {
                Status = response.StatusCode,
                Body = HttpCalls.Parsed(content),
                RetryAfter = calls.Patience(response.Headers),
                Secrets = [key, .. HttpCalls.SecretsOf(body)],
                Total = Total(response),
            },
            cancellation,
            limitIsOfAll);
    }

    private static string Root(string name, string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.Query.Length > 0)
        {
            throw new SystemUnavailableException($"'{name}': 'url' is not the address of a Supabase project, such as https://PROJECT.supabase.co. Correct it in the config.");
        }

        var path = address.AbsolutePath.TrimEnd('/');
        return new Uri(address, path.Length == 0 ? "/auth/v1" : path).AbsoluteUri.TrimEnd('/');
    }

    private static long? Total(HttpResponseMessage response)
        => response.Headers.TryGetValues("X-Total-Count", out var values)
            && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var total)
            ? total
            : null;
}
