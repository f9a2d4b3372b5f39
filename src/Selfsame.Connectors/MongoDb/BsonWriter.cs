using System.Buffers.Binary;
using System.Globalization;

namespace Selfsame.Connectors.MongoDb;

/// <summary>Puts a document together, element by element.</summary>
internal sealed class BsonWriter
{
    private static readonly string[] SmallIndexes = [.. Enumerable.Range(0, 1000).Select(index => index.ToString(CultureInfo.InvariantCulture))];

    private byte[] buffer = new byte[128];
    private int length = sizeof(int);

    public static string IndexName(int index) => index < SmallIndexes.Length ? SmallIndexes[index] : index.ToString(CultureInfo.InvariantCulture);

    public BsonWriter Add(string name, BsonValue value)
    {
        if (name.Contains('\0', StringComparison.Ordinal))
        {
            throw new BsonException("A field's name can't hold a zero byte.");
        }

        return Add(BsonText.Strict.GetBytes(name), value);
    }

    public BsonWriter Add(ReadOnlySpan<byte> name, BsonValue value)
    {
        var start = length;
        Grow(1 + name.Length + 1 + value.Bytes.Length);
        buffer[start] = (byte)value.Type;
        name.CopyTo(buffer.AsSpan(start + 1));
        buffer[start + 1 + name.Length] = 0;
        value.Bytes.Span.CopyTo(buffer.AsSpan(start + 2 + name.Length));
        return this;
    }

    public BsonDocument Build()
    {
        Grow(1);
        buffer[length - 1] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(buffer, length);
        return new BsonDocument(buffer.AsMemory(0, length));
    }

    private void Grow(int by)
    {
        if (length + by > buffer.Length)
        {
            Array.Resize(ref buffer, Math.Max(buffer.Length * 2, length + by));
        }

        length += by;
    }
}
