using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Identifiers;

/// <summary>
/// Text that people read and by which nobody is known, as a person's name or a group's: what it may hold, by the pinned tables. Any script and both directions
/// of writing (decision 0134), but nothing that no one sees and that every machine takes for something else.
/// </summary>
public static class VisibleText
{
    /// <summary>The first thing that the text must not hold, with a rule's name of one word; null when there is none.</summary>
    public static Refusal? Refuse(string text)
    {
        if (CodePoints.IndexOfLoneSurrogate(text) >= 0)
        {
            return new Refusal("surrogate", "This text holds half a character. Type it again.");
        }

        var codePoints = CodePoints.Of(text);
        for (var index = 0; index < codePoints.Length; index++)
        {
            var name = CodePoints.Name(codePoints[index]);
            if (IsControl(codePoints[index]))
            {
                return new Refusal("control", $"This text holds the control character {name}. Remove it.");
            }

            if (!IsSeen(codePoints, index))
            {
                return new Refusal("invisible", $"This text holds {name}, which nobody sees or which is no character on every machine. Remove it.");
            }
        }

        return null;
    }

    /// <summary>C0, C1, and the separators of lines and paragraphs.</summary>
    private static bool IsControl(int codePoint) => codePoint is < 0x20 or (>= 0x7F and <= 0x9F) or 0x2028 or 0x2029;

    /// <summary>
    /// Blanks are seen by what stands around them. A joiner may stand where scripts need it (RFC 5892 appendix A.1 and A.2); a variation selector may choose
    /// the form of the character before it, as in Japanese and Mongolian names.
    /// </summary>
    private static bool IsSeen(ReadOnlySpan<int> text, int index)
    {
        var codePoint = text[index];
        var properties = CharacterProperties.Of(codePoint);
        return properties.IdentifierClass == IdentifierClass.ContextJ
            ? ContextRules.AllowsJoiner(text, index)
            : IsVariationSelector(codePoint)
                ? index > 0 && !CharacterProperties.Of(text[index - 1]).IsHidden
                : (!properties.IsHidden || properties.IsWhiteSpace) && codePoint is not (>= 0xFFF9 and <= 0xFFFB);
    }

    /// <summary>Variation_Selector (PropList.txt).</summary>
    private static bool IsVariationSelector(int codePoint)
        => codePoint is (>= 0x180B and <= 0x180D) or 0x180F or (>= 0xFE00 and <= 0xFE0F) or (>= 0xE0100 and <= 0xE01EF);
}
