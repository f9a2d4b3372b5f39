using System.Buffers.Binary;
using System.Globalization;
using System.Text.Unicode;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>
/// Documents as the records of the connector contract, and back to the same bytes. Text, double, bool, null and plain
/// binary are the contract's own values. A whole number is an <c>int</c> when it fits one, else a <c>long</c>; a small number
/// that is stored as a long says so (<c>long</c>). ObjectId is its hex, a date its ISO 8601 text in UTC, a uuid its
/// hyphenated text, documents and arrays are Extended JSON; what has no exact text is <c>base64:</c> and its bytes.
/// </summary>
internal static class BsonFields
{
    private const string Uuid = "uuid";
    private const string RawPrefix = "base64:";
    private const string DateFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
    private const long NanBits = 0x7FF8000000000000;
    private const byte PlainSubtype = 0;
    private const byte UuidSubtype = 4;

    /// <summary>The record that a document is; <see cref="BsonException"/> for one that no record can hold (a name twice, or no UTF-8).</summary>
    /// <param name="document">The document.</param>
    /// <param name="names">The names of documents read before, where many of one shape are read.</param>
    public static Fields ToFields(BsonDocument document, BsonNames? names = null)
    {
        names ??= new BsonNames();
        var fields = new List<KeyValuePair<string, FieldValue>>();
        foreach (var element in document)
        {
            fields.Add(new(names.NameAt(fields.Count, element.NameBytes.Span), ToField(element.Value)));
        }

        try
        {
            return new Fields(fields);
        }
        catch (ArgumentException)
        {
            throw new BsonException($"the field '{fields.GroupBy(field => field.Key).First(group => group.Count() > 1).Key}' stands there twice.");
        }
    }

    /// <summary>The document of these fields, <c>_id</c> first.</summary>
    public static BsonDocument ToDocument(Fields fields)
    {
        var writer = new BsonWriter();
        foreach (var (name, value) in fields.OrderBy(pair => pair.Key != "_id"))
        {
            writer.Add(name, ToBson(value));
        }

        return writer.Build();
    }

    public static FieldValue ToField(BsonValue value)
    {
        var bytes = value.Bytes.Span;
        return value.Type switch
        {
            BsonType.Double when BinaryPrimitives.ReadDoubleLittleEndian(bytes) is var number
                && (!double.IsNaN(number) || BitConverter.DoubleToInt64Bits(number) == NanBits) => FieldValue.Number(number),
            BsonType.String when Utf8.IsValid(bytes[sizeof(int)..^1]) => FieldValue.Text(value.AsText!),
            BsonType.Bool => FieldValue.Boolean(value.IsTrue),
            BsonType.Null => FieldValue.Null,
            BsonType.Int => FieldValue.Integer(value.AsNumber!.Value),
            BsonType.Long when value.AsNumber is > int.MaxValue or < int.MinValue => FieldValue.Integer(value.AsNumber!.Value),
            BsonType.Long => Native(value.Type, value.AsNumber!.Value.ToString(CultureInfo.InvariantCulture)),
            BsonType.ObjectId => Native(value.Type, Convert.ToHexStringLower(bytes)),
            BsonType.Date => Native(value.Type, DateText(BinaryPrimitives.ReadInt64LittleEndian(bytes))),
            BsonType.Decimal when Decimal128Text.ToText(bytes) is { } text => Native(value.Type, text),
            BsonType.Object or BsonType.Array when BsonJson.TryWrite(value) is { } json => Native(value.Type, json),
            BsonType.BinData when bytes[sizeof(int)] == PlainSubtype => FieldValue.Bytes(bytes[(sizeof(int) + 1)..].ToArray()),
            BsonType.BinData when bytes[sizeof(int)] == UuidSubtype && bytes.Length == sizeof(int) + 1 + 16
                => FieldValue.Native(Uuid, new Guid(bytes[(sizeof(int) + 1)..], bigEndian: true).ToString("D")),
            _ => Native(value.Type, RawPrefix + Convert.ToBase64String(bytes)),
        };
    }

    /// <summary>The BSON of a value. One of another system's own types is written as its text; a text that its BSON type can't have is a <see cref="BsonException"/>.</summary>
    public static BsonValue ToBson(FieldValue value) => value.AsNative is { } native
        ? OfNative(native)
        : value.Raw switch
        {
            null => BsonValue.Null,
            string text => OfText(text),
            long and >= int.MinValue and <= int.MaxValue and var number => (int)number,
            long number => number,
            double number when double.IsNaN(number) => BitConverter.Int64BitsToDouble(NanBits),
            double number => number,
            bool boolean => boolean,
            byte[] bytes => BsonValue.OfBinary(PlainSubtype, bytes),
            var other => throw new InvalidOperationException($"A record's value can't be a {other.GetType().Name}."),
        };

    private static BsonValue OfNative(NativeValue native)
    {
        if (native.Type == Uuid)
        {
            return Guid.TryParseExact(native.Text, "D", out var uuid) ? OfUuid(uuid) : OfText(native.Text);
        }

        if (BsonTypeNames.Parse(native.Type) is not { } type)
        {
            return OfText(native.Text);
        }

        try
        {
            return native.Text.StartsWith(RawPrefix, StringComparison.Ordinal) ? OfRaw(type, native.Text[RawPrefix.Length..]) : OfReadable(type, native.Text);
        }
        catch (FormatException exception) when (exception is not BsonException)
        {
            throw new BsonException($"'{native.Text}' is no value of the type {native.Type}.");
        }
    }

    /// <summary>The update that leaves a document with these fields, and without those that are to be missing.</summary>
    public static BsonDocument ToUpdate(Fields set)
    {
        var missing = set.Where(pair => pair.Value.IsMissing).Select(pair => pair.Key).ToHashSet(StringComparer.Ordinal);
        var kept = set.Without(missing);
        List<(string, BsonValue)> parts = [];
        if (kept.Count > 0)
        {
            parts.Add(("$set", ToDocument(kept)));
        }

        if (missing.Count > 0)
        {
            parts.Add(("$unset", BsonDocument.Of([.. missing.Select(field => (field, (BsonValue)""))])));
        }

        return BsonDocument.Of([.. parts]);
    }

    public static BsonValue OfUuid(Guid uuid) => BsonValue.OfBinary(UuidSubtype, uuid.ToByteArray(bigEndian: true));

    private static BsonValue OfText(string text)
    {
        try
        {
            return text;
        }
        catch (ArgumentException)
        {
            throw new BsonException("a text holds half of a surrogate pair, which no document can hold.");
        }
    }

    private static BsonValue OfRaw(BsonType type, string base64)
    {
        var bytes = Convert.FromBase64String(base64);
        return BsonValue.LengthOf(type, bytes) == bytes.Length ? new BsonValue(type, bytes) : throw new FormatException();
    }

    private static BsonValue OfReadable(BsonType type, string text) => type switch
    {
        BsonType.Long => long.Parse(text, CultureInfo.InvariantCulture),
        BsonType.ObjectId when text.Length == 24 => new BsonValue(type, Convert.FromHexString(text)),
        BsonType.Date => BsonValue.OfDate(MillisecondsOf(text)),
        BsonType.Decimal => new BsonValue(type, Decimal128Text.ToBytes(text) ?? throw new FormatException()),
        BsonType.Object or BsonType.Array when BsonJson.Read(text) is var value && value.Type == type => value,
        _ => throw new FormatException(),
    };

    // A date beyond what .NET's calendar holds stands as its milliseconds.
    private static string DateText(long milliseconds)
        => milliseconds >= DateTimeOffset.MinValue.ToUnixTimeMilliseconds() && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString(DateFormat, CultureInfo.InvariantCulture)
            : milliseconds.ToString(CultureInfo.InvariantCulture);

    private static long MillisecondsOf(string text)
        => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var milliseconds)
            ? milliseconds
            : DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal).ToUnixTimeMilliseconds();

    private static FieldValue Native(BsonType type, string text) => FieldValue.Native(type.Name(), text);
}
