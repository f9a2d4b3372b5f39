using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Selfsame.Testing.Auth0;

/// <summary>What the stand-in does wrong on the next request of a method.</summary>
public enum Auth0Fault
{
    /// <summary>Breaks the connection off in mid-answer, and the request is not carried out.</summary>
    DropBefore,

    /// <summary>Carries it out and breaks the connection off in mid-answer.</summary>
    DropAfter,

    /// <summary>429 with <c>x-ratelimit-reset</c> as far ahead as <see cref="Auth0StandIn.ResetsAfter"/>.</summary>
    TooMany,

    /// <summary>The edge's 503, an HTML page.</summary>
    Gateway,
}

/// <summary>
/// A stand-in for a tenant of Auth0 on 127.0.0.1: its token endpoint, the parts of its Management API that a connector needs, and its log. Written
/// from Auth0's documentation (Management API v2: users, users-by-email, jobs, logs, log-streams; "Rate limit policy"; "Custom log streams using
/// webhooks"), not from what our connector sends. It has: client-credentials tokens that run out, scopes, the list of users with its lag and its
/// limit of 1000, users by id and by e-mail at once, chosen ids and 409, export jobs with a link that is good for 60 s and takes no token, the
/// log by checkpoint and by date, log streams and their deliveries (<see cref="Auth0Log"/>).
/// It has no: sign-in and Universal Login, organizations, roles, Actions, custom databases, account linking, password rules and verification
/// mails, the query language of the user search beyond one quoted value, include_fields, retention of logs, real rate limits (only injected ones),
/// automatic delivery: a test says when a stream delivers.
/// </summary>
public sealed class Auth0StandIn : IAsyncDisposable
{
    public const string ClientId = "client-of-the-stand-in";
    /// <summary>What stands for a method where it is a token that is to fail.</summary>
    public const string TokenEndpoint = "token";

    public const string ClientSecret = "client-secret-of-the-stand-in";

    private readonly HttpListener listener;
    private readonly Task loop;
    private readonly Lock guard = new();
    private readonly List<(string Method, Auth0Fault Fault)> faults = [];
    private readonly List<string> requests = [];
    private readonly Dictionary<string, DateTimeOffset> tokens = [];

    private Auth0StandIn(HttpListener listener, int port)
    {
        this.listener = listener;
        Url = $"http://127.0.0.1:{port}";
        Log = new Auth0Log(this);
        Users = new Auth0Users(this);
        loop = ServeAsync();
    }

    /// <summary>The tenant's address; a config's <c>domain</c>.</summary>
    public string Url { get; }

    /// <summary>The users, also behind the API's back.</summary>
    public Auth0Users Users { get; }

    /// <summary>The log and its streams.</summary>
    public Auth0Log Log { get; }

    /// <summary>What the client was granted.</summary>
    public HashSet<string> Scopes { get; } = ["read:users", "create:users", "update:users", "delete:users", "read:logs", "read:log_streams"];

    /// <summary>How far the tenant's clock is ahead.</summary>
    public TimeSpan ClockSkew { get; set; }

    /// <summary>How far ahead <c>x-ratelimit-reset</c> is.</summary>
    public TimeSpan ResetsAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How many requests are left until then, as answers of the Management API tell it.</summary>
    public int Remaining { get; set; } = 15;

    /// <summary>For how long a token is good.</summary>
    public TimeSpan TokenLifetime { get; set; } = TimeSpan.FromDays(1);

    /// <summary>The requests so far: method and path with query.</summary>
    public IReadOnlyList<string> Requests
    {
        get
        {
            lock (guard)
            {
                return [.. requests];
            }
        }
    }

    internal DateTimeOffset Now => TimeProvider.System.GetUtcNow() + ClockSkew;

    public static async Task<Auth0StandIn> StartAsync()
    {
        const int attempts = 5;
        for (var attempt = 1; ; attempt++)
        {
            await Task.Yield();
            var port = FreePort();
            var listener = new HttpListener { Prefixes = { $"http://127.0.0.1:{port}/" } };
            try
            {
                listener.Start();
                return new Auth0StandIn(listener, port);
            }
            catch (HttpListenerException) when (attempt < attempts)
            {
                // Another process took the port in between; the next attempt asks for another.
                listener.Close();
            }
        }
    }

    /// <summary>Lets the next requests of that method to the Management API go wrong, one fault each.</summary>
    public void FailNext(string method, params Auth0Fault[] next)
    {
        lock (guard)
        {
            faults.AddRange(next.Select(fault => (method, fault)));
        }
    }

    /// <summary>No token that was given is good any more, as after a rotation of the signing key.</summary>
    public void ForgetTokens()
    {
        lock (guard)
        {
            tokens.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        listener.Close();
        await loop;
    }

    internal static Auth0Answer Error(int status, string code, string message) => new(status, new JsonObject
    {
        ["statusCode"] = status,
        ["error"] = ((HttpStatusCode)status).ToString(),
        ["message"] = message,
        ["errorCode"] = code,
    });

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private async Task ServeAsync()
    {
        var running = new List<Task>();
        while (true)
        {
            try
            {
                running.Add(AnswerAsync(await listener.GetContextAsync()));
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                await Task.WhenAll(running);
                return;
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        var request = context.Request;
        var path = request.Url!.AbsolutePath;
        var fault = Take(request, path);
        if (fault == Auth0Fault.DropBefore)
        {
            Drop(context.Response);
            return;
        }

        var answer = fault switch
        {
            Auth0Fault.TooMany => Error(429, "too_many_requests", "Global limit has been reached"),
            Auth0Fault.Gateway => new Auth0Answer(503, null),
            _ => path switch
            {
                "/oauth/token" => Token(await BodyAsync(request)),
                _ when path.StartsWith("/exports/", StringComparison.Ordinal) => Users.Download(request),
                _ => await ManageAsync(request, path),
            },
        };
        if (fault == Auth0Fault.DropAfter)
        {
            Drop(context.Response);
            return;
        }

        await WriteAsync(context.Response, answer);
    }

    private async Task<Auth0Answer> ManageAsync(HttpListenerRequest request, string path)
    {
        if (!IsGood(request.Headers["Authorization"]))
        {
            return Error(401, "invalid_token", "Expired token received for JSON Web Token validation");
        }

        var (scope, answer) = Route(request, path, await BodyAsync(request));
        return scope is null || Scopes.Contains(scope)
            ? answer()
            : Error(403, "insufficient_scope", $"Insufficient scope, expected any of: {scope}");
    }

    private (string? Scope, Func<Auth0Answer> Answer) Route(HttpListenerRequest request, string path, JsonObject? body)
    {
        var query = request.QueryString;
        var id = Uri.UnescapeDataString(request.RawUrl!.Split('?')[0].Split('/')[^1]);
        return (request.HttpMethod, path) switch
        {
            ("GET", "/api/v2/users") => ("read:users", () => Users.List(query)),
            ("POST", "/api/v2/users") => ("create:users", () => Users.Create(body!)),
            ("GET", "/api/v2/users-by-email") => ("read:users", () => Users.ByEmail(query["email"]!)),
            ("POST", "/api/v2/jobs/users-exports") => ("read:users", () => Users.Export(body!)),
            ("GET", "/api/v2/logs") => ("read:logs", () => Log.List(query)),
            ("GET", "/api/v2/log-streams") => ("read:log_streams", Log.Streams),
            ("GET", _) when path.StartsWith("/api/v2/jobs/", StringComparison.Ordinal) => ("read:users", () => Users.Job(id)),
            ("GET", _) when path.StartsWith("/api/v2/users/", StringComparison.Ordinal) => ("read:users", () => Users.One(id)),
            ("PATCH", _) when path.StartsWith("/api/v2/users/", StringComparison.Ordinal) => ("update:users", () => Users.Update(id, body!)),
            ("DELETE", _) when path.StartsWith("/api/v2/users/", StringComparison.Ordinal) => ("delete:users", () => Users.Delete(id)),
            _ => (null, () => Error(404, "not_found", "Not Found")),
        };
    }

    private Auth0Answer Token(JsonObject? body)
    {
        if (body?["grant_type"]?.GetValue<string>() != "client_credentials" || body["client_id"]?.GetValue<string>() != ClientId
            || body["client_secret"]?.GetValue<string>() != ClientSecret)
        {
            return new Auth0Answer(401, new JsonObject { ["error"] = "access_denied", ["error_description"] = "Unauthorized" });
        }

        if (body["audience"]?.GetValue<string>() != $"{Url}/api/v2/")
        {
            return new Auth0Answer(403, new JsonObject { ["error"] = "access_denied", ["error_description"] = $"Service not found: {body["audience"]}" });
        }

        lock (guard)
        {
            var token = $"token-{tokens.Count + 1}-{Guid.NewGuid():N}";
            tokens[token] = Now + TokenLifetime;
            return new Auth0Answer(200, new JsonObject
            {
                ["access_token"] = token,
                ["scope"] = string.Join(' ', Scopes),
                ["expires_in"] = (int)TokenLifetime.TotalSeconds,
                ["token_type"] = "Bearer",
            });
        }
    }

    private bool IsGood(string? authorization)
    {
        lock (guard)
        {
            return authorization?.StartsWith("Bearer ", StringComparison.Ordinal) == true
                && tokens.TryGetValue(authorization["Bearer ".Length..], out var until) && until > Now;
        }
    }

    private static async Task<JsonObject?> BodyAsync(HttpListenerRequest request)
    {
        if (!request.HasEntityBody)
        {
            return null;
        }

        using var reader = new StreamReader(request.InputStream, Encoding.UTF8);
        return JsonNode.Parse(await reader.ReadToEndAsync()) as JsonObject;
    }

    // Without a length the listener would end an aborted answer as an empty one, which is no lost answer.
    private static void Drop(HttpListenerResponse response)
    {
        response.ContentLength64 = 1000;
        response.Abort();
    }

    private async Task WriteAsync(HttpListenerResponse response, Auth0Answer answer)
    {
        try
        {
            response.StatusCode = answer.Status;
            response.ContentType = answer.File is not null ? "application/gzip" : answer.Body is null ? "text/html" : "application/json";
            response.Headers["Date"] = Now.ToString("r", CultureInfo.InvariantCulture);
            response.Headers["x-ratelimit-limit"] = "16";
            response.Headers["x-ratelimit-remaining"] = answer.Status == 429 ? "0" : Remaining.ToString(CultureInfo.InvariantCulture);
            response.Headers["x-ratelimit-reset"] = (Now + ResetsAfter).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            foreach (var (name, value) in answer.Headers)
            {
                response.Headers[name] = value;
            }

            await response.OutputStream.WriteAsync(
                answer.File ?? (answer.Status == 204 ? [] : Encoding.UTF8.GetBytes(answer.Body?.ToJsonString() ?? "<html>Service Unavailable</html>")));
            response.Close();
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
        {
            // The client has gone; there is nobody to tell.
            response.Abort();
        }
    }

    private Auth0Fault? Take(HttpListenerRequest request, string path)
    {
        lock (guard)
        {
            requests.Add($"{request.HttpMethod} {request.RawUrl}");
            var asked = path == "/oauth/token" ? TokenEndpoint : path.StartsWith("/api/", StringComparison.Ordinal) ? request.HttpMethod : null;
            var index = faults.FindIndex(fault => fault.Method == asked);
            if (index < 0)
            {
                return null;
            }

            var taken = faults[index].Fault;
            faults.RemoveAt(index);
            return taken;
        }
    }
}

/// <summary>An answer of the stand-in; without a body the edge's page is sent.</summary>
internal sealed record Auth0Answer(int Status, JsonNode? Body)
{
    public byte[]? File { get; init; }

    public Dictionary<string, string> Headers { get; } = [];
}
