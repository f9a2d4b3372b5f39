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
            allowed = kind.TakesHook ? allowed.Append("hook") : allowed;
            allowed = kind.RecordTableKey is null ? allowed : allowed.Concat(["records", "userCode"]);
            node.RejectOthers(kind.FixedMapping is null ? allowed.Concat(MappingKeys).Append("defaults") : allowed);
        }

        var records = kind?.RecordTableKey is { } table && entries.TryGetValue("records", out var recordsNode) ? RecordReader.ReadRecords(recordsNode, table) : [];
        var code = kind?.RecordTableKey is not null && entries.TryGetValue("userCode", out var codeNode) ? RecordReader.ReadUserCode(codeNode) : null;
        var mapping = RecordReader.Extend(kind?.FixedMapping ?? ReadMapping(node, entries, kind, identifiersElsewhere: records.Count > 0 || code is not null), records, code, node);
        var uniques = entries.TryGetValue("unique", out var unique) && kind is not null ? ReadUnique(unique, mapping) : [];
        var duplicates = entries.TryGetValue("duplicates", out var duplicatesNode) ? DuplicatesReader.ReadAction(duplicatesNode) : DuplicatesAction.Report;
        CheckRecords(node, mapping, records, uniques, duplicates);
        var settings = kind is null ? [] : ReadSettings(node, entries, kind);
        return new SystemConfig
        {
            Name = name,
            Connector = kind?.Name ?? "",
            Tenant = entries.TryGetValue("tenant", out var tenant) ? tenant.Text() : "main",
            Settings = settings,
            Database = kind?.Settings.FirstOrDefault(setting => setting.NamesSystem is not null) is { } named ? settings.GetValueOrDefault(named.Name) : null,
            Mapping = mapping,
            Unique = code is null ? uniques : [.. uniques.Append(IdentifierKind.UserCode).Distinct()],
            Duplicates = duplicates,
            Survivor = entries.TryGetValue("survivor", out var survivor) && kind is not null ? DuplicatesReader.ReadSurvivor(survivor, mapping) : [],
            TrustEmail = entries.TryGetValue("trustEmail", out var trust) && trust.Flag(),
            References = entries.TryGetValue("references", out var references) && kind is not null ? DuplicatesReader.ReadReferences(references, mapping) : [],
            Pace = entries.TryGetValue("provisioning", out var pace) ? ReadPace(pace) : new ProvisioningPace(),
            Uuid = entries.TryGetValue("uuid", out var uuid) ? uuid.Text() : null,
            Defaults = entries.TryGetValue("defaults", out var defaults) && kind is { FixedMapping: null } ? ReadDefaults(defaults, mapping) : new Dictionary<string, string>(),
            Records = records,
            UserCode = code,
            HookToken = kind?.TakesHook == true && entries.TryGetValue("hook", out var hook) ? ReadHook(hook) : null,
        };
    }

    private static Dictionary<string, string> ReadDefaults(ConfigNode node, AccountMapping mapping)
    {
        foreach (var (field, entry) in node.Entries().Where(pair => mapping.Id.Concat(mapping.Identifiers.Values).Contains(pair.Key) && pair.Value.TextOrEmpty().Length > 0))
        {
            entry.Reject($"'{field}' tells one person from another: no two accounts may get the same there.");
        }

        return node.Entries().ToDictionary(pair => pair.Key, pair => pair.Value.TextOrEmpty(), StringComparer.Ordinal);
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

    private static string ReadHook(ConfigNode node)
    {
        const int shortest = 16;
        node.RejectOthers(["token"]);
        if (!node.Entries().TryGetValue("token", out var entry))
        {
            node.Reject($"'{node.Path}' must have the 'token' that the sender's requests carry as Authorization.");
            return "";
        }

        var token = entry.Text();
        if (token.Length < shortest || !token.All(character => character is >= ' ' and <= '~') || token.Trim() != token)
        {
            entry.Reject($"'{entry.Path}' must be at least {shortest} visible characters of ASCII, so that nobody guesses it. Make one: openssl rand -hex 32");
        }

        return token;
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

    // What a merge, a deletion of duplicates or a new id would have to do with the records of an account is not part of this version.
    private static void CheckRecords(
        ConfigNode node, AccountMapping mapping, IReadOnlyList<RecordConfig> records, IReadOnlyList<IdentifierKind> unique, DuplicatesAction duplicates)
    {
        if (records.Count == 0)
        {
            return;
        }

        if (mapping.Id.Count != 1)
        {
            node.Reject($"'{node.Path}.records' needs an id of one field.");
        }

        if (duplicates is DuplicatesAction.Merge or DuplicatesAction.Delete)
        {
            node.Reject($"'{node.Path}' can't merge or delete duplicates that have further records: nobody would move those. Say 'duplicates: report'.");
        }

        var elsewhere = records.SelectMany(record => record.Fields.Values.Select(record.InAccount)).ToHashSet(StringComparer.Ordinal);
        foreach (var kind in unique.Where(kind => elsewhere.Contains(mapping.Identifiers[kind])))
        {
            node.Reject($"'{node.Path}.unique' names '{kind.Name()}', which stands in another table: no index of the accounts can keep it unique.");
        }
    }

    private static AccountMapping ReadMapping(ConfigNode node, IReadOnlyDictionary<string, ConfigNode> entries, ConnectorKind? kind, bool identifiersElsewhere)
    {
        var identifiers = new Dictionary<IdentifierKind, string>();
        var attributes = new Dictionary<string, AttributeMapping>(StringComparer.Ordinal);
        string? passwordHash = null;
        IReadOnlyList<string> id = [kind?.DefaultId ?? "id"];
        if (kind is not null)
        {
            id = entries.TryGetValue("id", out var idNode) ? ReadId(idNode) : id;
            if (!identifiersElsewhere || entries.ContainsKey("identifiers"))
            {
                ReadIdentifiers(node, entries, identifiers);
            }

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
            node.Reject($"'{field}' does not look like a secret by its name, so that its values would stand readable in plans. Map a view in which it is called password_hash (nobody is merged or deleted there).");
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
