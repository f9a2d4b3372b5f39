using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// A further type of records, of which each account has one at most, by the account's id. Its fields stand in the account's record as
/// <c>NAME.FIELD</c>.
/// </summary>
/// <param name="Name">What the config calls it.</param>
/// <param name="Table">The table or collection.</param>
/// <param name="Id">The field that holds the account's id.</param>
/// <param name="Fields">Its further fields by the names of the identifiers and attributes that they hold; a record without any is made with each account.</param>
public sealed record RecordConfig(string Name, string Table, string Id, IReadOnlyDictionary<string, string> Fields)
{
    /// <summary>How a field of the record is called in the account's record.</summary>
    public string InAccount(string field) => $"{Name}.{field}";

    /// <summary>Whether every account has one.</summary>
    public bool IsForEach => Fields.Count == 0;

    /// <summary>In the account's record, where each has one: the account's id when the record is there, else null.</summary>
    public string Presence => InAccount(Id);
}

/// <summary>The code that each account gets when it is made.</summary>
/// <param name="Field">The field that holds it; its unique index decides who has a code.</param>
/// <param name="Prefix">As <see cref="Identifiers.UserCode.IsPrefix"/> says.</param>
public sealed record UserCodeConfig(string Field, string Prefix);

/// <summary>Reads <c>records:</c> and <c>userCode:</c> of a system.</summary>
internal static class RecordReader
{
    public static UserCodeConfig? ReadUserCode(ConfigNode node)
    {
        node.RejectOthers(["field", "prefix"]);
        var entries = node.Entries();
        if (!entries.TryGetValue("field", out var field) || !entries.TryGetValue("prefix", out var prefix))
        {
            node.Reject($"'{node.Path}' must have 'field' and 'prefix', as '{{ field: code, prefix: ac }}'.");
            return null;
        }

        var text = prefix.Text();
        if (!Identifiers.UserCode.IsPrefix(text))
        {
            prefix.Reject($"'{prefix.Path}' must be 1 to {Identifiers.UserCode.MaximumPrefixLength} letters from a to z.");
        }

        return new UserCodeConfig(field.Text(), text);
    }

    /// <param name="node">The entry.</param>
    /// <param name="tableKey"><c>table</c> or <c>collection</c>, as the connector says.</param>
    public static IReadOnlyList<RecordConfig> ReadRecords(ConfigNode node, string tableKey)
        => [.. node.Entries().Select(entry => ReadRecord(entry.Key, entry.Value, tableKey))];

    /// <summary>The system's mapping with what the records and the code add to it.</summary>
    public static AccountMapping Extend(AccountMapping mapping, IReadOnlyList<RecordConfig> records, UserCodeConfig? code, ConfigNode node)
    {
        var identifiers = mapping.Identifiers.ToDictionary(pair => pair.Key, pair => pair.Value);
        var attributes = mapping.Attributes.ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.Ordinal);
        if (code is not null && !identifiers.TryAdd(IdentifierKind.UserCode, code.Field))
        {
            node.Reject($"'{node.Path}' maps the identifier 'userCode' and has 'userCode': leave the first out.");
        }

        foreach (var record in records)
        {
            foreach (var (name, field) in record.Fields)
            {
                var added = IdentifierKinds.Parse(name) is { } kind
                    ? identifiers.TryAdd(kind, record.InAccount(field))
                    : attributes.TryAdd(name, new AttributeMapping(record.InAccount(field)));
                if (!added)
                {
                    node.Reject($"'{node.Path}' maps '{name}' twice: in the account itself, or in two of its records.");
                }
            }
        }

        return mapping with { Identifiers = identifiers, Attributes = attributes };
    }

    private static RecordConfig ReadRecord(string name, ConfigNode node, string tableKey)
    {
        node.RejectOthers([tableKey, "id", "fields"]);
        var entries = node.Entries();
        string Needed(string key)
        {
            if (entries.TryGetValue(key, out var entry))
            {
                return entry.Text();
            }

            node.Reject($"'{node.Path}' must have '{key}'.");
            return "";
        }

        var fields = entries.TryGetValue("fields", out var mapped)
            ? mapped.Entries().ToDictionary(entry => entry.Key, entry => entry.Value.Text(), StringComparer.Ordinal)
            : [];
        return new RecordConfig(name, Needed(tableKey), Needed("id"), fields);
    }
}
