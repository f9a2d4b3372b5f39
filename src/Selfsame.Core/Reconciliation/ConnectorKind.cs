using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What the config may say about systems of one connector.</summary>
public sealed record ConnectorKind
{
    /// <summary>Connectors that the design names and this version does not have.</summary>
    public static IReadOnlyList<string> NotInThisVersion { get; } = ["scim"];

    /// <summary>The value of <c>connector:</c>.</summary>
    public required string Name { get; init; }

    public required IReadOnlyList<ConnectorSetting> Settings { get; init; }

    /// <summary>The field that is the id where the config does not say.</summary>
    public string DefaultId { get; init; } = "id";

    /// <summary>The mapping of a connector whose records have one shape; null where the config maps id, identifiers and attributes.</summary>
    public AccountMapping? FixedMapping { get; init; }

    /// <summary>
    /// The key that names a table, where further records and a code belong to accounts (<c>records</c>, <c>userCode</c>); null where a system has none.
    /// </summary>
    public string? RecordTableKey { get; init; }

    /// <summary>Whether its systems report events by a webhook: <c>hook: { token }</c>.</summary>
    public bool TakesHook { get; init; }
}

/// <summary>One key that a connector's systems take in the config.</summary>
/// <param name="Name">The key.</param>
/// <param name="Required">Whether it must be there.</param>
/// <param name="Secret">Whether its value stays out of the fingerprint and of every message.</param>
/// <param name="NamesSystem">The connector of the system of the config that its value names; null where it is a value of its own.</param>
public sealed record ConnectorSetting(string Name, bool Required, bool Secret = false, string? NamesSystem = null);
