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
public sealed record DecidedAccount(string System, AccountId Id)
{
    /// <summary>An id as a decision writes it: the parts of a composite one joined by slashes.</summary>
    public static AccountId IdOf(SystemConfig system, string text) => system.Mapping.Id.Count == 1 ? new AccountId(text) : new AccountId(text.Split('/'));

    /// <summary>As a decision names it: <c>app/7</c>.</summary>
    public override string ToString() => $"{System}/{Id}";
}

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

    /// <summary>The decisions by which an account is another person than somebody.</summary>
    public IEnumerable<PersonDecision> TellingApart(DecidedAccount account) => byAccount[account].Where(decision => decision.Verdict == Verdict.Different);

    /// <summary>The accounts of another system that a person called the same as <paramref name="account"/>.</summary>
    public IEnumerable<AccountId> SameIn(string system, DecidedAccount account)
        => byAccount[account].Where(decision => decision.Verdict == Verdict.Same).SelectMany(decision => decision.Accounts).Where(other => other.System == system).Select(other => other.Id);

    /// <summary>What a decision that tells accounts apart says against others that call them, also by way of third ones, the same; null for nothing.</summary>
    public string? Contradiction(PersonDecision apart)
    {
        if (apart.Verdict != Verdict.Different)
        {
            return null;
        }

        foreach (var (one, index) in apart.Accounts.Select((account, index) => (account, index)))
        {
            var same = SameAs(one);
            if (apart.Accounts.Skip(index + 1).FirstOrDefault(same.Contains) is { } other)
            {
                return $"calls {one} and {other} different people, and others call them the same one";
            }
        }

        return null;
    }

    /// <summary>Everybody who is an account's person by decisions.</summary>
    private HashSet<DecidedAccount> SameAs(DecidedAccount account)
    {
        var same = new HashSet<DecidedAccount> { account };
        var queue = new Queue<DecidedAccount>([account]);
        while (queue.TryDequeue(out var next))
        {
            foreach (var other in byAccount[next].Where(decision => decision.Verdict == Verdict.Same).SelectMany(decision => decision.Accounts).Where(same.Add))
            {
                queue.Enqueue(other);
            }
        }

        return same;
    }

    /// <summary>Why a change is not to be made, though a plan has it: it is about people who are told apart, or about what is to be left alone. Null where nothing says so.</summary>
    public string? Forbids(Change change)
        => (change.Exchanged ?? []).Select(other => Alone(change, other)).Prepend(change).Select(ForbidsOne).FirstOrDefault(why => why is not null);

    // Whoever exchange their ids are different people: each is looked at with the account whose id it takes.
    private static Change Alone(Change change, ExchangedAccount other) => change with
    {
        Account = other.Account,
        Follows = change.Follows is { } followed ? followed with { Account = AccountId.FromRecord(other.After, [.. other.After.Keys])! } : null,
    };

    private string? ForbidsOne(Change change)
    {
        // What is taken back is as it was before anything was decided.
        DecidedAccount[] accounts = change.Reason == ChangeReason.Undo ? [] : [.. Present(change).Concat(Origins(change)).Distinct()];
        var apart = accounts.SelectMany((one, index) => accounts.Skip(index + 1), (one, other) => (One: one, Other: other))
            .FirstOrDefault(pair => Between(pair.One, pair.Other)?.Verdict == Verdict.Different);
        if (apart.One is not null)
        {
            return $"By now the config says that {apart.One} and {apart.Other} are different people. Plan again.";
        }

        return FindingBehind(change.Reason) is { } kind && accounts.SelectMany(account => byAccount[account])
            .FirstOrDefault(decision => decision.Verdict == Verdict.Ignore && (decision.Finding is null || decision.Finding == kind)) is { } ignoring
                ? $"By now the config says to leave it alone: {ignoring.Reason}. Plan again."
                : null;
    }

    // An account that is made is not there yet: what was decided about its id was about another.
    private static IEnumerable<DecidedAccount> Present(Change change)
        => change.Action == ChangeAction.Create ? [] : new[] { change.Account }.Concat((change.Losers ?? []).Select(loser => loser.Account)).Append(change.Survivor?.Account)
            .OfType<AccountId>().Select(id => new DecidedAccount(change.System, id));

    private static IEnumerable<DecidedAccount> Origins(Change change)
        => new[] { change.Follows is { } followed ? new DecidedAccount(followed.System, followed.Account) : null, change.MadeOf is var (system, account) ? new DecidedAccount(system, account) : null }
            .OfType<DecidedAccount>();

    private static string? FindingBehind(ChangeReason reason) => reason switch
    {
        ChangeReason.MissingInTarget => nameof(Situation.Missing),
        ChangeReason.MissingInSource or ChangeReason.OrphanDeleted or ChangeReason.OrphanDisabled => nameof(Situation.Orphan),
        ChangeReason.AttributesDrifted => nameof(Situation.Drifted),
        ChangeReason.IdMismatch => nameof(Situation.IdMismatch),
        ChangeReason.DuplicateMerged or ChangeReason.DuplicateRenamed or ChangeReason.DuplicateDeleted => nameof(Situation.Duplicate),
        ChangeReason.IncompleteAccount => nameof(SystemFault.IncompleteAccount),
        _ => null,
    };

    /// <summary>Whether a finding is one that a person said to leave alone: all its accounts are named, or it is about one that is.</summary>
    public bool Ignores(Finding finding)
        => finding.Accounts.Count > 0 && finding.Accounts
            .SelectMany(account => byAccount[new DecidedAccount(account.System, account.Id)])
            .Any(decision => decision.Verdict == Verdict.Ignore && (decision.Finding is null || decision.Finding == finding.Kind));
}
