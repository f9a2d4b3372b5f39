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
    public const int LongestLocale = ProfileFields.LongestLocale;
    public const int LongestRole = ProfileFields.LongestRole;
    public const int LongestGroup = 150;
    public const int MostGroups = 100;

    /// <summary>A first or last name: any script, nothing invisible; blank is none.</summary>
    public static string? Name(string? value, string field, FieldErrors errors) => Text(value, field, LongestName, errors);

    /// <summary>A locale as <c>en-nz</c> (BCP 47 shape: letters and digits in parts of 1 to 8, joined by hyphens).</summary>
    public static string? Locale(string? value, string field, FieldErrors errors)
    {
        var text = Text(value, field, LongestLocale, errors);
        if (text is null)
        {
            return null;
        }

        if (!ProfileFields.IsLocale(text))
        {
            errors.Add(field, $"{field}.shape", ProfileFields.LocaleAdvice);
            return null;
        }

        return text.ToLowerInvariant();
    }

    /// <summary>A role: a word of letters, digits, <c>-</c>, <c>_</c> and <c>.</c>.</summary>
    public static string? Role(string? value, string field, FieldErrors errors)
    {
        var text = Text(value, field, LongestRole, errors);
        if (text is not null && !ProfileFields.IsRole(text))
        {
            errors.Add(field, $"{field}.shape", ProfileFields.RoleAdvice);
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
        if (values.Any(string.IsNullOrWhiteSpace))
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

        if (VisibleText.Refuse(trimmed) is { } refusal)
        {
            errors.Add(field, $"{field}.{refusal.Rule}", refusal.Message);
            return null;
        }

        if (trimmed.EnumerateRunes().Count() > longest)
        {
            errors.Add(field, $"{field}.too-long", $"This is longer than {longest} characters.");
            return null;
        }

        return trimmed;
    }
}
