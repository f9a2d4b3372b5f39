using System.Net;
using System.Text.Json;

namespace Selfsame.Connectors.AtProto;

/// <summary>What became of one request.</summary>
internal abstract record AtProtoReply;

/// <summary>No connection came about, so nothing was asked.</summary>
/// <param name="Why">A clause that goes on after the system's name.</param>
internal sealed record NotReached(string Why) : AtProtoReply;

/// <summary>The request left and no whole answer came.</summary>
/// <param name="Why">A clause that goes on after the system's name.</param>
internal sealed record NoAnswer(string Why) : AtProtoReply;

/// <summary>An answer. Errors are <c>{"error": "InvalidHandle", "message": "Handle too short"}</c> (XRPC); a proxy's may be anything.</summary>
internal sealed record Answer : AtProtoReply
{
    private const int LongestMessage = 300;

    public required HttpStatusCode Status { get; init; }

    /// <summary>The body; null where it is not a JSON object.</summary>
    public required JsonElement? Body { get; init; }

    /// <summary>From <c>Retry-After</c> or <c>RateLimit-Reset</c>; the connector's own patience where both are missing.</summary>
    public required TimeSpan RetryAfter { get; init; }

    /// <summary>What came, as it came.</summary>
    public required ReadOnlyMemory<byte> Content { get; init; }

    /// <summary>Whether what came is something, and not a JSON object: a proxy's page.</summary>
    public bool IsPage => Body is null && Content.Length > 0;

    public bool IsSuccess => (int)Status is >= 200 and < 300;

    /// <summary><c>InvalidRequest</c>, <c>InvalidHandle</c>, <c>UpstreamFailure</c> …, or empty.</summary>
    public string Error => Text("error") ?? "";

    /// <summary>What it says, for people; never long.</summary>
    public string Message
    {
        get
        {
            var text = Text("message") ?? "it gave no reason";
            return text.Length > LongestMessage ? text[..LongestMessage] + "…" : text;
        }
    }

    /// <summary>A text member of the body; null where it is none.</summary>
    public string? Text(string property) => Body is { } body ? body.TextOrNull(property) : null;

    /// <summary>The objects of a list in the body; null where there is no such list.</summary>
    public IReadOnlyList<JsonElement>? Objects(string property)
        => Body is { } body && body.TryGetProperty(property, out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.Object)]
            : null;
}

/// <summary>Reads members of JSON objects that may hold anything.</summary>
internal static class JsonMembers
{
    public static string? TextOrNull(this JsonElement element, string property)
        => element.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>Whether it is true; false where it is missing or anything else.</summary>
    public static bool IsTrue(this JsonElement element, string property)
        => element.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.True;
}
