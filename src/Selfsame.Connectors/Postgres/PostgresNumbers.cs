using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>The sequence from which a column takes its numbers (identity, serial).</summary>
internal sealed class PostgresNumbers
{
    // A sequence that lags behind, as after an import with ids, is worn out so far and no further: each of its numbers fails in the application too.
    private const int MostInUse = 1000;

    private readonly PostgresSession session;
    private readonly PostgresTable table;
    private readonly PostgresColumn column;
    private readonly string sequence;

    private PostgresNumbers(PostgresSession session, PostgresTable table, PostgresColumn column, string sequence)
    {
        this.session = session;
        this.table = table;
        this.column = column;
        this.sequence = sequence;
    }

    /// <summary>The column's sequence, by what the catalog knows to hang on it; null where there is none, or several.</summary>
    public static async Task<PostgresNumbers?> FindAsync(PostgresSession session, PostgresTable table, PostgresColumn column)
    {
        var found = await session.QueryAsync(
            """
            SELECT s.oid::regclass::text FROM pg_class s, pg_attribute a
            WHERE s.relkind = 'S' AND a.attrelid = $1 AND a.attname = $2 AND (
                EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype = 'i'
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum)
                OR EXISTS (SELECT 1 FROM pg_attrdef v JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = v.oid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid WHERE v.adrelid = a.attrelid AND v.adnum = a.attnum))
            """,
            reader => reader.GetString(0),
            [table.Id, column.Name]);
        return found is [var sequence] ? new PostgresNumbers(session, table, column, sequence) : null;
    }

    /// <summary>What an owner must run so that our role may take numbers; null where it may.</summary>
    public async Task<string?> LackingGrantAsync()
    {
        if ((await session.QueryAsync("SELECT has_sequence_privilege($1, 'USAGE') OR has_sequence_privilege($1, 'UPDATE')", reader => reader.GetBoolean(0), [sequence]))[0])
        {
            return null;
        }

        var role = (await session.QueryAsync("SELECT quote_ident(current_user)", reader => reader.GetString(0)))[0];
        return $"Numbers for new accounts come from {sequence}. An owner must run: GRANT USAGE ON SEQUENCE {sequence} TO {role};";
    }

    /// <summary>The next numbers that are no row's; what the transaction comes to does not give them back.</summary>
    public async Task<IReadOnlyList<FieldValue>> TakeAsync(int count)
    {
        if (await LackingGrantAsync() is { } grant)
        {
            throw new SystemUnavailableException(grant);
        }

        var free = new List<FieldValue>();
        var type = column.TypeName + (column.IsNative ? "::text" : "");
        for (var inUse = 0; free.Count < count;)
        {
            var asked = count - free.Count;
            free.AddRange(await session.QueryAsync(
                $"""
                WITH v AS MATERIALIZED (SELECT nextval($1::regclass) AS n FROM generate_series(1, $2))
                SELECT v.n::{type} FROM v WHERE NOT EXISTS (SELECT 1 FROM {table.Quoted} t WHERE t.{column.Quoted} = v.n) ORDER BY v.n
                """,
                reader => column.Read(reader, 0),
                [sequence, asked]));
            inUse += asked - (free.Count - (count - asked));
            if (inUse > MostInUse)
            {
                throw new SystemUnavailableException(
                    $"The numbers of {sequence} lag behind those that {table.Name} has, so that nobody can be added. An owner must run: "
                    + $"SELECT setval('{sequence.Replace("'", "''", StringComparison.Ordinal)}', (SELECT max({column.Quoted}) FROM {table.Quoted}));");
            }
        }

        return free;
    }
}
