namespace Selfsame.Core.Reconciliation;

/// <summary>Reads <c>decisions:</c>, or the file that it names: a list of entries such as <c>{ same: [app/1, app/7], reason: "asked her" }</c>.</summary>
internal static class DecisionsReader
{
    private static readonly (string Name, Verdict Verdict)[] Verdicts = [("same", Verdict.Same), ("different", Verdict.Different), ("ignore", Verdict.Ignore)];

    public static PersonDecisions Read(ConfigNode node, IReadOnlyDictionary<string, SystemConfig> systems)
    {
        var read = node.Items().Select(item => (Node: item, Decision: ReadOne(item, systems))).Where(pair => pair.Decision is not null).ToList();
        var decisions = new PersonDecisions([.. read.Select(pair => pair.Decision!)]);
        foreach (var (item, decision) in read)
        {
            if (decisions.Contradiction(decision!) is { } why)
            {
                item.Reject($"'{item.Path}' {why}. Take one of them out.");
            }
        }

        return decisions;
    }

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

        return new DecidedAccount(system.Name, DecidedAccount.IdOf(system, parts[1]));
    }
}
