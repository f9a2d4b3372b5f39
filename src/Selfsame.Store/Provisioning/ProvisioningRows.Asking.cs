using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;

namespace Selfsame.Store.Provisioning;

/// <summary>What others ask of the rows, each in a transaction of its own.</summary>
public sealed partial class ProvisioningRows
{
    /// <summary>Notes, in the caller's own transaction, that the account is to be provisioned into each of <paramref name="systems"/>; twice changes nothing.</summary>
    /// <param name="transaction">The caller's.</param>
    /// <param name="source">The system of the account.</param>
    /// <param name="account">Its id there.</param>
    /// <param name="systems">Into which.</param>
    /// <param name="now">The present instant.</param>
    /// <param name="correlationId">Leads to what wants it, a webhook or a request; null where nothing does.</param>
    /// <param name="lane">Where a row that is made waits.</param>
    public static async Task InsertPending(
        Transaction transaction, string source, AccountId account, IReadOnlyList<string> systems, DateTimeOffset now, string? correlationId = null,
        ProvisioningLane lane = ProvisioningLane.Interactive)
    {
        foreach (var system in systems)
        {
            await ProvisioningTable.InsertAsync(transaction, new ProvisioningKey(source, account, system), lane, anew: true, correlationId, now);
        }
    }

    /// <summary>
    /// Has the rows of a changed account looked at again, in the transaction of the change: a linked one, one in conflict, one that was
    /// given up. Who works on one just now notices. How many rows the account has.
    /// </summary>
    /// <param name="transaction">The caller's.</param>
    /// <param name="source">The system of the account.</param>
    /// <param name="account">Its id there.</param>
    /// <param name="reason">What changed, for people; no values.</param>
    /// <param name="now">The present instant.</param>
    /// <param name="correlationId">Leads to what changed it; null where nothing does.</param>
    public static async Task<int> RequeueAsync(Transaction transaction, string source, AccountId account, string reason, DateTimeOffset now, string? correlationId = null)
    {
        var rows = await ProvisioningTable.ReadForUpdateAsync(transaction, source, account);
        foreach (var row in rows)
        {
            await ProvisioningTable.AskAsync(transaction, row, reason, ProvisioningLane.Interactive, correlationId, now);
        }

        return rows.Count;
    }

    /// <summary>Notes, in the caller's own transaction, in the history of each of the account's rows what else had it looked at.</summary>
    /// <param name="transaction">The caller's.</param>
    /// <param name="source">The system of the account.</param>
    /// <param name="account">Its id there.</param>
    /// <param name="what">A sentence, without values.</param>
    /// <param name="correlationId">Leads to it.</param>
    /// <param name="now">The present instant.</param>
    public static async Task NoteAsync(Transaction transaction, string source, AccountId account, string what, string correlationId, DateTimeOffset now)
    {
        foreach (var row in await ProvisioningTable.ReadForUpdateAsync(transaction, source, account))
        {
            await ProvisioningTable.NoteAsync(transaction, row.Key, Enum.Parse<ProvisioningState>(row.State), what, correlationId, now);
        }
    }
}
