using Selfsame.Core.Accounts;

namespace Selfsame.Core.Discovery;

/// <summary>Writes a proposal as a <c>selfsame.yaml</c> that a person reads, corrects and keeps.</summary>
public static class ConfigText
{
    private const int Column = 44;

    private static readonly HashSet<string> Reserved = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

    /// <summary>The text of the file.</summary>
    /// <param name="proposal">What was found.</param>
    /// <param name="connection">What stands for the connection; never a secret.</param>
    public static string Write(Proposal proposal, string connection)
    {
        List<string> lines =
        [
            $"# Written by 'selfsame init' from the shape of your database; {(proposal.Connector == "mongodb" ? "of each collection 100 documents were looked at" : "no row was read")}. Correct what is wrong, then:",
            "#   selfsame audit               reads, says what disagrees, changes nothing",
            "#   selfsame plan -o plan.json   writes down what would clear it, changes nothing",
            "systems:",
            .. proposal.Systems.SelectMany(system => SystemLines(proposal.Connector, system, connection).Concat(ReferenceLines(system))),
        ];
        if (proposal.Systems.Count == 2)
        {
            lines.AddRange(RuleLines(proposal.Systems[0], proposal.Systems[1]));
        }

        if (proposal.Others.Count > 0)
        {
            lines.Add($"# Not taken, though they look like users too: {string.Join(", ", proposal.Others.Select(other => other.Table.FullName))}. 'selfsame init --table NAME' takes another.");
        }

        return string.Join('\n', lines) + "\n";
    }

    private static IEnumerable<string> SystemLines(string connector, ProposedSystem system, string connection)
    {
        yield return Noted($"  {system.Name}:", string.Join(", ", system.Reasons));
        foreach (var note in system.Notes)
        {
            yield return $"    # {note}";
        }

        yield return $"    connector: {connector}";
        yield return $"    connection: {connection}";
        yield return $"    {(connector == "mongodb" ? "collection" : "table")}: {Scalar(system.Table.FullName)}";
        yield return system.Table.PrimaryKey is [var id] ? $"    id: {Scalar(id)}" : $"    id: [{string.Join(", ", system.Table.PrimaryKey.Select(Scalar))}]";
        yield return $"    identifiers: {{ {string.Join(", ", system.Identifiers.Select(pair => $"{pair.Key.Name()}: {Scalar(pair.Value)}"))} }}";
        if (system.Attributes.Count > 0 || system.PasswordHash is not null)
        {
            yield return "    attributes:";
        }

        foreach (var (attribute, mapping) in system.Attributes)
        {
            yield return mapping.Noise ? $"      {attribute}: {{ field: {Scalar(mapping.Field)}, noise: true }}" : $"      {attribute}: {Scalar(mapping.Field)}";
        }

        if (system.PasswordHash is { } hash)
        {
            yield return Noted($"      {AccountMapping.PasswordHashName}: {Scalar(hash)}", "carried over to accounts that are created; never compared or shown");
        }

        var attributes = system.Attributes.Select(found => found.Attribute).ToHashSet();
        if (!attributes.Contains(AccountMapping.EmailVerified) && system.Identifiers.ContainsKey(IdentifierKind.Email))
        {
            yield return "    # No column says whether an e-mail was proved (emailVerified), so equal e-mails alone prove nobody to be one person.";
        }

        if (system.Unique.Count > 0)
        {
            yield return Noted($"    unique: [{string.Join(", ", system.Unique.Select(kind => kind.Name()))}]", "the audit says where no unique index takes 'Ada' and 'ada' for one");
        }

        yield return Noted("    duplicates: report", "decide: report | rename | merge | delete");
        if (attributes.Contains("createdAt"))
        {
            yield return attributes.Contains(ColumnRoles.DeletedAt)
                ? Noted($"    survivor: [{ColumnRoles.DeletedAt} asc, createdAt asc]", "who stays of duplicates: the oldest who is not deleted")
                : Noted("    survivor: [createdAt asc]", "who stays of duplicates: the oldest");
        }
    }

    private static IEnumerable<string> ReferenceLines(ProposedSystem system)
    {
        if (system.ForeignKeys.Count > 0)
        {
            yield return $"    # Foreign keys are found by themselves: {string.Join(", ", system.ForeignKeys)}";
        }

        if (system.References.Count > 0)
        {
            yield return "    # These look like references without a foreign key. Keep those that are, so that a merge moves them:";
            yield return "    # references:";
        }

        foreach (var reference in system.References)
        {
            yield return reference.Holds is null
                ? $"    #   - {Scalar(reference.Place)}"
                : $"    #   - {{ field: {Scalar(reference.Place)}, holds: {reference.Holds} }}";
        }
    }

    private static IEnumerable<string> RuleLines(ProposedSystem source, ProposedSystem target)
    {
        var shared = IdentifierKinds.All.Where(kind => kind is IdentifierKind.Email or IdentifierKind.Phone && source.Identifiers.ContainsKey(kind) && target.Identifiers.ContainsKey(kind));
        yield return "reconcile:";
        yield return Noted($"  - source: {source.Name}", "who is right");
        yield return $"    target: {target.Name}";
        yield return $"    correlate: [{string.Join(", ", shared.Select(kind => kind.Name()).Prepend("id"))}]";
        yield return Noted("    missing: report", $"in {source.Name}, not in {target.Name}: report | createInTarget");
        yield return Noted("    orphan: report", $"in {target.Name}, nobody in {source.Name}: report | createInSource | disableInTarget | deleteInTarget");
        yield return Noted("    idMismatch: report", "one person under two ids: report | rekeyTarget");
        yield return Noted("    drifted: report", "attributes differ: report | updateTarget");
    }

    private static string Noted(string line, string note) => $"{line}{new string(' ', Math.Max(2, Column - line.Length))}# {note}";

    /// <summary>A YAML scalar: plain where that is safe, else quoted.</summary>
    private static string Scalar(string value)
        => value.Length > 0 && char.IsAsciiLetter(value[0]) && value.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '.' or '-') && !Reserved.Contains(value.ToLowerInvariant())
            ? value
            : $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
