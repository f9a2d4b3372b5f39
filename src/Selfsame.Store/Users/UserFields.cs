using System.Text;
using Selfsame.Core.Identifiers;

namespace Selfsame.Store.Users;

/// <summary>What is wrong with a request, by the field's name as the caller knows it.</summary>
public sealed class FieldErrors
{
    private readonly SortedDictionary<string, List<Refusal>> byField = new(StringComparer.Ordinal);

    public bool Any => byField.Count > 0;

    public IReadOnlyDictionary<string, List<Refusal>> ByField => byField;

    public void Add(string field, Refusal refusal)
    {
        if (!byField.TryGetValue(field, out var refusals))
        {
            byField[field] = refusals = [];
        }

        refusals.Add(refusal);
    }

    public void Add(string field, string rule, string message) => Add(field, new Refusal(rule, message));
}

/// <summary>The rules of the fields that are no identifiers.</summary>
public static class UserFields
{
    public const int LongestName = 150;
    public const int LongestLocale = 35;
    public const int LongestRole = 64;
    public const int LongestGroup = 150;
    public const int MostGroups = 100;

    /// <summary>A first or last name: any script, no control characters; blank is none.</summary>
    public static string? Name(string? value, string field, FieldErrors errors) => Text(value, field, LongestName, errors);

    /// <summary>A locale as <c>en-nz</c> (BCP 47 shape: letters and digits in parts of 1 to 8, joined by hyphens).</summary>
    public static string? Locale(string? value, string field, FieldErrors errors)
    {
        var text = Text(value, field, LongestLocale, errors);
        if (text is null)
        {
            return null;
        }

        if (!text.Split('-').All(part => part.Length is >= 1 and <= 8 && part.All(char.IsAsciiLetterOrDigit)) || !char.IsAsciiLetter(text[0]))
        {
            errors.Add(field, $"{field}.shape", "Write a locale as a language and a region, for example en-nz.");
            return null;
        }

        return text.ToLowerInvariant();
    }

    /// <summary>A role: a word of letters, digits, <c>-</c>, <c>_</c> and <c>.</c>.</summary>
    public static string? Role(string? value, string field, FieldErrors errors)
    {
        var text = Text(value, field, LongestRole, errors);
        if (text is not null && !text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            errors.Add(field, $"{field}.shape", "A role is a word of letters, digits, hyphens, underscores and dots.");
            return null;
        }

        return text;
    }

    /// <summary>Group names, blanks trimmed, each once.</summary>
    public static IReadOnlyList<string>? Groups(IReadOnlyList<string>? values, string field, FieldErrors errors)
    {
        if (values is null)
        {
            return null;
        }

        if (values.Count > MostGroups)
        {
            errors.Add(field, $"{field}.too-many", $"A user can be in at most {MostGroups} groups.");
            return null;
        }

        var names = values.Select(value => Text(value, field, LongestGroup, errors)).ToList();
        if (names.Contains(null))
        {
            errors.Add(field, $"{field}.empty", "A group's name must not be blank.");
        }

        return [.. names.OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    private static string? Text(string? value, string field, int longest, FieldErrors errors)
    {
        var trimmed = value?.Trim();
        if (string.IsNullOrEmpty(trimmed))
        {
            return null;
        }

        var runes = 0;
        for (var index = 0; index < trimmed.Length; runes++)
        {
            if (Rune.DecodeFromUtf16(trimmed.AsSpan(index), out var rune, out var consumed) != System.Buffers.OperationStatus.Done)
            {
                errors.Add(field, $"{field}.surrogate", "This text holds half a character. Type it again.");
                return null;
            }

            if (IsControl(rune.Value))
            {
                errors.Add(field, $"{field}.control", $"This text holds the control character U+{rune.Value:X4}. Remove it.");
                return null;
            }

            index += consumed;
        }

        if (runes > longest)
        {
            errors.Add(field, $"{field}.too-long", $"This is longer than {longest} characters.");
            return null;
        }

        return trimmed;
    }

    /// <summary>C0, C1, line and paragraph separators, and the bidi controls that could turn a page's text around.</summary>
    private static bool IsControl(int codePoint) => codePoint
        is < 0x20 or (>= 0x7F and <= 0x9F) or 0x2028 or 0x2029 or (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069) or 0xFEFF;
}
