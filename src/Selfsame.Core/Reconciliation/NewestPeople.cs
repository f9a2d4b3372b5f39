using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Whoever came last, each as one person in every system: a quick look at whether sign-ups become whole. Of the system that they come from everybody is
/// read, of the others only these people.
/// </summary>
public sealed class NewestPeople(Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems, IdentifierKeying keying)
{
    /// <summary>The attribute that says who is newest.</summary>
    public const string CreatedAt = "createdAt";

    /// <summary>The systems that people come from: the sources of rules that are no rule's target, in the order of the config.</summary>
    /// <param name="topology">The config.</param>
    /// <param name="tenant">Of this tenant only; null for every.</param>
    public static IReadOnlyList<SystemConfig> Origins(Topology topology, string? tenant)
        => [.. topology.Systems.Values.Where(system => (tenant is null || system.Tenant == tenant)
            && topology.Rules.Any(rule => rule.Source == system.Name) && topology.Rules.All(rule => rule.Target != system.Name))];

    /// <summary>
    /// The newest <paramref name="count"/> of one system, the newest first. Throws <see cref="SystemUnavailableException"/> when the read was not complete, and
    /// <see cref="InvalidOperationException"/> where the system does not say when an account was made.
    /// </summary>
    public async Task<IReadOnlyList<Newcomer>> FindAsync(SystemConfig origin, int count, CancellationToken cancellation)
    {
        if (!origin.Mapping.Attributes.ContainsKey(CreatedAt))
        {
            throw new InvalidOperationException($"'{origin.Name}' does not say who is newest: map '{CreatedAt}' under its 'attributes'.");
        }

        if (systems[origin.Name] is not IReadsAccounts readable)
        {
            throw new SystemUnavailableException($"The accounts of '{origin.Name}' can't be listed.");
        }

        // Only as many are kept as are asked for.
        var newest = new PriorityQueue<Account, Account>(Comparer<Account>.Create(Older));
        await readable.ReadEachAsync(origin.Name, null, accounts => Keep(accounts, newest, count), cancellation);
        var lookup = new PersonLookup(topology, systems, keying);
        var people = new List<Newcomer>();
        foreach (var account in newest.UnorderedItems.Select(item => item.Element).OrderDescending(Comparer<Account>.Create(Older)))
        {
            var person = await lookup.FindAsync(account.Id.ToString(), cancellation);
            people.Add(new Newcomer(account, person with { Findings = [.. person.Findings, .. InactiveEnds.Find(topology, origin.Name, person), .. await UnreachedAsync(person, cancellation)] }));
        }

        return people;
    }

    /// <summary>The person's active accounts that are not reached from outside, where the system can be asked so.</summary>
    private async Task<IReadOnlyList<Finding>> UnreachedAsync(Person person, CancellationToken cancellation)
    {
        var found = new List<Finding>();
        foreach (var (name, accounts) in person.Accounts)
        {
            foreach (var account in accounts.Where(account => account.Account.Attributes.ValueOrNull(AccountMapping.Active).IsTruthy))
            {
                if (systems[name] is IChecksReach system && await system.FindUnreachedAsync(account.Account, cancellation) is { } why)
                {
                    found.Add(new Finding
                    {
                        Fault = SystemFault.UnreachedAccount,
                        System = name,
                        Accounts = [Situations.Reference(name, account)],
                        Evidence = [new Evidence("reach", account.Account.Id.ToString(), [why], Proof: true)],
                        Sentence = $"{account.Account.Label} is active in {name} and is not reached: {why}",
                    });
                }
            }
        }

        return found;
    }

    private static void Keep(IReadOnlyList<Account> accounts, PriorityQueue<Account, Account> newest, int count)
    {
        foreach (var account in accounts)
        {
            newest.Enqueue(account, account);
            if (newest.Count > count)
            {
                newest.Dequeue();
            }
        }
    }

    private static int Older(Account left, Account right)
        => left.Attributes.ValueOrNull(CreatedAt).CompareTo(right.Attributes.ValueOrNull(CreatedAt)) is not 0 and var order ? order : AccountId.Order.Compare(left.Id, right.Id);
}

/// <summary>One of the newest accounts.</summary>
/// <param name="Account">The account as it was listed.</param>
/// <param name="Person">The person in every system.</param>
public sealed record Newcomer(Account Account, Person Person);
