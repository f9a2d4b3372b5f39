using System.Collections.Specialized;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Selfsame.Testing.Auth0;

/// <summary>The form in which a log stream sends its events.</summary>
public enum Auth0Format
{
    JsonLines,
    JsonArray,
    JsonObject,
}

/// <summary>What goes wrong with one delivery; they can be combined.</summary>
[Flags]
public enum Auth0Delivery
{
    AsItShouldBe = 0,

    /// <summary>Each event is sent twice, in the same body.</summary>
    Doubled = 1,

    /// <summary>The newest event comes first.</summary>
    Reversed = 2,

    /// <summary>The answer does not arrive, so that the same body is sent again.</summary>
    AnswerLost = 4,

    /// <summary>Nothing is sent, and the events are not sent later either.</summary>
    Lost = 8,
}

/// <summary>
/// The tenant's log: <c>log_id</c>s grow; the list by checkpoint gives what is newer than one, at most 100 at once. Its one custom webhook sends what was
/// logged since the last delivery, when a test says so: at least once, in no promised order. The real stream retries a failed delivery three times,
/// begins again, and pauses after seven days; this one keeps the events for the next delivery.
/// </summary>
public sealed class Auth0Log
{
    private readonly Auth0StandIn server;
    private readonly Lock guard = new();
    private readonly List<JsonObject> lines = [];
    private int delivered;

    internal Auth0Log(Auth0StandIn server) => this.server = server;

    /// <summary>Where the webhook sends to; null while there is none.</summary>
    public Uri? Endpoint { get; set; }

    /// <summary>What it sends as <c>Authorization</c>, verbatim.</summary>
    public string Authorization { get; set; } = "";

    public Auth0Format Format { get; set; }

    /// <summary><c>active</c>, <c>paused</c> or <c>suspended</c>.</summary>
    public string Status { get; set; } = "active";

    /// <summary>Logs an event; its <c>log_id</c>, which ends as it is told.</summary>
    public string Add(string type, string? userId, string ending = "")
    {
        lock (guard)
        {
            var date = server.Now.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            var id = $"900202611250000000000000000{lines.Count + 1:D28}{ending}";
            var line = new JsonObject
            {
                ["date"] = date,
                ["type"] = type,
                ["connection"] = "Username-Password-Authentication",
                ["client_id"] = "application",
                ["ip"] = "192.0.2.7",
                ["strategy"] = "auth0",
                ["log_id"] = id,
                ["details"] = new JsonObject(),
            };
            if (userId is not null)
            {
                line["user_id"] = userId;
                line["user_name"] = "somebody";
            }

            lines.Add(line);
            return id;
        }
    }

    /// <summary>Sends what was logged since the last delivery; the last answer's status, null where nothing was sent.</summary>
    public async Task<HttpStatusCode?> DeliverAsync(HttpMessageInvoker http, Auth0Delivery how = Auth0Delivery.AsItShouldBe, CancellationToken cancellation = default)
    {
        List<JsonObject> events;
        lock (guard)
        {
            events = [.. lines.Skip(delivered).Select(line => new JsonObject { ["log_id"] = line["log_id"]!.GetValue<string>(), ["data"] = line.DeepClone() })];
            delivered = how.HasFlag(Auth0Delivery.Lost) ? lines.Count : delivered;
        }

        if (how.HasFlag(Auth0Delivery.Lost) || events.Count == 0)
        {
            return null;
        }

        events = how.HasFlag(Auth0Delivery.Doubled) ? [.. events, .. events.Select(line => (JsonObject)line.DeepClone())] : events;
        if (how.HasFlag(Auth0Delivery.Reversed))
        {
            events.Reverse();
        }

        HttpStatusCode? status = null;
        foreach (var body in Bodies(events, Format))
        {
            for (var sends = how.HasFlag(Auth0Delivery.AnswerLost) ? 2 : 1; sends > 0; sends--)
            {
                status = await SendAsync(http, body, cancellation);
            }
        }

        lock (guard)
        {
            delivered = (int?)status is >= 200 and < 300 ? lines.Count : delivered;
        }

        return status;
    }

    /// <summary>The bodies in which these events are sent.</summary>
    public static IReadOnlyList<string> Bodies(IReadOnlyList<JsonObject> events, Auth0Format format) => format switch
    {
        Auth0Format.JsonLines => [string.Join('\n', events.Select(line => line.ToJsonString()))],
        Auth0Format.JsonArray => [$"[{string.Join(',', events.Select(line => line.ToJsonString()))}]"],
        _ => [.. events.Select(line => line.ToJsonString())],
    };

    internal Auth0Answer List(NameValueCollection query)
    {
        lock (guard)
        {
            if (query["from"] is { } from)
            {
                var take = int.Parse(query["take"] ?? "50", CultureInfo.InvariantCulture);
                var known = lines.Exists(line => line["log_id"]!.GetValue<string>() == from);
                return take > 100 || !known
                    ? Auth0StandIn.Error(400, "invalid_query_string", known ? "Too large value for take. Maximum is 100." : "No log event has this id.")
                    : Page(lines.Where(line => string.CompareOrdinal(line["log_id"]!.GetValue<string>(), from) > 0).Take(take));
            }

            // By search: date:[INSTANT TO *], sorted by date, the oldest first.
            var since = query["q"] is { } search ? search["date:[".Length..].Split(' ')[0] : "";
            return Page(lines.Where(line => string.CompareOrdinal(line["date"]!.GetValue<string>(), since) >= 0)
                .Take(int.Parse(query["per_page"] ?? "50", CultureInfo.InvariantCulture)));
        }
    }

    internal Auth0Answer Streams()
        => new(200, Endpoint is null ? [] : new JsonArray(new JsonObject
        {
            ["id"] = "lst_0000000000000001",
            ["name"] = "selfsame",
            ["type"] = "http",
            ["status"] = Status,
            ["sink"] = new JsonObject
            {
                ["httpEndpoint"] = Endpoint.ToString(),
                ["httpContentType"] = "application/json",
                ["httpContentFormat"] = Format switch { Auth0Format.JsonLines => "JSONLINES", Auth0Format.JsonArray => "JSONARRAY", _ => "JSONOBJECT" },
                ["httpAuthorization"] = Authorization,
            },
        }));

    // The list gives the line itself, with its log_id; only the stream wraps it.
    private static Auth0Answer Page(IEnumerable<JsonObject> page) => new(200, new JsonArray([.. page.Select(line => line.DeepClone())]));

    private async Task<HttpStatusCode> SendAsync(HttpMessageInvoker http, string body, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Endpoint) { Content = new StringContent(body, Encoding.UTF8) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.TryAddWithoutValidation("Authorization", Authorization);
        using var response = await http.SendAsync(request, cancellation);
        return response.StatusCode;
    }
}
