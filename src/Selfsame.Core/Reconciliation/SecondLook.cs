using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Looks again, a minimum age later and account by account from the primary, before somebody is called missing or an orphan, or an account incomplete: a
/// record may have been made, changed or moved while the bulk read ran, or a replica may have lagged (CASES 20 and 21).
/// </summary>
internal sealed class SecondLook(Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems, IdentifierKeying keying, TimeProvider clock)
{
    private const int Portion = 500;

    private readonly FreshLook look = new(topology, systems, keying);

    /// <summary>Those findings that a second look confirms: their accounts still have nobody in the other system, not even on a guess.</summary>
    public async Task<IReadOnlyList<Finding>> ConfirmAsync(IReadOnlyList<Finding> findings, CancellationToken cancellation)
    {
        var doubtful = findings.Where(finding => finding.Situation is Situation.Missing or Situation.Orphan || finding.Fault == SystemFault.IncompleteAccount).ToList();
        if (doubtful.Count == 0)
        {
            return findings;
        }

        await Task.Delay(topology.MinimumAge, clock, cancellation);
        var gone = new HashSet<Finding>(ReferenceEqualityComparer.Instance);
        foreach (var group in doubtful.Where(finding => finding.Fault is not null).GroupBy(finding => finding.System))
        {
            foreach (var portion in group.Chunk(Portion))
            {
                var present = await look.RereadAsync(group.Key, [.. portion.Select(finding => finding.Target!)], cancellation);
                gone.UnionWith(portion.Where(finding => !present.TryGetValue(finding.Target!.Account.Id, out var account)
                    || IncompleteAccounts.Lacking(topology.Systems[group.Key], account.Account.Record).Count == 0));
            }
        }

        foreach (var group in doubtful.Where(finding => finding.Fault is null).GroupBy(finding => (Rule: finding.Rule!, finding.Situation)))
        {
            var missing = group.Key.Situation == Situation.Missing;
            foreach (var portion in group.Chunk(Portion))
            {
                var sight = missing
                    ? await look.LookAsync(group.Key.Rule, inSource: true, [.. portion.Select(finding => finding.Source!)], cancellation)
                    : await look.LookForOrphansAsync(group.Key.Rule.Target, [.. portion.Select(finding => finding.Target!)], cancellation);
                gone.UnionWith(portion.Where(finding => sight.Refuted.ContainsKey(finding.Accounts[0].Id)));
            }
        }

        return [.. findings.Where(finding => !gone.Contains(finding))];
    }
}
