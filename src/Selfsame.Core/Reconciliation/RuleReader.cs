using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Reads one entry of <c>reconcile:</c> and checks it against the systems that it names.</summary>
internal static class RuleReader
{
    public static ReconcileRule? Read(ConfigNode node, IReadOnlyDictionary<string, SystemConfig> systems)
    {
        node.RejectOthers(["source", "target", "correlate", "trustEmail", "when", "missing", "handle", "orphan", "idMismatch", "drifted"]);
        var entries = node.Entries();
        var source = ReadSystem("source", node, entries, systems);
        var target = ReadSystem("target", node, entries, systems);
        if (source is null || target is null)
        {
            return null;
        }

        if (source.Name == target.Name)
        {
            node.Reject($"source and target of '{node.Path}' are the same system.");
        }

        var rule = new ReconcileRule
        {
            Source = source.Name,
            Target = target.Name,
            Correlate = ReadCorrelate(node, entries, source, target),
            TrustEmail = entries.TryGetValue("trustEmail", out var trust) && trust.Flag(),
            When = entries.TryGetValue("when", out var when) ? ReadWhen(when, source) : null,
            Missing = entries.TryGetValue("missing", out var missing)
                ? missing.OneOf(("report", MissingAction.Report), ("createInTarget", MissingAction.CreateInTarget))
                : MissingAction.Report,
            Handle = entries.TryGetValue("handle", out var handle) ? ReadHandle(handle, source, target) : null,
            Orphan = entries.TryGetValue("orphan", out var orphan)
                ? orphan.OneOf(
                    ("report", OrphanAction.Report),
                    ("createInSource", OrphanAction.CreateInSource),
                    ("disableInTarget", OrphanAction.DisableInTarget),
                    ("deleteInTarget", OrphanAction.DeleteInTarget))
                : OrphanAction.Report,
            IdMismatch = entries.TryGetValue("idMismatch", out var idMismatch)
                ? idMismatch.OneOf(("report", IdMismatchAction.Report), ("rekeyTarget", IdMismatchAction.RekeyTarget))
                : IdMismatchAction.Report,
            Drifted = entries.TryGetValue("drifted", out var drifted)
                ? drifted.OneOf(("report", DriftedAction.Report), ("updateTarget", DriftedAction.UpdateTarget))
                : DriftedAction.Report,
        };
        if (rule.Orphan == OrphanAction.DisableInTarget && !target.Mapping.Attributes.ContainsKey(AccountMapping.Active))
        {
            node.Reject($"'orphan: disableInTarget' needs the attribute '{AccountMapping.Active}' of '{target.Name}': map it under 'attributes'.");
        }

        if (rule.IdMismatch == IdMismatchAction.RekeyTarget && target.Records.Count > 0)
        {
            node.Reject($"'idMismatch: rekeyTarget' can't change the ids of '{target.Name}', whose accounts have further records under the same id.");
        }

        return rule;
    }

    private static SystemConfig? ReadSystem(
        string role, ConfigNode node, IReadOnlyDictionary<string, ConfigNode> entries, IReadOnlyDictionary<string, SystemConfig> systems)
    {
        if (!entries.TryGetValue(role, out var named))
        {
            node.Reject($"'{node.Path}' must name its {role}.");
            return null;
        }

        var name = named.Text();
        if (systems.TryGetValue(name, out var system))
        {
            return system;
        }

        named.Reject($"the {role} '{name}' is none of the systems: {string.Join(", ", systems.Keys)}.");
        return null;
    }

    private static List<CorrelationRule> ReadCorrelate(
        ConfigNode node, IReadOnlyDictionary<string, ConfigNode> entries, SystemConfig source, SystemConfig target)
    {
        if (!entries.TryGetValue("correlate", out var correlate))
        {
            node.Reject($"'{node.Path}' must say how accounts are matched, as 'correlate: [id, email]'.");
            return [];
        }

        var rules = new List<CorrelationRule>();
        foreach (var item in correlate.Items())
        {
            var name = item.Text();
            var kind = IdentifierKinds.Parse(name);
            if (name != "id" && kind is null && target.Mapping.Id is [var id] && id == name)
            {
                rules.Add(new CorrelationRule(null, name));
                continue;
            }

            if (name != "id" && kind is null)
            {
                item.Reject($"'{item.Path}' can't be '{name}'. It can be: id, {string.Join(", ", IdentifierKinds.All.Select(known => known.Name()))}, or what '{target.Name}' has as its id.");
                continue;
            }

            var without = new[] { source, target }.FirstOrDefault(system => kind is { } needed && !system.Mapping.Identifiers.ContainsKey(needed));
            if (without is not null)
            {
                item.Reject($"'{without.Name}' has no identifier '{name}' to match by: map it under 'identifiers'.");
            }

            rules.Add(new CorrelationRule(kind));
        }

        return rules;
    }

    private static HandleTemplate? ReadHandle(ConfigNode node, SystemConfig source, SystemConfig target)
    {
        if (!target.Mapping.Identifiers.ContainsKey(IdentifierKind.Handle))
        {
            node.Reject($"'{node.Path}' says which handle an account gets, but '{target.Name}' has no handles.");
        }

        if (HandleTemplate.Parse(node.Text()) is not { } template)
        {
            node.Reject($"'{node.Path}' must name identifiers or attributes of '{source.Name}' in braces, the first choice first, as \"{{handle|code}}\".");
            return null;
        }

        if (template.Unmapped(source.Mapping) is { } unmapped)
        {
            node.Reject($"'{node.Path}' names '{unmapped}', which '{source.Name}' maps neither as an identifier nor under 'attributes'.");
        }

        return template;
    }

    private static string ReadWhen(ConfigNode node, SystemConfig source)
    {
        var attribute = node.Text();
        if (!source.Mapping.Attributes.ContainsKey(attribute))
        {
            node.Reject($"'{node.Path}' names '{attribute}', which '{source.Name}' does not map under 'attributes'.");
        }

        return attribute;
    }
}
