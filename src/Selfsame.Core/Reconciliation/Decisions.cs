using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What a person decided about accounts.</summary>
public enum Verdict
{
    /// <summary>They are one person.</summary>
    Same,

    /// <summary>They are different people, whatever they have in common.</summary>
    Different,

    /// <summary>What is found about them is known and left alone.</summary>
    Ignore,
}

/// <summary>An account of a decision.</summary>
public sealed record DecidedAccount(string System, AccountId Id);

/// <summary>One entry of the decisions file.</summary>
/// <param name="Verdict">What was decided.</param>
/// <param name="Accounts">About whom; at least two but for <see cref="Verdict.Ignore"/>.</param>
/// <param name="Finding">For <see cref="Verdict.Ignore"/> the situation or fault that is left alone; null for all.</param>
/// <param name="Reason">Why, for whoever comes next.</param>
public sealed record PersonDecision(Verdict Verdict, IReadOnlyList<DecidedAccount> Accounts, string? Finding, string Reason);

/// <summary>All decisions of a config; every audit honours them.</summary>
public sealed class PersonDecisions(IReadOnlyList<PersonDecision> decisions)
{
    private readonly ILookup<DecidedAccount, PersonDecision> byAccount = decisions
        .SelectMany(decision => decision.Accounts.Select(account => (account, decision)))
        .ToLookup(pair => pair.account, pair => pair.decision);

    public static PersonDecisions None { get; } = new([]);

    public IReadOnlyList<PersonDecision> All => decisions;

    /// <summary>What our own store knows, for rules that correlate by it.</summary>
    public KnownLinks Links { get; init; } = KnownLinks.None;

    /// <summary>The same decisions with what our store knows.</summary>
    public PersonDecisions With(KnownLinks links) => new(decisions) { Links = links };

    /// <summary>The decision by which two accounts are one person, or are not; null where nobody decided.</summary>
    public PersonDecision? Between(DecidedAccount one, DecidedAccount other)
        => byAccount[one].FirstOrDefault(decision => decision.Verdict != Verdict.Ignore && decision.Accounts.Contains(other));

    /// <summary>The accounts of another system that a person called the same as <paramref name="account"/>.</summary>
    public IEnumerable<AccountId> SameIn(string system, DecidedAccount account)
        => byAccount[account].Where(decision => decision.Verdict == Verdict.Same).SelectMany(decision => decision.Accounts).Where(other => other.System == system).Select(other => other.Id);

    /// <summary>Whether a finding is one that a person said to leave alone: all its accounts are named, or it is about one that is.</summary>
    public bool Ignores(Finding finding)
        => finding.Accounts.Count > 0 && finding.Accounts
            .SelectMany(account => byAccount[new DecidedAccount(account.System, account.Id)])
            .Any(decision => decision.Verdict == Verdict.Ignore && (decision.Finding is null || decision.Finding == finding.Kind));
}
