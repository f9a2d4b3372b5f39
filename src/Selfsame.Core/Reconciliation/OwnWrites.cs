using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// What a plan's changes wrote to accounts of one system, or may have: references of theirs that moved. By the change that is about such an account it is still as planned. Pure.
/// </summary>
/// <param name="accountsTable">The accounts' own table.</param>
/// <param name="mapping">What their fields mean.</param>
/// <param name="journaled">The rows' writes that the plan's changes in this system have journaled, in the plan's order; asked for only when an account is not as planned.</param>
internal sealed class OwnWrites(string accountsTable, AccountMapping mapping, Func<IEnumerable<RowWrite>> journaled)
{
    private readonly Lazy<ILookup<AccountId, RowWrite>> updates = new(() => journaled()
        .Where(write => write.Action == RowAction.Update && write.Table == accountsTable && !mapping.Id.Any(write.After.ContainsKey) && AccountId.FromRecord(write.Key, mapping.Id) is not null)
        .ToLookup(write => AccountId.FromRecord(write.Key, mapping.Id)!));

    /// <summary>In what an account differs from what was planned of it, but for what the plan itself wrote there.</summary>
    /// <param name="present">The account as it is now.</param>
    /// <param name="differences">In what a record differs.</param>
    public IReadOnlyList<string> ChangedByOthers(Account present, Func<Fields, IReadOnlyList<string>> differences)
        => differences(present.Record) is not { Count: > 0 } changed ? []
            : updates.Value.Contains(present.Id) ? differences(WithoutOwn(present))
            : changed;

    // The last write first: a reference may have moved twice.
    private Fields WithoutOwn(Account present)
        => updates.Value[present.Id].Reverse().Aggregate(present.Record, (record, write) => record.With(
            write.Before.Only(write.After.Where(pair => pair.Value.SameFactAs(record.ValueOrNull(pair.Key))).Select(pair => pair.Key))));
}
