using System.Buffers;
using System.Text;

namespace Selfsame.Store.Passwords;

/// <summary>
/// From what was typed to the octets that are hashed: the OpaqueString profile (RFC 8265 section 4.2.2), which maps
/// every non-ASCII space to U+0020, then normalizes to form C. Letter case and width stay as typed.
/// </summary>
internal sealed class PasswordText(Func<string, string> toNfc)
{
    internal const int MaximumCodePoints = 1_024;
    internal const int MaximumOctets = 4_096;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>General category Zs without U+0020, written out because the runtime's categories follow its Unicode version.</summary>
    private static readonly SearchValues<char> NonAsciiSpaces = SearchValues.Create(
        "\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200A\u202F\u205F\u3000");

    /// <summary>
    /// Whether the text can be a password at all: not empty, of Unicode scalar values only, not beyond the maximum, and
    /// without NUL, which HMAC (RFC 2104 section 2 pads keys with it) and bcrypt do not tell from the end.
    /// </summary>
    internal static bool IsEncodable(string typed) =>
        typed.Length is > 0 and <= MaximumOctets && !typed.Contains('\0') && !HasLoneSurrogate(typed)
        && StrictUtf8.GetByteCount(typed) <= MaximumOctets;

    internal static bool HasLoneSurrogate(string text)
    {
        for (var index = 0; index < text.Length; index++)
        {
            if (!char.IsSurrogate(text[index]))
            {
                continue;
            }
            if (index + 1 == text.Length || !char.IsSurrogatePair(text[index], text[index + 1]))
            {
                return true;
            }
            index++;
        }
        return false;
    }

    /// <summary>The form that our own hashes are made of. The argument has no lone surrogates.</summary>
    internal string Prepare(string typed)
    {
        if (typed.AsSpan().IndexOfAny(NonAsciiSpaces) < 0)
        {
            return toNfc(typed);
        }
        var spaced = string.Create(typed.Length, typed, static (characters, source) =>
        {
            source.CopyTo(characters);
            for (var index = 0; index < characters.Length; index++)
            {
                if (NonAsciiSpaces.Contains(characters[index]))
                {
                    characters[index] = ' ';
                }
            }
        });
        return toNfc(spaced);
    }

    /// <summary>UTF-8 in an array that is never moved; the caller zeroes it.</summary>
    internal static byte[] ToOctets(string text)
    {
        var octets = GC.AllocateUninitializedArray<byte>(StrictUtf8.GetByteCount(text), pinned: true);
        StrictUtf8.GetBytes(text, octets);
        return octets;
    }

    internal static int CountOctets(string text) => StrictUtf8.GetByteCount(text);
}
