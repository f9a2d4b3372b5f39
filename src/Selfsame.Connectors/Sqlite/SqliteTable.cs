using System.Text;
using System.Text.Unicode;
using Microsoft.Data.Sqlite;
using Selfsame.Core.Accounts;
using Selfsame.Databases;
using SQLitePCL;

namespace Selfsame.Connectors.Sqlite;

/// <summary>A column as <c>PRAGMA table_xinfo</c> tells it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="NotNull">Whether it must have a value.</param>
/// <param name="IsRowId">Whether it is the row id under another name (INTEGER PRIMARY KEY), which SQLite numbers itself.</param>
/// <param name="KeyPosition">Its place in the primary key from 1, or 0.</param>
/// <param name="Generated">Whether SQLite computes it, so that it is never written.</param>
/// <param name="Type">The type as it was declared; may be empty.</param>
/// <param name="FillsItself">Whether it gets a value when none is given.</param>
internal sealed record SqliteColumn(string Name, bool NotNull, bool IsRowId, int KeyPosition, bool Generated, string Type, bool FillsItself);

/// <summary>The statements on one table. Names come from the config or the catalog and are quoted; values are parameters.</summary>
internal sealed class SqliteTable(string name)
{
    public string Name => name;

    public string Quoted { get; } = DialectText.Quote(name);

    /// <summary>The names of the row id where no column has them (sqlite.org/rowidtable.html).</summary>
    public static IReadOnlyList<string> RowIdNames { get; } = ["rowid", "_rowid_", "oid"];

    /// <summary>The columns; none when there is no such table.</summary>
    public IReadOnlyList<SqliteColumn> Columns(SqliteConnection connection)
    {
        var rows = Query(connection, "SELECT name, type, \"notnull\", pk, hidden, dflt_value IS NOT NULL FROM pragma_table_xinfo($table) WHERE hidden <> 1", ("$table", name));
        var keys = rows.Count(row => row[3] is long and > 0);
        return [.. rows.Select(row => new SqliteColumn(
            (string)row[0]!,
            row[2] is 1L || row[3] is long and > 0,
            keys == 1 && row[3] is 1L && string.Equals((string)row[1]!, "integer", StringComparison.OrdinalIgnoreCase),
            (int)(long)row[3]!,
            row[4] is not 0L,
            (string)row[1]!,
            row[5] is 1L))];
    }

    /// <summary>The highest number that a row has, or had where SQLite keeps count (AUTOINCREMENT: sqlite.org/autoinc.html).</summary>
    public long HighestNumber(SqliteConnection connection, string column)
    {
        var counts = Query(connection, "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").Count > 0;
        var counted = counts ? Query(connection, "SELECT seq FROM sqlite_sequence WHERE name = $table COLLATE NOCASE", ("$table", name)).Select(row => row[0]).FirstOrDefault() : null;
        return Math.Max(counted is long number ? number : 0, Query(connection, $"SELECT max({DialectText.Quote(column)}) FROM {Quoted}")[0][0] is long highest ? highest : 0);
    }

    /// <summary>One sentence for each table whose rows go when a row here is deleted.</summary>
    public IReadOnlyList<string> CascadesFrom(SqliteConnection connection)
        => [.. SqliteCatalog.ForeignKeysTo(connection, name)
            .Where(key => key.Cascades)
            .Select(key => key.OnDelete == "CASCADE"
                ? $"Rows of {key.Table} that refer to the account by {string.Join(", ", key.Fields)} are deleted with it."
                : $"{key.Table}.{string.Join(", ", key.Fields)} loses its reference to the account.")];

    private const string RowIdConstraint = "INTEGER PRIMARY KEY";

    /// <summary>Stands for an index's field that is no column; the definition has its text.</summary>
    public const string Expression = "expression";

    /// <summary>The indexes; an INTEGER PRIMARY KEY, which needs none, among them as the constraint that it is.</summary>
    public IReadOnlyList<SystemIndex> Indexes(SqliteConnection connection)
    {
        var stored = StoredIndexes(connection);
        var rowId = Columns(connection).Where(column => column.IsRowId && !stored.Any(index => index.OfConstraint && index.Unique && index.Fields.SequenceEqual([column.Name])));
        return [.. stored, .. rowId.Select(column => new SystemIndex { Name = RowIdConstraint, Fields = [column.Name], Unique = true, OfConstraint = true, Definition = "" })];
    }

    private IReadOnlyList<SystemIndex> StoredIndexes(SqliteConnection connection)
        => [.. Query(
            connection,
            $"""
            SELECT l.name, coalesce(x.name, '{Expression}'), x.coll, l.partial, l."unique", l.origin, coalesce(m.sql, '')
            FROM pragma_index_list($table) l JOIN pragma_index_xinfo(l.name) x ON x.key = 1
            LEFT JOIN sqlite_master m ON m.type = 'index' AND m.name = l.name
            ORDER BY l.name, x.seqno
            """,
            ("$table", name))
            .GroupBy(row => (string)row[0]!)
            .Select(index => (Fields: index.Select(row => (string)row[1]!).ToList(), First: index.First()))
            .Select(index => new SystemIndex
            {
                Name = (string)index.First[0]!,
                Fields = index.Fields,
                Unique = index.First[4] is 1L,
                Collation = index.First[2] is string and not "BINARY" ? (string)index.First[2]! : null,
                Predicate = index.First[3] is 1L ? (string)index.First[6]! : null,
                OfConstraint = (string)index.First[5]! != "c",
                Definition = (string)index.First[6]!,
            })];

    public List<Account> SelectByIds(
        SqliteConnection connection, SqliteTransaction? transaction, AccountMapping mapping, IReadOnlyList<AccountId> ids)
    {
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        var conditions = ids
            .Where(id => id.Parts.Count == mapping.Id.Count)
            .Select(id => "(" + string.Join(" AND ", mapping.Id.Zip(id.Parts, (column, part) => $"{DialectText.Quote(column)} IN ({Candidates(command, part)})")) + ")");
        command.CommandText = $"SELECT * FROM {Quoted} WHERE {string.Join(" OR ", conditions.DefaultIfEmpty("0"))}";
        var asked = ids.ToHashSet();
        return [.. Accounts(command, mapping).Where(account => asked.Contains(account.Id))];
    }

    public List<Account> SelectByIdentifiers(
        SqliteConnection connection, AccountMapping mapping, IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers)
    {
        using var command = connection.CreateCommand();
        var conditions = identifiers
            .Where(pair => mapping.Identifiers.ContainsKey(pair.Key) && pair.Value.Count > 0)
            .Select(pair => (Column: DialectText.Quote(mapping.Identifiers[pair.Key]), Values: string.Join(", ", pair.Value.Select(value => $"lower({Parameter(command, value)})"))))
            .Select(pair => $"lower({pair.Column}) IN ({pair.Values})");
        command.CommandText = $"SELECT * FROM {Quoted} WHERE {string.Join(" OR ", conditions.DefaultIfEmpty("0"))}";
        return Accounts(command, mapping);
    }

    public WriteOutcome Insert(SqliteConnection connection, SqliteTransaction transaction, Fields fields)
    {
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        var written = WithoutGenerated(connection, fields);
        var columns = string.Join(", ", written.Keys.Select(DialectText.Quote));
        var values = string.Join(", ", written.Values.Select(value => Parameter(command, value)));
        command.CommandText = $"INSERT INTO {Quoted} ({columns}) VALUES ({values})";
        command.ExecuteNonQuery();
        return new Done();
    }

    public WriteOutcome Update(SqliteConnection connection, SqliteTransaction transaction, Fields id, Fields set)
    {
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        var assignments = string.Join(", ", WithoutGenerated(connection, set).Select(pair => $"{DialectText.Quote(pair.Key)} = {Parameter(command, pair.Value)}"));
        command.CommandText = $"UPDATE {Quoted} SET {assignments} WHERE {Equal(command, id)}";
        return ExactlyOne(command.ExecuteNonQuery());
    }

    public WriteOutcome Delete(SqliteConnection connection, SqliteTransaction transaction, Fields id)
    {
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = $"DELETE FROM {Quoted} WHERE {Equal(command, id)}";
        return ExactlyOne(command.ExecuteNonQuery());
    }

    /// <summary>The present row as a record, from the column at <paramref name="from"/> on.</summary>
    public static Fields RecordOf(SqliteDataReader reader, int from = 0)
        => new(Enumerable.Range(from, reader.FieldCount - from).Select(index => KeyValuePair.Create(reader.GetName(index), ValueOf(reader, index))));

    /// <summary>The value of a column as it stands there. A text that .NET can't hold keeps its bytes: what it is read as instead would be written back in its place.</summary>
    public static FieldValue ValueOf(SqliteDataReader reader, int column)
        => reader.GetValue(column) is var value && value is string text && !IsWhole(reader, column, text) ? FieldValue.BrokenText(reader.GetFieldValue<byte[]>(column)) : FieldValue.From(value);

    // U+FFFD stands for what is no UTF-8, and a zero ends a text for its reader.
    private static bool IsWhole(SqliteDataReader reader, int column, string text)
        => raw.sqlite3_column_bytes(reader.Handle, column) == Encoding.UTF8.GetByteCount(text)
            && (!text.Contains('\uFFFD', StringComparison.Ordinal) || Utf8.IsValid(reader.GetFieldValue<byte[]>(column)));

    /// <summary>Why a record with these values is left as it is: the bytes of a text that is none could not be written back. Null where they could.</summary>
    public static Refused? Unwritable(SqliteConnection connection, SqliteTransaction transaction, IEnumerable<FieldValue> values)
    {
        if (!values.Any(value => value.AsBrokenText is not null))
        {
            return null;
        }

        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = "PRAGMA encoding";
        return command.ExecuteScalar() is "UTF-8" ? null
            : new Refused("It holds a text that is none (half a character), and in a file in UTF-16 that can't be written back as it is. Put the text right, then plan again.");
    }

    public static WriteOutcome ExactlyOne(int rows)
        => rows == 1 ? new Done() : new Refused($"The change would have hit {rows} rows; it was taken back.");

    /// <summary>The condition that a row has these values, nulls included.</summary>
    public static string Equal(SqliteCommand command, Fields id, string prefix = "")
        => string.Join(" AND ", id.Select(pair => $"{prefix}{DialectText.Quote(pair.Key)} IS {Parameter(command, pair.Value)}"));

    private Fields WithoutGenerated(SqliteConnection connection, Fields fields)
        => fields.Without(Columns(connection).Where(column => column.Generated).Select(column => column.Name).ToHashSet(StringComparer.Ordinal));

    // An id reads as text; the column may hold it as a number, or as a uuid in capitals.
    private static string Candidates(SqliteCommand command, string part)
    {
        var candidates = new List<object> { part };
        if (long.TryParse(part, out var number))
        {
            candidates.Add(number);
        }

        if (Guid.TryParseExact(part, "D", out _))
        {
            candidates.Add(part.ToUpperInvariant());
        }

        return string.Join(", ", candidates.Select(candidate => Parameter(command, candidate)));
    }

    public static string Parameter(SqliteCommand command, FieldValue value)
        => value.AsBrokenText is { } bytes ? $"CAST({Parameter(command, bytes)} AS TEXT)" : Parameter(command, value.Raw);

    public static string Parameter(SqliteCommand command, object? value)
    {
        var parameter = $"$p{command.Parameters.Count}";
        command.Parameters.AddWithValue(parameter, value ?? DBNull.Value);
        return parameter;
    }

    private static List<Account> Accounts(SqliteCommand command, AccountMapping mapping)
    {
        using var reader = command.ExecuteReader();
        var accounts = new List<Account>();
        while (reader.Read())
        {
            if (mapping.ToAccount(RecordOf(reader)) is { } account)
            {
                accounts.Add(account);
            }
        }

        return accounts;
    }

    public static List<object?[]> Query(SqliteConnection connection, string sql, params (string Name, object Value)[] parameters)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (parameter, value) in parameters)
        {
            command.Parameters.AddWithValue(parameter, value);
        }

        using var reader = command.ExecuteReader();
        var rows = new List<object?[]>();
        while (reader.Read())
        {
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(index => reader.IsDBNull(index) ? null : reader.GetValue(index))]);
        }

        return rows;
    }
}
