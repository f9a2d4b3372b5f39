using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;

namespace Selfsame.Store.Provisioning;

/// <summary>Takes all rows of a system out of their conflict; <see cref="ProvisioningRows.RetryAsync(Core.Provisioning.ProvisioningKey, CancellationToken)"/> takes one.</summary>
public sealed class ProvisioningRetries(StoreContext context)
{
    private const int BatchSize = 100;

    /// <summary>All that are in conflict in a system now, behind the people who wait; how many those are.</summary>
    /// <param name="system">The system.</param>
    /// <param name="correlationId">Leads to the request that asks; null where nothing does.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<int> RetryAllAsync(string system, string? correlationId, CancellationToken cancellation)
    {
        // A row that comes into conflict again meanwhile is not asked a second time: by its key, each comes once.
        var (retried, last) = (0, (Source: "", Account: ""));
        while (true)
        {
            var batch = await context.Database.ReadAsync(
                transaction => transaction.QueryAsync<KeyRow>(
                    """
                    SELECT source, source_id FROM provisioning WHERE system = @system AND state = 'Conflict' AND (source, source_id) > (@Source, @Account)
                    ORDER BY source, source_id LIMIT @most
                    """,
                    new { system, last.Source, last.Account, most = BatchSize }),
                cancellation);
            retried += await context.Database.TransactAsync(transaction => RetryAsync(transaction, system, correlationId, batch), cancellation);
            if (batch.Count < BatchSize)
            {
                return retried;
            }

            last = (batch[^1].Source, batch[^1].SourceId);
        }
    }

    private async Task<int> RetryAsync(Transaction transaction, string system, string? correlationId, List<KeyRow> batch)
    {
        var retried = 0;
        foreach (var found in batch)
        {
            var key = new ProvisioningKey(found.Source, AccountId.FromText(found.SourceId), system);
            if (await ProvisioningTable.ReadForUpdateAsync(transaction, key) is { State: nameof(ProvisioningState.Conflict) } row)
            {
                await ProvisioningTable.AskAsync(transaction, row, LookAgain.OfRetry, ProvisioningLane.Backfill, correlationId, context.Now());
                retried++;
            }
        }

        return retried;
    }

    private sealed class KeyRow
    {
        public string Source { get; init; } = "";

        public string SourceId { get; init; } = "";
    }
}
