using System.Text;

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

    /// <summary>Every field that the request holds, in its body, query or headers.</summary>
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

    public override string ToString()
    {
        var headers = string.Join(", ", Headers.Select(header => $"{header.Name}: {Shorten(header.Value)}"));
        return $"[{Mutation}] {Operation.Method} {Shorten(Path)} ({headers}) {ContentType} {Shorten(Body is null ? "" : Encoding.UTF8.GetString(Body))}";
    }

    private static string Shorten(string text) => text.Length <= 300 ? text : $"{text[..300]}… ({text.Length})";
}
