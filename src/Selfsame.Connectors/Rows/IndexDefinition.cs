using System.Text.RegularExpressions;

namespace Selfsame.Connectors.Rows;

/// <summary>The SQL text of an index, which comes back from a plan file that a person may have edited.</summary>
internal static partial class IndexDefinition
{
    /// <summary>Whether the text is one <c>CREATE INDEX</c> statement and nothing else; only such a text is ever run.</summary>
    public static bool IsOneStatement(string sql)
        => Start().IsMatch(sql) && !Quoted().Replace(sql, "").Contains(';', StringComparison.Ordinal) && !Comment().IsMatch(Quoted().Replace(sql, ""));

    /// <summary>Texts that differ only in blanks and in the case of words outside of quotes mean the same index.</summary>
    public static bool SameAs(string left, string right)
        => string.Equals(Blanks().Replace(left, " ").Trim(), Blanks().Replace(right, " ").Trim(), StringComparison.OrdinalIgnoreCase);

    /// <summary>What stands in the parentheses behind the table; null where the text has none.</summary>
    public static string? KeyOf(string sql)
    {
        // Quoted names may hold parentheses: of the same length, they are looked past.
        var bare = Quoted().Replace(sql, quoted => new string('x', quoted.Length));
        var (open, depth) = (bare.IndexOf('(', StringComparison.Ordinal), 0);
        for (var at = open; at >= 0 && at < bare.Length; at++)
        {
            depth += bare[at] switch { '(' => 1, ')' => -1, _ => 0 };
            if (depth == 0)
            {
                return sql[(open + 1)..at].Trim();
            }
        }

        return null;
    }

    [GeneratedRegex(@"^\s*CREATE\s+(UNIQUE\s+)?INDEX\s", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Start();

    [GeneratedRegex("""
        '(''|[^'])*'|"(""|[^"])*"
        """)]
    private static partial Regex Quoted();

    [GeneratedRegex(@"--|/\*|\$|'|""")]
    private static partial Regex Comment();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
