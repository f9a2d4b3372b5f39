using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Store.Inbox;

/// <summary>The events by which accounts proved their e-mail: a set for each account, so that a repeat can't raise its size.</summary>
public static class VerificationEvents
{
    private const int IdsPerQuery = 500;

    /// <summary>How often each account of the system proved its e-mail.</summary>
    public static VerificationCounts CountsOf(Database database, string system) => async (accounts, cancellation) =>
    {
        var counts = new Dictionary<AccountId, long>();
        List<string[]?> portions = accounts is null ? [null] : [.. accounts.Select(account => account.ToText()).Chunk(IdsPerQuery)];
        foreach (var ids in portions)
        {
            var rows = await database.ReadAsync(
                transaction => transaction.QueryAsync<Row>(
                    $"""
                    SELECT account_id, count(*) AS events FROM verification_events
                    WHERE system = @system{(ids is null ? "" : $" AND account_id {(database.Dialect == Dialect.PostgreSql ? "= ANY(@ids)" : "IN @ids")}")} GROUP BY account_id
                    """,
                    new { system, ids }),
                cancellation);
            foreach (var row in rows)
            {
                counts[AccountId.FromText(row.AccountId)] = row.Events;
            }
        }

        return counts;
    };

    /// <summary>Adds to an account's set; null means that the account is gone, and its set with it.</summary>
    internal static async Task AddAsync(Transaction transaction, string system, AccountId account, IEnumerable<string>? events)
    {
        if (events is null)
        {
            await transaction.ExecuteAsync(
                "DELETE FROM verification_events WHERE system = @system AND account_id = @id", new { system, id = account.ToText() });
            return;
        }

        foreach (var eventId in events)
        {
            await transaction.ExecuteAsync(
                "INSERT INTO verification_events (system, account_id, event_id) VALUES (@system, @id, @eventId) ON CONFLICT DO NOTHING",
                new { system, id = account.ToText(), eventId });
        }
    }

    private sealed record Row
    {
        public string AccountId { get; init; } = "";

        public long Events { get; init; }
    }
}
