using System.Text.Json;
using System.Text.Json.Nodes;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Rows;

/// <summary>JSON as the values of records.</summary>
internal static class JsonValues
{
    private const string JsonType = "json";

    /// <summary>A JSON object or list as one value: its members in ordinal order, so that equal objects are equal texts.</summary>
    public static FieldValue Object(JsonNode? node) => node is null ? FieldValue.Null : FieldValue.Native(JsonType, Sorted(node)!.ToJsonString());

    /// <summary>The object of such a value; null where it is none.</summary>
    public static JsonObject? ToObject(FieldValue value)
        => value.AsNative is { Type: JsonType } native ? JsonNode.Parse(native.Text) as JsonObject : null;

    /// <summary>A member's value: text and booleans as they are, all else as JSON.</summary>
    public static FieldValue Scalar(JsonNode? node) => node?.GetValueKind() switch
    {
        null or JsonValueKind.Null => FieldValue.Null,
        JsonValueKind.String => FieldValue.Text(node.GetValue<string>()),
        JsonValueKind.True => FieldValue.Boolean(true),
        JsonValueKind.False => FieldValue.Boolean(false),
        _ => Object(node),
    };

    /// <summary>The JSON of a value.</summary>
    public static JsonNode? Node(FieldValue value) => value.Raw switch
    {
        null => null,
        bool boolean => JsonValue.Create(boolean),
        long number => JsonValue.Create(number),
        double number => JsonValue.Create(number),
        _ => value.AsNative is { Type: JsonType } native ? JsonNode.Parse(native.Text) : JsonValue.Create(value.ToString()),
    };

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => KeyValuePair.Create(pair.Key, Sorted(pair.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Sorted)]),
        _ => node?.DeepClone(),
    };
}
