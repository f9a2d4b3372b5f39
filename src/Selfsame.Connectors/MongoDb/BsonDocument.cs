using System.Buffers.Binary;
using System.Collections;
using System.Text;

namespace Selfsame.Connectors.MongoDb;

/// <summary>Bytes that are no BSON, or BSON of another shape than MongoDB documents for that answer.</summary>
internal sealed class BsonException(string message) : FormatException(message);

/// <summary>One element of a document, still as bytes.</summary>
internal readonly record struct BsonElement(ReadOnlyMemory<byte> NameBytes, BsonValue Value)
{
    public string Name => BsonText.Strict.GetString(NameBytes.Span);
}

/// <summary>A BSON document read straight from its bytes; nothing is parsed that nobody asks for.</summary>
internal readonly struct BsonDocument : IEnumerable<BsonElement>
{
    private const int EmptyLength = 5;

    private readonly ReadOnlyMemory<byte> bytes;

    public BsonDocument(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < EmptyLength || BinaryPrimitives.ReadInt32LittleEndian(bytes.Span) != bytes.Length || bytes.Span[^1] != 0)
        {
            throw new BsonException("The bytes are no BSON document.");
        }

        this.bytes = bytes;
    }

    public static BsonDocument Empty { get; } = Of();

    public ReadOnlyMemory<byte> Bytes => bytes.IsEmpty ? Empty.bytes : bytes;

    public bool IsEmpty => Bytes.Length == EmptyLength;

    /// <summary>A document of these elements in this order.</summary>
    public static BsonDocument Of(params ReadOnlySpan<(string Name, BsonValue Value)> elements)
    {
        var writer = new BsonWriter();
        foreach (var (name, value) in elements)
        {
            writer.Add(name, value);
        }

        return writer.Build();
    }

    /// <summary>The value of the first element of that name; null where there is none.</summary>
    public BsonValue? Find(string name)
    {
        var wanted = Encoding.UTF8.GetBytes(name);
        foreach (var element in this)
        {
            if (element.NameBytes.Span.SequenceEqual(wanted))
            {
                return element.Value;
            }
        }

        return null;
    }

    /// <summary>The document under that name; empty where there is none.</summary>
    public BsonDocument Document(string name) => Find(name) is { Type: BsonType.Object or BsonType.Array } value ? value.AsDocument : Empty;

    /// <summary>The text under that name; empty where there is none.</summary>
    public string Text(string name) => Find(name)?.AsText ?? "";

    /// <summary>The number under that name; 0 where there is none.</summary>
    public long Number(string name) => Find(name)?.AsNumber ?? 0;

    public bool Flag(string name) => Find(name) is { } value && value.IsTrue;

    /// <summary>The documents of an array.</summary>
    public IEnumerable<BsonDocument> Documents(string name) => Document(name).Where(element => element.Value.Type == BsonType.Object).Select(element => element.Value.AsDocument);

    /// <summary>These elements followed by more.</summary>
    public BsonDocument With(params ReadOnlySpan<(string Name, BsonValue Value)> elements)
    {
        var writer = new BsonWriter();
        foreach (var element in this)
        {
            writer.Add(element.NameBytes.Span, element.Value);
        }

        foreach (var (name, value) in elements)
        {
            writer.Add(name, value);
        }

        return writer.Build();
    }

    public Enumerator GetEnumerator() => new(Bytes);

    IEnumerator<BsonElement> IEnumerable<BsonElement>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public struct Enumerator(ReadOnlyMemory<byte> bytes) : IEnumerator<BsonElement>
    {
        private int position = sizeof(int);

        public BsonElement Current { get; private set; }

        readonly object IEnumerator.Current => Current;

        public bool MoveNext()
        {
            var span = bytes.Span;
            if (position >= span.Length - 1)
            {
                return false;
            }

            var type = (BsonType)span[position];
            var name = span[(position + 1)..].IndexOf((byte)0);
            if (name < 0 || position + name + 2 >= span.Length)
            {
                throw new BsonException("A BSON document ends within a name.");
            }

            var start = position + name + 2;
            var length = BsonValue.LengthOf(type, span[start..^1]);
            Current = new BsonElement(bytes.Slice(position + 1, name), new BsonValue(type, bytes.Slice(start, length)));
            position = start + length;
            return true;
        }

        public void Reset() => position = sizeof(int);

        public readonly void Dispose()
        {
            // Nothing is held.
        }
    }
}
