using System.Security.Cryptography;
using Dapper;
using Microsoft.Extensions.Logging;
using Selfsame.Databases;
using Selfsame.Store.Mail;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;

namespace Selfsame.Store.Operations;

/// <summary>The places in the change of the secret at which the kill -9 tests end the process.</summary>
public static class SecretChangeCrashPoints
{
    /// <summary>That it is being changed is durable; nothing is under the new secret.</summary>
    public const string Begun = "secret.begun";

    /// <summary>Mails, plans and passwords are under the new secret, Data Protection keys and a journal elsewhere are not.</summary>
    public const string ValuesProtected = "secret.values-protected";

    /// <summary>All is under the new secret, and the store is still the old one's.</summary>
    public const string AllProtected = "secret.all-protected";

    public static IReadOnlyList<string> All { get; } = [Begun, ValuesProtected, AllProtected];
}

/// <summary>
/// Protects what the store keeps encrypted with the present secret, where it is still under the previous one. Row by row, so that it can be killed and
/// run again, beside nodes that go on working: a value that one of them changed meanwhile is left to the next run.
/// </summary>
public static class SecretChange
{
    private const int Portion = 500;

    /// <summary>Every column whose values <see cref="SecretKeys.Protect"/> made.</summary>
    private static readonly SealedColumn[] Columns =
    [
        new("provisioning", ["source", "source_id", "system"], "creation", StoredRow.Purpose),
        new("mails", ["id"], "body", MailOutbox.Purpose),
        new("runs", ["id"], "plan", RunJournal.Purpose),
        new("run_changes", ["run_id", "number"], "before_image", RunJournal.Purpose),
        new("run_changes", ["run_id", "number"], "after_image", RunJournal.Purpose),
        new("run_changes", ["run_id", "number"], "row_images", RunJournal.Purpose),
    ];

    /// <summary>How many values it protected again. One that neither secret opens is nobody's loss by the change: it stays as it is, and is logged.</summary>
    public static async Task<int> ProtectAgainAsync(Database database, SecretKeys secrets, ILogger logger, CancellationToken cancellation)
    {
        var count = 0;
        foreach (var column in Columns)
        {
            count += await ProtectAgainAsync(database, secrets, column, logger, cancellation);
        }

        return count;
    }

    /// <summary>The value under the present secret; null where it is so already, or opens under none.</summary>
    public static byte[]? Again(SecretKeys secrets, string purpose, byte[] value, Action isLeft)
    {
        try
        {
            return secrets.ProtectAgain(purpose, value);
        }
        catch (CryptographicException)
        {
            isLeft();
            return null;
        }
    }

    private static async Task<int> ProtectAgainAsync(Database database, SecretKeys secrets, SealedColumn column, ILogger logger, CancellationToken cancellation)
    {
        var count = 0;
        for (object[]? after = null; ;)
        {
            var rows = await database.ReadAsync(transaction => transaction.QueryAsync<dynamic>(column.Select(after is not null), SealedColumn.Parameters(after)), cancellation);
            foreach (IDictionary<string, object> row in rows)
            {
                var key = column.Key.Select(part => row[part]).ToArray();
                var before = (byte[])row[column.Name];
                if (Again(secrets, column.Purpose, before, () => LogMessages.SealedValueLeft(logger, column.Table, column.Name, string.Join(", ", key))) is { } again)
                {
                    var parameters = SealedColumn.Parameters(key);
                    parameters.Add("before", before);
                    parameters.Add("again", again);
                    count += await database.TransactAsync(transaction => transaction.ExecuteAsync(column.Update, parameters), cancellation);
                }

                after = key;
            }

            if (rows.Count < Portion)
            {
                return count;
            }
        }
    }

    /// <summary>A column of encrypted bytes in a table with this primary key.</summary>
    private sealed record SealedColumn(string Table, string[] Key, string Name, string Purpose)
    {
        private string KeyList => string.Join(", ", Key);

        private string KeyValues => string.Join(", ", Key.Select((_, index) => $"@key{index}"));

        public string Update => $"UPDATE {Table} SET {Name} = @again WHERE ({KeyList}) = ({KeyValues}) AND {Name} = @before";

        // Empty is what was wiped: the text of a mail that was sent.
        public string Select(bool hasBegun)
            => $"SELECT {KeyList}, {Name} FROM {Table} WHERE length({Name}) > 0{(hasBegun ? $" AND ({KeyList}) > ({KeyValues})" : "")} ORDER BY {KeyList} LIMIT {Portion}";

        public static DynamicParameters Parameters(object[]? key)
        {
            var parameters = new DynamicParameters();
            foreach (var (index, part) in (key ?? []).Index())
            {
                parameters.Add($"key{index}", part);
            }

            return parameters;
        }
    }
}
