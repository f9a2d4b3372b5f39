using Selfsame.Core.Accounts;

namespace Selfsame.Cli.Views;

/// <summary>
/// The rows that a change wrote, each by its key and with what was set in it: where everything went. What looks like a secret is dots, and of a row that was deleted
/// or came back only the key is shown.
/// </summary>
internal static class WrittenRowsView
{
    private static readonly FieldValue Hidden = FieldValue.Text("•••");

    /// <summary>Every row as JSON shows it; null where the change was of one record alone.</summary>
    public static IEnumerable<object>? Shown(IReadOnlyList<RowWrite>? rows) => rows?.Select(row => new
    {
        row.Table,
        row.Action,
        Key = WithoutSecrets(row.Key),
        Before = row.Action == RowAction.Update ? WithoutSecrets(row.Before.Only(row.After.Keys)) : null,
        After = row.Action == RowAction.Update ? WithoutSecrets(row.After) : null,
    });

    /// <summary>A line for each table and what happened there, with the keys of all rows to which it did.</summary>
    public static void Write(IReadOnlyList<RowWrite>? rows, string indent)
    {
        foreach (var alike in (rows ?? []).GroupBy(row => (row.Table, What: What(row))))
        {
            Terminal.Line($"{indent}{Terminal.Text(alike.Key.Table)}: {Terminal.Text(alike.Key.What)} {Terminal.Text(string.Join(", ", alike.Select(Key)))}");
        }
    }

    private static string What(RowWrite row) => row.Action switch
    {
        RowAction.Insert => "inserted",
        RowAction.Delete => "deleted",
        _ => $"{string.Join(", ", WithoutSecrets(row.After).Select(pair => $"{pair.Key} {Value(WithoutSecrets(row.Before).ValueOrNull(pair.Key))} → {Value(pair.Value)}"))} in",
    };

    private static string Key(RowWrite row)
    {
        var key = WithoutSecrets(row.Key);
        return key.Count == 1 ? Value(key.Values.First()) : $"({string.Join(", ", key.Select(pair => $"{pair.Key} {Value(pair.Value)}"))})";
    }

    private static string Value(FieldValue value) => value.IsMissing ? FieldValue.Null.ToString() : ShownText.Short(value.ToString());

    private static Fields WithoutSecrets(Fields fields)
        => new(fields.Select(pair => SecretFields.Looks(pair.Key) && pair.Value is { IsNull: false, IsMissing: false } ? KeyValuePair.Create(pair.Key, Hidden) : pair));
}
