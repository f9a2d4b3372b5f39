using System.Diagnostics.CodeAnalysis;
using System.Text;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Identifiers;

/// <summary>The local part of an address: Dot-string or Quoted-string of RFC 5321 section 4.1.2, extended by RFC 6531.</summary>
internal static class EmailLocalPart
{
    private const string AtomSigns = "!#$%&'*+-/=?^_`{|}~";

    /// <summary>Keys a local part in NFC: lower case, and unquoted where the quotation marks are not needed.</summary>
    public static bool TryKey(string text, out string key, [NotNullWhen(false)] out Refusal? refusal)
    {
        key = "";
        var quoted = text[0] == '"';
        var content = quoted ? Unquote(text) : text;
        refusal = RefuseCharacters(content) ?? (quoted || IsDotString(content) ? null : RefuseDotString(content));
        if (refusal is not null)
        {
            return false;
        }

        // A quoted upper-case letter may be escaped; the mapping is of what the quotes hold, never of the escapes.
        var lowered = Normalization.ToNfc(LowerCase.Map(content));
        key = IsDotString(lowered) ? lowered : Quote(lowered);
        return true;
    }

    /// <summary>
    /// The index after the closing quotation mark of a text that starts with one; −1 when it is not closed, or when a backslash
    /// stands before what it cannot escape (quoted-pairSMTP is ASCII, also under RFC 6531).
    /// </summary>
    public static int IndexAfterQuotes(string text)
    {
        for (var index = 1; index < text.Length; index++)
        {
            if (text[index] == '"')
            {
                return index + 1;
            }

            if (text[index] == '\\' && (++index == text.Length || text[index] is < ' ' or > '~'))
            {
                return -1;
            }
        }

        return -1;
    }

    private static string Unquote(string text)
    {
        var content = new StringBuilder(text.Length);
        for (var index = 1; index < text.Length - 1; index++)
        {
            index += text[index] == '\\' ? 1 : 0;
            content.Append(text[index]);
        }

        return content.ToString();
    }

    private static string Quote(string content) =>
        $"\"{content.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    /// <summary>Atoms with single dots between them; beyond ASCII everything that <see cref="RefuseCharacters"/> let through.</summary>
    private static bool IsDotString(string text)
    {
        var afterDot = true;
        foreach (var unit in text)
        {
            if (unit == '.' ? afterDot : unit < 0x80 && !char.IsAsciiLetterOrDigit(unit) && !AtomSigns.Contains(unit))
            {
                return false;
            }

            afterDot = unit == '.';
        }

        return !afterDot;
    }

    private static Refusal? RefuseCharacters(string content)
    {
        if (!content.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            return null;
        }

        var codePoints = CodePoints.Of(content);
        for (var index = 0; index < codePoints.Length; index++)
        {
            var properties = CharacterProperties.Of(codePoints[index]);
            var joiner = properties.IdentifierClass == IdentifierClass.ContextJ;
            if (codePoints[index] != ' ' && (joiner ? !ContextRules.AllowsJoiner(codePoints, index) : properties.IsHidden))
            {
                return RefuseCodePoint(codePoints[index], properties.IdentifierClass);
            }
        }

        return null;
    }

    private static Refusal RefuseCodePoint(int codePoint, IdentifierClass reason)
    {
        var name = CodePoints.Name(codePoint);
        return reason switch
        {
            IdentifierClass.Control => new Refusal("email.control", $"The e-mail address holds the control character {name}; leave it out."),
            IdentifierClass.Unassigned => new Refusal("email.unassigned",
                $"The e-mail address holds {name}, which is no character in the Unicode version in use; check it."),
            _ => new Refusal("email.disallowed-character",
                $"The e-mail address holds {name}, which is blank or invisible; leave it out."),
        };
    }

    private static Refusal RefuseDotString(string content)
    {
        if (content.StartsWith('.') || content.EndsWith('.') || content.Contains("..", StringComparison.Ordinal))
        {
            return new Refusal("email.dots",
                $"Before the at sign a dot stands only between other characters; if the address is right, enter \"{content}\" with quotation marks.");
        }

        var sign = content.First(unit => unit != '.' && unit < 0x80 && !char.IsAsciiLetterOrDigit(unit) && !AtomSigns.Contains(unit));
        return new Refusal("email.local-part",
            sign == ' '
                ? "There is a blank before the at sign; leave it out."
                : $"The sign {sign} is not allowed before the at sign; check the address.");
    }
}
