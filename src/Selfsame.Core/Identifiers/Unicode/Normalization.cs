using System.Text;

namespace Selfsame.Core.Identifiers.Unicode;

/// <summary>Normalization forms C and D (UAX #15) from the pinned tables.</summary>
public static class Normalization
{
    private const int SyllableBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TailBase = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TailCount = 28;
    private const int SyllableCount = LeadCount * VowelCount * TailCount;

    /// <summary>Form C; the same instance when the text is in that form already.</summary>
    public static string ToNfc(string text)
    {
        if (IsNfc(text))
        {
            return text;
        }

        var codePoints = Decompose(text);
        return CodePoints.ToText(codePoints.AsSpan(0, Compose(codePoints)));
    }

    /// <summary>Form D; the same instance when the text is ASCII.</summary>
    public static string ToNfd(string text) => Ascii.IsValid(text) ? text : CodePoints.ToText(Decompose(text));

    /// <summary>The quick check of UAX #15 section 9; "maybe" counts as no, the full path then decides.</summary>
    private static bool IsNfc(string text)
    {
        // Everything below U+0300 is a starter whose NFC_Quick_Check is Yes.
        if (text.AsSpan().IndexOfAnyExceptInRange('\0', '\u02FF') < 0)
        {
            return true;
        }

        var last = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            var properties = CharacterProperties.Of(rune.Value);
            var combining = properties.CombiningClass;
            if (properties.MayChangeInNfc || (combining != 0 && last > combining))
            {
                return false;
            }

            last = combining;
        }

        return true;
    }

    private static int[] Decompose(string text)
    {
        var result = new List<int>(text.Length + 8);
        foreach (var rune in text.EnumerateRunes())
        {
            Decompose(rune.Value, result);
        }

        var codePoints = result.ToArray();
        Order(codePoints);
        return codePoints;
    }

    private static void Decompose(int codePoint, List<int> result)
    {
        var syllable = codePoint - SyllableBase;
        if (syllable is >= 0 and < SyllableCount)
        {
            result.Add(LeadBase + syllable / (VowelCount * TailCount));
            result.Add(VowelBase + syllable % (VowelCount * TailCount) / TailCount);
            if (syllable % TailCount != 0)
            {
                result.Add(TailBase + syllable % TailCount);
            }
        }
        else if (CharacterProperties.Of(codePoint).Decomposes && CodePointMapping.Decomposition.TryFind(codePoint, out var target))
        {
            foreach (var rune in target.EnumerateRunes())
            {
                result.Add(rune.Value);
            }
        }
        else
        {
            result.Add(codePoint);
        }
    }

    /// <summary>The Canonical Ordering Algorithm (The Unicode Standard, D109): a stable sort of each run of marks.</summary>
    private static void Order(int[] codePoints)
    {
        for (var index = 1; index < codePoints.Length; index++)
        {
            var codePoint = codePoints[index];
            var combining = CharacterProperties.Of(codePoint).CombiningClass;
            var to = index;
            while (combining != 0 && to > 0 && CharacterProperties.Of(codePoints[to - 1]).CombiningClass > combining)
            {
                codePoints[to] = codePoints[to - 1];
                to--;
            }

            codePoints[to] = codePoint;
        }
    }

    /// <summary>The Canonical Composition Algorithm (D117), in place.</summary>
    /// <returns>How many code points are left.</returns>
    private static int Compose(int[] codePoints)
    {
        int starter = -1, length = 0, last = 0;
        foreach (var codePoint in codePoints)
        {
            var combining = CharacterProperties.Of(codePoint).CombiningClass;
            var blocked = starter < 0 || (length - 1 > starter && last >= combining);
            if (!blocked && TryCompose(codePoints[starter], codePoint, out var composite))
            {
                codePoints[starter] = composite;
                continue;
            }

            codePoints[length++] = codePoint;
            last = combining;
            if (combining == 0)
            {
                starter = length - 1;
            }
        }

        return length;
    }

    private static bool TryCompose(int first, int second, out int composite)
    {
        if (first is >= LeadBase and < LeadBase + LeadCount && second is >= VowelBase and < VowelBase + VowelCount)
        {
            composite = SyllableBase + ((first - LeadBase) * VowelCount + second - VowelBase) * TailCount;
            return true;
        }

        var syllable = first - SyllableBase;
        if (syllable is >= 0 and < SyllableCount && syllable % TailCount == 0 && second is > TailBase and < TailBase + TailCount)
        {
            composite = first + second - TailBase;
            return true;
        }

        var pair = (long)first << 42 | (long)second << 21;
        var index = DecompositionTable.Compositions.BinarySearch(pair);
        // No composite is U+0000, so the search stops before the entry, or past the end.
        var entry = ~index < DecompositionTable.Compositions.Length ? DecompositionTable.Compositions[~index] : 0;
        composite = (int)(entry & 0x1FFFFF);
        return (entry & ~0x1FFFFFL) == pair;
    }
}
