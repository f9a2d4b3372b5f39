using System.Runtime.CompilerServices;

namespace Selfsame.Core.Identifiers;

/// <summary>
/// The keys of plain ASCII in UTF-8, without an object: the common case of many accounts. What a method takes it keys exactly as the
/// rules do (a property test compares them); what it does not take it says nothing about, and the rules are asked.
/// </summary>
internal static class AsciiKeys
{
    private const byte Atom = 1;
    private const byte Label = 2;

    private static readonly byte[] Classes = MakeClasses();

    /// <summary>A username without an at sign, or an address: as <see cref="LoginName"/>.</summary>
    /// <param name="text">The raw value.</param>
    /// <param name="key">At least as long as the text.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryLoginName(ReadOnlySpan<byte> text, Span<byte> key)
    {
        if (text.Contains((byte)'@'))
        {
            return TryEmailAddress(text, key);
        }

        if (text.Length is 0 or > UserName.MaximumCodePoints || text.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
        {
            return false;
        }

        for (var index = 0; index < text.Length; index++)
        {
            key[index] = Lower(text[index]);
        }

        return true;
    }

    /// <summary>A dot-string, an at sign, and a domain of several labels of letters, digits and inner hyphens: as <see cref="EmailAddress"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryEmailAddress(ReadOnlySpan<byte> text, Span<byte> key)
    {
        var at = text.IndexOf((byte)'@');
        if (at is < 1 or > EmailAddress.MaximumLocalOctets || text.Length > EmailAddress.MaximumOctets || text[0] == '.' || text[at - 1] == '.')
        {
            return false;
        }

        for (var index = 0; index < at; index++)
        {
            var unit = text[index];
            if ((Classes[unit] & Atom) == 0 && (unit != '.' || text[index - 1] == '.'))
            {
                return false;
            }

            key[index] = Lower(unit);
        }

        key[at] = (byte)'@';
        return TryDomain(text[(at + 1)..], key[(at + 1)..]);
    }

    /// <summary>A plus and digits: as <see cref="PhoneNumber"/>.</summary>
    public static bool TryPhoneNumber(ReadOnlySpan<byte> text, Span<byte> key)
    {
        if (text.Length - 1 is < PhoneNumber.MinimumDigits or > PhoneNumber.MaximumDigits || text[0] != '+' || text[1] == '0'
            || text[1..].ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return false;
        }

        text.CopyTo(key);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryDomain(ReadOnlySpan<byte> text, Span<byte> key)
    {
        var (labelStart, labels, onlyDigits) = (0, 1, true);
        for (var index = 0; index < text.Length; index++)
        {
            var unit = text[index];
            if (unit == '.')
            {
                if (!IsLabel(text[labelStart..index]))
                {
                    return false;
                }

                (labelStart, onlyDigits) = (index + 1, true);
                labels++;
            }
            else if ((Classes[unit] & Label) == 0)
            {
                return false;
            }

            onlyDigits &= unit is (>= (byte)'0' and <= (byte)'9') or (byte)'.';
            key[index] = Lower(unit);
        }

        return labels > 1 && !onlyDigits && IsLabel(text[labelStart..]);
    }

    // No hyphen at its ends, nor where an A-label has its two: what has is for the rules.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsLabel(ReadOnlySpan<byte> label)
        => label.Length is > 0 and <= 63 && label[0] != '-' && label[^1] != '-' && !(label.Length > 3 && label[2] == '-' && label[3] == '-');

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte Lower(byte unit) => unit is >= (byte)'A' and <= (byte)'Z' ? (byte)(unit | 0x20) : unit;

    private static byte[] MakeClasses()
    {
        var classes = new byte[256];
        foreach (var sign in "!#$%&'*+-/=?^_`{|}~")
        {
            classes[sign] = Atom;
        }

        classes['-'] |= Label;
        for (var unit = 0; unit < 0x80; unit++)
        {
            classes[unit] |= char.IsAsciiLetterOrDigit((char)unit) ? (byte)(Atom | Label) : (byte)0;
        }

        return classes;
    }
}
