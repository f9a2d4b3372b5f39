using System.Runtime.InteropServices;
using System.Text;

namespace Selfsame.Core.Identifiers.Unicode;

/// <summary>One of the generated mappings of a code point to a sequence, with the sequence as UTF-16.</summary>
internal readonly ref struct CodePointMapping
{
    private readonly ReadOnlySpan<int> sources;
    private readonly ReadOnlySpan<ushort> places;
    private readonly ReadOnlySpan<ushort> pool;

    private CodePointMapping(ReadOnlySpan<int> sources, ReadOnlySpan<ushort> places, ReadOnlySpan<ushort> pool)
    {
        this.sources = sources;
        this.places = places;
        this.pool = pool;
    }

    /// <summary>Full canonical decomposition, Hangul syllables excepted.</summary>
    public static CodePointMapping Decomposition =>
        new(DecompositionTable.Sources, DecompositionTable.Places, DecompositionTable.Pool);

    /// <summary>Lowercase_Mapping without its context-dependent part.</summary>
    public static CodePointMapping LowerCase => new(LowerCaseTable.Sources, LowerCaseTable.Places, LowerCaseTable.Pool);

    /// <summary>The width mapping rule of RFC 8264 section 5.2.1.</summary>
    public static CodePointMapping Width => new(WidthTable.Sources, WidthTable.Places, WidthTable.Pool);

    /// <summary>The mappings of UTS #46.</summary>
    public static CodePointMapping Domain => new(DomainTable.Sources, DomainTable.Places, DomainTable.Pool);

    /// <summary>The prototypes of UTS #39.</summary>
    public static CodePointMapping Confusable => new(ConfusableTable.Sources, ConfusableTable.Places, ConfusableTable.Pool);

    /// <summary>Finds what a code point is mapped to.</summary>
    /// <returns>Whether it is mapped at all.</returns>
    public bool TryFind(int codePoint, out ReadOnlySpan<char> target)
    {
        var index = sources.BinarySearch(codePoint);
        if (index < 0)
        {
            target = default;
            return false;
        }

        var place = places[index];
        target = MemoryMarshal.Cast<ushort, char>(pool.Slice(place + 1, pool[place]));
        return true;
    }

    /// <summary>Maps every code point of the text; the same instance when nothing changes.</summary>
    public string Apply(string text)
    {
        StringBuilder? result = null;
        var at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (TryFind(rune.Value, out var target))
            {
                result ??= new StringBuilder(text, 0, at, text.Length + target.Length);
                result.Append(target);
            }
            else
            {
                result?.Append(rune);
            }

            at += rune.Utf16SequenceLength;
        }

        return result?.ToString() ?? text;
    }
}
