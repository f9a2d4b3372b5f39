namespace Selfsame.Core.Identifiers;

/// <summary>The shapes of a user's fields that the config has defaults for.</summary>
public static class ProfileFields
{
    public const int LongestLocale = 35;
    public const int LongestRole = 64;

    /// <summary>What to write instead of what is no locale.</summary>
    public const string LocaleAdvice = "Write a locale as a language and a region, for example en-nz.";

    /// <summary>What to write instead of what is no role.</summary>
    public const string RoleAdvice = "A role is a word of letters, digits, hyphens, underscores and dots.";

    /// <summary>Letters and digits in parts of 1 to 8, joined by hyphens (the shape of BCP 47).</summary>
    public static bool IsLocale(string text)
        => text.Length is > 0 and <= LongestLocale && char.IsAsciiLetter(text[0])
            && text.Split('-').All(part => part.Length is >= 1 and <= 8 && part.All(char.IsAsciiLetterOrDigit));

    /// <summary>A word of letters, digits, <c>-</c>, <c>_</c> and <c>.</c>.</summary>
    public static bool IsRole(string text)
        => text.Length is > 0 and <= LongestRole && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');
}
