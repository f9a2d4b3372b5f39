using System.Diagnostics.CodeAnalysis;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Identifiers;

/// <summary>
/// A user code, made for everybody and easy to say: a prefix of letters, two digits of the year, syllables of one consonant
/// and one vowel, and a closing consonant: <c>ac26xadeh</c> is <c>ac</c>, 2026, <c>xa</c> <c>de</c>, <c>h</c>. It is a
/// valid <see cref="Handle"/>, with which it shares the space <c>handle</c>.
/// </summary>
public sealed record UserCode
{
    /// <summary>The most letters of a prefix.</summary>
    public const int MaximumPrefixLength = 6;

    /// <summary>The most syllables: with the longest prefix the code still is a handle of 18 characters or fewer.</summary>
    public const int MaximumSyllables = 4;

    /// <summary>After so many codes that were taken, none is tried any more.</summary>
    public const int MostTries = TriesPerSyllable * MaximumSyllables;

    private const int FewestSyllables = 2;
    private const int TriesPerSyllable = 3;

    // Without c, l, q, w and y: they sound or look like others. Codes that another system made may hold them.
    private const string Consonants = "bdfghjkmnprstvxz";
    private const string Vowels = "aeiou";

    private UserCode(string value, string key)
    {
        Value = value;
        Key = key;
    }

    /// <summary>The code as it was typed, trimmed; of a code that was made here, the key.</summary>
    public string Value { get; }

    /// <summary>The canonical form: lower case, without blanks and hyphens.</summary>
    public string Key { get; }

    /// <summary>How many codes there are of one prefix and year.</summary>
    /// <param name="syllables">1 to <see cref="MaximumSyllables"/>.</param>
    public static long SpaceSize(int syllables)
    {
        ThrowIfNotInRange(syllables);
        long size = Consonants.Length;
        for (var syllable = 0; syllable < syllables; syllable++)
        {
            size *= Consonants.Length * Vowels.Length;
        }

        return size;
    }

    /// <summary>Whether codes can start with this: 1 to <see cref="MaximumPrefixLength"/> lower-case ASCII letters.</summary>
    public static bool IsPrefix(string prefix) =>
        prefix.Length is >= 1 and <= MaximumPrefixLength && !prefix.AsSpan().ContainsAnyExceptInRange('a', 'z');

    /// <summary>Makes a random code, every one of the space with equal chance.</summary>
    /// <param name="prefix">As <see cref="IsPrefix"/> says.</param>
    /// <param name="year">Its last two digits are used.</param>
    /// <param name="syllables">1 to <see cref="MaximumSyllables"/>.</param>
    /// <param name="random">Where the choice comes from.</param>
    public static UserCode Create(string prefix, int year, int syllables, RandomSource random)
    {
        if (!IsPrefix(prefix))
        {
            throw new ArgumentException($"The prefix of a user code is 1 to {MaximumPrefixLength} letters from a to z.", nameof(prefix));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(year);
        ThrowIfNotInRange(syllables);
        Span<char> spoken = stackalloc char[2 * syllables + 1];
        for (var index = 0; index < spoken.Length; index++)
        {
            var letters = index % 2 == 0 ? Consonants : Vowels;
            spoken[index] = letters[random.NextInt32(letters.Length)];
        }

        var code = $"{prefix}{year % 100:00}{spoken}";
        return new UserCode(code, code);
    }

    /// <summary>Makes a random code after <paramref name="tries"/> that were taken: with a syllable more after every three, for the year's space fills up.</summary>
    public static UserCode CreateAnew(string prefix, int year, int tries, RandomSource random)
        => Create(prefix, year, Math.Min(MaximumSyllables, FewestSyllables + (tries / TriesPerSyllable)), random);

    /// <summary>
    /// Takes a code in any case, with blanks or hyphens between its parts, or says which rule (<c>code.…</c>) refuses it. The
    /// letters c, l, q, w and y count as consonants, so that codes made by other systems are taken too.
    /// </summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out UserCode? value, [NotNullWhen(false)] out Refusal? refusal)
    {
        var trimmed = CodePoints.Trim(text ?? "");
        var key = trimmed.Length <= 2 * Handle.MaximumLength && trimmed.All(char.IsAscii)
            ? string.Concat(trimmed.Where(unit => unit is not (' ' or '-'))).ToLowerInvariant()
            : "";
        if (trimmed.Length == 0)
        {
            refusal = new Refusal("code.empty", "Enter a user code.");
        }
        else if (!IsCode(key))
        {
            refusal = new Refusal("code.form", "A user code is letters, two digits and syllables, as in ac26xadeh; check it.");
        }
        else
        {
            refusal = null;
        }

        value = refusal is null ? new UserCode(trimmed, key) : null;
        return refusal is null;
    }

    private static bool IsCode(string key)
    {
        var prefix = key.AsSpan().IndexOfAnyInRange('0', '9');
        if (prefix < 1 || !IsPrefix(key[..prefix]) || key.Length > Handle.MaximumLength)
        {
            return false;
        }

        var rest = key.AsSpan(prefix);
        if (rest.Length < 5 || rest.Length % 2 == 0 || !char.IsAsciiDigit(rest[1]))
        {
            return false;
        }

        for (var index = 2; index < rest.Length; index++)
        {
            if (!char.IsAsciiLetterLower(rest[index]) || Vowels.Contains(rest[index]) != (index % 2 == 1))
            {
                return false;
            }
        }

        return true;
    }

    private static void ThrowIfNotInRange(int syllables)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(syllables, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(syllables, MaximumSyllables);
    }
}
