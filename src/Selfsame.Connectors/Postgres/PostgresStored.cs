using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Postgres;

/// <summary>
/// Values as their columns would hold them: a text that is to become a uuid, an instant or a document is compared, later, with what the server
/// makes of it.
/// </summary>
internal sealed class PostgresStored(IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyDictionary<(string Type, string Text), string> texts)
{
    /// <summary>Whether the server need not be asked, because all values come from records.</summary>
    public static bool AreStored(IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyList<RowWrite> writes) => !Foreign(tables, writes).Any();

    /// <summary>Asks the server, in one round trip, for the exact text of each value that does not come from a record.</summary>
    public static async Task<PostgresStored> ReadAsync(PostgresSession session, IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyList<RowWrite> writes)
    {
        var foreign = Foreign(tables, writes)
            .Select(pair => (pair.Column.TypeName, Text: PostgresColumn.TextOf(pair.Value)!))
            .Distinct().GroupBy(pair => pair.TypeName, pair => pair.Text).Select(group => (Type: group.Key, Texts: group.ToList())).ToList();
        var statements = foreign.Select(group =>
        {
            var statement = new PostgresStatement();
            statement.Sql = $"SELECT v::{group.Type}::text FROM unnest({statement.Texts(group.Texts)}) WITH ORDINALITY u(v, number) ORDER BY u.number";
            return statement;
        }).ToList();
        var answers = await session.QueryAsync(statements, (reader, _) => reader.GetString(0));
        var texts = foreign.Zip(answers).SelectMany(pair => pair.First.Texts.Zip(pair.Second, (given, stored) => (Key: (pair.First.Type, given), Stored: stored)));
        return new PostgresStored(tables, texts.ToDictionary(pair => pair.Key, pair => pair.Stored));
    }

    public RowWrite Of(RowWrite write)
    {
        var table = tables[write.Table];
        return write with { Key = Of(table, write.Key), Before = Of(table, write.Before), After = Of(table, write.After) };
    }

    private static IEnumerable<(PostgresColumn Column, FieldValue Value)> Foreign(IReadOnlyDictionary<string, PostgresTable> tables, IReadOnlyList<RowWrite> writes)
        => writes.SelectMany(write => new[] { write.Key, write.Before, write.After }.SelectMany(fields => fields.Select(pair => (Column: tables[write.Table][pair.Key], pair.Value))))
            .Where(pair => IsForeign(pair.Column, pair.Value));

    private static bool IsForeign(PostgresColumn column, FieldValue value) => column.IsNative && !value.IsNull && value.AsNative?.Type != column.TypeName;

    private Fields Of(PostgresTable table, Fields fields) => new(fields.Select(pair => KeyValuePair.Create(pair.Key, Of(table[pair.Key], pair.Value))));

    private FieldValue Of(PostgresColumn column, FieldValue value)
        => IsForeign(column, value) ? FieldValue.Native(column.TypeName, texts[(column.TypeName, PostgresColumn.TextOf(value)!)]) : value;
}
