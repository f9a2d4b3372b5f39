using Selfsame.Core.Identifiers;

namespace Selfsame.Store.Passwords;

/// <summary>
/// What may be a password (NIST SP 800-63B section 3.1.1.2): long enough, not commonly used, not the person's own name;
/// no rules of composition, and nothing is cut off.
/// </summary>
public sealed class PasswordPolicy(PasswordSettings settings)
{
    /// <summary>Code points, after normalization.</summary>
    public const int MinimumCodePoints = 8;

    /// <summary>Code points; besides, at most 4,096 octets of UTF-8.</summary>
    public const int MaximumCodePoints = PasswordText.MaximumCodePoints;

    private readonly PasswordText text = new(settings.ToNfc);

    /// <summary>Why this cannot be a password, or null when it can.</summary>
    /// <param name="password">As typed: blanks at the ends belong to it.</param>
    /// <param name="related">What it must not equal, in any case: username, e-mail address. Nulls are skipped.</param>
    public Refusal? Check(string? password, params ReadOnlySpan<string?> related)
    {
        if (string.IsNullOrEmpty(password))
        {
            return new Refusal("password.missing", $"Choose a password of at least {MinimumCodePoints} characters.");
        }
        // Before anything that costs time in proportion to the length.
        if (password.Length > PasswordText.MaximumOctets)
        {
            return TooLong();
        }
        if (RefuseCharacters(password) is { } refusal)
        {
            return refusal;
        }
        var prepared = text.Prepare(password);
        var codePoints = prepared.EnumerateRunes().Count();
        if (codePoints < MinimumCodePoints)
        {
            return new Refusal("password.too-short", $"The password is too short. Use at least {MinimumCodePoints} characters.");
        }
        if (codePoints > MaximumCodePoints || PasswordText.CountOctets(prepared) > PasswordText.MaximumOctets
            || PasswordText.CountOctets(password) > PasswordText.MaximumOctets)
        {
            return TooLong();
        }
        return CommonPasswords.Contains(prepared)
            ? new Refusal("password.common", "This password is one of the most common ones and is guessed first. Choose another.")
            : RefuseRelated(prepared, related);
    }

    private static Refusal? RefuseCharacters(string password)
    {
        if (PasswordText.HasLoneSurrogate(password))
        {
            return new Refusal(
                "password.lone-surrogate", "The password contains half of a character. Type it again instead of pasting it.");
        }
        // RFC 8264 section 4.3 (FreeformClass) excludes controls: they come from a slip in pasting and cannot be typed again.
        return password.Any(char.IsControl)
            ? new Refusal(
                "password.control-character", "The password contains a control character, such as a tab or a line break. Leave it out.")
            : null;
    }

    private Refusal? RefuseRelated(string prepared, ReadOnlySpan<string?> related)
    {
        foreach (var value in related)
        {
            if (value is null || PasswordText.HasLoneSurrogate(value))
            {
                continue;
            }
            if (string.Equals(text.Prepare(value.Trim()), prepared.Trim(), StringComparison.OrdinalIgnoreCase))
            {
                return new Refusal(
                    "password.same-as-identifier", "The password is the same as the username or e-mail address. Choose another.");
            }
        }
        return null;
    }

    private static Refusal TooLong() => new(
        "password.too-long", $"The password is too long. Use at most {MaximumCodePoints} characters.");
}
