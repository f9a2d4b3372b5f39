using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Identifiers;

/// <summary>Which identifiers look the same to a reader.</summary>
public static class Lookalikes
{
    /// <summary>
    /// The skeleton of UTS #39 section 4 (revision 26): two texts are confusable when their skeletons are equal. It is for
    /// comparing only, never for display. The text must be well-formed UTF-16.
    /// </summary>
    public static string Skeleton(string text) =>
        Normalization.ToNfd(CodePointMapping.Confusable.Apply(Normalization.ToNfd(text)));

    /// <summary>
    /// A form that is equal for more texts than any collation that ignores case holds to be equal: compatibility forms (x² and x2), cases and
    /// lookalikes fall together. It is for finding a value that is surely another, never for telling that two are the same.
    /// </summary>
    internal static string Loosely(string text) =>
        Skeleton(CodePointMapping.Domain.Apply(string.Concat(text.EnumerateRunes())).Replace('ς', 'σ').Replace("ß", "ss", StringComparison.Ordinal));
}
