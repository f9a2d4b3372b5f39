using System.Text;

namespace Selfsame.Core.Identifiers.Unicode;

/// <summary>
/// toLowercase of The Unicode Standard, section 3.13 (rule R2), which RFC 8264 section 5.2.3 names: the full mappings, with
/// the one context-dependent rule that holds in every language, Final_Sigma, and none of the Turkish or Lithuanian ones.
/// </summary>
internal static class LowerCase
{
    private const char CapitalSigma = '\u03A3';
    private const char SmallSigma = '\u03C3';
    private const char FinalSigma = '\u03C2';

    /// <summary>The lower case; the same instance when nothing changes.</summary>
    public static string Map(string text)
    {
        if (Ascii.IsValid(text))
        {
            return text.ToLowerInvariant();
        }

        var lowered = CodePointMapping.LowerCase.Apply(text);
        return text.Contains(CapitalSigma) ? WithFinalSigmas(text, lowered) : lowered;
    }

    // The mappings above made a small sigma of each capital one. Those at the end of a word are corrected here: of text and
    // lowered the n-th sigma is the same letter, since no other letter is mapped to or from one.
    private static string WithFinalSigmas(string text, string lowered)
    {
        var result = new StringBuilder(lowered);
        var at = -1;
        for (var index = 0; index < text.Length; index++)
        {
            if (text[index] is not (CapitalSigma or SmallSigma))
            {
                continue;
            }

            at = lowered.IndexOf(SmallSigma, at + 1);
            if (text[index] == CapitalSigma && IsFinal(text, index))
            {
                result[at] = FinalSigma;
            }
        }

        return result.ToString();
    }

    /// <summary>Final_Sigma of table 3-17: a cased letter before it and none after it, case-ignorable characters set aside.</summary>
    private static bool IsFinal(string text, int index)
    {
        for (var before = index; ;)
        {
            if (before == 0)
            {
                return false;
            }

            before -= char.IsLowSurrogate(text[before - 1]) ? 2 : 1;
            var properties = CharacterProperties.Of(char.ConvertToUtf32(text, before));
            if (properties.IsCased)
            {
                break;
            }

            if (!properties.IsCaseIgnorable)
            {
                return false;
            }
        }

        foreach (var rune in text.AsSpan(index + 1).EnumerateRunes())
        {
            var properties = CharacterProperties.Of(rune.Value);
            if (properties.IsCased || !properties.IsCaseIgnorable)
            {
                return !properties.IsCased;
            }
        }

        return true;
    }
}
