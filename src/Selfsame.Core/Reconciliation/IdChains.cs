using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Which changes of a plan take an id that the change ahead of them gives up. Such a change, a link, can only be made when the one ahead is, and afterwards its account's old id is
/// the next one's. Pure.
/// </summary>
internal sealed class IdChains
{
    private readonly Dictionary<int, Change> ahead = [];
    private readonly Dictionary<int, Change> behind = [];

    /// <param name="changes">The plan's changes, in order.</param>
    /// <param name="mappingOf">What the fields of a system's accounts mean.</param>
    public IdChains(IReadOnlyList<Change> changes, Func<string, AccountMapping> mappingOf)
    {
        var givers = new Dictionary<(string System, AccountId Id), Change>();
        foreach (var change in changes.Where(change => change is { Action: ChangeAction.Rekey, Exchanged: null }))
        {
            if (givers.TryGetValue((change.System, IdAfter(change, mappingOf(change.System))), out var giver) && behind.TryAdd(giver.Number, change))
            {
                ahead.Add(change.Number, giver);
            }

            givers.TryAdd((change.System, change.Account), change);
        }
    }

    /// <summary>The change that gives up the id which this one takes; null where nobody of the plan does.</summary>
    public Change? Ahead(Change change) => ahead.GetValueOrDefault(change.Number);

    /// <summary>The change that takes the id which this one gives up; null where none of the plan does.</summary>
    public Change? Behind(Change change) => behind.GetValueOrDefault(change.Number);

    /// <summary>Whether the change takes an id of another, or another takes its.</summary>
    public bool IsLink(Change change) => ahead.ContainsKey(change.Number) || behind.ContainsKey(change.Number);

    /// <summary>The links among these changes, each chain from its first; where a change between two of them is not among these, they are two chains.</summary>
    /// <param name="changes">In the plan's order.</param>
    public IReadOnlyCollection<IReadOnlyList<Change>> Of(IEnumerable<Change> changes)
    {
        var byLast = new Dictionary<int, List<Change>>();
        foreach (var change in changes.Where(IsLink))
        {
            var chain = Ahead(change) is { } giver && byLast.Remove(giver.Number, out var begun) ? begun : [];
            chain.Add(change);
            byLast.Add(change.Number, chain);
        }

        return byLast.Values;
    }

    /// <summary>The id that an account has after a change.</summary>
    public static AccountId IdAfter(Change change, AccountMapping mapping) => AccountId.FromRecord(change.After, mapping.Id)!;

    /// <summary>Above zero where whoever has the new id is more like the account than whoever has the old one, below zero where it is less; no one is like nobody.</summary>
    /// <param name="change">A change by which an account takes another id.</param>
    /// <param name="mapping">What the fields of its system's accounts mean.</param>
    /// <param name="present">The account that has an id now; null where none has.</param>
    /// <param name="salt">Of the plan's digests.</param>
    public static int Likeness(Change change, AccountMapping mapping, Func<AccountId, Account?> present, string salt)
    {
        var identity = change.Precondition.Without(mapping.Id.ToHashSet(StringComparer.Ordinal));
        int DifferencesOf(AccountId id) => present(id) is { } account ? identity.DifferencesFrom(account.Record, salt).Count : identity.Count + 1;
        return DifferencesOf(change.Account) - DifferencesOf(IdAfter(change, mapping));
    }
}
