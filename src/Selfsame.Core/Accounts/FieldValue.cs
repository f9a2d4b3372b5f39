using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Selfsame.Core.Accounts;

/// <summary>
/// One value of a record as its system holds it: null, text, a whole number, a number, a boolean or bytes. It
/// survives the round trip through JSON with its type, so that a before-image can be put back exactly. A
/// <see cref="Digest"/> stands in a plan for a secret that the plan must not contain.
/// </summary>
[JsonConverter(typeof(FieldValueConverter))]
public readonly struct FieldValue : IEquatable<FieldValue>
{
    /// <summary>The type of a <see cref="BrokenText"/>.</summary>
    public const string BrokenTextType = "brokenText";

    private const string BrokenTextPrefix = "base64:";
    private const string NativeTag = "type:";
    private static readonly string[] Noes = ["", "false", "f", "no", "n", "off"];
    private readonly object? value;

    private FieldValue(object? value) => this.value = value;

    public static FieldValue Null { get; }

    public bool IsNull => value is null;

    /// <summary>The text, or null when the value is not text.</summary>
    public string? AsText => value as string;

    public bool IsBytes => value is byte[];

    /// <summary>Whether this is a digest instead of the value itself.</summary>
    public bool IsDigest => value is SecretDigest;

    /// <summary>A value of a type that only its system has; null when it is none.</summary>
    public NativeValue? AsNative => value as NativeValue;

    /// <summary>The value as a database driver takes it: null, string, long, double, bool or byte[]; a native value's text.</summary>
    public object? Raw => value switch
    {
        NativeValue when IsMissing => null,
        SecretDigest => throw new InvalidOperationException("A digest can't be written to a system."),
        NativeValue native => native.Text,
        _ => value,
    };

    public static FieldValue Text(string text) => new(text);

    public static FieldValue Integer(long number) => new(number);

    public static FieldValue Number(double number) => new(number);

    public static FieldValue Boolean(bool boolean) => new(boolean);

    public static FieldValue Bytes(byte[] bytes) => new(bytes);

    /// <summary>A value of a type that only its system has (a BSON ObjectId, a nested document), by the type's name and an exact text.</summary>
    public static FieldValue Native(string type, string text) => new(new NativeValue(type, text));

    /// <summary>What stands before a field is there at all: in a document that is not null, though it is read as if it were.</summary>
    public static FieldValue Missing { get; } = Native("missing", "");

    public bool IsMissing => this == Missing;

    /// <summary>What stands in a field of texts and is none, by its bytes: no UTF-8, or with a zero within that ends it for its reader. Written back it is the same bytes.</summary>
    public static FieldValue BrokenText(byte[] bytes) => Native(BrokenTextType, BrokenTextPrefix + Convert.ToBase64String(bytes));

    /// <summary>The bytes of a <see cref="BrokenText"/>; null when it is none.</summary>
    public byte[]? AsBrokenText
        => value is NativeValue { Type: BrokenTextType } native && native.Text.StartsWith(BrokenTextPrefix, StringComparison.Ordinal) ? Convert.FromBase64String(native.Text[BrokenTextPrefix.Length..]) : null;

    /// <summary>Wraps what a driver returned; a type that no record may hold is a bug of the connector.</summary>
    public static FieldValue From(object? raw) => raw switch
    {
        null or DBNull => Null,
        string or long or double or bool or byte[] => new FieldValue(raw),
        int number => new FieldValue((long)number),
        short number => new FieldValue((long)number),
        float number => new FieldValue((double)number),
        _ => throw new ArgumentException($"A record can't hold a {raw.GetType().Name}; the connector must convert it.", nameof(raw)),
    };

    /// <summary>A salted SHA-256 of a secret: tells whether it changed, and nothing else.</summary>
    public FieldValue Digest(string salt) => new(new SecretDigest(DigestOf(salt)));

    /// <summary>
    /// Whether the record's <paramref name="present"/> value is this one. A digest is compared with the digest of the
    /// present value under the same <paramref name="salt"/>.
    /// </summary>
    public bool Matches(FieldValue present, string salt)
        => value is SecretDigest digest
            ? digest.Sha256 == (present.value is SecretDigest other ? other.Sha256 : present.DigestOf(salt))
            : Equals(present) || (IsMissing && present.IsNull);

    /// <summary>
    /// Equality across systems that hold one fact in different types: SQLite's 1 and PostgreSQL's true, 1 and 1.0, and
    /// a number that a column holds as text.
    /// </summary>
    public bool SameFactAs(FieldValue other) => (value, other.value) switch
    {
        (bool boolean, long number) => number == (boolean ? 1 : 0),
        (long number, bool boolean) => number == (boolean ? 1 : 0),
        (long whole, double number) => whole == number,
        (double number, long whole) => whole == number,
        (string text, long number) => text == number.ToString(CultureInfo.InvariantCulture),
        (long number, string text) => text == number.ToString(CultureInfo.InvariantCulture),
        (NativeValue native, string text) => native.Text == text,
        (NativeValue native, long number) => native.Text == number.ToString(CultureInfo.InvariantCulture),
        (long number, NativeValue native) => native.Text == number.ToString(CultureInfo.InvariantCulture),
        (string text, NativeValue native) => native.Text == text,
        _ => Equals(other) || (IsMissing && other.IsNull) || (IsNull && other.IsMissing),
    };

    /// <summary>
    /// This value as a system holds it that holds <paramref name="other"/> in the same field: a uuid that is text in one system is of a type of
    /// its own in another. Bytes that are no text have no other form, and give none.
    /// </summary>
    public FieldValue InTheFormOf(FieldValue other) => AsBrokenText is not null || other.AsBrokenText is not null ? this : (value, other.value) switch
    {
        (string text, NativeValue native) => Native(native.Type, text),
        (NativeValue native, string) => Text(native.Text),
        (NativeValue ours, NativeValue theirs) => Native(theirs.Type, ours.Text),
        (long number, string) => Text(number.ToString(CultureInfo.InvariantCulture)),
        _ => this,
    };

    /// <summary>
    /// Whether the value says yes: true, a number other than 0, a text that is neither empty nor says no. So an instant says yes (verified on that
    /// day), and systems' own types say what their texts say.
    /// </summary>
    public bool IsTruthy => value switch
    {
        bool boolean => boolean,
        long number => number != 0,
        double number => number != 0,
        string text => SaysYes(text),
        NativeValue native => SaysYes(native.Text),
        _ => false,
    };

    // As numbers that SQL and BSON write; "NaN" and "Infinity" in a text are words.
    private double? Size => value switch
    {
        long number => number,
        double number => number,
        _ => (AsText ?? AsNative?.Text) is { Length: > 0 } text && (char.IsAsciiDigit(text[^1]) || text[^1] == '.')
            && double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var number)
            ? number : null,
    };

    internal static bool SaysYes(ReadOnlySpan<char> text)
    {
        text = text.Trim();
        foreach (var no in Noes)
        {
            if (text.Equals(no, StringComparison.OrdinalIgnoreCase))
            {
                return false;
            }
        }

        return !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) || number != 0;
    }

    /// <summary>An order: null, then numbers by size, whatever type holds them, then all else by its text, ordinally.</summary>
    public int CompareTo(FieldValue other)
    {
        if (value is long left && other.value is long right)
        {
            return left.CompareTo(right);
        }

        var (one, theirs) = (Size, other.Size);
        var ranks = Rank(this, one).CompareTo(Rank(other, theirs));
        var sizes = ranks == 0 && one is { } size && theirs is { } otherSize ? size.CompareTo(otherSize) : 0;
        return ranks != 0 ? ranks : sizes != 0 ? sizes : string.CompareOrdinal(ToString(), other.ToString());

        static int Rank(FieldValue value, double? size) => value.IsNull ? 0 : size is null ? 2 : 1;
    }

    public bool Equals(FieldValue other) => (value, other.value) switch
    {
        (byte[] left, byte[] right) => left.AsSpan().SequenceEqual(right),
        (string left, string right) => string.Equals(left, right, StringComparison.Ordinal),
        _ => Equals(value, other.value),
    };

    public override bool Equals(object? obj) => obj is FieldValue other && Equals(other);

    public override int GetHashCode() => value switch
    {
        byte[] bytes => bytes.Length,
        null => 0,
        _ => value.GetHashCode(),
    };

    public static bool operator ==(FieldValue left, FieldValue right) => left.Equals(right);

    public static bool operator !=(FieldValue left, FieldValue right) => !left.Equals(right);

    /// <summary>For people: text as it is, null as <c>∅</c>, bytes by their number, a secret as dots.</summary>
    public override string ToString() => value switch
    {
        null => "∅",
        string text => text,
        bool boolean => boolean ? "true" : "false",
        byte[] bytes => $"{bytes.Length} bytes",
        SecretDigest => "•••",
        NativeValue native => native.Text,
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new InvalidOperationException(),
    };

    internal void Write(Utf8JsonWriter writer)
    {
        switch (value)
        {
            case null: writer.WriteNullValue(); break;
            case string text: writer.WriteStringValue(text); break;
            case bool boolean: writer.WriteBooleanValue(boolean); break;
            case long number: writer.WriteNumberValue(number); break;
            case double number when double.IsFinite(number): writer.WriteRawValue(WithPoint(number)); break;
            case double number: WriteTagged(writer, "number", number.ToString(CultureInfo.InvariantCulture)); break;
            case byte[] bytes: WriteTagged(writer, "base64", Convert.ToBase64String(bytes)); break;
            case SecretDigest digest: WriteTagged(writer, "sha256", digest.Sha256); break;
            case NativeValue native: WriteTagged(writer, NativeTag + native.Type, native.Text); break;
        }
    }

    internal static FieldValue Read(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.Null: return Null;
            case JsonTokenType.String: return Text(reader.GetString()!);
            case JsonTokenType.True: return Boolean(true);
            case JsonTokenType.False: return Boolean(false);
            case JsonTokenType.Number:
                return reader.TryGetInt64(out var whole) ? Integer(whole) : Number(reader.GetDouble());
            case JsonTokenType.StartObject: return ReadTagged(ref reader);
            default: throw new JsonException("A field's value must be null, text, a number, true, false or one tagged value.");
        }
    }

    private static FieldValue ReadTagged(ref Utf8JsonReader reader)
    {
        reader.Read();
        var tag = reader.TokenType == JsonTokenType.PropertyName ? reader.GetString() : null;
        reader.Read();
        var text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException("A tagged value must be text.");
        reader.Read();
        if (reader.TokenType != JsonTokenType.EndObject)
        {
            throw new JsonException("A tagged value has exactly one tag.");
        }

        return tag switch
        {
            "base64" => Bytes(Convert.FromBase64String(text)),
            "number" => Number(double.Parse(text, CultureInfo.InvariantCulture)),
            "sha256" => new FieldValue(new SecretDigest(text)),
            not null when tag.StartsWith(NativeTag, StringComparison.Ordinal) => Native(tag[NativeTag.Length..], text),
            _ => throw new JsonException($"The tag '{tag}' of a value is unknown."),
        };
    }

    // A number keeps its point, so that 1.0 does not come back as the whole number 1.
    private static string WithPoint(double number)
    {
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.AsSpan().IndexOfAny(".eE") < 0 ? text + ".0" : text;
    }

    private static void WriteTagged(Utf8JsonWriter writer, string tag, string text)
    {
        writer.WriteStartObject();
        writer.WriteString(tag, text);
        writer.WriteEndObject();
    }

    private string DigestOf(string salt)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            Write(writer);
        }

        return Convert.ToHexStringLower(SHA256.HashData([.. Encoding.UTF8.GetBytes(salt), 0, .. stream.ToArray()]));
    }

    private sealed record SecretDigest(string Sha256);
}

/// <summary>A value of a type that only its system has.</summary>
/// <param name="Type">The system's name of the type.</param>
/// <param name="Text">An exact text of the value, from which the connector makes it again.</param>
public sealed record NativeValue(string Type, string Text);

internal sealed class FieldValueConverter : JsonConverter<FieldValue>
{
    public override bool HandleNull => true;

    public override FieldValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        => FieldValue.Read(ref reader);

    public override void Write(Utf8JsonWriter writer, FieldValue value, JsonSerializerOptions options) => value.Write(writer);
}
