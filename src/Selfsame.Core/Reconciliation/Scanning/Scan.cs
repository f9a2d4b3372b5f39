using System.Text;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>
/// The first look at all systems: of each account the hashes of its id and keys, and a primary key. It tells who is confirmed beyond
/// doubt, so that only the rest is read as whole records. An account is confirmed when each rule that it takes part in has a partner for it with which it
/// agrees (<see cref="RuleMatch"/>), and it shares no key with another account of its own system.
/// </summary>
internal sealed class Scan
{
    private readonly Topology topology;
    private readonly Workers workers;
    private readonly KeyedHash hash;
    private readonly ScannedSystem[] systems;
    private IReadOnlyList<RuleMatch> matches = [];
    private ScanGroups[] groups = [];

    public Scan(Topology topology, IdentifierKeying keying, RandomSource random, Workers workers)
    {
        (this.topology, this.workers) = (topology, workers);
        hash = new KeyedHash(random);
        systems = [.. topology.Systems.Values.Select(config => new ScannedSystem(config, [.. Sides(topology, config.Name)], hash, keying))];
    }

    /// <summary>The systems in the topology's order, each to be filled by one reader; several may be filled at once.</summary>
    public IReadOnlyList<ScannedSystem> Systems => systems;

    /// <summary>When all systems are filled: finds the partners and marks every account about which there may be a finding.</summary>
    public void Match(IReadOnlyDictionary<string, SystemFacts> facts)
    {
        ScannedSystem.Number(systems);
        var byName = systems.ToDictionary(system => system.Config.Name, StringComparer.Ordinal);
        matches = [.. topology.Rules.Select(rule => new RuleMatch(rule, byName[rule.Source], byName[rule.Target], facts[rule.Target]))];
        groups = [.. Enumerable.Range(0, workers.For(systems.Sum(system => (long)system.Count))).Select(_ => new ScanGroups(systems, matches))];
        foreach (var kind in Kinds())
        {
            Group(kind, correlating: true);
        }

        // What does not correlate counts only for those that are partners by then.
        foreach (var kind in Kinds().Where(kind => matches.Any(match => !match.Correlates(kind))))
        {
            Group(kind, correlating: false);
        }

        foreach (var match in matches)
        {
            match.Judge(workers);
        }
    }

    /// <summary>The accounts about which there may be a finding.</summary>
    public IEnumerable<int> Loud()
        => systems.SelectMany(system => Enumerable.Range(0, system.Count).Where(account => (system[account] & Traits.Loud) != 0).Select(account => system.First + account));

    /// <summary>The accounts that share an id or a key with one of <paramref name="accounts"/>, as these are now; themselves among them.</summary>
    public IEnumerable<int> SharingWith(IReadOnlyCollection<KeyedAccount> accounts)
    {
        var found = Find(null, accounts.Select(account => IdMarks.Of(hash, account.Account.Id)).ToHashSet());
        return found.Concat(IdentifierKinds.All.SelectMany(
            kind => Find(kind, accounts.Select(account => account.Keys.GetValueOrDefault(kind)).OfType<string>().Select(HashOf).ToHashSet())));
    }

    /// <summary>These accounts and the partners that they have under any rule, and theirs.</summary>
    public HashSet<int> WithPartners(IEnumerable<int> accounts)
    {
        var all = new HashSet<int>();
        var open = new Queue<int>(accounts);
        while (open.TryDequeue(out var account))
        {
            if (all.Add(account))
            {
                matches.Select(match => match.PartnerOf(account)).OfType<int>().ToList().ForEach(open.Enqueue);
            }
        }

        return all;
    }

    public (ScannedSystem System, AccountId Id) Find(int account)
    {
        var system = systems.Last(system => system.First <= account);
        return (system, system.Ids[account - system.First]);
    }

    /// <summary>Those of the named accounts that were read.</summary>
    public IEnumerable<int> Find(IReadOnlySet<DecidedAccount> named)
        => Find(null, named.Select(account => IdMarks.Of(hash, account.Id)).ToHashSet())
            .Where(account => Find(account) is var (system, id) && named.Contains(new DecidedAccount(system.Config.Name, id)));

    /// <summary>Whether an account of the system had that key.</summary>
    public bool Holds(ScannedSystem system, IdentifierKind kind, string key)
        => system.Space(kind).Find(new HashSet<ValueHash> { HashOf(key) }).Count > 0;

    /// <summary>How many accounts have a value, and how many different ones there are.</summary>
    public IReadOnlyList<ValueCount> Count(ScannedSystem system)
    {
        var counts = new List<ValueCount> { new("id", system.Count, system.Count) };
        foreach (var (kind, _) in system.Fields.Identifiers)
        {
            counts.Add(new ValueCount(kind.Name(), (int)system.Having(kind), groups.Sum(worker => worker.Distinct(system, kind)) + system.Refused(kind)));
        }

        if (system.Config.Uuid is not null)
        {
            var uuids = new DistinctCount();
            new MarkGrouping([(system.Uuids, 0)]).Group(uuids);
            counts.Add(new ValueCount("uuid", (int)system.WithUuid, uuids.Values));
        }

        return counts;
    }

    private ValueHash HashOf(string key) => hash.Of(Encoding.UTF8.GetBytes(key));

    private IEnumerable<IdentifierKind?> Kinds()
        => IdentifierKinds.All.Where(kind => systems.Any(system => system.Config.Mapping.Identifiers.ContainsKey(kind))).Select(kind => (IdentifierKind?)kind).Prepend(null);

    /// <summary>Takes the values of one kind, a share of them on each thread: an account has one value of a kind, so no two threads meet it.</summary>
    private void Group(IdentifierKind? kind, bool correlating)
    {
        var spaces = systems.Select(system => (system.Space(kind), system.First)).ToArray();
        Workers.Run(groups.Length, worker =>
        {
            groups[worker].Begin(kind, correlating);
            new MarkGrouping(spaces).Group(groups[worker], worker, groups.Length);
        });
    }

    private IEnumerable<int> Find(IdentifierKind? kind, HashSet<ValueHash> hashes)
        => systems.SelectMany(system => system.Space(kind).Find(hashes).Select(account => system.First + account));

    private static IEnumerable<RuleSide> Sides(Topology topology, string name)
        => topology.Rules.Where(rule => rule.Source == name || rule.Target == name).Select(rule => new RuleSide(
            rule, rule.Source == name, [.. Drift.Shared(topology.Systems[rule.Source].Mapping, topology.Systems[rule.Target].Mapping)]));

    private sealed class DistinctCount : IMarkGroups
    {
        public int Values { get; private set; }

        public void Single(int account) => Values++;

        public void Pairs(ReadOnlySpan<MarkPair> pairs) => Values += pairs.Length;

        public void Several(ReadOnlySpan<int> accounts) => Values++;
    }
}
