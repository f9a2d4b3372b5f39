using System.Diagnostics.CodeAnalysis;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Identifiers;

/// <summary>
/// A handle: the first label of an ATProto handle as a PDS takes it, 3 to 18 lower-case ASCII letters, digits and inner hyphens.
/// Handles and user codes share the space <c>handle</c>.
/// </summary>
public sealed record Handle
{
    /// <summary>The fewest characters.</summary>
    public const int MinimumLength = 3;

    /// <summary>The most characters.</summary>
    public const int MaximumLength = 18;

    private Handle(string value, string key)
    {
        Value = value;
        Key = key;
    }

    /// <summary>The handle as it was typed, trimmed.</summary>
    public string Value { get; }

    /// <summary>The canonical form: lower case.</summary>
    public string Key { get; }

    /// <summary>Takes a handle, or says which rule (<c>handle.…</c>) refuses it.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Handle? value, [NotNullWhen(false)] out Refusal? refusal)
    {
        var trimmed = CodePoints.Trim(text ?? "");
        refusal = Refuse(trimmed);
        value = refusal is null ? new Handle(trimmed, trimmed.ToLowerInvariant()) : null;
        return refusal is null;
    }

    private static Refusal? Refuse(string text)
    {
        if (text.Length == 0)
        {
            return new Refusal("handle.empty", "Enter a handle.");
        }

        if (CodePoints.IndexOfLoneSurrogate(text) >= 0)
        {
            return new Refusal("handle.surrogate", "The handle holds half a character (a lone surrogate); type it again.");
        }

        foreach (var rune in text.EnumerateRunes())
        {
            if (!rune.IsAscii || !(char.IsAsciiLetterOrDigit((char)rune.Value) || rune.Value == '-'))
            {
                return new Refusal("handle.disallowed-character", rune.Value is '.' or '@'
                    ? "Enter only the first part of the handle, without the at sign and without the domain."
                    : $"A handle has only the letters a to z, digits and hyphens; leave out {CodePoints.Name(rune.Value)}.");
            }
        }

        if (text.Length is < MinimumLength or > MaximumLength)
        {
            return new Refusal(text.Length < MinimumLength ? "handle.too-short" : "handle.too-long",
                $"A handle has {MinimumLength} to {MaximumLength} characters; choose another.");
        }

        return text[0] == '-' || text[^1] == '-'
            ? new Refusal("handle.hyphen", "A handle neither starts nor ends with a hyphen; leave it out.")
            : null;
    }
}
