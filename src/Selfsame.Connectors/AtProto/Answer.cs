using System.Text.Json;
using Selfsame.Connectors.Http;

namespace Selfsame.Connectors.AtProto;

/// <summary>An answer. Errors are <c>{"error": "InvalidHandle", "message": "Handle too short"}</c> (XRPC); a proxy's may be anything.</summary>
internal sealed record Answer : HttpAnswer
{
    /// <summary>What came, as it came.</summary>
    public required ReadOnlyMemory<byte> Content { get; init; }

    /// <summary>Whether what came is something, and not a JSON object: a proxy's page.</summary>
    public bool IsPage => Body is null && Content.Length > 0;

    /// <summary><c>InvalidRequest</c>, <c>InvalidHandle</c>, <c>UpstreamFailure</c> …, or empty.</summary>
    public string Error => WithoutSecrets(Text("error") ?? "");

    protected override string? Reason => Text("message");

    /// <summary>The objects of a list in the body; null where there is no such list.</summary>
    public IReadOnlyList<JsonElement>? Objects(string property) => Body is { } body ? Objects(body, property) : null;

    /// <summary>As above, of a list within the body.</summary>
    public static IReadOnlyList<JsonElement>? Objects(JsonElement parent, string property)
        => parent.TryGetProperty(property, out var list) && list.ValueKind == JsonValueKind.Array
            ? [.. list.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.Object)]
            : null;

    /// <summary>An object in the body; null where there is none.</summary>
    public JsonElement? Object(string property)
        => Body is { } body && body.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;
}
