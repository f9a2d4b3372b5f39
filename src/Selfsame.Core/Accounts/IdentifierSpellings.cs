using System.Text;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Accounts;

/// <summary>
/// The ways in which one identifier may be written. A system compares characters and folds the case of ASCII at most, so it is asked for each of them.
/// </summary>
internal static class IdentifierSpellings
{
    private const string InternationalLabel = "xn--";

    /// <summary>
    /// The text as it is and its key, each also in normalization forms C and D (UAX #15), and an address also with its domain in Unicode; each once.
    /// </summary>
    /// <param name="text">What an account holds; may be anything.</param>
    /// <param name="key">Its key; null where it has none.</param>
    public static IEnumerable<string> Of(string text, string? key)
        => new[] { text, key ?? text }.SelectMany(WithDomains).SelectMany(WithForms).Distinct(StringComparer.Ordinal);

    private static IEnumerable<string> WithDomains(string text)
    {
        yield return text;
        var at = text.LastIndexOf('@');
        if (at >= 0 && text.AsSpan(at).Contains(InternationalLabel, StringComparison.OrdinalIgnoreCase))
        {
            yield return text[..(at + 1)] + DomainName.ToUnicode(text[(at + 1)..].ToLowerInvariant());
        }
    }

    private static IEnumerable<string> WithForms(string text)
        => Ascii.IsValid(text) || CodePoints.IndexOfLoneSurrogate(text) >= 0 ? [text] : [text, Normalization.ToNfc(text), Normalization.ToNfd(text)];
}
