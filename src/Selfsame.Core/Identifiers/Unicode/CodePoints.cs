using System.Text;

namespace Selfsame.Core.Identifiers.Unicode;

/// <summary>Text as code points. Every method but <see cref="IndexOfLoneSurrogate"/> expects well-formed UTF-16.</summary>
internal static class CodePoints
{
    /// <summary>The index of the first surrogate that has no partner; −1 when the text is well formed.</summary>
    public static int IndexOfLoneSurrogate(ReadOnlySpan<char> text)
    {
        for (var index = 0; index < text.Length; index++)
        {
            if (!char.IsSurrogate(text[index]))
            {
                continue;
            }

            if (!char.IsHighSurrogate(text[index]) || index + 1 == text.Length || !char.IsLowSurrogate(text[index + 1]))
            {
                return index;
            }

            index++;
        }

        return -1;
    }

    public static int[] Of(string text)
    {
        var codePoints = new int[Count(text)];
        var at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            codePoints[at++] = rune.Value;
        }

        return codePoints;
    }

    public static string ToText(ReadOnlySpan<int> codePoints)
    {
        var text = new StringBuilder(codePoints.Length);
        foreach (var codePoint in codePoints)
        {
            text.Append(new Rune(codePoint));
        }

        return text.ToString();
    }

    public static int Count(string text)
    {
        var count = text.Length;
        foreach (var unit in text)
        {
            if (char.IsLowSurrogate(unit))
            {
                count--;
            }
        }

        return count;
    }

    /// <summary>The code point as people write it: <c>U+00E9</c>.</summary>
    public static string Name(int codePoint) => $"U+{codePoint:X4}";

    /// <summary>The text without the White_Space at its ends.</summary>
    public static string Trim(string text)
    {
        int start = 0, end = text.Length;
        while (start < end && IsWhiteSpace(text[start]))
        {
            start++;
        }

        while (end > start && IsWhiteSpace(text[end - 1]))
        {
            end--;
        }

        return end - start == text.Length ? text : text[start..end];
    }

    // All White_Space is in the Basic Multilingual Plane (PropList.txt), so a unit is a code point here.
    private static bool IsWhiteSpace(char unit) =>
        unit < 0x80 ? unit is ' ' or >= '\t' and <= '\r' : CharacterProperties.Of(unit).IsWhiteSpace;
}
