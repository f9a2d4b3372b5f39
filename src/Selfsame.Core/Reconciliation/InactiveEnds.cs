using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Who is active where they come from and disabled further down the chain. Drift compares two systems that both say who is active; one in the middle that does not
/// say it hides the ends from each other.
/// </summary>
internal static class InactiveEnds
{
    /// <summary>The person's accounts that are not active and should be, as far as no rule compares it.</summary>
    /// <param name="topology">The config.</param>
    /// <param name="origin">The system that the person comes from.</param>
    /// <param name="person">The person in every system.</param>
    public static IReadOnlyList<Finding> Find(Topology topology, string origin, Person person)
    {
        var findings = new List<Finding>();
        var seen = new HashSet<string>(StringComparer.Ordinal) { origin };
        var active = new Queue<string>();
        if (person.Accounts[origin].Any(account => IsActive(topology.Systems[origin], account)))
        {
            active.Enqueue(origin);
        }

        while (active.TryDequeue(out var source))
        {
            foreach (var rule in topology.Rules.Where(rule => rule.Source == source))
            {
                var (from, to) = (topology.Systems[source], topology.Systems[rule.Target]);
                var accounts = person.Accounts[rule.Target];
                if (!person.Accounts[source].Any(account => IsActive(from, account) && Situations.Belongs(rule, account)) || accounts.Count == 0 || !seen.Add(rule.Target))
                {
                    continue;
                }

                if (accounts.Any(account => IsActive(to, account)))
                {
                    active.Enqueue(rule.Target);
                }
                else if (!Drift.Shared(from.Mapping, to.Mapping).Contains(AccountMapping.Active) && !to.Mapping.Attributes[AccountMapping.Active].Noise)
                {
                    findings.Add(Tell(origin, person.Accounts[origin][0], rule, accounts));
                }
            }
        }

        return findings;
    }

    // A system that does not say it holds nobody back.
    private static bool IsActive(SystemConfig config, KeyedAccount account)
        => !config.Mapping.Attributes.ContainsKey(AccountMapping.Active) || account.Account.Attributes.ValueOrNull(AccountMapping.Active) is { IsNull: true } or { IsTruthy: true };

    private static Finding Tell(string origin, KeyedAccount there, ReconcileRule rule, IReadOnlyList<KeyedAccount> accounts) => new()
    {
        Fault = SystemFault.InactiveAccount,
        System = rule.Target,
        Accounts = [.. accounts.Select(account => Situations.Reference(rule.Target, account))],
        Evidence = [new Evidence("active", there.Account.Id.ToString(), [$"active in {origin}", $"not active in {rule.Target}"], Proof: true)],
        Sentence = $"{accounts[0].Account.Label} is not active in {rule.Target}, and {there.Account.Label} is in {origin}: {rule.Source} does not say who is active, so nothing carries it on.",
    };
}
