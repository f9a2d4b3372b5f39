using System.Globalization;
using System.Text;
using Npgsql;

namespace Selfsame.Databases;

/// <summary>One part of a statement that stays whole or not at all.</summary>
/// <param name="Name">By which the other parts read what it returns. One that inserts into a table may have the table's name: the others then find there what was inserted.</param>
/// <param name="Statement">What it does.</param>
/// <param name="Rows">How many rows it must return, or nothing of the whole stays; null where that does not matter.</param>
public sealed record StatementPart(string Name, Statement Statement, int? Rows = null);

/// <summary>
/// For PostgreSQL: several statements as one (a WITH whose parts write), which itself decides whether it stays. It spares the round trip in which a client that was told
/// what the first statements did says COMMIT or ROLLBACK. To undo it a query can only fail, which the server logs as an error: it is for what nearly always stays.
/// </summary>
public static class AllOrNothing
{
    /// <summary>
    /// A column of an answer by which the transaction's end does not wait for the disk. A crash of the database may take it back, as long as it takes back what came after it, too
    /// (PostgreSQL, "Asynchronous Commit").
    /// </summary>
    public const string Unflushed = "set_config('synchronous_commit', 'off', true)";

    // In the server's log, too.
    private const string Undone = "Selfsame undoes this to find out why it is refused: ";

    /// <summary>
    /// The parts that must return rows are done in this order; of those that need not, one does not wait for another. Each sees the database as it was before,
    /// and what other parts return.
    /// </summary>
    /// <param name="parts">At least one must return rows.</param>
    /// <param name="answer">What the one row of the whole holds, as a list for SELECT, which may read the parts; null where there is to be none.</param>
    public static Statement Of(IReadOnlyList<StatementPart> parts, string? answer)
    {
        var sql = new StringBuilder(4096);
        var values = new List<SqlValue>();
        foreach (var part in parts)
        {
            sql.Append(sql.Length == 0 ? "WITH " : ",\n").Append(part.Name).Append(" AS (\n");
            AppendRenumbered(sql, part.Statement.Sql, values.Count);
            sql.Append("\n)");
            values.AddRange(part.Statement.Values);
        }

        // CASE looks at its conditions one after the other, and not at those after the first that holds. Only a cast of what is not known before fails at that time.
        sql.Append("\nSELECT ").Append(answer ?? "1").Append("\nWHERE CAST(CASE\n");
        foreach (var part in parts.Where(part => part.Rows is not null))
        {
            sql.Append(CultureInfo.InvariantCulture, $"  WHEN (SELECT count(*) FROM {part.Name}) <> {part.Rows} THEN '{Undone}{part.Name}'\n");
        }

        sql.Append(CultureInfo.InvariantCulture, $"  ELSE '{(answer is null ? "false" : "true")}' END AS boolean)");
        return new Statement(sql.ToString(), values);
    }

    /// <summary>Whether a part did not return the rows that it must.</summary>
    internal static bool IsUndone(PostgresException exception)
        => exception.SqlState == PostgresErrorCodes.InvalidTextRepresentation && exception.MessageText.Contains(Undone, StringComparison.Ordinal);

    /// <summary>$1 of a part is the value after those of the parts before.</summary>
    private static void AppendRenumbered(StringBuilder sql, string part, int before)
    {
        var rest = part.AsSpan();
        for (var mark = rest.IndexOf('$'); mark >= 0; mark = rest.IndexOf('$'))
        {
            var digits = rest[(mark + 1)..];
            var length = digits.IndexOfAnyExceptInRange('0', '9');
            digits = length < 0 ? digits : digits[..length];
            sql.Append(rest[..(mark + 1)]).Append(int.Parse(digits, CultureInfo.InvariantCulture) + before);
            rest = rest[(mark + 1 + digits.Length)..];
        }

        sql.Append(rest);
    }
}
