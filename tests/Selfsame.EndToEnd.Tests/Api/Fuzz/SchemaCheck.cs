using System.Globalization;
using System.Text.Json;

namespace Selfsame.EndToEnd.Tests.Api.Fuzz;

/// <summary>As much of JSON Schema as the document's answers use; a property that the schema does not name is a violation.</summary>
internal static class SchemaCheck
{
    /// <summary>What of the value breaks the schema, one sentence each.</summary>
    public static IEnumerable<string> Find(ApiDescription api, JsonElement schema, JsonElement value, string place = "$")
    {
        schema = api.Resolve(schema);
        if (schema.TryGetProperty("oneOf", out var choices))
        {
            return choices.EnumerateArray().Any(choice => !Find(api, choice, value, place).Any()) ? [] : [$"{place} fits none of the choices"];
        }

        var type = TypeOf(value);
        if (!Types(schema).Contains(type))
        {
            return [$"{place} is {type}, not {schema.GetProperty("type")}"];
        }

        return value.ValueKind switch
        {
            JsonValueKind.Object => FindInObject(api, schema, value, place),
            JsonValueKind.Array => value.EnumerateArray().SelectMany((item, index) => Find(api, schema.GetProperty("items"), item, $"{place}[{index}]")),
            JsonValueKind.String => FindInText(schema, value.GetString()!, place),
            _ => [],
        };
    }

    private static IEnumerable<string> FindInObject(ApiDescription api, JsonElement schema, JsonElement value, string place)
    {
        var properties = schema.GetProperty("properties");
        var required = schema.TryGetProperty("required", out var names) ? names.EnumerateArray().Select(name => name.GetString()!) : [];
        foreach (var missing in required.Where(name => !value.TryGetProperty(name, out _)))
        {
            yield return $"{place}.{missing} is missing";
        }

        foreach (var property in value.EnumerateObject())
        {
            var violations = properties.TryGetProperty(property.Name, out var described)
                ? Find(api, described, property.Value, $"{place}.{property.Name}")
                : [$"{place}.{property.Name} is not described"];
            foreach (var violation in violations)
            {
                yield return violation;
            }
        }
    }

    private static IEnumerable<string> FindInText(JsonElement schema, string text, string place)
    {
        var isRight = (schema.TryGetProperty("format", out var format) ? format.GetString() : null) switch
        {
            "uuid" => Guid.TryParseExact(text, "D", out _),
            "date-time" => DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, out _),
            _ => true,
        };
        return isRight ? [] : [$"{place} is no {format}"];
    }

    private static IEnumerable<string> Types(JsonElement schema)
    {
        var type = schema.GetProperty("type");
        return type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(name => name.GetString()!) : [type.GetString()!];
    }

    private static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind.Null => "null",
        _ => value.TryGetInt64(out _) ? "integer" : "number",
    };
}
