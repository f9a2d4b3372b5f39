using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Store.Operations;

/// <summary>How many identifiers were keyed under one version of the rules.</summary>
public sealed class KeyRuleCount
{
    public string Version { get; init; } = "";

    public long Identifiers { get; init; }
}

/// <summary>Tells under which versions of the key rules the store's identifiers were keyed.</summary>
public static class KeyRuleVersions
{
    public static Task<List<KeyRuleCount>> ReadAsync(Database database, CancellationToken cancellation)
        => database.ReadAsync(
            transaction => transaction.QueryAsync<KeyRuleCount>(
                """SELECT rule_version AS "Version", count(*) AS "Identifiers" FROM identifiers GROUP BY rule_version ORDER BY rule_version"""),
            cancellation);

    /// <summary>Those of one tenant.</summary>
    public static Task<IReadOnlyList<StoredKeys>> ReadAsync(Database database, string tenant, CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<StoredKeys>>(
            async transaction => (await transaction.QueryAsync<KeyRuleCount>(
                """SELECT rule_version AS "Version", count(*) AS "Identifiers" FROM identifiers WHERE tenant = @tenant GROUP BY rule_version ORDER BY rule_version""",
                new { tenant })).ConvertAll(count => new StoredKeys(count.Version, count.Identifiers)),
            cancellation);
}
