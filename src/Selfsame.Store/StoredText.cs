using System.Text;

namespace Selfsame.Store;

/// <summary>
/// Sentences that repeat what other systems said, as every database takes them: PostgreSQL refuses U+0000 and half of a surrogate pair, and with the sentence the row
/// whose trouble it tells.
/// </summary>
internal static class StoredText
{
    public static string Of(string text)
        => text.Contains('\0') || text.Any(char.IsSurrogate)
            ? string.Concat(text.EnumerateRunes().Select(rune => rune.Value == 0 ? Rune.ReplacementChar : rune))
            : text;
}
