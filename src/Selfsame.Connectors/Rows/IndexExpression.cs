using System.Text.RegularExpressions;

namespace Selfsame.Connectors.Rows;

/// <summary>What can be told of the expression of a unique index without running it.</summary>
internal static partial class IndexExpression
{
    // What makes one of two texts only where our keys are one, or where a digest of 128 bits is.
    private static readonly HashSet<string> KeepsKeysApart = new(StringComparer.OrdinalIgnoreCase)
    {
        "lower", "upper", "casefold", "btrim", "trim", "ltrim", "rtrim", "normalize", "cast", "coalesce", "nullif",
        "md5", "sha224", "sha256", "sha384", "sha512", "digest", "encode", "hex", "convert_to",
    };

    // Words of a cast, a collation or a trim: no columns.
    private static readonly HashSet<string> Keywords = new(StringComparer.OrdinalIgnoreCase)
    {
        "as", "text", "varchar", "character", "varying", "citext", "bytea", "collate", "nocase", "binary", "c", "posix", "default", "both", "leading", "trailing", "from", "nfc",
    };

    /// <summary>
    /// Whether two different values of the column may be one under the expression (a part of it, without its accents or its dots …). Of an expression about
    /// anything besides that column nothing is told.
    /// </summary>
    public static bool MayJoin(string expression, string column)
    {
        var words = Word().Matches(Text().Replace(expression, "")).ToLookup(word => word.Groups["call"].Success, word => Bare(word.Groups["name"].Value));
        return words[false].Contains(column, StringComparer.OrdinalIgnoreCase)
            && words[false].All(word => Keywords.Contains(word) || string.Equals(word, column, StringComparison.OrdinalIgnoreCase))
            && !words[true].All(KeepsKeysApart.Contains);
    }

    /// <summary>Whether an expression, or a column's name as SQL, names the column.</summary>
    public static bool Names(string expression, string column)
        => Word().Matches(Text().Replace(expression, "")).Any(word => !word.Groups["call"].Success && string.Equals(Bare(word.Groups["name"].Value), column, StringComparison.OrdinalIgnoreCase));

    /// <summary>Those of the columns that the parts of an index name.</summary>
    public static IReadOnlyList<string> NamedIn(IReadOnlyList<string> parts, IEnumerable<string> columns)
        => [.. columns.Where(column => parts.Any(part => Names(part, column)))];

    private static string Bare(string word) => word.StartsWith('"') ? word[1..^1].Replace("\"\"", "\"", StringComparison.Ordinal) : word;

    [GeneratedRegex("""
        '(''|[^'])*'
        """)]
    private static partial Regex Text();

    [GeneratedRegex("""
        (?<name>"(""|[^"])+"|\b[\p{L}_][\p{L}\p{N}_$]*)(?<call>\s*\()?
        """, RegexOptions.ExplicitCapture)]
    private static partial Regex Word();
}
