using System.Text;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>
/// The first look at all systems: of each account the hashes of its id and keys, and a primary key. It tells who is confirmed beyond
/// doubt, so that only the rest is read as whole records. An account is confirmed when each rule that it takes part in has a partner for it with which it
/// agrees (<see cref="RuleMatch"/>), and it shares no key with another account of its own system.
/// </summary>
internal sealed class Scan(Topology topology, IdentifierKeying keying, RandomSource random)
{
    private readonly KeyedHash hash = new(random);
    private readonly ScanSpaces spaces = new();
    private readonly List<ScannedSystem> systems = [];
    private readonly Dictionary<string, SystemFacts> facts = new(StringComparer.Ordinal);
    private IReadOnlyList<RuleMatch> matches = [];
    private ScanGroups groups = null!;

    public IReadOnlyList<ScannedSystem> Systems => systems;

    /// <summary>The next system, to be filled with its accounts before another is begun.</summary>
    public ScannedSystem Begin(SystemConfig config, SystemFacts described)
    {
        var sides = new List<RuleSide>();
        foreach (var rule in topology.Rules.Where(rule => rule.Source == config.Name || rule.Target == config.Name))
        {
            var shared = Drift.Shared(topology.Systems[rule.Source].Mapping, topology.Systems[rule.Target].Mapping).ToArray();
            sides.Add(new RuleSide(rule, rule.Source == config.Name, shared));
        }

        var system = new ScannedSystem(config, systems.Sum(before => before.Count), [.. sides], spaces, hash, keying);
        systems.Add(system);
        facts.Add(config.Name, described);
        return system;
    }

    /// <summary>Finds the partners and marks every account about which there may be a finding.</summary>
    public void Match()
    {
        var byName = systems.ToDictionary(system => system.Config.Name, StringComparer.Ordinal);
        matches = [.. topology.Rules.Select(rule => new RuleMatch(rule, byName[rule.Source], byName[rule.Target], facts[rule.Target]))];
        groups = new ScanGroups(systems, matches);
        foreach (var kind in Kinds())
        {
            groups.Take(SpaceOf(kind), kind, correlating: true);
        }

        // What does not correlate counts only for those that are partners by then.
        foreach (var kind in Kinds().Where(kind => matches.Any(match => !match.Correlates(kind))))
        {
            groups.Take(SpaceOf(kind), kind, correlating: false);
        }

        foreach (var match in matches)
        {
            match.Judge();
        }
    }

    /// <summary>The accounts about which there may be a finding.</summary>
    public IEnumerable<int> Loud()
        => systems.SelectMany(system => Enumerable.Range(0, system.Count).Where(account => (system[account] & Traits.Loud) != 0).Select(account => system.First + account));

    /// <summary>The accounts that share an id or a key with one of <paramref name="accounts"/>, as these are now; themselves among them.</summary>
    public IEnumerable<int> SharingWith(IReadOnlyCollection<KeyedAccount> accounts)
    {
        var found = spaces.Ids.Find(accounts.Select(account => IdMarks.Of(hash, account.Account.Id)).ToHashSet());
        return found.Concat(IdentifierKinds.All.SelectMany(
            kind => spaces[kind].Find(accounts.Select(account => account.Keys.GetValueOrDefault(kind)).OfType<string>().Select(HashOf).ToHashSet())));
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
        => spaces.Ids.Find(named.Select(account => IdMarks.Of(hash, account.Id)).ToHashSet())
            .Where(account => Find(account) is var (system, id) && named.Contains(new DecidedAccount(system.Config.Name, id)));

    /// <summary>Whether an account of the system had that key.</summary>
    public bool Holds(ScannedSystem system, IdentifierKind kind, string key)
        => spaces[kind].Find(new HashSet<ValueHash> { HashOf(key) }).Any(account => account >= system.First && account - system.First < system.Count);

    /// <summary>How many accounts have a value, and how many different ones there are.</summary>
    public IReadOnlyList<ValueCount> Count(ScannedSystem system)
    {
        var counts = new List<ValueCount> { new("id", system.Count, system.Count) };
        foreach (var (kind, _) in system.Fields.Identifiers)
        {
            counts.Add(new ValueCount(kind.Name(), (int)system.Having(kind), groups.Distinct(system, kind) + system.Refused(kind)));
        }

        if (system.Config.Uuid is not null)
        {
            var uuids = new DistinctCount();
            system.Uuids.Group(uuids);
            counts.Add(new ValueCount("uuid", (int)system.WithUuid, uuids.Values));
        }

        return counts;
    }

    private ValueHash HashOf(string key) => hash.Of(Encoding.UTF8.GetBytes(key));

    private IEnumerable<IdentifierKind?> Kinds()
        => IdentifierKinds.All.Where(kind => systems.Exists(system => system.Config.Mapping.Identifiers.ContainsKey(kind))).Select(kind => (IdentifierKind?)kind).Prepend(null);

    private MarkSpace SpaceOf(IdentifierKind? kind) => kind is { } given ? spaces[given] : spaces.Ids;

    private sealed class DistinctCount : IMarkGroups
    {
        public int Values { get; private set; }

        public void Single(int account) => Values++;

        public void Pair(int one, int other) => Values++;

        public void Several(ReadOnlySpan<int> accounts) => Values++;
    }
}
