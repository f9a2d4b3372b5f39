namespace Selfsame.Core.Accounts;

/// <summary>The words in a field's name: <c>ban_reason</c> and <c>banReason</c> have two.</summary>
internal static class FieldWords
{
    public static IEnumerable<string> Of(string field)
    {
        var start = 0;
        for (var at = 1; at <= field.Length; at++)
        {
            if (at == field.Length || !char.IsAsciiLetter(field[at]) || (char.IsAsciiLetterUpper(field[at]) && char.IsAsciiLetterLower(field[at - 1])))
            {
                yield return field[start..at].TrimStart('_', '-', '.', ' ');
                start = at;
            }
        }
    }

    /// <summary>The name without what parts its words, in lower case.</summary>
    public static string Joined(string field) => string.Concat(field.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
}
