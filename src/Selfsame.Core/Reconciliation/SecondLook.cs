using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Looks again, a minimum age later and account by account from the primary, before somebody is called missing or an orphan, or an account incomplete: a
/// record may have been made, changed or moved while the bulk read ran, or a replica may have lagged (CASES 20 and 21).
/// </summary>
internal sealed class SecondLook(Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems, IdentifierKeying keying, TimeProvider clock)
{
    private const int Portion = 500;

    /// <summary>Those findings that a second look confirms; systems that can't be asked for single accounts are believed once.</summary>
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
                var present = await RereadAsync(group.Key, [.. portion.Select(finding => finding.Target!)], cancellation);
                gone.UnionWith(portion.Where(finding => !present.TryGetValue(finding.Target!.Account.Id, out var account)
                    || IncompleteAccounts.Lacking(topology.Systems[group.Key], account.Account.Record).Count == 0));
            }
        }

        foreach (var group in doubtful.Where(finding => finding.Fault is null).GroupBy(finding => (finding.Rule!, finding.Situation)))
        {
            foreach (var portion in group.Chunk(Portion))
            {
                gone.UnionWith(await RefutedAsync(group.Key.Item1, portion, group.Key.Situation == Situation.Missing, cancellation));
            }
        }

        return [.. findings.Where(finding => !gone.Contains(finding))];
    }

    private async Task<IEnumerable<Finding>> RefutedAsync(
        ReconcileRule rule, IReadOnlyList<Finding> findings, bool missing, CancellationToken cancellation)
    {
        var (here, there) = missing ? (rule.Source, rule.Target) : (rule.Target, rule.Source);
        var accounts = findings.Select(finding => missing ? finding.Source! : finding.Target!).ToList();
        var still = await RereadAsync(here, accounts, cancellation);
        var linked = missing ? still.Keys.Select(id => topology.Decisions.Links.Find(here, id, there)).OfType<AccountId>() : [];
        var others = await FindAsync(there, [.. still.Values.Select(account => account.Account)], [.. linked], cancellation);
        if (still.Count == 0 || others.Count == 0)
        {
            return findings.Where(finding => !still.ContainsKey(finding.Accounts[0].Id));
        }

        var correlation = missing
            ? Correlator.Correlate(rule, [.. still.Values], others, topology.Decisions)
            : Correlator.Correlate(rule, others, [.. still.Values], topology.Decisions);
        var found = correlation.Links.Select(link => (missing ? link.Source : link.Target).Account.Id).ToHashSet();
        return findings.Where(finding => !still.ContainsKey(finding.Accounts[0].Id) || found.Contains(finding.Accounts[0].Id));
    }

    private async Task<IReadOnlyDictionary<AccountId, KeyedAccount>> RereadAsync(string name, IReadOnlyList<KeyedAccount> accounts, CancellationToken cancellation)
    {
        if (systems[name] is not IReadsAccountsById system)
        {
            return accounts.ToDictionary(account => account.Account.Id);
        }

        var present = await system.ReadFreshAsync(name, [.. accounts.Select(account => account.Account.Id)], cancellation);
        return present.ToDictionary(pair => pair.Key, pair => KeyedAccount.Of(pair.Value, keying));
    }

    private async Task<IReadOnlyList<KeyedAccount>> FindAsync(
        string name, IReadOnlyList<Account> accounts, IReadOnlyList<AccountId> linked, CancellationToken cancellation)
    {
        var found = new Dictionary<AccountId, Account>();
        if (systems[name] is IReadsAccountsById byId && accounts.Count > 0)
        {
            var ids = accounts.Select(account => account.Id).Concat(linked).Distinct().Where(id => id.Parts.Count == byId.Mapping.Id.Count).ToList();
            foreach (var (id, account) in await byId.ReadFreshAsync(name, ids, cancellation))
            {
                found.TryAdd(id, account);
            }
        }

        if (systems[name] is IFindsAccounts finding && accounts.Count > 0)
        {
            var identifiers = accounts.SelectMany(account => account.Identifiers)
                .Where(pair => finding.Mapping.Identifiers.ContainsKey(pair.Key))
                .GroupBy(pair => pair.Key, pair => pair.Value)
                .ToDictionary(group => group.Key, group => (IReadOnlyList<string>)[.. group.Distinct(StringComparer.Ordinal)]);
            foreach (var account in await finding.FindAsync(identifiers, cancellation))
            {
                found.TryAdd(account.Id, account);
            }
        }

        return [.. found.Values.Select(account => KeyedAccount.Of(account, keying))];
    }
}
