using System.Buffers.Binary;
using System.Text;

namespace Selfsame.Connectors.MongoDb;

/// <summary>UTF-8 as records need it (wrong bytes are an error), and as messages need it (wrong bytes are replaced).</summary>
internal static class BsonText
{
    public static UTF8Encoding Strict { get; } = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
}

/// <summary>One BSON value: its type, and its bytes without type and name. Equal when both are, byte for byte.</summary>
internal readonly struct BsonValue(BsonType type, ReadOnlyMemory<byte> bytes) : IEquatable<BsonValue>
{
    public BsonType Type => type;

    public ReadOnlyMemory<byte> Bytes => bytes;

    public static BsonValue Null { get; } = new(BsonType.Null, default);

    public BsonDocument AsDocument => type is BsonType.Object or BsonType.Array
        ? new BsonDocument(bytes)
        : throw new BsonException($"A document was expected and not a value of the type {type.Name()}.");

    /// <summary>The text, bytes that are no UTF-8 replaced (messages of the server hold raw sort keys); null when it is no text.</summary>
    public string? AsText => type == BsonType.String ? Encoding.UTF8.GetString(bytes.Span[sizeof(int)..^1]) : null;

    /// <summary>The whole number of an int, long or double; null when it is none of them.</summary>
    public long? AsNumber => type switch
    {
        BsonType.Int => BinaryPrimitives.ReadInt32LittleEndian(bytes.Span),
        BsonType.Long => BinaryPrimitives.ReadInt64LittleEndian(bytes.Span),
        BsonType.Double => (long)BinaryPrimitives.ReadDoubleLittleEndian(bytes.Span),
        _ => null,
    };

    /// <summary>A true boolean, or a number other than 0 (the server says <c>ok: 1.0</c>).</summary>
    public bool IsTrue => type == BsonType.Bool ? bytes.Span[0] != 0 : AsNumber is not null and not 0;

    public static implicit operator BsonValue(string text)
    {
        var length = BsonText.Strict.GetByteCount(text);
        var bytes = new byte[sizeof(int) + length + 1];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, length + 1);
        BsonText.Strict.GetBytes(text, bytes.AsSpan(sizeof(int)));
        return new BsonValue(BsonType.String, bytes);
    }

    public static implicit operator BsonValue(int number)
    {
        var bytes = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        return new BsonValue(BsonType.Int, bytes);
    }

    public static implicit operator BsonValue(long number) => OfInt64(BsonType.Long, number);

    public static implicit operator BsonValue(double number) => OfInt64(BsonType.Double, BitConverter.DoubleToInt64Bits(number));

    public static implicit operator BsonValue(bool boolean) => new(BsonType.Bool, new[] { boolean ? (byte)1 : (byte)0 });

    public static implicit operator BsonValue(BsonDocument document) => new(BsonType.Object, document.Bytes);

    public static BsonValue OfDate(long milliseconds) => OfInt64(BsonType.Date, milliseconds);

    /// <summary>An array; its elements' names are their places, as BSON wants it.</summary>
    public static BsonValue OfArray(IEnumerable<BsonValue> values)
    {
        var writer = new BsonWriter();
        var index = 0;
        foreach (var value in values)
        {
            writer.Add(BsonWriter.IndexName(index++), value);
        }

        return new BsonValue(BsonType.Array, writer.Build().Bytes);
    }

    public static BsonValue OfArray(IEnumerable<BsonDocument> documents) => OfArray(documents.Select(document => (BsonValue)document));

    public static BsonValue OfBinary(byte subtype, ReadOnlySpan<byte> content)
    {
        var bytes = new byte[sizeof(int) + 1 + content.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, content.Length);
        bytes[sizeof(int)] = subtype;
        content.CopyTo(bytes.AsSpan(sizeof(int) + 1));
        return new BsonValue(BsonType.BinData, bytes);
    }

    /// <summary>How many of <paramref name="rest"/>'s bytes a value of that type takes.</summary>
    public static int LengthOf(BsonType type, ReadOnlySpan<byte> rest)
    {
        var length = type switch
        {
            BsonType.Double or BsonType.Date or BsonType.Timestamp or BsonType.Long => 8,
            BsonType.String or BsonType.JavaScript or BsonType.Symbol => sizeof(int) + Prefix(rest, least: 1),
            BsonType.Object or BsonType.Array => Prefix(rest, least: 5),
            BsonType.JavaScriptWithScope => Prefix(rest, least: 14),
            BsonType.BinData => sizeof(int) + 1 + Prefix(rest, least: 0),
            BsonType.Undefined or BsonType.Null or BsonType.MinKey or BsonType.MaxKey => 0,
            BsonType.ObjectId => 12,
            BsonType.Bool => 1,
            BsonType.Regex => RegexLength(rest),
            BsonType.DbPointer => sizeof(int) + Prefix(rest, least: 1) + 12,
            BsonType.Int => sizeof(int),
            BsonType.Decimal => 16,
            _ => throw new BsonException($"There is no BSON type {(byte)type}."),
        };
        return (uint)length <= (uint)rest.Length ? length : throw new BsonException("A BSON document ends within a value.");
    }

    public bool Equals(BsonValue other) => type == other.Type && bytes.Span.SequenceEqual(other.Bytes.Span);

    public override bool Equals(object? obj) => obj is BsonValue other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.Add(type);
        hash.AddBytes(bytes.Span);
        return hash.ToHashCode();
    }

    private static BsonValue OfInt64(BsonType type, long number)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        return new BsonValue(type, bytes);
    }

    private static int Prefix(ReadOnlySpan<byte> rest, int least)
    {
        var length = rest.Length < sizeof(int) ? -1 : BinaryPrimitives.ReadInt32LittleEndian(rest);
        return length >= least && length <= rest.Length ? length : throw new BsonException("A BSON value's length is wrong.");
    }

    private static int RegexLength(ReadOnlySpan<byte> rest)
    {
        var pattern = rest.IndexOf((byte)0);
        var options = pattern < 0 ? -1 : rest[(pattern + 1)..].IndexOf((byte)0);
        return options < 0 ? throw new BsonException("A BSON regular expression does not end.") : pattern + options + 2;
    }
}
