using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Turns what was read into findings. Pure; the order of the findings depends only on the config and the ids.</summary>
public static class Situations
{
    /// <summary>The findings of all <paramref name="pictures"/>: those within one system first, then those between two.</summary>
    public static IReadOnlyList<Finding> Find(Topology topology, IReadOnlyDictionary<string, SystemPicture> pictures)
    {
        var findings = RuleConflicts.Find(topology.Rules).ToList();
        var fallenBack = FallenBack(topology, pictures).ToList();
        foreach (var name in topology.Systems.Keys.Where(pictures.ContainsKey))
        {
            findings.AddRange(SystemFindings.Find(pictures[name], topology.Decisions, fallenBack.Where(account => account.System == name).Select(account => account.Id).ToHashSet()));
        }

        foreach (var rule in topology.Rules)
        {
            findings.AddRange(Between(rule, pictures[rule.Source], pictures[rule.Target], topology.Decisions));
        }

        RemoveOthersPeople(findings, topology, pictures);
        findings.RemoveAll(topology.Decisions.Ignores);
        return findings;
    }

    /// <summary>Where several sources lead into one target, an account is an orphan only if it is nobody's in any of them, not even on a guess.</summary>
    private static void RemoveOthersPeople(List<Finding> findings, Topology topology, IReadOnlyDictionary<string, SystemPicture> pictures)
    {
        foreach (var rules in topology.Rules.GroupBy(rule => rule.Target).Where(rules => rules.Skip(1).Any()))
        {
            var alone = rules.Select(rule => Correlator.Correlate(rule, pictures[rule.Source].Accounts, pictures[rule.Target].Accounts, topology.Decisions).OnlyInTarget
                .Select(account => account.Account.Id).ToHashSet()).ToList();
            findings.RemoveAll(finding => finding.Situation == Situation.Orphan && finding.System == rules.Key && !alone.TrueForAll(ids => ids.Contains(finding.Accounts[0].Id)));
        }
    }

    /// <summary>The findings between the two systems of one rule.</summary>
    public static IReadOnlyList<Finding> Between(ReconcileRule rule, SystemPicture source, SystemPicture target, PersonDecisions? decisions = null)
    {
        decisions ??= PersonDecisions.None;
        var correlation = Correlator.Correlate(rule, source.Accounts, target.Accounts, decisions);
        var findings = new List<Finding>();
        findings.AddRange(correlation.OnlyInSource.Where(account => Belongs(rule, account)).Select(account => Missing(rule, account, decisions)));
        findings.AddRange(correlation.OnlyInTarget.Where(account => !Settled(rule, account)).Select(account => Orphan(rule, account, decisions)));
        findings.AddRange(correlation.Ambiguous.Select(set => Ambiguous(rule, set)));
        findings.AddRange(correlation.Links.SelectMany(link => OfLink(rule, link, source, target)));
        return
        [
            .. findings.OrderBy(finding => finding.Situation)
                .ThenBy(finding => finding.Accounts[0].Id, AccountId.Order)
                .ThenBy(finding => finding.Sentence, StringComparer.Ordinal),
        ];
    }

    /// <summary>The accounts whose handle no system takes, and that have got their account under another choice of the rule's template: nothing is left to do.</summary>
    private static IEnumerable<(string System, AccountId Id)> FallenBack(Topology topology, IReadOnlyDictionary<string, SystemPicture> pictures)
        => from rule in topology.Rules
           where rule.Handle is not null
           let unusable = pictures[rule.Source].Accounts.Where(account => account.Refusals.ContainsKey(IdentifierKind.Handle)).ToList()
           where unusable.Count > 0
           from link in Correlator.Correlate(rule, unusable, pictures[rule.Target].Accounts, topology.Decisions).Links
           let handle = link.Target.Account.Identifiers.GetValueOrDefault(IdentifierKind.Handle)
           where rule.Handle!.Choices(link.Source.Account).Contains(handle, StringComparer.OrdinalIgnoreCase)
           select (rule.Source, link.Source.Account.Id);

    internal static bool Belongs(ReconcileRule rule, KeyedAccount account)
        => rule.When is null || account.Account.Attributes.ValueOrNull(rule.When).IsTruthy;

    // An orphan that is already disabled is all that the config asks for.
    private static bool Settled(ReconcileRule rule, KeyedAccount orphan)
        => rule.Orphan == OrphanAction.DisableInTarget && !orphan.Account.Attributes.ValueOrNull(AccountMapping.Active).IsTruthy;

    private static Finding Missing(ReconcileRule rule, KeyedAccount account, PersonDecisions decisions) => new()
    {
        Situation = Situation.Missing,
        System = rule.Target,
        Rule = rule,
        Source = account,
        Accounts = [Reference(rule.Source, account)],
        Evidence = Correlator.LookedForBy(rule, account, inSource: true, decisions),
        Sentence = $"{account.Account.Label} is in {rule.Source} and not in {rule.Target}.",
    };

    private static Finding Orphan(ReconcileRule rule, KeyedAccount account, PersonDecisions decisions) => new()
    {
        Situation = Situation.Orphan,
        System = rule.Target,
        Rule = rule,
        Target = account,
        Accounts = [Reference(rule.Target, account)],
        Evidence = Correlator.LookedForBy(rule, account, inSource: false, decisions),
        Sentence = $"{account.Account.Label} is in {rule.Target} and is nobody in {rule.Source}.",
    };

    private static Finding Ambiguous(ReconcileRule rule, AmbiguousSet set)
    {
        var rules = string.Join(", ", set.Evidence.Select(evidence => $"{evidence.Rule} {evidence.Key}").Distinct());
        return new Finding
        {
            Situation = Situation.Ambiguous,
            System = rule.Target,
            Rule = rule,
            Accounts =
            [
                .. set.Sources.Select(account => Reference(rule.Source, account)).OrderBy(reference => reference.Id, AccountId.Order),
                .. set.Targets.Select(account => Reference(rule.Target, account)).OrderBy(reference => reference.Id, AccountId.Order),
            ],
            Evidence = set.Evidence,
            Sentence = $"{set.Sources.Count} in {rule.Source} and {set.Targets.Count} in {rule.Target} share {rules}, "
                + "and no rule proves who is who. A person must decide.",
        };
    }

    private static IEnumerable<Finding> OfLink(ReconcileRule rule, Link link, SystemPicture source, SystemPicture target)
    {
        var label = link.Source.Account.Label;
        if (rule.Correlate.Contains(CorrelationRule.ById) && !link.Source.Account.Id.Equals(link.Target.Account.Id))
        {
            yield return OfPair(Situation.IdMismatch, rule, link) with
            {
                Sentence = $"{label} is {link.Source.Account.Id} in {rule.Source} and {link.Target.Account.Id} in {rule.Target}.",
            };
        }

        // Where an account is made for a proved address only, another is not carried to it later: it would keep whose it is from having one.
        var carriesEmail = rule.When != AccountMapping.EmailVerified || Belongs(rule, link.Source);
        var differences = Drift.Between(link.Source, source, link.Target, target, rule.Handle, carriesEmail);
        if (differences.Count > 0)
        {
            yield return OfPair(Situation.Drifted, rule, link) with
            {
                Differences = differences,
                Sentence = $"{label} differs in {rule.Target}: {string.Join(", ", differences.Select(difference => difference.Name))}.",
            };
        }
    }

    private static Finding OfPair(Situation situation, ReconcileRule rule, Link link) => new()
    {
        Situation = situation,
        System = rule.Target,
        Rule = rule,
        Source = link.Source,
        Target = link.Target,
        Accounts = [Reference(rule.Source, link.Source), Reference(rule.Target, link.Target)],
        Evidence = [link.Evidence],
        Sentence = "",
    };

    internal static AccountReference Reference(string system, KeyedAccount account) => new(system, account.Account.Id, account.Account.Label);
}
