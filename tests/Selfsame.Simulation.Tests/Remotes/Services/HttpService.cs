using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Selfsame.Simulation.Tests.Remotes.Services;

/// <summary>A request as it arrives: all of it was sent at once.</summary>
/// <param name="Method">GET, POST …</param>
/// <param name="Address">Where to.</param>
/// <param name="Authorization">The header; null where there is none.</param>
/// <param name="ApiKey">The header <c>apikey</c>; null where there is none.</param>
/// <param name="Body">The body; null where it is no JSON object.</param>
internal sealed record ServiceRequest(string Method, Uri Address, string? Authorization, string? ApiKey, JsonObject? Body)
{
    public string Path => Address.AbsolutePath;

    /// <summary>All that a server which repeats what it was sent could say, what is secret first.</summary>
    public string Echo => $"{Text("password")} {Text("client_secret")} {Authorization} {ApiKey} {Body?.ToJsonString()}";

    public static ServiceRequest Of(HttpRequestMessage request)
    {
        using var body = request.Content?.ReadAsStream();
        return new ServiceRequest(
            request.Method.Method,
            request.RequestUri!,
            request.Headers.Authorization?.ToString(),
            request.Headers.TryGetValues("apikey", out var keys) ? keys.First() : null,
            body is null ? null : JsonNode.Parse(body) as JsonObject);
    }

    /// <summary>A text member of the body; null where it is none.</summary>
    public string? Text(string member) => Body?[member] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    /// <summary>A parameter of the query; null where it is missing.</summary>
    public string? Query(string name) => Queries(name).FirstOrDefault();

    /// <summary>A parameter that may stand several times.</summary>
    public IEnumerable<string> Queries(string name)
        => Address.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2))
            .Where(pair => pair[0] == name && pair.Length == 2).Select(pair => Uri.UnescapeDataString(pair[1]));

    public int Number(string name, int otherwise) => int.TryParse(Query(name), out var number) ? number : otherwise;
}

/// <summary>An answer. Without JSON it is a proxy's page, or empty.</summary>
internal sealed record ServiceAnswer(HttpStatusCode Status, JsonNode? Json)
{
    /// <summary>A proxy's page instead.</summary>
    public string? Page { get; init; }

    public Dictionary<string, string> Headers { get; init; } = [];

    public HttpResponseMessage ToMessage()
    {
        var message = new HttpResponseMessage(Status) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(Json?.ToJsonString() ?? Page ?? "")) };
        foreach (var (name, value) in Headers)
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }

        return message;
    }
}

/// <summary>
/// A connected system in memory that speaks HTTP as its vendor documents it. It answers at once and does not fail: that is the network's part, which also
/// has it say the vendor's own 429 and 5xx. What it says of a failure repeats what it was sent, as servers and proxies do.
/// </summary>
internal abstract class HttpService(RemoteAccounts accounts)
{
    public RemoteAccounts Accounts => accounts;

    /// <summary>The system about whose rows its requests are: itself, or where it is a source that into which its people go.</summary>
    public virtual string RowsOf => accounts.Name;

    /// <summary>Carries a request out.</summary>
    /// <param name="request">It.</param>
    /// <param name="lag">How old what is seen may be, where <see cref="MayLag"/> lets it.</param>
    public abstract ServiceAnswer Answer(ServiceRequest request, TimeSpan lag);

    /// <summary>Whether carrying it out changes something.</summary>
    public abstract bool Changes(ServiceRequest request);

    /// <summary>Whether carrying it out makes an account.</summary>
    public virtual bool Creates(ServiceRequest request) => false;

    /// <summary>Whether a replica or an index may answer it.</summary>
    public virtual bool MayLag(ServiceRequest request) => false;

    /// <summary>Ids, handles or e-mail addresses of whom the request is about.</summary>
    public abstract IEnumerable<string> About(ServiceRequest request);

    /// <summary>It asks for fewer requests; this one was not carried out.</summary>
    public abstract ServiceAnswer TooMany(ServiceRequest request, TimeSpan wait);

    /// <summary>The service's own 500, or what stands before it answers instead.</summary>
    public abstract ServiceAnswer Broken(ServiceRequest request, int kind);

    protected static ServiceAnswer Page(HttpStatusCode status, ServiceRequest request)
        => new(status, null) { Page = $"<html><body>{(int)status}: {request.Echo}</body></html>" };

    protected static ServiceAnswer Ok(JsonNode? json = null) => new(HttpStatusCode.OK, json);
}
