using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Http;

/// <summary>Sends single requests and tells what became of them; each has its own time limit, and none is followed elsewhere.</summary>
/// <param name="http">The connections.</param>
/// <param name="clock">Measures the limit and the waits.</param>
/// <param name="limit">What one request may take, with its answer.</param>
/// <param name="largestAnswer">How many bytes an answer may have: more than the longest page of a list. Who sends more sends something else.</param>
/// <param name="setting">What a person corrects where the address is wrong.</param>
/// <param name="patience">How long reads wait in place.</param>
internal sealed class HttpCalls(HttpMessageInvoker http, TimeProvider clock, TimeSpan limit, int largestAnswer, string setting, Patience patience)
{
    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(100);

    // As for all nodes: who asks for more is asked again after this.
    private static readonly TimeSpan LongestQuiet = TimeSpan.FromHours(1);

    private static readonly string[] SecretMembers = ["password", "password_hash", "client_secret"];

    private long quietUntil = long.MinValue;

    /// <summary>A connection pool of our own that follows no redirect: credentials go to the address in the config and nowhere else.</summary>
    public static HttpMessageInvoker OwnConnections() => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    });

    public static StringContent? Json(JsonObject? body) => body is null ? null : new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");

    /// <summary>The members of a body that hold a secret.</summary>
    public static IEnumerable<string> SecretsOf(JsonObject? body)
        => SecretMembers.Select(member => body?[member]).OfType<JsonValue>().Select(value => value.GetValue<string>()).Where(secret => secret.Length > 0);

    /// <summary>Sends a request once; not while the other side wants to be left alone.</summary>
    /// <param name="request">The caller's, who disposes of it.</param>
    /// <param name="read">Makes the reply of an answer, whose body has come whole.</param>
    /// <param name="cancellation">Gives up; that throws.</param>
    /// <param name="limitIsOfAll">Whether a limit of which the answer tells is one of all requests, and not of this kind or about this account.</param>
    public async Task<HttpReply> SendAsync(
        HttpRequestMessage request, Func<HttpResponseMessage, byte[], HttpReply> read, CancellationToken cancellation, bool limitIsOfAll = true)
    {
        if (QuietFor() is var left && left > TimeSpan.Zero)
        {
            return new LeftAlone(left);
        }

        using var late = new CancellationTokenSource(limit, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            using var response = await http.SendAsync(request, either.Token);
            await response.Content.LoadIntoBufferAsync(largestAnswer, either.Token);
            var reply = read(response, await response.Content.ReadAsByteArrayAsync(either.Token));
            if (limitIsOfAll)
            {
                LeaveAlone(reply);
            }

            return reply;
        }
        catch (HttpRequestException exception) when (exception.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            return new NotAsked(
                $"has at {Authority(request)} a certificate that this machine does not trust, or that was made for another name. Correct the certificate, or {setting}.");
        }
        catch (HttpRequestException exception) when (NeverLeft(exception.HttpRequestError))
        {
            return new NotAsked($"can't be reached at {Authority(request)} ({exception.HttpRequestError}). Check {setting} and the network.");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            return new NoAnswer("broke the connection off before it had answered.");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new NoAnswer($"did not answer within {limit.TotalSeconds} s.");
        }
    }

    /// <summary>Asks, and waits where the other side asks for it, for as long as the caller's patience lasts.</summary>
    public async Task<HttpReply> PatientlyAsync(Func<Task<HttpReply>> ask, CancellationToken cancellation)
    {
        for (var waited = TimeSpan.Zero; ;)
        {
            var reply = await ask();
            if (reply.Patience is not { } asked || asked > patience.AtOnce || waited + asked > patience.InAll)
            {
                return reply;
            }

            // One that asks for no time at all is not asked without end.
            var pause = asked > ShortestWait ? asked : ShortestWait;
            waited += pause;
            await Task.Delay(pause, clock, cancellation);
        }
    }

    private void LeaveAlone(HttpReply reply)
    {
        if ((reply.Patience ?? (reply as HttpAnswer)?.Exhausted) is not { } asked)
        {
            return;
        }

        var pause = asked < LongestQuiet ? asked : LongestQuiet;
        var until = clock.GetTimestamp() + (long)(pause.TotalSeconds * clock.TimestampFrequency);
        // Of answers to requests at once the longest counts.
        for (var present = Interlocked.Read(ref quietUntil); present < until;)
        {
            var seen = Interlocked.CompareExchange(ref quietUntil, until, present);
            present = seen == present ? until : seen;
        }
    }

    private TimeSpan QuietFor()
    {
        var until = Interlocked.Read(ref quietUntil);
        return until == long.MinValue ? TimeSpan.Zero : clock.GetElapsedTime(clock.GetTimestamp(), until);
    }

    /// <summary><c>Retry-After</c> (RFC 9110, section 10.2.3), else the instant of <paramref name="reset"/>, else a second; never less than nothing.</summary>
    public TimeSpan Patience(HttpResponseHeaders headers, DateTimeOffset? reset = null)
    {
        var until = headers.RetryAfter?.Date ?? reset;
        var asked = headers.RetryAfter?.Delta ?? (until is { } instant ? instant - clock.GetUtcNow() : TimeSpan.FromSeconds(1));
        return asked > TimeSpan.Zero ? asked : TimeSpan.Zero;
    }

    /// <summary>The body where it is JSON. That it is UTF-8 (RFC 8259, section 8.1) the parser does not look at.</summary>
    public static JsonElement? Parsed(byte[] body)
    {
        if (!Utf8.IsValid(body))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            // A proxy's HTML page, or nothing: the caller judges by the status and by there being no body.
            return null;
        }
    }

    private static string Authority(HttpRequestMessage request) => request.RequestUri!.GetLeftPart(UriPartial.Authority);

    private static bool NeverLeft(HttpRequestError error)
        => error is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.ProxyTunnelError;
}
