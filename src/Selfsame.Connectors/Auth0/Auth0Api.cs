using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Selfsame.Connectors.Http;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.Auth0;

/// <summary>
/// Sends single requests to the Management API and tells what became of them, each within its own time limit. The token is asked for once, kept, and
/// renewed before it runs out or when it is refused.
/// </summary>
internal sealed class Auth0Api : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RenewBefore = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestDownload = TimeSpan.FromMinutes(10);

    // A page of a hundred users, each with metadata.
    private const int LargestAnswer = 64 * 1024 * 1024;

    private readonly HttpMessageInvoker http;
    private readonly HttpCalls calls;
    private readonly TimeProvider clock;
    private readonly Uri tenant;
    private readonly string clientId;
    private readonly string clientSecret;
    private readonly string audience;
    private readonly Lock gate = new();
    private Task<(Token? Token, NotAsked? Not)>? renewal;
    private Token? token;

    /// <summary>Throws <see cref="SystemUnavailableException"/> for an address that can't be right.</summary>
    public Auth0Api(SystemConfig config, HttpMessageInvoker http, TimeProvider clock, Patience patience)
    {
        this.http = http;
        calls = new HttpCalls(http, clock, Limit, LargestAnswer, "'domain'", patience);
        this.clock = clock;
        tenant = Address(config.Name, config.Settings["domain"]);
        clientId = config.Settings["clientId"];
        clientSecret = config.Settings["clientSecret"];
        audience = config.Settings.GetValueOrDefault("audience") ?? new Uri(tenant, "api/v2/").ToString();
    }

    /// <summary>How far the tenant's clock was ahead of ours at the last answer; null before the first.</summary>
    public TimeSpan? ClockAhead { get; private set; }

    public void Dispose() => http.Dispose();

    /// <summary>Reads, and waits where the other side asks for it, as often and as long as is bearable.</summary>
    public Task<HttpReply> ReadAsync(string path, CancellationToken cancellation)
        => calls.PatientlyAsync(() => SendAsync(HttpMethod.Get, path, null, cancellation), cancellation);

    /// <summary>One request to <paramref name="path"/> behind <c>/api/v2/</c>; again with a new token where the kept one is refused.</summary>
    public async Task<HttpReply> SendAsync(HttpMethod method, string path, JsonObject? body, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (current, not) = await TokenAsync(cancellation);
            if (current is null)
            {
                return not!;
            }

            using var request = new HttpRequestMessage(method, new Uri(tenant, "api/v2/" + path));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", current.Text);
            request.Content = HttpCalls.Json(body);
            var reply = await AskAsync(request, [current.Text, .. HttpCalls.SecretsOf(body)], cancellation);
            if (reply is not Answer { Status: HttpStatusCode.Unauthorized } || attempt > 1)
            {
                return reply;
            }

            token = token == current ? null : token;
        }
    }

    /// <summary>The scopes that the token was granted; null where the endpoint does not say, or gave no token.</summary>
    public async Task<(IReadOnlySet<string>? Scopes, NotAsked? Not)> ScopesAsync(CancellationToken cancellation)
    {
        token = null;
        var (current, not) = await TokenAsync(cancellation);
        return (current?.Scopes, not);
    }

    /// <summary>The file behind a link that is its own proof: no token goes there. Null where it can't be had, whole.</summary>
    public async Task<byte[]?> DownloadAsync(Uri link, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, link);
        using var late = new CancellationTokenSource(LongestDownload, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            using var response = await http.SendAsync(request, either.Token);
            return response.IsSuccessStatusCode ? await response.Content.ReadAsByteArrayAsync(either.Token) : null;
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException || (exception is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return null;
        }
    }

    private static Uri Address(string name, string domain)
        => Uri.TryCreate(domain.Contains("://", StringComparison.Ordinal) ? domain : $"https://{domain}", UriKind.Absolute, out var address)
            && address.Scheme is "http" or "https" && address.PathAndQuery == "/"
            ? address
            : throw new SystemUnavailableException($"'{name}': 'domain' is not the domain of an Auth0 tenant, such as TENANT.eu.auth0.com. Correct it in the config.");

    /// <summary>One request serves all who wait for a token; each gives up by itself.</summary>
    private async Task<(Token? Token, NotAsked? Not)> TokenAsync(CancellationToken cancellation)
    {
        if (token is { } kept && clock.GetUtcNow() < kept.RenewAt)
        {
            return (kept, null);
        }

        Task<(Token? Token, NotAsked? Not)> shared;
        lock (gate)
        {
            shared = renewal is { IsCompleted: false } running ? running : renewal = RenewAsync();
        }

        return await shared.WaitAsync(cancellation);
    }

    private async Task<(Token? Token, NotAsked? Not)> RenewAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(tenant, "oauth/token"));
        var body = new JsonObject
        {
            ["grant_type"] = "client_credentials",
            ["client_id"] = clientId,
            ["client_secret"] = clientSecret,
            ["audience"] = audience,
        };
        request.Content = HttpCalls.Json(body);
        var asked = clock.GetUtcNow();

        // It has the limit of every request; whoever began it may give up before.
        var reply = await AskAsync(request, [.. HttpCalls.SecretsOf(body)], CancellationToken.None);
        return reply is Answer { IsSuccess: true } answer && answer.Text("access_token") is { Length: > 0 } text
            ? (token = new Token(text, RenewAt(asked, answer), answer.Text("scope")?.Split(' ').ToHashSet(StringComparer.Ordinal)), null)
            : (null, Explained(reply));
    }

    // A token of a few minutes is renewed in its last half.
    private static DateTimeOffset RenewAt(DateTimeOffset asked, Answer answer)
    {
        var lifetime = answer.Body!.Value.TryGetProperty("expires_in", out var told) && told.TryGetInt64(out var seconds) && seconds > 0
            ? TimeSpan.FromSeconds(Math.Min(seconds, 30L * 86400))
            : TimeSpan.FromMinutes(5);
        return asked + (lifetime > 2 * RenewBefore ? lifetime - RenewBefore : lifetime / 2);
    }

    private NotAsked Explained(HttpReply reply) => reply switch
    {
        NotAsked not => not,
        NoAnswer none => new NoToken(none.Why),
        Answer { Status: HttpStatusCode.TooManyRequests } answer => new NoToken("gives no token now: it asks for fewer requests.", RetryAfter: answer.RetryAfter),
        Answer { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } answer => new NoToken(
            $"gives no token: {answer.Message}. Set 'clientId' and 'clientSecret' to those of a machine-to-machine application that is authorized for {audience}.", Lasting: true),
        Answer { IsSuccess: true } or Answer { Status: HttpStatusCode.NotFound } => new NoToken("answered something that no Auth0 answers. Correct 'domain' in the config.", Lasting: true),
        Answer answer => new NoToken($"gives no token ({(int)answer.Status}: {answer.Message})."),
        _ => throw new InvalidOperationException($"The reply {reply.GetType().Name} is unknown."),
    };

    private Task<HttpReply> AskAsync(HttpRequestMessage request, IReadOnlyList<string> secrets, CancellationToken cancellation) => calls.SendAsync(
        request,
        (response, content) =>
        {
            ClockAhead = response.Headers.Date is { } theirs ? theirs - clock.GetUtcNow() : ClockAhead;
            return new Answer
            {
                Status = response.StatusCode,
                Body = HttpCalls.Parsed(content),
                Secrets = secrets,
                RetryAfter = Patience(response.Headers),
                Exhausted = IsLast(response.Headers) ? Patience(response.Headers) : null,
            };
        },
        cancellation);

    // The limits are the tenant's for all endpoints of the Management API together; those of the token endpoint tell none.
    private static bool IsLast(HttpResponseHeaders headers)
        => headers.TryGetValues("x-ratelimit-remaining", out var values) && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var left) && left == 0
            && headers.Contains("x-ratelimit-reset");

    // x-ratelimit-reset is an instant by their clock, in seconds: it is compared with the time that the same answer tells.
    private TimeSpan Patience(HttpResponseHeaders headers)
    {
        if (headers.RetryAfter?.Delta is { } delta)
        {
            return delta;
        }

        var reset = headers.TryGetValues("x-ratelimit-reset", out var values) && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var instant)
            ? DateTimeOffset.FromUnixTimeSeconds(Math.Min(instant, DateTimeOffset.MaxValue.ToUnixTimeSeconds())) - (headers.Date ?? clock.GetUtcNow())
            : DefaultPatience;
        return reset > DefaultPatience ? reset : DefaultPatience;
    }

    private sealed record Token(string Text, DateTimeOffset RenewAt, IReadOnlySet<string>? Scopes);
}
