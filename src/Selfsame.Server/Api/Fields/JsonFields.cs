using System.Text;
using System.Text.Json;
using Selfsame.Core.Identifiers;

namespace Selfsame.Server.Api.Fields;

/// <summary>From JSON text to fields. What breaks JSON's own rules (RFC 8259) throws <see cref="JsonException"/>.</summary>
internal static class JsonFields
{
    private const int MostUnknown = 20;
    private const int LongestShownName = 100;
    private const int DeepestNesting = 16;

    /// <summary>Fills <paramref name="fields"/>; a sentence when this is no object of named values.</summary>
    public static string? Read(ReadOnlySpan<byte> json, IReadOnlyList<Field> known, RequestFields fields)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = DeepestNesting });
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return "The body must be one JSON object, as in {\"name\": \"value\"}.";
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        var unknown = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!TryGetText(ref reader, out var name))
            {
                return "A field's name holds half a character (a lone surrogate). Correct it.";
            }

            reader.Read();
            var field = known.FirstOrDefault(candidate => candidate.Name == name);
            if (field is null)
            {
                unknown++;
                if (unknown <= MostUnknown)
                {
                    RefuseUnknown(name, fields);
                }

                reader.Skip();
            }
            else if (!seen.Add(name))
            {
                fields.Errors.Add(name, new Refusal($"{name}.repeated", "This field is there twice. Write it once."));
                reader.Skip();
            }
            else
            {
                ReadValue(ref reader, field, fields);
            }
        }

        // Reading on finds what should not follow the object.
        reader.Read();
        RequireAll(known, fields);
        return null;
    }

    private static void RefuseUnknown(string name, RequestFields fields)
        => fields.Errors.Add(
            name.Length <= LongestShownName ? name : string.Concat(name.AsSpan(0, char.IsHighSurrogate(name[LongestShownName - 1]) ? LongestShownName - 1 : LongestShownName), "…"),
            new Refusal("field.unknown", "There is no such field here, or it may not be set by this caller. Leave it out."));

    private static void RequireAll(IReadOnlyList<Field> known, RequestFields fields)
    {
        foreach (var field in known.Where(field => field.IsRequired && !fields.Has(field.Name) && !fields.Errors.ByField.ContainsKey(field.Name)))
        {
            fields.Errors.Add(field.Name, new Refusal($"{field.Name}.missing", "This field is required. Fill it in."));
        }
    }

    private static void ReadValue(ref Utf8JsonReader reader, Field field, RequestFields fields)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            if (field.IsNullable)
            {
                fields.Set(field.Name, null);
            }
            else
            {
                fields.Errors.Add(field.Name, new Refusal($"{field.Name}.null", $"This must not be null. {Expectation(field.Kind)}"));
            }

            return;
        }

        var (value, refusal) = (field.Kind, reader.TokenType) switch
        {
            (FieldKind.Text, JsonTokenType.String) => ReadText(ref reader, field),
            (FieldKind.Flag, JsonTokenType.True or JsonTokenType.False) => (reader.GetBoolean(), null),
            (FieldKind.Texts, JsonTokenType.StartArray) => ReadTexts(ref reader, field),
            _ => (null, WrongType(ref reader, field)),
        };
        if (refusal is null)
        {
            fields.Set(field.Name, value);
        }
        else
        {
            fields.Errors.Add(field.Name, refusal);
        }
    }

    private static Refusal WrongType(ref Utf8JsonReader reader, Field field)
    {
        reader.Skip();
        return new Refusal($"{field.Name}.type", Expectation(field.Kind));
    }

    private static (object? Value, Refusal? Refusal) ReadText(ref Utf8JsonReader reader, Field field)
        => TryGetText(ref reader, out var text)
            ? FieldText.Refuse(text, field) is { } refusal ? (null, refusal) : (text, null)
            : (null, new Refusal($"{field.Name}.surrogate", "This holds half a character (a lone surrogate). Type it again."));

    private static (object? Value, Refusal? Refusal) ReadTexts(ref Utf8JsonReader reader, Field field)
    {
        var texts = new List<string>();
        Refusal? refusal = null;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.String)
            {
                refusal ??= new Refusal($"{field.Name}.type", Expectation(field.Kind));
                reader.Skip();
                continue;
            }

            var (text, textRefusal) = ReadText(ref reader, field);
            refusal ??= textRefusal;
            texts.Add((string?)text ?? "");
        }

        return (texts, refusal);
    }

    private static string Expectation(FieldKind kind) => kind switch
    {
        FieldKind.Text => "Write a text in quotation marks.",
        FieldKind.Flag => "Write true or false, without quotation marks.",
        FieldKind.Texts => "Write a list of texts, as in [\"one\", \"two\"].",
        _ => "Write a whole number.",
    };

    private static bool TryGetText(ref Utf8JsonReader reader, out string text)
    {
        try
        {
            text = reader.GetString()!;
            return true;
        }
        catch (InvalidOperationException)
        {
            // The reader has no question for it: an escape such as \ud800 that is half of a pair.
            text = "";
            return false;
        }
    }
}

/// <summary>What no text of a request may hold, whatever the field.</summary>
internal static class FieldText
{
    public static Refusal? Refuse(string text, Field field)
    {
        if (text.Contains('\0'))
        {
            return new Refusal($"{field.Name}.nul", "This holds the control character U+0000. Leave it out.");
        }

        if (HasLoneSurrogate(text))
        {
            return new Refusal($"{field.Name}.surrogate", "This holds half a character (a lone surrogate). Type it again.");
        }

        if (field.Choices is { } choices && !choices.Contains(text))
        {
            return new Refusal($"{field.Name}.choice", $"Write one of: {string.Join(", ", choices)}.");
        }

        return text.Length > field.ReadLimit
            ? new Refusal($"{field.Name}.too-long", $"This is longer than {field.ReadLimit} characters. Shorten it.")
            : null;
    }

    private static bool HasLoneSurrogate(string text)
    {
        for (var index = 0; index < text.Length; index++)
        {
            if (char.IsSurrogate(text[index]))
            {
                if (Rune.DecodeFromUtf16(text.AsSpan(index), out _, out _) != System.Buffers.OperationStatus.Done)
                {
                    return true;
                }

                index++;
            }
        }

        return false;
    }
}
