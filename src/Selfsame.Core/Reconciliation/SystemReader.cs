using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Reads one entry of <c>systems:</c>.</summary>
internal sealed class SystemReader(IReadOnlyList<ConnectorKind> connectors)
{
    private static readonly string[] MappingKeys = ["id", "identifiers", "attributes"];
    private static readonly string[] CommonKeys = ["connector", "tenant", "unique", "duplicates", "survivor", "trustEmail", "references", "uuid", "provisioning"];

    public SystemConfig Read(string name, ConfigNode node)
    {
        var entries = node.Entries();
        var kind = ReadKind(node, entries);
        if (kind is not null)
        {
            var allowed = CommonKeys.Concat(kind.Settings.Select(setting => setting.Name));
            node.RejectOthers(kind.FixedMapping is null ? allowed.Concat(MappingKeys) : allowed);
        }

        var mapping = kind?.FixedMapping ?? ReadMapping(node, entries, kind);
        return new SystemConfig
        {
            Name = name,
            Connector = kind?.Name ?? "",
            Tenant = entries.TryGetValue("tenant", out var tenant) ? tenant.Text() : "main",
            Settings = kind is null ? new Dictionary<string, string>() : ReadSettings(node, entries, kind),
            Mapping = mapping,
            Unique = entries.TryGetValue("unique", out var unique) && kind is not null ? ReadUnique(unique, mapping) : [],
            Duplicates = entries.TryGetValue("duplicates", out var duplicates) ? DuplicatesReader.ReadAction(duplicates) : DuplicatesAction.Report,
            Survivor = entries.TryGetValue("survivor", out var survivor) && kind is not null ? DuplicatesReader.ReadSurvivor(survivor, mapping) : [],
            TrustEmail = entries.TryGetValue("trustEmail", out var trust) && trust.Flag(),
            References = entries.TryGetValue("references", out var references) && kind is not null ? DuplicatesReader.ReadReferences(references, mapping) : [],
            Pace = entries.TryGetValue("provisioning", out var pace) ? ReadPace(pace) : new ProvisioningPace(),
            Uuid = entries.TryGetValue("uuid", out var uuid) ? uuid.Text() : null,
        };
    }

    private static ProvisioningPace ReadPace(ConfigNode node)
    {
        node.RejectOthers(["perSecond", "atOnce"]);
        var entries = node.Entries();
        var standard = new ProvisioningPace();
        return new ProvisioningPace(
            entries.TryGetValue("perSecond", out var perSecond) ? perSecond.Positive() : null,
            entries.TryGetValue("atOnce", out var atOnce) ? Math.Max(1, atOnce.Count()) : standard.AtOnce);
    }

    private ConnectorKind? ReadKind(ConfigNode node, IReadOnlyDictionary<string, ConfigNode> entries)
    {
        if (!entries.TryGetValue("connector", out var connector))
        {
            node.Reject($"'{node.Path}' must say which connector it uses, as 'connector: sqlite'.");
            return null;
        }

        var name = connector.Text();
        var kind = connectors.FirstOrDefault(known => known.Name == name);
        if (kind is null)
        {
            var known = string.Join(", ", connectors.Select(candidate => candidate.Name));
            connector.Reject(ConnectorKind.NotInThisVersion.Contains(name)
                ? $"the connector '{name}' is not part of this version, which has: {known}."
                : $"there is no connector '{name}'. This version has: {known}.");
        }

        return kind;
    }

    private static Dictionary<string, string> ReadSettings(ConfigNode node, IReadOnlyDictionary<string, ConfigNode> entries, ConnectorKind kind)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var setting in kind.Settings)
        {
            if (entries.TryGetValue(setting.Name, out var entry))
            {
                settings[setting.Name] = entry.Text();
            }
            else if (setting.Required)
            {
                node.Reject($"'{node.Path}' must have '{setting.Name}', which the connector '{kind.Name}' needs.");
            }
        }

        return settings;
    }

    private static AccountMapping ReadMapping(ConfigNode node, IReadOnlyDictionary<string, ConfigNode> entries, ConnectorKind? kind)
    {
        var identifiers = new Dictionary<IdentifierKind, string>();
        var attributes = new Dictionary<string, AttributeMapping>(StringComparer.Ordinal);
        string? passwordHash = null;
        IReadOnlyList<string> id = [kind?.DefaultId ?? "id"];
        if (kind is not null)
        {
            id = entries.TryGetValue("id", out var idNode) ? ReadId(idNode) : id;
            ReadIdentifiers(node, entries, identifiers);
            if (entries.TryGetValue("attributes", out var attributesNode))
            {
                var entriesOfAttributes = attributesNode.Entries();
                passwordHash = entriesOfAttributes.TryGetValue(AccountMapping.PasswordHashName, out var hash) ? ReadPasswordHash(hash) : null;
                attributes = entriesOfAttributes.Where(entry => entry.Key != AccountMapping.PasswordHashName)
                    .ToDictionary(entry => entry.Key, entry => ReadAttribute(entry.Value), StringComparer.Ordinal);
            }
        }

        return new AccountMapping { Id = id, Identifiers = identifiers, Attributes = attributes, PasswordHash = passwordHash };
    }

    // By its name a plan and a journal know that a field is a secret.
    private static string ReadPasswordHash(ConfigNode node)
    {
        var field = node.Text();
        if (!SecretFields.Looks(field))
        {
            node.Reject($"'{field}' does not look like a secret by its name, so that its values would stand readable in plans. Map a view in which it is called password_hash.");
        }

        return field;
    }

    private static IReadOnlyList<string> ReadId(ConfigNode node)
        => node.IsText ? [node.Text()] : [.. node.Items().Select(part => part.Text())];

    private static void ReadIdentifiers(
        ConfigNode node, IReadOnlyDictionary<string, ConfigNode> entries, Dictionary<IdentifierKind, string> identifiers)
    {
        if (!entries.TryGetValue("identifiers", out var identifiersNode))
        {
            node.Reject($"'{node.Path}' must say which columns identify people, as 'identifiers: {{ username: username, email: email }}'.");
            return;
        }

        foreach (var (name, field) in identifiersNode.Entries())
        {
            if (IdentifierKinds.Parse(name) is { } kind)
            {
                identifiers[kind] = field.Text();
            }
            else
            {
                field.Reject($"'{name}' is no kind of identifier. There are: {string.Join(", ", IdentifierKinds.All.Select(known => known.Name()))}.");
            }
        }
    }

    private static AttributeMapping ReadAttribute(ConfigNode node)
    {
        if (node.IsText)
        {
            return Attribute(node, noise: false);
        }

        node.RejectOthers(["field", "noise"]);
        var entries = node.Entries();
        if (!entries.TryGetValue("field", out var field))
        {
            node.Reject($"'{node.Path}' must name its 'field'.");
            return new AttributeMapping("");
        }

        return Attribute(field, entries.TryGetValue("noise", out var noise) && noise.Flag());
    }

    private static AttributeMapping Attribute(ConfigNode node, bool noise)
    {
        var field = node.Text();
        if (SecretFields.Looks(field))
        {
            node.Reject($"'{field}' looks like a secret, and attributes are compared and shown. Leave it out; a password's hash is mapped as '{AccountMapping.PasswordHashName}'.");
        }

        return new AttributeMapping(field, noise);
    }

    private static List<IdentifierKind> ReadUnique(ConfigNode node, AccountMapping mapping)
    {
        var kinds = new List<IdentifierKind>();
        foreach (var item in node.Items())
        {
            if (IdentifierKinds.Parse(item.Text()) is { } kind && mapping.Identifiers.ContainsKey(kind))
            {
                kinds.Add(kind);
            }
            else
            {
                item.Reject($"'{item.Path}' must be one of the system's identifiers: {string.Join(", ", mapping.Identifiers.Keys.Select(known => known.Name()))}.");
            }
        }

        return kinds;
    }
}
