using System.Text.Unicode;

namespace Selfsame.Connectors.MongoDb;

/// <summary>The names of fields by their places: documents of one collection mostly have the same, so each is decoded once.</summary>
internal sealed class BsonNames
{
    private readonly List<(byte[] Bytes, string Name)> known = [];

    /// <summary>The name at that place of a document; <see cref="BsonException"/> when it is no UTF-8.</summary>
    public string NameAt(int place, ReadOnlySpan<byte> bytes)
    {
        if (place < known.Count && bytes.SequenceEqual(known[place].Bytes))
        {
            return known[place].Name;
        }

        if (!Utf8.IsValid(bytes))
        {
            throw new BsonException("the name of a field is no valid UTF-8.");
        }

        var name = BsonText.Strict.GetString(bytes);
        if (place < known.Count)
        {
            known[place] = (bytes.ToArray(), name);
        }
        else
        {
            known.Add((bytes.ToArray(), name));
        }

        return name;
    }
}
