using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>The statements that write rows.</summary>
internal static class PostgresWrites
{
    public static PostgresStatement Insert(PostgresTable table, Fields fields)
    {
        var statement = new PostgresStatement();
        var written = fields.Where(pair => !table[pair.Key].Computed).ToList();
        var columns = string.Join(", ", written.Select(pair => table[pair.Key].Quoted));
        var values = string.Join(", ", written.Select(pair => statement.Value(table[pair.Key], pair.Value)));
        var overriding = written.Exists(pair => table[pair.Key].AlwaysNumbered) ? " OVERRIDING SYSTEM VALUE" : "";
        statement.Sql = $"INSERT INTO {table.Quoted} ({columns}){overriding} VALUES ({values})";
        return statement;
    }

    /// <summary>Null where only computed columns would be set.</summary>
    public static PostgresStatement? Update(PostgresTable table, Fields key, Fields set)
    {
        var statement = new PostgresStatement();
        statement.Sql = UpdateText(statement, table, key, set);
        return set.Any(pair => !table[pair.Key].Computed) ? statement : null;
    }

    /// <summary>The text of an UPDATE whose values become parameters of <paramref name="statement"/>.</summary>
    public static string UpdateText(PostgresStatement statement, PostgresTable table, Fields key, Fields set)
    {
        var assignments = set.Where(pair => !table[pair.Key].Computed)
            .Select(pair => $"{table[pair.Key].Quoted} = {statement.Value(table[pair.Key], pair.Value)}");
        return $"UPDATE {table.Quoted} t SET {string.Join(", ", assignments)} WHERE {OneRow(statement, table, key)}";
    }

    public static PostgresStatement Delete(PostgresTable table, Fields key)
    {
        var statement = new PostgresStatement();
        statement.Sql = $"DELETE FROM {table.Quoted} t WHERE {OneRow(statement, table, key)}";
        return statement;
    }

    // Of rows that are equal in everything one is taken: it doesn't matter which.
    private static string OneRow(PostgresStatement statement, PostgresTable table, Fields key)
        => table.IsWholeRow(key) ? $"t.ctid = (SELECT t.ctid FROM {table.Quoted} t WHERE {table.Holds(statement, key)} LIMIT 1)" : table.Holds(statement, key);

    /// <summary>
    /// The statements for writes that change different rows, in an order in which they can be made: updates of the same fields one after the other
    /// become one statement, and so do deletions.
    /// </summary>
    public static IReadOnlyList<PostgresStatement> Grouped(IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyList<RowWrite> writes)
    {
        var groups = new List<(string? Group, HashSet<Fields> Keys, List<RowWrite> Writes)>();
        foreach (var write in writes)
        {
            var group = GroupOf(tables[write.Table], write);
            if (group is not null && groups.Count > 0 && groups[^1].Group == group && groups[^1].Keys.Add(write.Key))
            {
                groups[^1].Writes.Add(write);
            }
            else
            {
                groups.Add((group, [write.Key], [write]));
            }
        }

        return [.. groups.Select(group => Statement(tables[group.Writes[0].Table], group.Writes)).OfType<PostgresStatement>()];
    }

    /// <summary>The text of an UPDATE that gives several rows their values, which become parameters of <paramref name="statement"/>.</summary>
    public static string UpdateText(PostgresStatement statement, PostgresTable table, List<RowWrite> writes)
    {
        var first = writes[0];
        if (writes.Count == 1)
        {
            return UpdateText(statement, table, first.Key, first.After);
        }

        var fields = first.After.Keys.Where(field => !table[field].Computed).ToList();
        var assignments = fields.Select((field, index) => $"{table[field].Quoted} = v.s{index}::{table[field].TypeName}");
        var lists = Keys(statement, writes).Concat(fields.Select(field => statement.Texts(writes.Select(write => PostgresColumn.TextOf(write.After[field])))));
        var names = first.Key.Keys.Select((_, index) => $"k{index}").Concat(fields.Select((_, index) => $"s{index}"));
        return $"UPDATE {table.Quoted} t SET {string.Join(", ", assignments)} FROM unnest({string.Join(", ", lists)}) v({string.Join(", ", names)}) WHERE {table.HoldsListed(first.Key)}";
    }

    private static PostgresStatement? Statement(PostgresTable table, List<RowWrite> writes)
    {
        var first = writes[0];
        var statement = new PostgresStatement { Rows = writes.Count };
        switch (first.Action)
        {
            case RowAction.Insert: return Insert(table, first.Key.With(first.After));
            case RowAction.Update when first.After.All(pair => table[pair.Key].Computed): return null;
            case RowAction.Update: statement.Sql = UpdateText(statement, table, writes); return statement;
            case RowAction.Delete when writes.Count == 1: return Delete(table, first.Key);
        }

        var names = string.Join(", ", first.Key.Keys.Select((_, index) => $"k{index}"));
        statement.Sql = $"DELETE FROM {table.Quoted} t USING unnest({string.Join(", ", Keys(statement, writes))}) v({names}) WHERE {table.HoldsListed(first.Key)}";
        return statement;
    }

    /// <summary>
    /// What writes that may be one statement have in common; null for one that stands alone. Within one statement rows change in no order that
    /// we know: a value that one row gives up may not be free yet for the next.
    /// </summary>
    public static string? GroupOf(PostgresTable table, RowWrite write) => write.Action switch
    {
        _ when table.IsWholeRow(write.Key) => null,
        RowAction.Delete => $"delete {write.Table} {RowQuery.ShapeOf(write.Key)}",
        RowAction.Update when !write.After.Keys.Any(field => table[field].Unique)
            => $"update {write.Table} {RowQuery.ShapeOf(write.Key)} {string.Join('\0', write.After.Keys)}",
        _ => null,
    };

    private static IEnumerable<string> Keys(PostgresStatement statement, List<RowWrite> writes)
        => writes[0].Key.Keys.Select(name => statement.Texts(writes.Select(write => PostgresColumn.TextOf(write.Key[name]))));
}
