using System.Text;
using System.Text.Json;

namespace Selfsame.EndToEnd.Tests.Api.Fuzz;

/// <summary>One generated request, before it is sent.</summary>
internal sealed record FuzzedRequest
{
    public required Operation Operation { get; init; }

    /// <summary>What was done to it, for the report.</summary>
    public string Mutation { get; set; } = "valid";

    public string Path { get; set; } = "";

    public byte[]? Body { get; set; }

    public string? ContentType { get; set; } = "application/json";

    public List<(string Name, string Value)> Headers { get; } = [];

    /// <summary>The field of the body or the query whose value was broken; null where none was.</summary>
    public string? Broken { get; set; }

    /// <summary>Every field that a refusal may name: those of the operation, whether they were sent or not, and what else the request holds.</summary>
    public HashSet<string> Fields { get; } = new(StringComparer.Ordinal) { "body", "Content-Type", "Idempotency-Key", "If-Match" };

    public string? NewPassword { get; set; }

    public bool UsesOwnToken { get; set; }

    public HttpRequestMessage Build(Uri address)
    {
        var request = new HttpRequestMessage(Operation.Method, new Uri(address, Path));
        if (Body is not null)
        {
            request.Content = new ByteArrayContent(Body);
            if (ContentType is not null)
            {
                request.Content.Headers.TryAddWithoutValidation("Content-Type", ContentType);
            }
        }

        foreach (var (name, value) in Headers)
        {
            if (name.StartsWith("Content-", StringComparison.Ordinal))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, value);
            }
            else if (name == "Authorization" && request.Headers.Contains(name))
            {
                request.Headers.Remove(name);
                request.Headers.TryAddWithoutValidation(name, value);
            }
            else
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return request;
    }

    /// <summary>The fields of the body and the query as they go out; none of a body that is no JSON object.</summary>
    public IReadOnlyCollection<string> NamesSent()
    {
        var names = new HashSet<string>(
            Path.Split('?', 2).Skip(1).SelectMany(query => query.Split('&')).Select(parameter => parameter.Split('=')[0]), StringComparer.Ordinal);
        try
        {
            // As text: a byte that was changed may be none.
            using var json = JsonDocument.Parse(Body is null ? "null" : Encoding.UTF8.GetString(Body));
            names.UnionWith(json.RootElement.ValueKind == JsonValueKind.Object ? json.RootElement.EnumerateObject().Select(field => field.Name) : []);
        }
        catch (JsonException)
        {
            // Broken on purpose.
        }

        return names;
    }

    public override string ToString()
    {
        var headers = string.Join(", ", Headers.Select(header => $"{header.Name}: {Shorten(header.Value)}"));
        return $"[{Mutation}] {Operation.Method} {Shorten(Path)} ({headers}) {ContentType} {Shorten(Body is null ? "" : Encoding.UTF8.GetString(Body))}";
    }

    private static string Shorten(string text) => text.Length <= 300 ? text : $"{text[..300]}… ({text.Length})";
}
