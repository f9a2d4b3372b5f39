using System.Text;
using System.Text.RegularExpressions;

namespace Selfsame.Connectors.Rows;

/// <summary>The SQL text of an index, which comes back from a plan file that a person may have edited.</summary>
internal static partial class IndexDefinition
{
    /// <summary>Whether the text is one <c>CREATE INDEX</c> statement and nothing else; only such a text is ever run.</summary>
    public static bool IsOneStatement(string sql)
        => Start().IsMatch(sql) && !Quoted().Replace(sql, "").Contains(';', StringComparison.Ordinal) && !Comment().IsMatch(Quoted().Replace(sql, ""));

    /// <summary>Texts that differ only in blanks and in the case of words outside of quotes mean the same index.</summary>
    public static bool SameAs(string left, string right) => Plain(left) == Plain(right);

    /// <summary>What stands in the parentheses behind the table; null where the text has none.</summary>
    public static string? KeyOf(string sql) => Key(sql) is var (from, to) && to > from ? sql[from..to].Trim() : null;

    /// <summary>What stands between the commas in those parentheses, without the direction and the collation behind it.</summary>
    public static IReadOnlyList<string> PartsOf(string sql)
    {
        var key = KeyOf(sql) ?? "";
        var bare = Bare(key);
        var (parts, start, depth) = (new List<string>(), 0, 0);
        for (var at = 0; at <= key.Length; at++)
        {
            depth += at < key.Length ? bare[at] switch { '(' => 1, ')' => -1, _ => 0 } : 0;
            if (at == key.Length || (bare[at] == ',' && depth == 0))
            {
                parts.Add(Trailing().Replace(key[start..at], "").Trim());
                start = at + 1;
            }
        }

        return parts;
    }

    /// <summary>The condition of a partial index; null where the text has none.</summary>
    public static string? PredicateOf(string sql)
        => Key(sql).To is > 0 and var to && Where().Match(sql, to) is { Success: true } where ? sql[(where.Index + where.Length)..].Trim() : null;

    /// <summary>Whether a partial index of that condition holds all that is not blank in a column: whoever has none is no account's double.</summary>
    public static bool CoversWhatIsNotBlank(string predicate, string column)
        => And().Split(predicate).All(part => IsNotEmpty(part, column) || IsNotNull(part, column));

    /// <summary>Whether a partial index of that condition leaves out whoever has nothing in the column, or else an empty text.</summary>
    public static bool LeavesOutBlanks(string predicate, string column, bool isNull)
        => And().Split(predicate).Any(part => IsNotEmpty(part, column) || (isNull && IsNotNull(part, column)));

    private static bool IsNotEmpty(string part, string column) => Says(part, column, """(<>|!=|>)\s*''(::[a-z ]+)?""");

    private static bool IsNotNull(string part, string column) => Says(part, column, "is not null");

    private static bool Says(string part, string column, string what)
    {
        var name = Regex.Escape(column);
        var value = $"""\(*((lower|btrim|trim)\s*\()*\(*("{Regex.Escape(column.Replace("\"", "\"\"", StringComparison.Ordinal))}"|{name})\)*(::[a-z ]+\)*)?\)*""";
        return Regex.IsMatch(part.Trim(), $"""^{value}\s*({what})\)*$""", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
    }

    // From behind the opening parenthesis to the closing one; (0, 0) where there is none.
    private static (int From, int To) Key(string sql)
    {
        var bare = Bare(sql);
        var (open, depth) = (bare.IndexOf('(', StringComparison.Ordinal), 0);
        for (var at = open; at >= 0 && at < bare.Length; at++)
        {
            depth += bare[at] switch { '(' => 1, ')' => -1, _ => 0 };
            if (depth == 0)
            {
                return (open + 1, at);
            }
        }

        return (0, 0);
    }

    // In capitals and with single blanks, but for what stands in quotes.
    private static string Plain(string sql)
    {
        var (plain, from) = (new StringBuilder(), 0);
        foreach (Match quoted in Quoted().Matches(sql))
        {
            plain.Append(Blanks().Replace(sql[from..quoted.Index], " ").ToUpperInvariant()).Append(quoted.Value);
            from = quoted.Index + quoted.Length;
        }

        return plain.Append(Blanks().Replace(sql[from..], " ").ToUpperInvariant()).ToString().Trim();
    }

    // Quoted names may hold parentheses and commas: of the same length, they are looked past.
    private static string Bare(string sql) => Quoted().Replace(sql, quoted => new string('x', quoted.Length));

    [GeneratedRegex(@"(\s+COLLATE\s+\S+)?(\s+(ASC|DESC))?\s*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Trailing();

    [GeneratedRegex(@"\G\)?\s*WHERE\s+", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Where();

    [GeneratedRegex(@"\s+AND\s+", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex And();

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
