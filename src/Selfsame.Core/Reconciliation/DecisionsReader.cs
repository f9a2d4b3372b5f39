using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Reads <c>decisions:</c>, a list of entries such as <c>{ same: [app/1, app/7], reason: "asked her" }</c>.</summary>
internal static class DecisionsReader
{
    private static readonly (string Name, Verdict Verdict)[] Verdicts = [("same", Verdict.Same), ("different", Verdict.Different), ("ignore", Verdict.Ignore)];

    public static PersonDecisions Read(ConfigNode node, IReadOnlyDictionary<string, SystemConfig> systems)
        => new([.. node.Items().Select(item => ReadOne(item, systems)).OfType<PersonDecision>()]);

    private static PersonDecision? ReadOne(ConfigNode node, IReadOnlyDictionary<string, SystemConfig> systems)
    {
        node.RejectOthers([.. Verdicts.Select(known => known.Name), "finding", "reason"]);
        var entries = node.Entries();
        var stated = Verdicts.Where(known => entries.ContainsKey(known.Name)).ToList();
        if (stated.Count != 1 || !entries.TryGetValue("reason", out var reason))
        {
            node.Reject($"'{node.Path}' must have one of 'same', 'different' and 'ignore', and a 'reason'.");
            return null;
        }

        var (name, verdict) = stated[0];
        var accounts = entries[name].Items().Select(item => ReadAccount(item, systems)).OfType<DecidedAccount>().ToList();
        if (accounts.Count < (verdict == Verdict.Ignore ? 1 : 2))
        {
            node.Reject($"'{node.Path}' must name {(verdict == Verdict.Ignore ? "an account" : "two accounts or more")}, each as system/id.");
        }

        var finding = entries.TryGetValue("finding", out var kind) ? kind.Text() : null;
        if (finding is not null && !Enum.GetNames<Situation>().Contains(finding))
        {
            kind!.Reject($"'{kind.Path}' must be one of: {string.Join(", ", Enum.GetNames<Situation>())}.");
        }

        return new PersonDecision(verdict, accounts, finding, reason.Text());
    }

    // The first slash parts the system from the id; the id's own parts are joined by slashes.
    private static DecidedAccount? ReadAccount(ConfigNode node, IReadOnlyDictionary<string, SystemConfig> systems)
    {
        var parts = node.Text().Split('/', 2);
        if (parts.Length != 2 || !systems.TryGetValue(parts[0], out var system))
        {
            node.Reject($"'{node.Path}' must be system/id with one of the systems: {string.Join(", ", systems.Keys)}.");
            return null;
        }

        return new DecidedAccount(system.Name, system.Mapping.Id.Count == 1 ? new AccountId(parts[1]) : new AccountId(parts[1].Split('/')));
    }
}
