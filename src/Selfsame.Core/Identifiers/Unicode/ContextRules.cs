namespace Selfsame.Core.Identifiers.Unicode;

/// <summary>The contextual rules of RFC 5892 appendix A, which RFC 8264 and UTS #46 use.</summary>
internal static class ContextRules
{
    private const int Virama = 9;
    private const int ZeroWidthNonJoiner = 0x200C;
    private const int ZeroWidthJoiner = 0x200D;

    /// <summary>Whether the CONTEXTJ code point at <paramref name="index"/> may stand there (A.1 and A.2).</summary>
    public static bool AllowsJoiner(ReadOnlySpan<int> text, int index) => text[index] switch
    {
        ZeroWidthJoiner => FollowsVirama(text, index),
        ZeroWidthNonJoiner => FollowsVirama(text, index) || JoinsBothSides(text, index),
        _ => false,
    };

    /// <summary>Whether the CONTEXTO code point at <paramref name="index"/> may stand there (A.3 to A.9).</summary>
    public static bool AllowsOther(ReadOnlySpan<int> text, int index) => text[index] switch
    {
        0x00B7 => index > 0 && index + 1 < text.Length && text[index - 1] == 'l' && text[index + 1] == 'l',
        0x0375 => index + 1 < text.Length && CharacterProperties.Of(text[index + 1]).Script == ContextScript.Greek,
        0x05F3 or 0x05F4 => index > 0 && CharacterProperties.Of(text[index - 1]).Script == ContextScript.Hebrew,
        0x30FB => HasJapanese(text),
        >= 0x0660 and <= 0x0669 => !text.ContainsAnyInRange(0x06F0, 0x06F9),
        >= 0x06F0 and <= 0x06F9 => !text.ContainsAnyInRange(0x0660, 0x0669),
        _ => false,
    };

    private static bool FollowsVirama(ReadOnlySpan<int> text, int index) =>
        index > 0 && CharacterProperties.Of(text[index - 1]).CombiningClass == Virama;

    /// <summary>(Joining_Type:{L,D})(Joining_Type:T)*ZWNJ(Joining_Type:T)*(Joining_Type:{R,D})</summary>
    private static bool JoinsBothSides(ReadOnlySpan<int> text, int index)
    {
        var before = index - 1;
        while (before >= 0 && CharacterProperties.Of(text[before]).JoiningType == JoiningType.Transparent)
        {
            before--;
        }

        var after = index + 1;
        while (after < text.Length && CharacterProperties.Of(text[after]).JoiningType == JoiningType.Transparent)
        {
            after++;
        }

        return before >= 0 && after < text.Length
            && CharacterProperties.Of(text[before]).JoiningType is JoiningType.LeftJoining or JoiningType.DualJoining
            && CharacterProperties.Of(text[after]).JoiningType is JoiningType.RightJoining or JoiningType.DualJoining;
    }

    private static bool HasJapanese(ReadOnlySpan<int> text)
    {
        foreach (var codePoint in text)
        {
            if (CharacterProperties.Of(codePoint).Script == ContextScript.HiraganaKatakanaOrHan)
            {
                return true;
            }
        }

        return false;
    }
}
