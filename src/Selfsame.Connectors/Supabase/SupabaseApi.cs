using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Supabase;

/// <summary>Sends single requests to the admin API and tells what became of them. Each has its own time limit.</summary>
internal sealed class SupabaseApi
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);
    private const int MaximumWaits = 10;

    private readonly string root;
    private readonly string key;
    private readonly HttpMessageInvoker http;
    private readonly TimeProvider clock;

    /// <summary>Throws <see cref="SystemUnavailableException"/> for an address or a key that can't be right.</summary>
    public SupabaseApi(string name, string url, string key, HttpMessageInvoker http, TimeProvider clock)
    {
        root = Root(name, url);
        this.key = key.Length > 0 && key.All(character => character is > ' ' and <= '~')
            ? key
            : throw new SystemUnavailableException(
                $"'{name}': 'serviceRoleKey' is empty or holds blanks or other characters that no key has. Copy the service_role key again.");
        this.http = http;
        this.clock = clock;
    }

    /// <summary>A connection pool of our own that follows no redirect: the key goes to the address in the config and nowhere else.</summary>
    public static HttpMessageInvoker OwnHttp() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    /// <summary>Reads, and waits where the other side asks for it, as often and as long as is bearable.</summary>
    public async Task<SupabaseReply> ReadAsync(string path, CancellationToken cancellation)
    {
        for (var waits = 0; ; waits++)
        {
            var reply = await SendAsync(HttpMethod.Get, path, null, cancellation);
            if (reply is not Answer { Status: HttpStatusCode.TooManyRequests } throttled || waits == MaximumWaits || throttled.RetryAfter > LongestWait)
            {
                return reply;
            }

            await Task.Delay(throttled.RetryAfter, clock, cancellation);
        }
    }

    /// <summary>Asks for the list or one user, by <paramref name="path"/> behind <c>…/admin/users</c>; changes them where there is a body.</summary>
    public Task<SupabaseReply> SendAsync(HttpMethod method, string path, JsonObject? body, CancellationToken cancellation)
        => SendToAsync(method, $"{root}/admin/users{path}", body, cancellation);

    /// <summary>Asks for a mail with a link by which the owner of the address sets a password.</summary>
    public Task<SupabaseReply> RecoverAsync(string email, CancellationToken cancellation)
        => SendToAsync(HttpMethod.Post, $"{root}/recover", new JsonObject { ["email"] = email }, cancellation);

    private async Task<SupabaseReply> SendToAsync(HttpMethod method, string address, JsonObject? body, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, address);
        request.Headers.TryAddWithoutValidation("apikey", key);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        request.Content = body is null ? null : new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var limit = new CancellationTokenSource(Limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            using var response = await http.SendAsync(request, either.Token);
            return new Answer
            {
                Status = response.StatusCode,
                Body = Json(await response.Content.ReadAsByteArrayAsync(either.Token)),
                RetryAfter = Patience(response.Headers.RetryAfter),
                Total = Total(response),
            };
        }
        catch (HttpRequestException exception) when (NeverLeft(exception.HttpRequestError))
        {
            return new NotReached($"can't be reached at {request.RequestUri!.GetLeftPart(UriPartial.Authority)} ({exception.HttpRequestError}). Check 'url' and the network.");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            return new NoAnswer("broke the connection off before it had answered.");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new NoAnswer($"did not answer within {Limit.TotalSeconds} s.");
        }
    }

    /// <summary>The key must stand in no message, even if the other side repeats it.</summary>
    public string WithoutKey(string text) => text.Replace(key, "•••", StringComparison.Ordinal);

    private static string Root(string name, string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.Query.Length > 0)
        {
            throw new SystemUnavailableException($"'{name}': 'url' is not the address of a Supabase project, such as https://PROJECT.supabase.co. Correct it in the config.");
        }

        var path = address.AbsolutePath.TrimEnd('/');
        return new Uri(address, path.Length == 0 ? "/auth/v1" : path).AbsoluteUri.TrimEnd('/');
    }

    private static bool NeverLeft(HttpRequestError error)
        => error is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError;

    private static JsonElement? Json(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            // A gateway's HTML page, or nothing: the caller judges by the status and by there being no body.
            return null;
        }
    }

    private TimeSpan Patience(RetryConditionHeaderValue? header)
    {
        var asked = header?.Delta ?? (header?.Date is { } date ? date - clock.GetUtcNow() : DefaultPatience);
        return asked > TimeSpan.Zero ? asked : TimeSpan.Zero;
    }

    private static long? Total(HttpResponseMessage response)
        => response.Headers.TryGetValues("X-Total-Count", out var values)
            && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var total)
            ? total
            : null;
}
