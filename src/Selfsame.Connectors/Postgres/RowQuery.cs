using Npgsql;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>Asks for rows by their keys: one statement for each table and shape of key.</summary>
internal sealed class RowQuery
{
    private readonly IReadOnlyList<(string Table, Fields Key)> keys;
    private readonly List<(PostgresTable Table, List<Fields> Keys)> groups;

    /// <param name="tables">The shapes of all tables that are named.</param>
    /// <param name="keys">Different ones.</param>
    /// <param name="ending">What each statement ends with.</param>
    public RowQuery(IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyList<(string Table, Fields Key)> keys, string ending)
    {
        this.keys = keys;

        // Everybody who locks in this order waits instead of dying of a deadlock.
        groups = [.. keys.Select(key => (key.Table, key.Key, Text: key.Key.ToString()))
            .OrderBy(key => key.Table, StringComparer.Ordinal).ThenBy(key => key.Text, StringComparer.Ordinal)
            .GroupBy(key => (key.Table, Shape: ShapeOf(key.Key)))
            .Select(group => (Table: tables[group.Key.Table], Keys: group.Select(key => key.Key).ToList()))];
        Statements = groups.ConvertAll(group =>
        {
            var statement = new PostgresStatement();
            statement.Sql =
                $"SELECT v.number, {group.Table.SelectedColumns} FROM {group.Table.Quoted} t JOIN {List(statement, group.Keys)} "
                + $"ON {group.Table.HoldsListed(group.Keys[0])} ORDER BY v.number{ending}";
            return statement;
        });
    }

    public IReadOnlyList<PostgresStatement> Statements { get; }

    public void Need(PostgresSession session)
    {
        foreach (var group in groups)
        {
            session.Need(group.Table, "SELECT");
        }
    }

    /// <summary>A row that the statement of that <paramref name="number"/> gave, with its key's place.</summary>
    public (int Key, Fields Row) Read(NpgsqlDataReader reader, int number) => ((int)reader.GetInt64(0) - 1, groups[number].Table.Record(reader, 1));

    /// <summary>The rows under each key, from what the statements gave.</summary>
    public IReadOnlyDictionary<(string Table, Fields Key), List<Fields>> ByKey(IEnumerable<IReadOnlyList<(int Key, Fields Row)>> found)
    {
        var rows = keys.ToDictionary(key => key, _ => new List<Fields>());
        foreach (var (group, result) in groups.Zip(found))
        {
            foreach (var (key, row) in result)
            {
                rows[(group.Table.Name, group.Keys[key])].Add(row);
            }
        }

        return rows;
    }

    /// <summary>Keys of one shape have the same fields, and are null in the same: they can stand in one list.</summary>
    public static string ShapeOf(Fields key) => string.Join('\0', key.Select(pair => $"{pair.Key}{(pair.Value.IsNull ? "?" : "=")}"));

    /// <summary>Keys of one shape as the rows <c>v(k0, k1 …, number)</c>.</summary>
    public static string List(PostgresStatement statement, List<Fields> keys)
    {
        var lists = keys[0].Keys.Select(name => statement.Texts(keys.Select(key => PostgresColumn.TextOf(key[name]))));
        return $"unnest({string.Join(", ", lists)}) WITH ORDINALITY v({string.Join(", ", keys[0].Keys.Select((_, index) => $"k{index}"))}, number)";
    }
}
