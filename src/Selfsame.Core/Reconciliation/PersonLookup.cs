using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>One person in every system.</summary>
/// <param name="Accounts">The accounts by system; a system without one has an empty list.</param>
/// <param name="Findings">What is found about them.</param>
public sealed record Person(IReadOnlyDictionary<string, IReadOnlyList<KeyedAccount>> Accounts, IReadOnlyList<Finding> Findings)
{
    /// <summary>The systems that have an account.</summary>
    public IReadOnlyList<string> In => [.. Accounts.Where(pair => pair.Value.Count > 0).Select(pair => pair.Key)];

    /// <summary>The systems that should have one and have none.</summary>
    public IReadOnlyList<string> MissingIn
        => [.. Findings
            .SelectMany(finding => finding.Situation switch
            {
                Situation.Missing => [finding.System],
                Situation.Orphan => (string[])[finding.Rule!.Source],
                _ => [],
            })
            .Where(system => Accounts[system].Count == 0)
            .Distinct()];

    public bool IsComplete => In.Count > 0 && Findings.Count == 0;

    /// <summary>The only system that was asked about; null for all.</summary>
    public string? System { get; init; }

    /// <summary>The accounts that were asked about, by system.</summary>
    public IEnumerable<KeyValuePair<string, IReadOnlyList<KeyedAccount>>> Shown => Accounts.Where(pair => System is null || pair.Key == System);

    /// <summary>What of it is about one system.</summary>
    public Person Only(string system)
        => this with { System = system, Findings = [.. Findings.Where(finding => finding.System == system || finding.Accounts.Any(account => account.System == system))] };
}

/// <summary>
/// Looks one person up: asks each system for the accounts of that id or identifier, then for those of the accounts found, until nothing
/// new comes. Only where all of this finds nobody is everything read, for a system's own look-up does not know our keys.
/// </summary>
public sealed class PersonLookup(Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems, IdentifierKeying keying)
{
    // Each round follows one more link: from a name to an id to another system's address.
    private const int Rounds = 4;

    private readonly Dictionary<string, IReadOnlyList<KeyedAccount>> everything = [];

    /// <summary>The person; without any account when nobody is called so.</summary>
    /// <param name="who">An id, username, e-mail, uuid … in any spelling.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<Person> FindAsync(string who, CancellationToken cancellation)
    {
        var found = topology.Systems.Keys.ToDictionary(name => name, _ => new Dictionary<AccountId, KeyedAccount>(), StringComparer.Ordinal);
        await AddAsync(found, [who], (_, account) => PersonAccounts.Matches(account, who, keying), cancellation);
        if (found.Values.All(accounts => accounts.Count == 0))
        {
            foreach (var name in topology.Systems.Keys)
            {
                Add(found[name], await EverythingAsync(name, cancellation), account => PersonAccounts.Matches(account, who, keying));
            }
        }

        var left = Rounds;
        while (left > 0 && await FollowAsync(found, cancellation))
        {
            left--;
        }

        return new Person(
            found.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<KeyedAccount>)[.. pair.Value.Values.OrderBy(account => account.Account.Id, AccountId.Order)]),
            found.Values.All(accounts => accounts.Count == 0) ? [] : await FindingsAsync(found, cancellation));
    }

    /// <summary>Adds what is linked to the accounts found so far, or shares an id or a key with them; whether there was any.</summary>
    private async Task<bool> FollowAsync(Dictionary<string, Dictionary<AccountId, KeyedAccount>> found, CancellationToken cancellation)
    {
        var known = found.Values.SelectMany(accounts => accounts.Values).ToList();
        var ids = found.SelectMany(pair => pair.Value.Keys, (pair, id) => (System: pair.Key, Id: id)).ToLookup(account => account.Id, account => account.System);
        var keys = known.SelectMany(account => account.Keys.Select(pair => (pair.Key, pair.Value))).ToHashSet();
        var names = known.SelectMany(account => account.Account.Identifiers.Values.Concat(account.Keys.Values).Append(account.Account.Id.ToString())).Distinct().ToList();
        return await FollowLinksAsync(found, cancellation) | await AddAsync(
            found, names, (name, account) => ids[account.Account.Id].Any(other => Tells(account.Account.Id, other, name)) || account.Keys.Any(pair => keys.Contains((pair.Key, pair.Value))), cancellation);
    }

    /// <summary>Adds the accounts that our store knows to be linked: one that is disabled may be found by nothing else.</summary>
    private async Task<bool> FollowLinksAsync(Dictionary<string, Dictionary<AccountId, KeyedAccount>> found, CancellationToken cancellation)
    {
        var (links, added) = (topology.Decisions.Links, false);
        foreach (var rule in topology.Rules)
        {
            var targets = found[rule.Source].Keys.Select(id => links.Find(rule.Source, id, rule.Target)).OfType<AccountId>().Except(found[rule.Target].Keys).ToList();
            var sources = found[rule.Target].Keys.SelectMany(id => links.FindSources(rule.Source, rule.Target, id)).Except(found[rule.Source].Keys).ToList();
            added |= Add(found[rule.Target], await ReadAsync(rule.Target, targets, cancellation), _ => true);
            added |= Add(found[rule.Source], await ReadAsync(rule.Source, sources, cancellation), _ => true);
        }

        return added;
    }

    private async Task<IEnumerable<KeyedAccount>> ReadAsync(string name, List<AccountId> ids, CancellationToken cancellation)
        => ids.Count > 0 && systems[name] is IReadsAccountsById system
            ? (await system.ReadFreshAsync(name, ids, cancellation)).Values.Select(account => KeyedAccount.Of(account, keying))
            : [];

    // Two systems that count their records have equal ids by chance, unless a rule between them says otherwise.
    private bool Tells(AccountId id, string one, string other)
        => one == other || !id.IsCounted || topology.Rules.Any(rule
            => rule.Correlate.Contains(CorrelationRule.ById) && ((rule.Source == one && rule.Target == other) || (rule.Source == other && rule.Target == one)));

    private async Task<bool> AddAsync(
        Dictionary<string, Dictionary<AccountId, KeyedAccount>> found, IReadOnlyList<string> names, Func<string, KeyedAccount, bool> belongs, CancellationToken cancellation)
    {
        var added = false;
        foreach (var (name, config) in topology.Systems)
        {
            var system = systems[name];
            var candidates = system is IFindsAccounts finding and IReadsAccountsById
                ? await AskAsync(finding, config, names, cancellation)
                : await EverythingAsync(name, cancellation);
            added |= Add(found[name], candidates, account => belongs(name, account));
        }

        return added;
    }

    private static bool Add(Dictionary<AccountId, KeyedAccount> found, IEnumerable<KeyedAccount> candidates, Func<KeyedAccount, bool> belongs)
    {
        var before = found.Count;
        foreach (var account in candidates.Where(belongs))
        {
            found.TryAdd(account.Account.Id, account);
        }

        return found.Count > before;
    }

    private async Task<IEnumerable<KeyedAccount>> AskAsync(IFindsAccounts system, SystemConfig config, IReadOnlyList<string> names, CancellationToken cancellation)
    {
        var wanted = config.Mapping.Identifiers.Keys.ToDictionary(kind => kind, kind => (IReadOnlyList<string>)[.. Spellings(kind, names)]);
        var ids = names.Select(name => PersonAccounts.Id(name, config.Mapping.Id.Count)).Where(id => id.Parts.Count == config.Mapping.Id.Count).ToList();
        var byId = await ((IReadsAccountsById)system).ReadFreshAsync(config.Name, ids, cancellation);
        var byName = wanted.Count == 0 ? [] : await system.FindAsync(config.Name, wanted, cancellation);
        return byId.Values.Concat(byName).Select(account => KeyedAccount.Of(account, keying));
    }

    private IEnumerable<string> Spellings(IdentifierKind kind, IReadOnlyList<string> names)
        => names.SelectMany(name => IdentifierSpellings.Of(name, keying(kind, name, out var key, out _) ? key : null)).Distinct(StringComparer.Ordinal);

    private async Task<IReadOnlyList<KeyedAccount>> EverythingAsync(string name, CancellationToken cancellation)
    {
        if (!everything.TryGetValue(name, out var accounts))
        {
            accounts = systems[name] is IReadsAccounts readable
                ? [.. (await readable.ReadEverythingAsync(name, null, cancellation)).Accounts.Select(account => KeyedAccount.Of(account, keying))]
                : [];
            everything.Add(name, accounts);
        }

        return accounts;
    }

    private async Task<IReadOnlyList<Finding>> FindingsAsync(Dictionary<string, Dictionary<AccountId, KeyedAccount>> found, CancellationToken cancellation)
    {
        var pictures = new Dictionary<string, SystemPicture>(StringComparer.Ordinal);
        foreach (var (name, config) in topology.Systems)
        {
            pictures.Add(name, new SystemPicture { Config = config, Facts = await systems[name].DescribeAsync(name, cancellation), Accounts = [.. found[name].Values] });
        }

        return [.. Situations.Find(topology, pictures).Where(finding => finding.Fault is null or SystemFault.IncompleteAccount)];
    }
}
