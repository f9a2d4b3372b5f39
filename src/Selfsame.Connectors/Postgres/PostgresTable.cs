using Npgsql;
using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Postgres;

/// <summary>A table's shape as the catalog has it now.</summary>
internal sealed class PostgresTable
{
    private readonly Dictionary<string, PostgresColumn> byName;
    private readonly FieldNames names;

    private PostgresTable(string name, uint id, string? undeletable, IReadOnlyList<PostgresColumn> columns)
    {
        Name = name;
        Id = id;
        Undeletable = undeletable is null ? null : $"{name} {undeletable}: map the table in which the rows stand.";
        Columns = columns;
        Quoted = DialectText.QuoteQualified(name);
        names = new FieldNames([.. columns.Select(column => column.Name)]);
        byName = columns.ToDictionary(column => column.Name, StringComparer.Ordinal);
        Key = [.. columns.Where(column => column.KeyPosition > 0).OrderBy(column => column.KeyPosition)];
        HasKey = Key.Count > 0;
        if (!HasKey)
        {
            Key = [.. columns.Where(column => !column.Computed)];
        }
    }

    /// <summary>As the config or the catalog names it: <c>users</c>, <c>auth.users</c>.</summary>
    public string Name { get; }

    /// <summary>Its object id; 0 when there is no such table.</summary>
    public uint Id { get; }

    /// <summary>Why no row is deleted through it and none takes another key, and what to do: it shows rows that stand elsewhere. Null where its rows are its own, or its partitions'.</summary>
    public string? Undeletable { get; }

    public string Quoted { get; }

    public IReadOnlyList<PostgresColumn> Columns { get; }

    /// <summary>The primary key, else a unique index over columns that are never null, else the whole row.</summary>
    public IReadOnlyList<PostgresColumn> Key { get; }

    /// <summary>Whether <see cref="Key"/> names one row; where not, equal rows can't be told apart and need not be.</summary>
    public bool HasKey { get; }

    public PostgresColumn this[string name] => byName[name];

    public bool Has(string name) => byName.ContainsKey(name);

    /// <summary>The columns of a SELECT that <see cref="Record"/> reads.</summary>
    public string SelectedColumns => string.Join(", ", Columns.Select(column => column.Selected));

    public Fields Record(NpgsqlDataReader reader, int from = 0)
    {
        var values = new FieldValue[Columns.Count];
        for (var index = 0; index < values.Length; index++)
        {
            values[index] = Columns[index].Read(reader, from + index);
        }

        return new Fields(names, values);
    }

    /// <summary>Whether these fields are the whole row of a table without a key, so that equal rows have one key.</summary>
    public bool IsWholeRow(Fields key) => !HasKey && Key.All(column => key.ContainsKey(column.Name));

    /// <summary>The condition that a row has exactly these values, by an index where there is one.</summary>
    public string Holds(PostgresStatement statement, Fields key)
        => string.Join(" AND ", key.Select(pair => pair.Value.IsNull ? $"t.{this[pair.Key].Quoted} IS NULL" : Holds(this[pair.Key], statement.Text(pair.Value))));

    /// <summary>As the other, for the keys that stand as text in the columns k0, k1 … of <c>v</c> and are null in the same fields as <paramref name="sample"/>.</summary>
    public string HoldsListed(Fields sample)
        => string.Join(" AND ", sample.Select((pair, index) => pair.Value.IsNull ? $"t.{this[pair.Key].Quoted} IS NULL" : Holds(this[pair.Key], $"v.k{index}")));

    /// <summary>The shapes of several tables in one query, by name; one that is not there has no columns.</summary>
    public static async Task<IReadOnlyDictionary<string, PostgresTable>> LoadAsync(PostgresSession session, IReadOnlyCollection<string> names)
    {
        var distinct = names.Distinct(StringComparer.Ordinal).ToArray();
        var columns = await session.QueryAsync(
            $"""
            SELECT n.number, c.oid, a.attname, a.atttypid, format_type(a.atttypid, -1), a.attnotnull, a.attidentity, a.attgenerated,
                coalesce(pg_get_expr(d.adbin, d.adrelid), '') LIKE 'nextval(%', coalesce(array_position(k.columns, a.attnum), 0),
                coalesce(l.loose, false), coalesce(l.folds, false),
                EXISTS (SELECT 1 FROM pg_index u WHERE u.indrelid = c.oid AND (u.indisunique OR u.indisexclusion)
                    AND (a.attnum = ANY (u.indkey) OR u.indexprs IS NOT NULL)),
                CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.oid END, CASE WHEN y.typtype = 'd' THEN y.typtypmod ELSE a.atttypmod END,
                CASE WHEN y.typtype = 'e' THEN ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = y.oid ORDER BY e.enumsortorder) END,
                d.oid IS NOT NULL OR a.attidentity <> '' OR y.typdefault IS NOT NULL OR EXISTS (
                    SELECT 1 FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgtype & 7 = 7),
                CASE WHEN c.relkind IN ('v', 'm', 'f') THEN 'is a view or a foreign table, so that nothing tells what refers to its rows and would go along with them'
                    WHEN c.relkind = 'r' AND EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhparent = c.oid) THEN 'shows rows of tables that inherit from it, to which none could be brought back' END
            FROM unnest($1) WITH ORDINALITY n(name, number)
            JOIN pg_class c ON c.oid = to_regclass(n.name) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            JOIN pg_type y ON y.oid = a.atttypid
            LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            LEFT JOIN ({PostgresCatalog.Collations}) l ON l.oid = a.attcollation
            LEFT JOIN LATERAL (
                SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] AS columns FROM pg_index i
                WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
                    AND NOT EXISTS (SELECT 1 FROM pg_attribute n WHERE n.attrelid = c.oid AND n.attnum = ANY (i.indkey) AND NOT n.attnotnull)
                ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1) k ON true
            ORDER BY n.number, a.attnum
            """,
            reader => (Table: distinct[reader.GetInt64(0) - 1], Id: reader.GetFieldValue<uint>(1), Undeletable: reader.IsDBNull(17) ? null : reader.GetString(17), Column: ColumnOf(reader)),
            [distinct.Select(DialectText.QuoteQualified).ToArray()]);
        var found = columns.GroupBy(row => row.Table).ToDictionary(
            rows => rows.Key, rows => new PostgresTable(rows.Key, rows.First().Id, rows.First().Undeletable, [.. rows.Select(row => row.Column)]), StringComparer.Ordinal);
        return distinct.ToDictionary(name => name, name => found.GetValueOrDefault(name) ?? new PostgresTable(name, 0, null, []), StringComparer.Ordinal);
    }

    // A type that can be a key has an equality; of the others the texts are compared, as also where the equality is a loose one.
    private static string Holds(PostgresColumn column, string value)
        => $"t.{column.Quoted}" + column switch
        {
            { ComparesLoosely: true } => $" = {value}::{column.TypeName} AND t.{column.Quoted}::text COLLATE \"C\" = {value}",
            { IsNative: false } or { IsUuid: true } or { KeyPosition: > 0 } => $" = {value}::{column.TypeName}",
            _ => $"::text = {value}::{column.TypeName}::text",
        };

    private static PostgresColumn ColumnOf(NpgsqlDataReader reader)
    {
        var type = reader.GetString(4);
        var identity = reader.GetChar(6);
        var loose = reader.GetBoolean(10);
        var citext = type == "citext" || type.EndsWith(".citext", StringComparison.Ordinal);
        return new PostgresColumn
        {
            Name = reader.GetString(2),
            TypeId = reader.GetFieldValue<uint>(3),
            TypeName = type,
            BaseTypeId = reader.GetFieldValue<uint>(13),
            Modifier = reader.GetInt32(14),
            Labels = reader.IsDBNull(15) ? [] : reader.GetFieldValue<string[]>(15),
            NotNull = reader.GetBoolean(5),
            FillsItself = reader.GetBoolean(16),
            AlwaysNumbered = identity == 'a',
            Numbered = identity is 'a' or 'd' || reader.GetBoolean(8),
            Computed = reader.GetChar(7) is not '\0' and not ' ',
            KeyPosition = reader.GetInt32(9),
            Unique = reader.GetBoolean(12),
            FoldsCase = citext || reader.GetBoolean(11),
            ComparesLoosely = citext || loose,
        };
    }
}
