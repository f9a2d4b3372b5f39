using System.Text.RegularExpressions;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Which handle an account gets: <c>{handle|code}</c> is the handle, and the user code where there is none, or where the target does
/// not take it. Text before and after the braces stays.
/// </summary>
/// <param name="Before">The text before.</param>
/// <param name="Names">Identifiers or attributes of the source, the first choice first; <c>code</c> is the user code.</param>
/// <param name="After">The text after.</param>
public sealed partial record HandleTemplate(string Before, IReadOnlyList<string> Names, string After)
{
    private const string Code = "code";

    /// <summary>The template; null where the text is none.</summary>
    public static HandleTemplate? Parse(string text)
        => Form().Match(text) is { Success: true } match
            ? new HandleTemplate(match.Groups["before"].Value, match.Groups["names"].Value.Split('|', StringSplitOptions.TrimEntries), match.Groups["after"].Value)
            : null;

    /// <summary>The first of the names that a system does not map; null when it maps all.</summary>
    public string? Unmapped(AccountMapping source)
        => Names.FirstOrDefault(name => !(Kind(name) is { } kind && source.Identifiers.ContainsKey(kind)) && !source.Attributes.ContainsKey(name));

    /// <summary>The fields of a system in which the names stand.</summary>
    public IEnumerable<string> FieldsIn(AccountMapping source)
        => Names.Select(name => Kind(name) is { } kind && source.Identifiers.TryGetValue(kind, out var field) ? field : source.Attributes.GetValueOrDefault(name)?.Field).OfType<string>();

    /// <summary>The handles in the order of preference, each once; a name without a value gives none.</summary>
    public IReadOnlyList<string> Choices(Account account)
        => [.. Names.Select(name => Value(account, name)).OfType<string>().Where(value => value.Length > 0)
            .Select(value => Before + value + After).Distinct(StringComparer.OrdinalIgnoreCase)];

    /// <summary>As in the config.</summary>
    public override string ToString() => $"{Before}{{{string.Join('|', Names)}}}{After}";

    // In its normal form: no handle has a blank, and a plan may put it into that in the source first.
    private static string? Value(Account account, string name)
        => Kind(name) is { } kind && account.Identifiers.TryGetValue(kind, out var text) ? IdentifierForms.Mended(kind, text) ?? text : account.Attributes.ValueOrNull(name).AsText;

    private static IdentifierKind? Kind(string name) => name == Code ? IdentifierKind.UserCode : IdentifierKinds.Parse(name);

    [GeneratedRegex(@"^(?<before>[^{}]*)\{(?<names>[A-Za-z0-9_]+(\s*\|\s*[A-Za-z0-9_]+)*)\}(?<after>[^{}]*)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Form();
}
