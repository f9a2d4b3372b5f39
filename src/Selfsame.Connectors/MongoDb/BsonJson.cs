using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Selfsame.Connectors.MongoDb;

/// <summary>
/// Documents and arrays as Extended JSON v2 that gives back exactly the same bytes: an int is a plain number, a double has a
/// point, everything else carries its type. What Extended JSON can't give back exactly (a document that looks like such a type,
/// a name twice, text that is no UTF-8, the types that hardly anybody stores) has no JSON here.
/// </summary>
internal static class BsonJson
{
    private const int Depth = 256;
    private static readonly string[] Tags = ["$numberLong", "$numberInt", "$numberDouble", "$oid", "$numberDecimal", "$date", "$binary"];
    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = Depth };
    private static readonly JsonDocumentOptions Reading = new() { MaxDepth = Depth };

    /// <summary>The JSON of a document or array; null where no JSON would be exact.</summary>
    public static string? TryWrite(BsonValue value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(buffer, Writing);
        if (!TryWrite(writer, value, depth: 0))
        {
            return null;
        }

        writer.Flush();
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The value that a JSON text stands for; <see cref="BsonException"/> when it is none.</summary>
    public static BsonValue Read(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, Reading);
            return Read(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or FormatException or InvalidOperationException)
        {
            throw new BsonException($"This is no Extended JSON: {exception.Message}");
        }
    }

    private static bool TryWrite(Utf8JsonWriter writer, BsonValue value, int depth)
    {
        var bytes = value.Bytes.Span;
        switch (value.Type)
        {
            case BsonType.Object: return TryWriteObject(writer, value.AsDocument, depth);
            case BsonType.Array: return TryWriteArray(writer, value.AsDocument, depth);
            case BsonType.String:
                var text = bytes[sizeof(int)..^1];
                if (!Utf8.IsValid(text))
                {
                    return false;
                }

                writer.WriteStringValue(text);
                return true;
            case BsonType.Bool: writer.WriteBooleanValue(value.IsTrue); return true;
            case BsonType.Null: writer.WriteNullValue(); return true;
            case BsonType.Int: writer.WriteNumberValue(BinaryPrimitives.ReadInt32LittleEndian(bytes)); return true;
            case BsonType.Double: return TryWriteDouble(writer, BinaryPrimitives.ReadDoubleLittleEndian(bytes));
            case BsonType.Long: return Tagged(writer, "$numberLong", BinaryPrimitives.ReadInt64LittleEndian(bytes).ToString(CultureInfo.InvariantCulture));
            case BsonType.ObjectId: return Tagged(writer, "$oid", Convert.ToHexStringLower(bytes));
            case BsonType.Decimal: return Decimal128Text.ToText(bytes) is { } number && Tagged(writer, "$numberDecimal", number);
            case BsonType.Date:
                writer.WriteStartObject();
                writer.WritePropertyName("$date");
                Tagged(writer, "$numberLong", BinaryPrimitives.ReadInt64LittleEndian(bytes).ToString(CultureInfo.InvariantCulture));
                writer.WriteEndObject();
                return true;
            case BsonType.BinData:
                writer.WriteStartObject();
                writer.WriteStartObject("$binary");
                writer.WriteBase64String("base64", bytes[(sizeof(int) + 1)..]);
                writer.WriteString("subType", bytes[sizeof(int)].ToString("x2", CultureInfo.InvariantCulture));
                writer.WriteEndObject();
                writer.WriteEndObject();
                return true;
            default: return false;
        }
    }

    private static bool TryWriteObject(Utf8JsonWriter writer, BsonDocument document, int depth)
    {
        if (depth > Depth / 2)
        {
            return false;
        }

        writer.WriteStartObject();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var element in document)
        {
            if (!Utf8.IsValid(element.NameBytes.Span) || !names.Add(element.Name) || (names.Count == 1 && Tags.Contains(element.Name)))
            {
                return false;
            }

            writer.WritePropertyName(element.NameBytes.Span);
            if (!TryWrite(writer, element.Value, depth + 1))
            {
                return false;
            }
        }

        writer.WriteEndObject();
        return true;
    }

    private static bool TryWriteArray(Utf8JsonWriter writer, BsonDocument array, int depth)
    {
        if (depth > Depth / 2)
        {
            return false;
        }

        writer.WriteStartArray();
        var index = 0;
        foreach (var element in array)
        {
            if (!element.NameBytes.Span.SequenceEqual(Encoding.ASCII.GetBytes(BsonWriter.IndexName(index++))) || !TryWrite(writer, element.Value, depth + 1))
            {
                return false;
            }
        }

        writer.WriteEndArray();
        return true;
    }

    private static bool TryWriteDouble(Utf8JsonWriter writer, double number)
    {
        if (!double.IsFinite(number))
        {
            return !double.IsNaN(number) && Tagged(writer, "$numberDouble", number > 0 ? "Infinity" : "-Infinity");
        }

        var text = number.ToString("R", CultureInfo.InvariantCulture);
        writer.WriteRawValue(text.AsSpan().IndexOfAny(".eE") < 0 ? text + ".0" : text);
        return true;
    }

    private static bool Tagged(Utf8JsonWriter writer, string tag, string text)
    {
        writer.WriteStartObject();
        writer.WriteString(tag, text);
        writer.WriteEndObject();
        return true;
    }

    private static BsonValue Read(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => TryReadTagged(json, out var value) ? value : ReadObject(json),
        JsonValueKind.Array => BsonValue.OfArray(json.EnumerateArray().Select(Read)),
        JsonValueKind.String => json.GetString()!,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Null => BsonValue.Null,
        _ => ReadNumber(json),
    };

    private static BsonValue ReadNumber(JsonElement json)
    {
        if (json.GetRawText().AsSpan().IndexOfAny(".eE") >= 0)
        {
            return json.GetDouble();
        }

        // Not one conditional expression: that would make a long of both.
        if (json.TryGetInt32(out var small))
        {
            return small;
        }

        return json.GetInt64();
    }

    private static BsonValue ReadObject(JsonElement json)
    {
        var writer = new BsonWriter();
        foreach (var property in json.EnumerateObject())
        {
            writer.Add(property.Name, Read(property.Value));
        }

        return writer.Build();
    }

    private static bool TryReadTagged(JsonElement json, out BsonValue value)
    {
        value = default;
        using var properties = json.EnumerateObject();
        if (!properties.MoveNext() || !Tags.Contains(properties.Current.Name))
        {
            return false;
        }

        var content = properties.Current.Value;
        value = properties.Current.Name switch
        {
            "$numberLong" => long.Parse(content.GetString()!, CultureInfo.InvariantCulture),
            "$numberInt" => int.Parse(content.GetString()!, CultureInfo.InvariantCulture),
            "$numberDouble" => double.Parse(content.GetString()!, CultureInfo.InvariantCulture),
            "$oid" => new BsonValue(BsonType.ObjectId, Convert.FromHexString(content.GetString()!)),
            "$numberDecimal" => new BsonValue(BsonType.Decimal, Decimal128Text.ToBytes(content.GetString()!) ?? throw new BsonException("This is no decimal.")),
            "$date" => BsonValue.OfDate(long.Parse(content.GetProperty("$numberLong").GetString()!, CultureInfo.InvariantCulture)),
            _ => BsonValue.OfBinary(Convert.FromHexString(content.GetProperty("subType").GetString()!)[0], content.GetProperty("base64").GetBytesFromBase64()),
        };
        return true;
    }
}
