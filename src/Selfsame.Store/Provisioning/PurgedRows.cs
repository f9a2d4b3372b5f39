using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;

namespace Selfsame.Store.Provisioning;

/// <summary>What the purge of a user does with the user's provisioning rows.</summary>
public static class PurgedRows
{
    /// <summary>
    /// Forgets the rows of a user who is purged, in that transaction. Those whose account may be on its way, or is to be looked at
    /// again, stay until nothing of the user is left in the other system; so do those whose account is to be deleted there, and those
    /// in conflict that have, or may have, an account: they are looked at once more, and then wait for a person.
    /// </summary>
    /// <param name="transaction">The caller's.</param>
    /// <param name="source">The system of the account.</param>
    /// <param name="account">Its id there.</param>
    /// <param name="deletedIn">The systems in which the accounts of purged users are deleted.</param>
    /// <param name="now">The present instant.</param>
    public static async Task ForgetSettledAsync(Transaction transaction, string source, AccountId account, IReadOnlyList<string> deletedIn, DateTimeOffset now)
    {
        foreach (var stored in await ProvisioningTable.ReadForUpdateAsync(transaction, source, account))
        {
            var row = stored.ToDomain(null);
            var underWay = row.State is ProvisioningState.Intent or ProvisioningState.Compensating || row.DueBecause is not null;
            // Also where the service has made nothing: a plan may have, under the user's own id.
            var deleted = deletedIn.Contains(row.Key.System);
            // Its account may be active all the same, as one that could not be disabled, and without the row it would be nobody's.
            var unsettled = row.State == ProvisioningState.Conflict && (row.TargetId is not null || row.Intended is not null);
            if (!underWay && !unsettled && !deleted)
            {
                await ProvisioningTable.ForgetAsync(transaction, row.Key);
                continue;
            }

            await ProvisioningTable.ForgetLaterAsync(transaction, row.Key);
            if (deleted || unsettled)
            {
                // What may still arrive keeps its time.
                await (underWay ? ProvisioningTable.DisturbAsync(transaction, row.Key) : ProvisioningTable.AskAsync(transaction, stored, LookAgain.OfPurge, ProvisioningLane.Backfill, correlationId: null, now));
                await ProvisioningTable.ForgetSentAsync(transaction, row.Key);
            }
        }
    }
}
