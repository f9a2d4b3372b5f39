namespace Selfsame.Databases;

/// <summary>The kind of SQL database behind a <see cref="Database"/>.</summary>
public enum Dialect
{
    Sqlite,
    PostgreSql,
}

/// <summary>What differs between the dialects in text that we compose.</summary>
public static class DialectText
{
    /// <summary>
    /// A name from a config or a catalog as a quoted SQL identifier (SQL-92 delimited identifier; the same in both
    /// dialects). A dot separates schema and table, each quoted by itself.
    /// </summary>
    public static string QuoteQualified(string name) => string.Join('.', name.Split('.').Select(Quote));

    /// <summary>One name, quoted; a NUL, which no database can hold in a name, throws.</summary>
    public static string Quote(string name)
    {
        if (name.Length == 0 || name.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("A database object's name is empty or contains NUL.", nameof(name));
        }

        return $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }
}
