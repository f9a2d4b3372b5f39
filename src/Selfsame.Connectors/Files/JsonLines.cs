using System.Text.Json;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Files;

/// <summary>One JSON object a line. Text, numbers, booleans and null are values; what is nested is kept as its JSON text.</summary>
internal static class JsonLines
{
    public static IEnumerable<FileRecord> Read(TextReader reader)
    {
        for (long line = 1; reader.ReadLine() is { } text; line++)
        {
            if (!string.IsNullOrWhiteSpace(text))
            {
                var record = Parse(line, text);
                // What is cut off ends in the middle of a line.
                yield return record.Fields is null && reader.Peek() < 0 ? record with { HidesOthers = true } : record;
            }
        }
    }

    private static FileRecord Parse(long line, string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new FileRecord(line, new Fields(document.RootElement.EnumerateObject().DistinctBy(property => property.Name).Select(property => KeyValuePair.Create(property.Name, Value(property.Value)))), null)
                : new FileRecord(line, null, "it is no JSON object.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return new FileRecord(line, null, $"it is not JSON: {exception.Message}");
        }
    }

    private static FieldValue Value(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => FieldValue.Null,
        JsonValueKind.String => FieldValue.Text(value.GetString()!),
        JsonValueKind.True => FieldValue.Boolean(true),
        JsonValueKind.False => FieldValue.Boolean(false),
        JsonValueKind.Number => value.TryGetInt64(out var whole) ? FieldValue.Integer(whole) : FieldValue.Number(value.GetDouble()),
        _ => FieldValue.Native("json", value.GetRawText()),
    };
}
