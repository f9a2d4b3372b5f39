using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Whether accounts exchanged their ids, from those who have them now: what refers to two of them looks the same before and after, and an account that
/// somebody changed since is still the one that it has more in common with. Pure.
/// </summary>
internal sealed class ExchangeTraces
{
    private readonly List<Trace> traces = [];

    /// <param name="change">The exchange.</param>
    /// <param name="journaled">What is journaled of it.</param>
    /// <param name="accountsTable">The table of the accounts.</param>
    /// <param name="mapping">What its fields mean.</param>
    /// <param name="present">The account that has an id now; null where none has.</param>
    public ExchangeTraces(Change change, IReadOnlyList<RowWrite> journaled, string accountsTable, AccountMapping mapping, Func<AccountId, Account?> present)
    {
        var aside = mapping.NoiseFields.Concat(mapping.Id).ToHashSet(StringComparer.Ordinal);
        var own = journaled.Where(row => IsOfAccount(row, accountsTable, mapping)).ToList();
        AccountId IdOf(Fields key) => AccountId.FromRecord(key, mapping.Id)!;
        foreach (var (label, id) in change.Exchanged!.Select(other => (other.Label, IdOf(other.After))).Prepend((change.Label, IdOf(change.After))))
        {
            if (own.FindLast(row => IdOf(row.KeyAfter).Equals(id)) is { } taken && own.Find(row => IdOf(row.Key).Equals(id)) is { } given)
            {
                traces.Add(new Trace(label, id, taken.After.Without(aside), given.Before.Without(aside), present(id)?.Record));
            }
        }
    }

    /// <summary>Whether the ids were exchanged.</summary>
    public bool IsMade => traces.Exists(trace => trace.Likeness > 0) && !traces.Exists(trace => trace.Likeness < 0);

    /// <summary>Whether the ids stand as they were. Neither this nor <see cref="IsMade"/> where the accounts changed too much to tell.</summary>
    public bool IsUnmade => traces.Count == 0 || (traces.Exists(trace => trace.Likeness < 0) && !traces.Exists(trace => trace.Likeness > 0));

    /// <summary>Whether each account is known again under the id that it took.</summary>
    public bool AreAllKnown => traces.Count > 0 && traces.TrueForAll(trace => trace.Likeness > 0);

    /// <summary>Who changed since the ids were exchanged, and in what; empty where nobody did.</summary>
    public string Changed => string.Join("; ", traces.Where(trace => trace.Changed.Length > 0).Select(trace => $"{trace.Label} ({trace.Id}): {trace.Changed}"));

    /// <summary>Whether a write gives an account its id.</summary>
    public static bool IsOfAccount(RowWrite row, string accountsTable, AccountMapping mapping) => row.Table == accountsTable && row.After.Keys.Any(mapping.Id.Contains);

    private sealed record Trace(string Label, AccountId Id, Fields Taken, Fields Given, Fields? Present)
    {
        /// <summary>Above zero where who has the id is like the one who took it, below where like the one who gave it up.</summary>
        public int Likeness { get; } = Present is null ? 0 : Given.DifferencesFrom(Present, "").Count - Taken.DifferencesFrom(Present, "").Count;

        public string Changed => Present is null ? "gone" : string.Join(", ", Taken.DifferencesFrom(Present, ""));
    }
}
