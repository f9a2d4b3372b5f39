using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Identifiers;

/// <summary>Which rules made a key.</summary>
public static class KeyRules
{
    /// <summary>
    /// The number of the rules and the Unicode version of the tables, stored with each key: keys of another version are not
    /// comparable, and changing it means that every stored identifier is keyed anew.
    /// </summary>
    public const string Version = "1/unicode-15.0.0";

    /// <summary>
    /// What a part of an identifier becomes within its key, as far as a part tells: width, case and normalization. For searching, never for deciding. Null where it is
    /// no text (a lone surrogate).
    /// </summary>
    public static string? FoldPart(string text)
        => CodePoints.IndexOfLoneSurrogate(text) >= 0 ? null : Normalization.ToNfc(LowerCase.Map(CodePointMapping.Width.Apply(Normalization.ToNfc(text))));
}
