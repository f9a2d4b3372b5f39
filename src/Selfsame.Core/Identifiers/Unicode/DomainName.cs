using System.Text;

namespace Selfsame.Core.Identifiers.Unicode;

/// <summary>
/// Domain names by UTS #46 revision 29 (Unicode 15.0.0): non-transitional, with UseSTD3ASCIIRules, CheckHyphens, CheckBidi,
/// CheckJoiners and VerifyDnsLength.
/// </summary>
internal static class DomainName
{
    private const string Prefix = "xn--";

    /// <summary>ToASCII (section 4.2): lower-case A-labels.</summary>
    /// <returns>Whether the text is a domain name; a root dot at its end makes it none.</returns>
    public static bool TryToAscii(string text, out string ascii)
    {
        if (IsPlain(text))
        {
            ascii = text.ToLowerInvariant();
            return HasDnsLengths(ascii);
        }

        ascii = "";
        if (!TryProcess(text, out var labels))
        {
            return false;
        }

        ascii = string.Join('.', labels.Select(ToAscii));
        return HasDnsLengths(ascii);
    }

    /// <summary>ToUnicode of a name that <see cref="TryToAscii"/> gave.</summary>
    public static string ToUnicode(string ascii) =>
        ascii.Contains(Prefix, StringComparison.Ordinal) && TryProcess(ascii, out var labels)
            ? string.Join('.', labels.Select(label => CodePoints.ToText(label)))
            : ascii;

    /// <summary>Only ASCII letters, digits and hyphens between dots, no hyphen where CheckHyphens looks: nothing is mapped.</summary>
    private static bool IsPlain(string text)
    {
        var labelStart = 0;
        for (var index = 0; index <= text.Length; index++)
        {
            if (index < text.Length && text[index] != '.')
            {
                if (!char.IsAsciiLetterOrDigit(text[index]) && text[index] != '-')
                {
                    return false;
                }

                continue;
            }

            if (index == labelStart || text[labelStart] == '-' || text[index - 1] == '-'
                || (index - labelStart > 3 && text[labelStart + 2] == '-' && text[labelStart + 3] == '-'))
            {
                return false;
            }

            labelStart = index + 1;
        }

        return true;
    }

    /// <summary>Processing (section 4): map, normalize, break, convert and validate.</summary>
    private static bool TryProcess(string text, out List<int[]> labels)
    {
        labels = [];
        if (!TryMap(text, out var mapped))
        {
            return false;
        }

        foreach (var label in Normalization.ToNfc(mapped).Split('.'))
        {
            if (!TryDecode(label, out var codePoints) || !IsValid(codePoints))
            {
                return false;
            }

            labels.Add(codePoints);
        }

        // RFC 5893 section 1.4: one right-to-left label puts the whole name under the rule.
        return !labels.Exists(label => BidiRule.Applies(label)) || labels.TrueForAll(label => BidiRule.IsSatisfied(label));
    }

    private static bool TryMap(string text, out string mapped)
    {
        var result = new StringBuilder(text.Length);
        mapped = "";
        foreach (var rune in text.EnumerateRunes())
        {
            switch (CharacterProperties.Of(rune.Value).DomainStatus)
            {
                case DomainStatus.Valid:
                    result.Append(rune);
                    break;
                case DomainStatus.Mapped when CodePointMapping.Domain.TryFind(rune.Value, out var target):
                    result.Append(target);
                    break;
                case DomainStatus.Ignored:
                    break;
                default:
                    return false;
            }
        }

        mapped = result.ToString();
        return true;
    }

    private static bool TryDecode(string label, out int[] codePoints)
    {
        if (label.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return Punycode.TryDecode(label.AsSpan(Prefix.Length), out codePoints);
        }

        codePoints = CodePoints.Of(label);
        return true;
    }

    /// <summary>The validity criteria (section 4.1).</summary>
    private static bool IsValid(int[] label)
    {
        var text = CodePoints.ToText(label);
        if (text.Length == 0 || !string.Equals(Normalization.ToNfc(text), text, StringComparison.Ordinal)
            || label[0] == '-' || label[^1] == '-' || (label.Length > 3 && label[2] == '-' && label[3] == '-')
            || CharacterProperties.Of(label[0]).IsMark)
        {
            return false;
        }

        for (var index = 0; index < label.Length; index++)
        {
            var properties = CharacterProperties.Of(label[index]);
            if (properties.DomainStatus != DomainStatus.Valid || label[index] == '.'
                || (properties.IdentifierClass == IdentifierClass.ContextJ && !ContextRules.AllowsJoiner(label, index)))
            {
                return false;
            }
        }

        return true;
    }

    private static string ToAscii(int[] label) =>
        label.AsSpan().ContainsAnyExceptInRange(0, 0x7F) ? Prefix + Punycode.Encode(label) : CodePoints.ToText(label);

    /// <summary>VerifyDnsLength (section 4.2, step 4).</summary>
    private static bool HasDnsLengths(string ascii)
    {
        foreach (var label in ascii.AsSpan().Split('.'))
        {
            if (label.End.Value - label.Start.Value is 0 or > 63)
            {
                return false;
            }
        }

        return ascii.Length is > 0 and <= 253;
    }
}
