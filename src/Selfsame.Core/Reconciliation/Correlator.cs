using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Two accounts that are one person's.</summary>
public sealed record Link(KeyedAccount Source, KeyedAccount Target, Evidence Evidence);

/// <summary>Accounts that may be one person's and that no rule decides.</summary>
public sealed record AmbiguousSet(IReadOnlyList<KeyedAccount> Sources, IReadOnlyList<KeyedAccount> Targets, IReadOnlyList<Evidence> Evidence);

/// <summary>What correlating two systems came to; every account of either side stands in exactly one place.</summary>
public sealed record Correlation(
    IReadOnlyList<Link> Links,
    IReadOnlyList<AmbiguousSet> Ambiguous,
    IReadOnlyList<KeyedAccount> OnlyInSource,
    IReadOnlyList<KeyedAccount> OnlyInTarget);

/// <summary>
/// Decides which accounts are one person by the declared rules, in order. Pure. An account that a rule has linked is
/// not asked about again; a rule that matches one to many decides nothing; an equal identifier that no rule accepts as
/// proof (an unverified e-mail) makes the accounts ambiguous, so that nobody is adopted, and nobody made twice, on a guess.
/// </summary>
public static class Correlator
{
    public static Correlation Correlate(
        ReconcileRule rule, IReadOnlyList<KeyedAccount> sources, IReadOnlyList<KeyedAccount> targets, PersonDecisions? decisions = null)
    {
        var work = new Work(rule, sources, targets, decisions ?? PersonDecisions.None);
        work.ApplyDecisions();
        foreach (var correlation in rule.Correlate)
        {
            work.Apply(correlation, rule.TrustEmail);
        }

        work.SetDoubtfulAside();
        return work.Result();
    }

    /// <summary>
    /// By what an account that nobody on the other side turned out to be was looked for: each rule in order, then its other keys, for an equal one would have
    /// cast doubt. What it has no key for is there with an empty one.
    /// </summary>
    internal static IReadOnlyList<Evidence> LookedForBy(ReconcileRule rule, KeyedAccount account, bool inSource, PersonDecisions decisions)
    {
        var self = new DecidedAccount(inSource ? rule.Source : rule.Target, account.Account.Id);
        var asked = rule.Correlate.Select(by => (Rule: by, Key: (by, inSource) switch
        {
            ({ Link: { } link }, true) => LinkOf(rule, link, account, decisions),
            ({ Kind: { } kind }, _) => account.Keys.GetValueOrDefault(kind),
            _ => account.Account.Id.ToComparableText(),
        }));
        var others = account.Keys.OrderBy(pair => pair.Key).Select(pair => (Rule: new CorrelationRule(pair.Key), Key: (string?)pair.Value)).Where(pair => !rule.Correlate.Contains(pair.Rule));
        return
        [
            .. asked.Concat(others).Select(pair => new Evidence(pair.Rule.Name, pair.Key ?? "", RawOrNone(pair.Rule, account, pair.Key), Proof: false)),
            .. decisions.TellingApart(self).Select(decision => new Evidence(
                "decision", decision.Reason, [.. decision.Accounts.Where(other => other != self).Select(other => $"{other.System}/{other.Id}")], Proof: true)),
        ];
    }

    private static IReadOnlyList<string> RawOrNone(CorrelationRule rule, KeyedAccount account, string? key)
        => rule.Kind is { } kind ? (account.Account.Identifiers.TryGetValue(kind, out var raw) ? [raw] : [])
            : key is null ? []
            : [rule.Link is null ? account.Account.Id.ToString() : key];

    /// <summary>The target's id that our store remembers for an account, or else that the account itself holds.</summary>
    private static string? LinkOf(ReconcileRule rule, string link, KeyedAccount source, PersonDecisions decisions)
        => decisions.Links.Find(rule.Source, source.Account.Id, rule.Target)?.ToComparableText() ?? source.Account.Attributes.ValueOrNull(link).AsText;

    private static string? KeyFor(CorrelationRule rule, KeyedAccount account, bool trustEmail)
    {
        if (rule.Kind is not { } kind)
        {
            return account.Account.Id.ToComparableText();
        }

        var proves = kind != IdentifierKind.Email || trustEmail || account.EmailVerified;
        return proves ? account.Keys.GetValueOrDefault(kind) : null;
    }

    private static string RawFor(CorrelationRule rule, KeyedAccount account)
        => rule.Kind is { } kind ? account.Account.Identifiers[kind] : account.Account.Id.ToString();

    private static Evidence EvidenceOf(CorrelationRule rule, string key, IEnumerable<KeyedAccount> accounts, bool proof)
        => new(rule.Name, key, [.. accounts.Select(account => RawFor(rule, account)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)], proof);

    /// <summary>One value by which an account can be told: its id, or a key.</summary>
    private readonly record struct Mark(CorrelationRule Rule, string Key);

    /// <summary>The state of one correlation; what is left is in the order of the reads.</summary>
    private sealed class Work(ReconcileRule rule, IReadOnlyList<KeyedAccount> sources, IReadOnlyList<KeyedAccount> targets, PersonDecisions decisions)
    {
        private readonly List<Link> links = [];
        private readonly List<AmbiguousSet> ambiguous = [];
        private List<KeyedAccount> openSources = [.. sources];
        private List<KeyedAccount> openTargets = [.. targets];

        public Correlation Result() => new(links, ambiguous, openSources, openTargets);

        /// <summary>Whom a person called the same is one person before any rule is asked.</summary>
        public void ApplyDecisions()
        {
            var settled = new HashSet<KeyedAccount>(ReferenceEqualityComparer.Instance);
            var (left, right) = (sources.ToDictionary(account => account.Account.Id), targets.ToDictionary(account => account.Account.Id));
            foreach (var decision in decisions.All.Where(decision => decision.Verdict == Verdict.Same))
            {
                var ours = decision.Accounts.Where(account => account.System == rule.Source).Select(account => left.GetValueOrDefault(account.Id)).OfType<KeyedAccount>().ToList();
                var theirs = decision.Accounts.Where(account => account.System == rule.Target).Select(account => right.GetValueOrDefault(account.Id)).OfType<KeyedAccount>().ToList();
                if (ours is [var source] && theirs is [var target] && settled.Add(source) && settled.Add(target))
                {
                    links.Add(new Link(source, target, new Evidence("decision", decision.Reason, [source.Account.Label, target.Account.Label], Proof: true)));
                }
            }

            Settle(settled);
        }

        private bool AreDifferent(KeyedAccount source, KeyedAccount target)
            => decisions.Between(new DecidedAccount(rule.Source, source.Account.Id), new DecidedAccount(rule.Target, target.Account.Id))?.Verdict == Verdict.Different;

        public void Apply(CorrelationRule by, bool trustEmail)
        {
            var byKey = openTargets
                .Select(target => (Key: KeyFor(by, target, trustEmail), Target: target))
                .Where(pair => pair.Key is not null)
                .ToLookup(pair => pair.Key!, pair => pair.Target, StringComparer.Ordinal);
            var groups = openSources
                .Select(source => (Key: by.Link is { } link ? LinkOf(rule, link, source, decisions) : KeyFor(by, source, trustEmail), Source: source))
                .Where(pair => pair.Key is not null && byKey.Contains(pair.Key))
                .GroupBy(pair => pair.Key!, pair => pair.Source, StringComparer.Ordinal);
            var settled = new HashSet<KeyedAccount>(ReferenceEqualityComparer.Instance);
            foreach (var group in groups)
            {
                var (left, right) = (group.ToList(), byKey[group.Key].ToList());
                var evidence = EvidenceOf(by, group.Key, left.Concat(right), proof: true);
                if (left.Count == 1 && right.Count == 1 && AreDifferent(left[0], right[0]))
                {
                    continue;
                }

                if (left.Count == 1 && right.Count == 1)
                {
                    links.Add(new Link(left[0], right[0], evidence));
                }
                else
                {
                    ambiguous.Add(new AmbiguousSet(left, right, [evidence]));
                }

                settled.UnionWith(left);
                settled.UnionWith(right);
            }

            Settle(settled);
        }

        /// <summary>Takes out every account that shares an id or a key with an account of the other side.</summary>
        public void SetDoubtfulAside()
        {
            var holders = Doubts();
            var doubted = holders.SelectMany(group => group.Select(holder => holder.Account)).ToHashSet(ReferenceEqualityComparer.Instance);
            var open = new HashSet<KeyedAccount>(openSources.Concat(openTargets), ReferenceEqualityComparer.Instance);
            var settled = new HashSet<KeyedAccount>(ReferenceEqualityComparer.Instance);
            foreach (var account in openSources.Concat(openTargets))
            {
                if (settled.Contains(account) || !doubted.Contains(account))
                {
                    continue;
                }

                ambiguous.Add(Connected(account, holders, open, settled));
            }

            Settle(settled);
        }

        /// <summary>Who holds a mark that somebody of the other side holds too, from whom nobody told it apart: a decision speaks of its own accounts and of no third.</summary>
        private ILookup<Mark, (KeyedAccount Account, bool FromSource)> Doubts()
        {
            var shared = sources.SelectMany(Marks).ToHashSet();
            shared.IntersectWith(targets.SelectMany(Marks));
            var (left, right) = (Holders(sources, shared), Holders(targets, shared));
            var partners = links.SelectMany(link => new[] { (link.Source, link.Target), (link.Target, link.Source) })
                .ToDictionary(pair => pair.Item1, pair => pair.Item2, (IEqualityComparer<KeyedAccount>)ReferenceEqualityComparer.Instance);
            var ofSources = from own in left
                            from source in own
                            where right[own.Key].Any(target => !AreToldApart(source, target, partners))
                            select (Mark: own.Key, Holder: (source, true));
            var ofTargets = from own in right
                            from target in own
                            where left[own.Key].Any(source => !AreToldApart(source, target, partners))
                            select (Mark: own.Key, Holder: (target, false));
            return ofSources.Concat(ofTargets).ToLookup(pair => pair.Mark, pair => pair.Holder);
        }

        /// <summary>Whether a person said that two accounts are different people, or that one is another person than the proved partner of the other.</summary>
        private bool AreToldApart(KeyedAccount source, KeyedAccount target, Dictionary<KeyedAccount, KeyedAccount> partners)
            => decisions.All.Count > 0
                && (AreDifferent(source, target)
                    || (partners.TryGetValue(target, out var same) && AreDifferent(rule.Source, source, same))
                    || (partners.TryGetValue(source, out var other) && AreDifferent(rule.Target, other, target)));

        private bool AreDifferent(string system, KeyedAccount one, KeyedAccount other)
            => decisions.Between(new DecidedAccount(system, one.Account.Id), new DecidedAccount(system, other.Account.Id))?.Verdict == Verdict.Different;

        private ILookup<Mark, KeyedAccount> Holders(IReadOnlyList<KeyedAccount> accounts, HashSet<Mark> shared)
            => accounts.SelectMany(account => Marks(account).Where(shared.Contains).Select(mark => (Mark: mark, Account: account))).ToLookup(pair => pair.Mark, pair => pair.Account);

        /// <summary>All that hangs together with <paramref name="start"/> by equal marks; linked accounts are named but not walked through.</summary>
        private AmbiguousSet Connected(
            KeyedAccount start,
            ILookup<Mark, (KeyedAccount Account, bool FromSource)> holders,
            HashSet<KeyedAccount> open,
            HashSet<KeyedAccount> settled)
        {
            var (left, right, evidence) = (new List<KeyedAccount>(), new List<KeyedAccount>(), new List<Evidence>());
            var members = new HashSet<KeyedAccount>(ReferenceEqualityComparer.Instance);
            var seen = new HashSet<Mark>();
            var queue = new Queue<KeyedAccount>([start]);
            settled.Add(start);
            while (queue.TryDequeue(out var account))
            {
                foreach (var mark in Marks(account).Where(mark => !seen.Contains(mark) && holders[mark].Any(holder => ReferenceEquals(holder.Account, account))))
                {
                    seen.Add(mark);
                    evidence.Add(EvidenceOf(mark.Rule, mark.Key, holders[mark].Select(holder => holder.Account), proof: false));
                    foreach (var (other, fromSource) in holders[mark])
                    {
                        if (members.Add(other))
                        {
                            (fromSource ? left : right).Add(other);
                        }

                        if (open.Contains(other) && settled.Add(other))
                        {
                            queue.Enqueue(other);
                        }
                    }
                }
            }

            return new AmbiguousSet(left, right, [.. evidence.OrderBy(one => one.Rule, StringComparer.Ordinal).ThenBy(one => one.Key, StringComparer.Ordinal)]);
        }

        // Two systems that count their records have equal ids by chance: these say something only where the rule names the id.
        private IEnumerable<Mark> Marks(KeyedAccount account)
        {
            var keys = account.Keys.Select(pair => new Mark(new CorrelationRule(pair.Key), pair.Value));
            return account.Account.Id.IsCounted && !rule.Correlate.Contains(CorrelationRule.ById)
                ? keys
                : keys.Prepend(new Mark(CorrelationRule.ById, account.Account.Id.ToComparableText()));
        }

        private void Settle(HashSet<KeyedAccount> settled)
        {
            openSources = [.. openSources.Where(account => !settled.Contains(account))];
            openTargets = [.. openTargets.Where(account => !settled.Contains(account))];
        }
    }
}
