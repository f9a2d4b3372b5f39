using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Of the accounts of a source that share a verified e-mail address one has it in a target: they are one person, and who stays is for a person. Pure.</summary>
internal sealed class SharedAddresses
{
    private readonly Topology topology;
    private readonly IReadOnlyDictionary<string, SystemPicture> pictures;
    private readonly ILookup<(string System, AccountId Account), Finding> duplicates;
    private readonly HashSet<(ReconcileRule Rule, AccountId Account)> missing;
    private readonly HashSet<(ReconcileRule Rule, AccountId Account)> coming;

    public SharedAddresses(Topology topology, IReadOnlyDictionary<string, SystemPicture> pictures, IReadOnlyList<Finding> findings)
    {
        this.topology = topology;
        this.pictures = pictures;
        duplicates = findings.Where(finding => finding is { Situation: Situation.Duplicate, Identifier: IdentifierKind.Email, UnderOwnEquality: false })
            .SelectMany(finding => finding.Members.Select(member => (Key: (finding.System, member.Account.Id), Finding: finding)))
            .ToLookup(pair => pair.Key, pair => pair.Finding);
        missing = [.. findings.Where(finding => finding.Situation == Situation.Missing).Select(finding => (finding.Rule!, finding.Source!.Account.Id))];
        coming = [.. findings.Where(BringsAddress).Select(finding => (finding.Rule!, finding.Source!.Account.Id))];
    }

    /// <summary>Why nobody is made for this one; null where nothing is against it.</summary>
    /// <param name="finding">Who is missing.</param>
    /// <param name="gone">What the plan itself clears away.</param>
    public LeftAlone? BeforeCreation(Finding finding, HashSet<(string System, AccountId Id)> gone) => First(finding, gone, waiting: missing);

    /// <summary>Why an account does not become one with its person's verified address, or an active one; null where nothing is against it, or that is not what changes.</summary>
    /// <param name="finding">Who drifted.</param>
    /// <param name="gone">What the plan itself clears away.</param>
    public LeftAlone? BeforeUpdate(Finding finding, HashSet<(string System, AccountId Id)> gone)
        => BringsAddress(finding) && IsWanted(finding.Rule!, finding.Source!) ? First(finding, gone, waiting: coming) : null;

    // Whoever is missing comes after all who are there; of those who wait for the same the least id is first.
    private LeftAlone? First(Finding finding, HashSet<(string System, AccountId Id)> gone, HashSet<(ReconcileRule Rule, AccountId Account)> waiting)
    {
        var (rule, person) = (finding.Rule!, finding.Source!);
        var first = duplicates[(rule.Source, person.Account.Id)].SelectMany(duplicate => duplicate.Members).FirstOrDefault(other
            => person.EmailVerified && other.EmailVerified && IsWanted(rule, other)
                && !other.Account.Id.Equals(person.Account.Id) && !gone.Contains((rule.Source, other.Account.Id))
                && (waiting.Contains((rule, other.Account.Id)) ? AccountId.Order.Compare(other.Account.Id, person.Account.Id) < 0 : !missing.Contains((rule, other.Account.Id)))
                && !AreTwoPeople(rule.Source, person, other));
        return first is null ? null : new LeftAlone(
            $"{first.Account.Id} of {rule.Source} has the same verified e-mail address and comes first: one person gets one account. {pictures[rule.Source].Facts.DuplicateAdvice}".TrimEnd());
    }

    private static bool BringsAddress(Finding finding)
        => finding is { Situation: Situation.Drifted, Rule.Drifted: DriftedAction.UpdateTarget }
            && finding.Differences.Any(difference => difference.Name is AccountMapping.EmailVerified or AccountMapping.Active || IdentifierKinds.Parse(difference.Name) == IdentifierKind.Email);

    private bool IsWanted(ReconcileRule rule, KeyedAccount account)
        => (rule.When is null || account.Account.Attributes.ValueOrNull(rule.When).IsTruthy)
            && (!topology.Systems[rule.Source].Mapping.Attributes.ContainsKey(AccountMapping.Active) || account.Account.Attributes.ValueOrNull(AccountMapping.Active).IsTruthy);

    private bool AreTwoPeople(string system, KeyedAccount one, KeyedAccount other)
        => topology.Decisions.Between(new DecidedAccount(system, one.Account.Id), new DecidedAccount(system, other.Account.Id))?.Verdict == Verdict.Different;
}
