namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Reads <c>selfsame.yaml</c>. Environment variables come in through the injected look-up; an unset one, an unknown
/// key or a wrong type is an error that names the line.
/// </summary>
/// <param name="connectors">The kinds of systems that can be named.</param>
/// <param name="environment">The value of a variable; null where it is not set.</param>
/// <param name="file">The text of a further file that the config names (<c>decisions</c>); null where there is none.</param>
public sealed class TopologyReader(IReadOnlyList<ConnectorKind> connectors, Func<string, string?> environment, Func<string, string?>? file = null)
{
    /// <summary>A hundred years: an instant that far back can still be told.</summary>
    private const int LongestKeptDays = 36_500;

    /// <summary>A config larger than this, in characters, is not a config.</summary>
    public const int MaximumLength = 1_000_000;

    /// <summary>The topology, or all errors.</summary>
    public TopologyReading Read(string yaml)
    {
        var report = new ConfigReport(environment);
        if (ConfigYaml.Load(yaml, report) is not { } root)
        {
            return new TopologyReading(null, report.Errors);
        }

        var topology = ReadRoot(new ConfigNode(root, "", report));
        return new TopologyReading(report.Errors.Count == 0 ? topology : null, report.Errors);
    }

    private Topology ReadRoot(ConfigNode root)
    {
        root.RejectOthers([
            "systems", "reconcile", "tenants", "journal", "guards", "minimumAge", "decisions", "mail", "trustedProxies",
            "webhooks", "provisioningAlertAfter", "provisioningAlertMail"]);
        var entries = root.Entries();
        var systems = new Dictionary<string, SystemConfig>(StringComparer.Ordinal);
        if (entries.TryGetValue("systems", out var systemsNode))
        {
            foreach (var (name, node) in systemsNode.Entries())
            {
                systems[name] = new SystemReader(connectors).Read(name, node);
            }

            foreach (var (name, node) in systemsNode.Entries())
            {
                CheckNamed(systems[name], node, systems);
            }
        }

        var rules = entries.TryGetValue("reconcile", out var reconcile)
            ? reconcile.Items().Select(node => RuleReader.Read(node, systems)).OfType<ReconcileRule>().ToList()
            : [];
        var tenants = entries.TryGetValue("tenants", out var tenantsNode)
            ? tenantsNode.Entries().ToDictionary(entry => entry.Key, entry => ServiceReader.ReadTenant(entry.Value), StringComparer.Ordinal)
            : [];
        var (journal, journalKept) = entries.TryGetValue("journal", out var journalNode) ? ReadJournal(journalNode) : (null, Topology.DefaultJournalKept);
        return new Topology
        {
            Systems = systems,
            Rules = rules,
            Tenants = tenants,
            Mail = entries.TryGetValue("mail", out var mail) ? ServiceReader.ReadMail(mail) : null,
            TrustedProxies = entries.TryGetValue("trustedProxies", out var proxies) ? ServiceReader.ReadNetworks(proxies) : [],
            Webhooks = entries.TryGetValue("webhooks", out var webhooks) ? WebhookReader.Read(webhooks, tenants.Keys) : [],
            ProvisioningAlertAfter = entries.TryGetValue("provisioningAlertAfter", out var after) ? TimeSpan.FromSeconds(after.Count()) : Topology.DefaultProvisioningAlertAfter,
            ProvisioningAlertMail = entries.TryGetValue("provisioningAlertMail", out var alertMail) ? ServiceReader.ReadMailAddress(alertMail) : null,
            Journal = journal,
            JournalKept = journalKept,
            Guards = entries.TryGetValue("guards", out var guards) ? ReadGuards(guards) : new Guards(),
            Decisions = entries.TryGetValue("decisions", out var decisions) ? ReadDecisions(decisions, systems) : PersonDecisions.None,
            DecisionsFile = decisions is { IsText: true } ? decisions.Text() : null,
            MinimumAge = entries.TryGetValue("minimumAge", out var age) ? TimeSpan.FromSeconds(age.Count()) : Topology.DefaultMinimumAge,
            Fingerprint = TopologyFingerprint.Of(systems.Values, rules, connectors),
        };
    }

    /// <summary>A setting that names another system must name one of the right kind.</summary>
    private void CheckNamed(SystemConfig system, ConfigNode node, Dictionary<string, SystemConfig> systems)
    {
        foreach (var setting in connectors.Where(kind => kind.Name == system.Connector).SelectMany(kind => kind.Settings).Where(setting => setting.NamesSystem is not null))
        {
            if (system.Settings.TryGetValue(setting.Name, out var named) && systems.GetValueOrDefault(named)?.Connector != setting.NamesSystem)
            {
                node.Entries()[setting.Name].Reject($"'{node.Path}.{setting.Name}' must name a system of the connector '{setting.NamesSystem}' in this config, and '{named}' is none.");
            }
        }
    }

    /// <summary>The list itself, or that in the file which is named.</summary>
    private PersonDecisions ReadDecisions(ConfigNode node, IReadOnlyDictionary<string, SystemConfig> systems)
    {
        if (!node.IsText)
        {
            return DecisionsReader.Read(node, systems);
        }

        var name = node.Text();
        if (name.Length == 0)
        {
            return PersonDecisions.None;
        }

        if (file?.Invoke(name) is not { } text)
        {
            // Whoever was told apart there would be merged by the next plan.
            node.Reject($"'{node.Path}' names the file {name}, which is not there. Correct the name, or begin an empty one: touch {name}");
            return PersonDecisions.None;
        }

        return node.InFile(name, text) is { } list ? DecisionsReader.Read(list, systems) : PersonDecisions.None;
    }

    /// <summary>A connection alone, or what is to be said besides.</summary>
    private static (string? Connection, TimeSpan? Kept) ReadJournal(ConfigNode node)
    {
        if (node.IsText)
        {
            return (node.Text(), Topology.DefaultJournalKept);
        }

        node.RejectOthers(["connection", "keepDays"]);
        var entries = node.Entries();
        var days = entries.TryGetValue("keepDays", out var keepDays) ? keepDays.Count() : Topology.DefaultJournalKept.Days;
        if (days > LongestKeptDays)
        {
            keepDays!.Reject($"'journal.keepDays' must be at most {LongestKeptDays}, or 0 for ever.");
            days = 0;
        }

        return (entries.TryGetValue("connection", out var connection) ? connection.Text() : null, days == 0 ? null : TimeSpan.FromDays(days));
    }

    private static Guards ReadGuards(ConfigNode node)
    {
        node.RejectOthers(["maxDeletes", "maxDeletesPercent", "maxUpdates", "maxUpdatesPercent", "percentFrom", "maxDisablesPerHour", "maxDeletesPerHour"]);
        var entries = node.Entries();
        var defaults = new Guards();
        int Count(string name, int otherwise) => entries.TryGetValue(name, out var entry) ? entry.Count() : otherwise;
        return new Guards
        {
            MaxDeletes = Count("maxDeletes", defaults.MaxDeletes),
            MaxDeletesPercent = Count("maxDeletesPercent", defaults.MaxDeletesPercent),
            MaxUpdates = Count("maxUpdates", defaults.MaxUpdates),
            MaxUpdatesPercent = Count("maxUpdatesPercent", defaults.MaxUpdatesPercent),
            MaxDisablesPerHour = Count("maxDisablesPerHour", defaults.MaxDisablesPerHour),
            MaxDeletesPerHour = Count("maxDeletesPerHour", defaults.MaxDeletesPerHour),
            PercentFrom = Count("percentFrom", defaults.PercentFrom),
        };
    }
}
