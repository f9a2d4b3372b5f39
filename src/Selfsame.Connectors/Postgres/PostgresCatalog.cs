using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>A foreign key that refers to a table.</summary>
/// <param name="Table">The table that refers, with its schema where it is not found without.</param>
/// <param name="From">Its object id.</param>
/// <param name="Fields">Its columns.</param>
/// <param name="AccountFields">The columns referred to, in the same order.</param>
/// <param name="To">The object id of the table referred to.</param>
/// <param name="OnDelete">What happens to its rows when the row referred to is deleted: NO ACTION, RESTRICT, CASCADE, SET NULL, SET DEFAULT.</param>
internal sealed record PostgresForeignKey(
    string Table, uint From, IReadOnlyList<string> Fields, IReadOnlyList<string> AccountFields, uint To, string OnDelete)
{
    /// <summary>Whether a deletion goes on by itself into the rows that refer.</summary>
    public bool Cascades => OnDelete is "CASCADE" or "SET NULL" or "SET DEFAULT";
}

/// <summary>A unique index that is partial or over an expression.</summary>
/// <param name="Table">The table's object id.</param>
/// <param name="Name">Its name.</param>
/// <param name="Keys">What it holds, each a column or an expression as SQL.</param>
/// <param name="Predicate">Of which rows, as SQL; null for all.</param>
internal sealed record PostgresUniqueIndex(uint Table, string Name, IReadOnlyList<string> Keys, string? Predicate);

/// <summary>A foreign key along which a deletion goes on by itself.</summary>
/// <param name="Table">The table that refers, with its schema where it is not found without.</param>
/// <param name="Fields">Its columns.</param>
/// <param name="Deletes">Whether its rows go; else they lose their reference.</param>
/// <param name="Depth">1 where it refers to the accounts themselves.</param>
/// <param name="Of">The table referred to.</param>
/// <param name="IsOfAccountsSchema">Whether the table that refers stands in the accounts' own schema.</param>
/// <param name="CanCount">Whether we see all of its rows.</param>
/// <param name="To">The columns referred to.</param>
internal sealed record PostgresCascade(
    string Table, IReadOnlyList<string> Fields, bool Deletes, int Depth, string Of, bool IsOfAccountsSchema, bool CanCount, IReadOnlyList<string> To)
{
    public override string ToString() => (Deletes, Depth) switch
    {
        (true, 1) => $"Rows of {Table} that refer to the account by {string.Join(", ", Fields)} are deleted with it.",
        (true, _) => $"Rows of {Table} that refer by {string.Join(", ", Fields)} to rows of {Of} deleted so are deleted too.",
        (_, 1) => $"{Table}.{string.Join(", ", Fields)} loses its reference to the account.",
        _ => $"{Table}.{string.Join(", ", Fields)} loses its reference to rows of {Of} deleted so.",
    };
}

/// <summary>What the catalog says about references, unique sets and indexes.</summary>
internal static class PostgresCatalog
{
    // A table's name as the config would write it.
    private const string NameOf = "CASE WHEN pg_table_is_visible(c.oid) THEN c.relname ELSE n.nspname || '.' || c.relname END";

    /// <summary>
    /// A query of all collations: whether equal texts may differ in their bytes, and whether case is among what it ignores (ICU's levels 1 and 2).
    /// The column with the locale's name has changed twice.
    /// </summary>
    public const string Collations =
        """
        SELECT oid, collname, NOT collisdeterministic AS loose, NOT collisdeterministic
            AND coalesce(row ->> 'colllocale', row ->> 'colliculocale', row ->> 'collcollate', '') ~ 'ks-level[12]' AS folds,
            NOT collisdeterministic AND coalesce(row ->> 'colllocale', row ->> 'colliculocale', row ->> 'collcollate', '') ~ 'ks-level1' AS blunt
        FROM (SELECT oid, collname, collisdeterministic, to_jsonb(c) AS row FROM pg_collation c) c
        """;

    // Each table with its partitions and with those that inherit from it: its rows stand in these too.
    private const string Parts =
        """
        parts (root, id) AS (SELECT oid, oid FROM pg_class WHERE relkind IN ('r', 'p') UNION SELECT parts.root, i.inhrelid FROM parts JOIN pg_inherits i ON i.inhparent = parts.id)
        """;

    /// <summary>
    /// All foreign keys that refer to one of the tables, or to a part of it as if to the table, in a fixed order. What a partition has by a foreign key of its whole stands with that; one to a
    /// whole counts for a partition that is asked about alone.
    /// </summary>
    public static Task<List<PostgresForeignKey>> ForeignKeysToAsync(PostgresSession session, IReadOnlyCollection<uint> tables)
        => session.QueryAsync(
            $"""
            WITH RECURSIVE parts (root, id) AS (
                SELECT t, t FROM unnest($1) t UNION SELECT parts.root, i.inhrelid FROM parts JOIN pg_inherits i ON i.inhparent = parts.id)
            SELECT {NameOf}, k.conrelid,
                ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(num, number)
                    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.number),
                ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(num, number)
                    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num ORDER BY u.number),
                parts.root,
                CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' WHEN 'r' THEN 'RESTRICT' ELSE 'NO ACTION' END
            FROM parts JOIN pg_constraint k ON k.confrelid = parts.id AND k.contype = 'f' JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE NOT EXISTS (SELECT 1 FROM pg_constraint whole JOIN parts mine ON mine.id = whole.confrelid AND mine.root = parts.root WHERE whole.oid = k.conparentid)
            ORDER BY 1, k.conname, parts.root, k.oid
            """,
            reader => new PostgresForeignKey(
                reader.GetString(0), reader.GetFieldValue<uint>(1), reader.GetFieldValue<string[]>(2), reader.GetFieldValue<string[]>(3),
                reader.GetFieldValue<uint>(4), reader.GetString(5)),
            [tables.ToArray()]);

    /// <summary>The full unique constraints of each table, as their columns, by the table's object id.</summary>
    public static async Task<ILookup<uint, IReadOnlyList<string>>> UniqueSetsAsync(PostgresSession session, IReadOnlyCollection<uint> tables)
    {
        var rows = await session.QueryAsync(
            """
            SELECT i.indrelid, ARRAY(SELECT a.attname::text FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) WITH ORDINALITY u(num, number)
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.num ORDER BY u.number)
            FROM pg_index i
            WHERE i.indrelid = ANY ($1) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
            ORDER BY i.indrelid, i.indexrelid
            """,
            reader => (Table: reader.GetFieldValue<uint>(0), Fields: (IReadOnlyList<string>)reader.GetFieldValue<string[]>(1)),
            [tables.ToArray()]);
        return rows.ToLookup(row => row.Table, row => row.Fields);
    }

    /// <summary>The unique indexes of each table that are partial or over an expression.</summary>
    public static Task<List<PostgresUniqueIndex>> UnforeseenIndexesAsync(PostgresSession session, IReadOnlyCollection<uint> tables)
        => session.QueryAsync(
            """
            SELECT i.indrelid, x.relname, ARRAY(SELECT pg_get_indexdef(i.indexrelid, u.number::int, false) FROM generate_series(1, i.indnkeyatts) u(number) ORDER BY u.number),
                pg_get_expr(i.indpred, i.indrelid)
            FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
            WHERE i.indrelid = ANY ($1) AND i.indisunique AND i.indisvalid AND (i.indpred IS NOT NULL OR i.indexprs IS NOT NULL) ORDER BY i.indrelid, x.relname
            """,
            reader => new PostgresUniqueIndex(reader.GetFieldValue<uint>(0), reader.GetString(1), reader.GetFieldValue<string[]>(2), reader.IsDBNull(3) ? null : reader.GetString(3)),
            [tables.ToArray()]);

    /// <summary>The foreign keys along which the deletion of an account goes on by itself, the nearest first; cascades are followed.</summary>
    public static Task<List<PostgresCascade>> CascadesAsync(PostgresSession session, PostgresTable accounts)
        => session.QueryAsync(
            $"""
            WITH RECURSIVE {Parts}, keys AS (
                SELECT k.conrelid, k.oid, k.confdeltype, parts.root FROM parts JOIN pg_constraint k ON k.confrelid = parts.id AND k.contype = 'f' AND k.confdeltype IN ('c', 'n', 'd')
                WHERE NOT EXISTS (SELECT 1 FROM pg_constraint whole JOIN parts mine ON mine.id = whole.confrelid AND mine.root = parts.root WHERE whole.oid = k.conparentid)),
            hit (conrelid, oid, confdeltype, depth) AS (
                SELECT conrelid, oid, confdeltype, 1 FROM keys WHERE root = $1
                UNION
                SELECT k.conrelid, k.oid, k.confdeltype, hit.depth + 1 FROM hit JOIN keys k ON k.root = hit.conrelid WHERE hit.confdeltype = 'c' AND hit.depth < 16)
            SELECT {NameOf}, array_agg(DISTINCT a.attname::text), k.confdeltype = 'c', min(hit.depth), p.relname,
                n.oid = (SELECT relnamespace FROM pg_class WHERE oid = $1), has_table_privilege(c.oid, 'SELECT') AND NOT row_security_active(c.oid),
                ARRAY(SELECT t.attname::text FROM pg_attribute t WHERE t.attrelid = k.confrelid AND t.attnum = ANY (k.confkey))
            FROM hit JOIN pg_constraint k ON k.oid = hit.oid JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_class p ON p.oid = k.confrelid JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
            GROUP BY c.oid, c.relname, n.oid, n.nspname, k.oid, k.confdeltype, k.confrelid, k.confkey, p.relname ORDER BY 4, 1, 2
            """,
            reader => new PostgresCascade(
                reader.GetString(0), reader.GetFieldValue<string[]>(1), reader.GetBoolean(2), reader.GetInt32(3), reader.GetString(4), reader.GetBoolean(5), reader.GetBoolean(6),
                reader.GetFieldValue<string[]>(7)),
            [accounts.Id]);

    /// <summary>The indexes of one table; one that is not valid yet guards nothing and so is not unique.</summary>
    public static Task<List<SystemIndex>> IndexesAsync(PostgresSession session, PostgresTable table)
        => session.QueryAsync(
            $"""
            SELECT x.relname,
                ARRAY(SELECT coalesce(a.attname::text, pg_get_indexdef(i.indexrelid, u.number::int, true))
                    FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) WITH ORDINALITY u(num, number)
                    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.num AND u.num <> 0 ORDER BY u.number),
                i.indisunique AND i.indisvalid, CASE WHEN l.oid <> 100 THEN l.collname::text END, pg_get_expr(i.indpred, i.indrelid),
                EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')), pg_get_indexdef(i.indexrelid),
                coalesce(l.folds, false), coalesce(l.blunt, false)
            FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid LEFT JOIN ({Collations}) l ON l.oid = (i.indcollation::oid[])[0]
            WHERE i.indrelid = $1 ORDER BY x.relname
            """,
            reader =>
            {
                var fields = reader.GetFieldValue<string[]>(1);
                var folds = reader.GetBoolean(7) || (table.Has(fields[0]) && table[fields[0]].IsCitext);
                var collation = reader.IsDBNull(3) ? null : reader.GetString(3);
                return new SystemIndex
                {
                    Name = reader.GetString(0),
                    Fields = fields,
                    Unique = reader.GetBoolean(2),
                    Collation = folds ? $"{collation ?? "citext"} {(reader.GetBoolean(8) ? PostgresSchema.IgnoresAccents + " " : "")}{PostgresSchema.IgnoresCase}" : collation,
                    Predicate = reader.IsDBNull(4) ? null : reader.GetString(4),
                    OfConstraint = reader.GetBoolean(5),
                    Definition = reader.GetString(6),
                };
            },
            [table.Id]);

    /// <summary>Tables of nearly that name, for a message.</summary>
    public static async Task<IReadOnlyList<string>> NearAsync(PostgresSession session, string name)
    {
        var all = await session.QueryAsync(
            $"""
            SELECT {NameOf} FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1 LIMIT 5000
            """,
            reader => reader.GetString(0));
        var wanted = Bare(name);
        return [.. all.Select(table => (Table: table, Distance: Distance(Bare(table), wanted)))
            .Where(pair => pair.Distance <= Math.Max(2, wanted.Length / 3) || Bare(pair.Table).Contains(wanted, StringComparison.Ordinal))
            .OrderBy(pair => pair.Distance).Take(5).Select(pair => pair.Table)];
    }

    private static string Bare(string table) => table[(table.LastIndexOf('.') + 1)..].ToLowerInvariant();

    /// <summary>How many letters to insert, remove or replace (Levenshtein).</summary>
    private static int Distance(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var replaced = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
