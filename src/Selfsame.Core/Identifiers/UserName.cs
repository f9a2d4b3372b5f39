using System.Diagnostics.CodeAnalysis;
using System.Text;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Identifiers;

/// <summary>
/// A username under PRECIS UsernameCaseMapped (RFC 8265 section 3.3), without blanks and without an at sign; what holds an at
/// sign goes through <see cref="LoginName"/>. 1 to 64 code points and at most 255 octets of UTF-8, as shown and as keyed.
/// </summary>
public sealed record UserName
{
    /// <summary>The most code points of a username.</summary>
    public const int MaximumCodePoints = 64;

    /// <summary>The most octets of a username's UTF-8.</summary>
    public const int MaximumOctets = 255;

    // No canonical decomposition of a code point is longer than four code points: longer text cannot shrink to 64 by NFC.
    private const int MaximumUnits = MaximumCodePoints * 4 * 2;

    private UserName(string value, string key)
    {
        Value = value;
        Key = key;
    }

    /// <summary>The name as it is shown: trimmed, in normalization form C, in the case that was typed.</summary>
    public string Value { get; }

    /// <summary>The canonical form; two usernames are the same exactly when their keys are equal.</summary>
    public string Key { get; }

    /// <summary>The lookalike key: UTS #39 skeleton of <see cref="Key"/>. Computed at each call.</summary>
    public string Skeleton => Lookalikes.Skeleton(Key);

    /// <summary>Takes a username, or says which rule (<c>username.…</c>) refuses it.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out UserName? value, [NotNullWhen(false)] out Refusal? refusal)
    {
        value = null;
        var trimmed = CodePoints.Trim(text ?? "");
        if (TryKeyAscii(trimmed, out var key))
        {
            value = new UserName(trimmed, key);
            refusal = null;
            return true;
        }

        refusal = RefuseText(trimmed);
        if (refusal is not null)
        {
            return false;
        }

        var shown = Normalization.ToNfc(trimmed);
        // RFC 8264 section 7: width mapping, case mapping, normalization, directionality, then the class of what came out.
        key = Normalization.ToNfc(LowerCase.Map(CodePointMapping.Width.Apply(shown)));
        refusal = RefuseKey(shown, key);
        if (refusal is null)
        {
            value = new UserName(shown, key);
        }

        return value is not null;
    }

    /// <summary>The common case, without a table: letters, digits and signs of ASCII (all of U+0021 to U+007E is allowed).</summary>
    private static bool TryKeyAscii(string text, out string key)
    {
        key = text;
        if (text.Length is 0 or > MaximumCodePoints)
        {
            return false;
        }

        var upper = false;
        foreach (var unit in text)
        {
            if (unit is < '!' or > '~' or '@')
            {
                return false;
            }

            upper |= unit is >= 'A' and <= 'Z';
        }

        key = upper ? text.ToLowerInvariant() : text;
        return true;
    }

    private static Refusal? RefuseText(string text)
    {
        if (text.Length == 0)
        {
            return new Refusal("username.empty", "Enter a username.");
        }

        if (text.Length > MaximumUnits)
        {
            return TooLong();
        }

        if (CodePoints.IndexOfLoneSurrogate(text) >= 0)
        {
            return new Refusal("username.surrogate", "The username holds half a character (a lone surrogate); type it again.");
        }

        return text.Contains('@')
            ? new Refusal("username.at-sign", "A username has no at sign; leave it out, or enter an e-mail address.")
            : null;
    }

    private static Refusal? RefuseKey(string shown, string key)
    {
        var codePoints = CodePoints.Of(key);
        var index = IdentifierClassCheck.IndexOfRefused(codePoints, out var reason);
        if (index >= 0)
        {
            return RefuseCodePoint(codePoints[index], reason);
        }

        // A width mapping can bring an at sign that was not in the text (U+FF20).
        if (key.Contains('@'))
        {
            return new Refusal("username.at-sign", "A username has no at sign; leave it out, or enter an e-mail address.");
        }

        if (IsTooLong(shown) || IsTooLong(key))
        {
            return TooLong();
        }

        return BidiRule.Applies(codePoints) && !BidiRule.IsSatisfied(codePoints)
            ? new Refusal("username.mixed-direction",
                "The username mixes right-to-left and left-to-right writing, so that it can be misread; use one direction.")
            : null;
    }

    private static Refusal RefuseCodePoint(int codePoint, IdentifierClass reason)
    {
        var name = CodePoints.Name(codePoint);
        return reason switch
        {
            IdentifierClass.Control => new Refusal("username.control", $"The username holds the control character {name}; leave it out."),
            IdentifierClass.Unassigned => new Refusal("username.unassigned",
                $"The username holds {name}, which is no character in the Unicode version in use; choose another."),
            IdentifierClass.ContextJ or IdentifierClass.ContextO => new Refusal("username.misplaced-character",
                $"The character {name} is not allowed at this place in a username; leave it out."),
            _ => new Refusal("username.disallowed-character", codePoint == ' '
                ? "A username has no blank inside (U+0020); leave it out or use a hyphen or a dot."
                : $"The character {name} is not allowed in a username; use letters, digits and ASCII signs."),
        };
    }

    private static bool IsTooLong(string text) =>
        CodePoints.Count(text) > MaximumCodePoints || Encoding.UTF8.GetByteCount(text) > MaximumOctets;

    private static Refusal TooLong() => new("username.too-long",
        $"A username has at most {MaximumCodePoints} characters (and {MaximumOctets} octets in UTF-8); choose a shorter one.");
}
