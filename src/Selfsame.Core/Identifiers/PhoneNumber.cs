using System.Diagnostics.CodeAnalysis;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Identifiers;

/// <summary>
/// An international phone number (ITU-T E.164): a plus, then 7 to 15 digits, the first not zero. It must name its country by
/// a plus or by 00: nothing is guessed. Blanks, hyphens, dots and parentheses are punctuation; decimal digits of any script count.
/// </summary>
public sealed record PhoneNumber
{
    /// <summary>The fewest digits. No public number plan has fewer, country code included.</summary>
    public const int MinimumDigits = 7;

    /// <summary>The most digits (E.164 section 6).</summary>
    public const int MaximumDigits = 15;

    private const int MaximumUnits = 128;
    private const string Punctuation = "-.()\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uFF0D\uFF0E\uFF08\uFF09";

    private PhoneNumber(string value, string key)
    {
        Value = value;
        Key = key;
    }

    /// <summary>The number as it is shown: trimmed, in normalization form C, punctuated as it was typed.</summary>
    public string Value { get; }

    /// <summary>The canonical form: <c>+</c> and ASCII digits.</summary>
    public string Key { get; }

    /// <summary>Takes a phone number, or says which rule (<c>phone.…</c>) refuses it.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out PhoneNumber? value, [NotNullWhen(false)] out Refusal? refusal)
    {
        value = null;
        var trimmed = CodePoints.Trim(text ?? "");
        refusal = RefuseText(trimmed);
        if (refusal is not null || !TryReadDigits(trimmed, out var digits, out refusal))
        {
            return false;
        }

        refusal = RefuseDigits(digits);
        value = refusal is null ? new PhoneNumber(Normalization.ToNfc(trimmed), $"+{digits[1..]}") : null;
        return refusal is null;
    }

    private static Refusal? RefuseText(string text)
    {
        if (text.Length == 0)
        {
            return new Refusal("phone.empty", "Enter a phone number.");
        }

        if (text.Length > MaximumUnits)
        {
            return TooLong();
        }

        return CodePoints.IndexOfLoneSurrogate(text) >= 0
            ? new Refusal("phone.surrogate", "The phone number holds half a character (a lone surrogate); type it again.")
            : null;
    }

    /// <summary>Reads the number without its punctuation; an international prefix of 00 has become a plus.</summary>
    private static bool TryReadDigits(string text, out string digits, [NotNullWhen(false)] out Refusal? refusal)
    {
        digits = "";
        refusal = null;
        Span<char> read = stackalloc char[text.Length];
        var length = 0;
        var opened = -1;
        var trunkZero = false;
        foreach (var rune in text.EnumerateRunes())
        {
            var digit = rune.Value is >= '0' and <= '9' ? rune.Value - '0' : CharacterProperties.DecimalDigitValue(rune.Value);
            if (digit >= 0)
            {
                read[length++] = (char)('0' + digit);
            }
            else if (rune.Value is '+' or 0xFF0B && length == 0)
            {
                read[length++] = '+';
            }
            else if (!IsPunctuation(rune.Value))
            {
                refusal = new Refusal("phone.disallowed-character",
                    $"The phone number holds {CodePoints.Name(rune.Value)}, which is neither a digit nor punctuation; leave it out.");
                return false;
            }
            else if (rune.Value is '(' or 0xFF08)
            {
                opened = length;
            }
            else if (rune.Value is ')' or 0xFF09)
            {
                trunkZero |= opened >= 0 && length == opened + 1 && read[opened] == '0';
                opened = -1;
            }
        }

        digits = new string(read[..length]);
        digits = digits.StartsWith("00", StringComparison.Ordinal) ? $"+{digits[2..]}" : digits;
        if (trunkZero)
        {
            refusal = new Refusal("phone.trunk-zero", "Leave out the (0): it is not dialled after the country code.");
        }

        return refusal is null;
    }

    private static bool IsPunctuation(int codePoint) =>
        codePoint <= char.MaxValue && (Punctuation.Contains((char)codePoint) || CharacterProperties.Of(codePoint).IsWhiteSpace);

    private static Refusal? RefuseDigits(string digits)
    {
        if (!digits.StartsWith('+'))
        {
            return new Refusal("phone.no-country-code",
                "Enter the phone number with its country code, as in +64 21 123 4567; the country is not guessed.");
        }

        if (digits.Length - 1 > MaximumDigits)
        {
            return TooLong();
        }

        if (digits.Length - 1 < MinimumDigits)
        {
            return new Refusal("phone.too-short", $"A phone number has at least {MinimumDigits} digits, the country code included; enter all of them.");
        }

        return digits[1] == '0'
            ? new Refusal("phone.country-code", "No country code starts with 0; enter the number as in +64 21 123 4567.")
            : null;
    }

    private static Refusal TooLong() => new("phone.too-long",
        $"A phone number has at most {MaximumDigits} digits, the country code included; enter one number, without an extension.");
}
