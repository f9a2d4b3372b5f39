using Microsoft.Data.Sqlite;
using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Connectors.Sqlite;

/// <summary>
/// Counts the rows that SQLite by itself deletes with an account, or takes the reference from: foreign key by foreign key, from the account to what refers to it, and on
/// from those rows that go.
/// </summary>
internal sealed class SqliteTaken(SqliteConnection connection, SqliteTransaction? transaction)
{
    private readonly Dictionary<string, IReadOnlyList<SqliteForeignKey>> cascading = new(StringComparer.OrdinalIgnoreCase);

    /// <param name="table">The accounts' table.</param>
    /// <param name="id">The account's id by its fields.</param>
    public IReadOnlyList<TakenRows> Count(string table, Fields id)
    {
        var taken = new Dictionary<(string Table, string Fields), TakenRows>();
        var going = new Queue<(string Table, Fields Key)>();
        var seen = new HashSet<(string Table, Fields Key)>();
        foreach (var account in Keys(table, $"FROM {DialectText.Quote(table)} r WHERE ", command => SqliteTable.Equal(command, id, "r.")))
        {
            going.Enqueue(account);
            seen.Add(account);
        }

        while (going.TryDequeue(out var row))
        {
            foreach (var key in CascadingTo(row.Table))
            {
                var follows = key.OnDelete == "CASCADE" && CascadingTo(key.Table).Count > 0;
                var rows = follows ? Keys(key.Table, Referring(row.Table, key), command => SqliteTable.Equal(command, row.Key, "p.")) : [];
                var place = (key.Table, string.Join('+', key.Fields));
                var count = follows ? rows.Count : Number(Referring(row.Table, key), row.Key);
                if (count > 0)
                {
                    taken[place] = new TakenRows(key.Table, key.Fields, count + (taken.GetValueOrDefault(place)?.Rows ?? 0));
                }

                foreach (var further in rows.Where(seen.Add))
                {
                    going.Enqueue(further);
                }
            }
        }

        return [.. taken.OrderBy(pair => pair.Key.Table, StringComparer.Ordinal).ThenBy(pair => pair.Key.Fields, StringComparer.Ordinal).Select(pair => pair.Value)];
    }

    private IReadOnlyList<SqliteForeignKey> CascadingTo(string table)
        => cascading.TryGetValue(table, out var known) ? known : cascading[table] = [.. SqliteCatalog.ForeignKeysTo(connection, table).Where(key => key.Cascades)];

    // The table referred to stands on the left: its column's collation decides, as it does for the foreign key itself.
    private static string Referring(string to, SqliteForeignKey key)
        => $"FROM {DialectText.Quote(to)} p JOIN {DialectText.Quote(key.Table)} r ON "
            + $"{string.Join(" AND ", key.Fields.Zip(key.AccountFields, (field, column) => $"p.{DialectText.Quote(column)} = r.{DialectText.Quote(field)}"))} WHERE ";

    private List<(string Table, Fields Key)> Keys(string table, string from, Func<SqliteCommand, string> condition)
    {
        using var command = NewCommand();
        var key = SqliteCatalog.KeyOf(connection, table);
        command.CommandText = $"SELECT {string.Join(", ", key.Select((column, index) => $"r.{DialectText.Quote(column)} AS \"key {index}\""))} {from}{condition(command)}";
        using var reader = command.ExecuteReader();
        var rows = new List<(string, Fields)>();
        while (reader.Read())
        {
            rows.Add((table, new Fields(key.Select((column, index) => KeyValuePair.Create(column, SqliteTable.ValueOf(reader, index))))));
        }

        return rows;
    }

    private int Number(string from, Fields key)
    {
        using var command = NewCommand();
        command.CommandText = $"SELECT count(*) {from}{SqliteTable.Equal(command, key, "p.")}";
        return (int)(long)command.ExecuteScalar()!;
    }

    private SqliteCommand NewCommand()
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        return command;
    }
}
