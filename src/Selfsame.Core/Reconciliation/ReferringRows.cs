using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Rows that refer to the accounts of a portion, found by account without a look at all of them.</summary>
internal sealed class ReferringRows(IReadOnlyList<ReferringRow> all)
{
    private readonly ILookup<AccountId, int> places = Enumerable.Range(0, all.Count).ToLookup(index => all[index].Account);

    /// <summary>In the order in which they were read.</summary>
    public IReadOnlyList<ReferringRow> All { get; } = all;

    /// <summary>Those that refer to one of the accounts, in the same order.</summary>
    public IReadOnlyList<ReferringRow> To(IReadOnlySet<AccountId> accounts) => [.. accounts.SelectMany(account => places[account]).Order().Select(index => All[index])];
}
