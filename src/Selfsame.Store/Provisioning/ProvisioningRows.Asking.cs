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

    public Task<AnnouncedCreations> AnnounceAsync(IReadOnlyCollection<ProvisioningKey> keys, CancellationToken cancellation)
        => database.TransactAsync(
            async transaction =>
            {
                var (now, kept, busy) = (Now(), new HashSet<ProvisioningKey>(), new HashSet<ProvisioningKey>());
                foreach (var stored in await ReadInOrderAsync(transaction, keys))
                {
                    (stored.LeasedUntil > now ? busy : kept).Add(stored.Key);
                    await (stored.LeasedUntil > now ? Task.CompletedTask : AnnounceAsync(transaction, stored, now));
                }

                return new AnnouncedCreations(kept, busy);
            },
            // To announce twice only begins the wait anew.
            _ => Task.FromResult(default(Settled<AnnouncedCreations>)),
            cancellation);

    public Task AskAgainAsync(IReadOnlyCollection<ProvisioningKey> keys, string reason, bool disabled, CancellationToken cancellation)
        => AskAgainAsync(transaction => ReadInOrderAsync(transaction, keys), reason, disabled, cancellation);

    public Task AskAgainAboutAsync(string system, IReadOnlyCollection<AccountId> targets, bool disabled, CancellationToken cancellation)
        => AskAgainAsync(
            async transaction =>
            {
                var rows = new List<StoredRow>();
                foreach (var target in targets.Select(target => target.ToText()).Order(StringComparer.Ordinal))
                {
                    rows.AddRange(await ProvisioningTable.ReadOfTargetForUpdateAsync(transaction, system, target));
                }

                return rows;
            },
            LookAgain.OfPlan,
            disabled,
            cancellation);

    private Task<bool> AskAgainAsync(Func<Transaction, Task<List<StoredRow>>> read, string reason, bool disabled, CancellationToken cancellation)
        => database.TransactAsync(
            async transaction =>
            {
                foreach (var row in await read(transaction))
                {
                    var correlationId = reason == LookAgain.OfPlan ? null : row.CorrelationId;
                    await ProvisioningTable.AskAsync(transaction, row, reason, Enum.Parse<ProvisioningLane>(row.Lane), correlationId, Now());
                    if (disabled)
                    {
                        await ProvisioningTable.DisabledByUsAsync(transaction, row.Key);
                    }
                }

                return true;
            },
            // To ask twice asks for no more than a look: a lost commit answer is settled that way.
            _ => Task.FromResult(default(Settled<bool>)),
            cancellation);

    /// <summary>Those of the rows that are there, locked in one order, so that two who ask do not block each other.</summary>
    private static async Task<List<StoredRow>> ReadInOrderAsync(Transaction transaction, IEnumerable<ProvisioningKey> keys)
    {
        var rows = new List<StoredRow>();
        foreach (var key in keys.OrderBy(key => key.System, StringComparer.Ordinal).ThenBy(key => key.Source, StringComparer.Ordinal).ThenBy(key => key.Account.ToText(), StringComparer.Ordinal))
        {
            if (await ProvisioningTable.ReadForUpdateAsync(transaction, key) is { } row)
            {
                rows.Add(row);
            }
        }

        return rows;
    }

    /// <summary>The row waits for the account, or is due as soon as the plan has had its time. One that has an account, or gives it up, stays as it is.</summary>
    private async Task AnnounceAsync(Transaction transaction, StoredRow stored, DateTimeOffset now)
    {
        var row = stored.ToDomain(secrets);
        if (row.State is ProvisioningState.Conflict or ProvisioningState.Compensated)
        {
            row = ProvisioningMachine.Next(row, new LookAgain(LookAgain.OfPlan), now, 0);
            // What is gone is made again by a person's plan.
            row = row is { State: ProvisioningState.Linked, Intended: null } && row.Key.Account.Equals(row.TargetId) ? ProvisioningMachine.Next(row, new MadeAgain(), now, 0) : row;
        }

        if (row is { State: ProvisioningState.Pending or ProvisioningState.Intent, Intended: null } && (row.TargetId ?? row.Key.Account).Equals(row.Key.Account))
        {
            row = ProvisioningMachine.Next(row, new Announced(row.Key.Account), now, 0);
            await ProvisioningTable.DisturbAsync(transaction, row.Key);
            await ProvisioningTable.UpdateAsync(transaction, secrets, row, release: true, now);
            await (stored.State == row.State.ToString() ? Task.CompletedTask : ProvisioningTable.NoteAsync(transaction, row.Key, row.State, "A plan makes it.", null, now));
        }
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
