using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Which findings a person asked about; what is null is not asked.</summary>
/// <param name="Who">An id, username, e-mail, uuid … in any spelling.</param>
/// <param name="System">A system of the config.</param>
/// <param name="Tenant">A tenant of the config's systems.</param>
public sealed record FindingFilter(string? Who = null, string? System = null, string? Tenant = null)
{
    /// <summary>What is wrong with the question itself: a name that the config does not have; null when nothing is.</summary>
    public string? Problem(Topology topology)
    {
        if (System is not null && !topology.Systems.ContainsKey(System))
        {
            return $"there is no system '{System}'. The config has: {string.Join(", ", topology.Systems.Keys)}.";
        }

        var tenants = topology.Systems.Values.Select(system => system.Tenant).Distinct().ToList();
        return Tenant is null || tenants.Contains(Tenant) ? null : $"no system is of the tenant '{Tenant}'. The tenants are: {string.Join(", ", tenants)}.";
    }

    /// <summary>Whether a system was asked about.</summary>
    public bool Includes(SystemConfig system) => (System ?? system.Name) == system.Name && (Tenant ?? system.Tenant) == system.Tenant;

    /// <summary>The findings that were asked about, in their order.</summary>
    public IReadOnlyList<Finding> Of(
        IReadOnlyList<Finding> findings, Topology topology, IReadOnlyDictionary<string, SystemPicture> pictures, IdentifierKeying keying)
    {
        var who = Who is null ? null : PersonAccounts.Matching(pictures, Who, keying);
        return
        [
            .. findings.Where(finding =>
                (who is null || finding.Accounts.Any(account => who.Contains((account.System, account.Id))))
                && (System is null || finding.System == System || finding.Accounts.Any(account => account.System == System))
                && (Tenant is null || topology.Systems[finding.System].Tenant == Tenant)),
        ];
    }
}

/// <summary>Finds accounts by whatever a person calls them.</summary>
internal static class PersonAccounts
{
    /// <summary>The accounts whose id is <paramref name="who"/>, or one of whose identifiers has its key.</summary>
    public static HashSet<(string System, AccountId Id)> Matching(IReadOnlyDictionary<string, SystemPicture> pictures, string who, IdentifierKeying keying)
        => [.. from picture in pictures
               from account in picture.Value.Accounts
               where Matches(account, who, keying)
               select (picture.Key, account.Account.Id)];

    public static bool Matches(KeyedAccount account, string who, IdentifierKeying keying)
        => Id(who, account.Account.Id.Parts.Count).Equals(account.Account.Id)
            || account.Keys.Any(pair => keying(pair.Key, who, out var key, out _) && key == pair.Value)
            || (Guid.TryParseExact(who, "D", out var uuid) && account.Account.Record.Values.Any(value => value.AsText is { } text && Guid.TryParseExact(text, "D", out var other) && other == uuid));

    /// <summary>The id that a person typed: a uuid in any case, the parts of a composite one with slashes between them.</summary>
    public static AccountId Id(string who, int parts) => parts == 1 ? new AccountId(who) : new AccountId(who.Split('/'));
}
