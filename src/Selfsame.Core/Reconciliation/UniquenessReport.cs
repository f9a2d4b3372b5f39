using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>How many accounts have a value, and how many different ones there are.</summary>
/// <param name="Name"><c>id</c>, <c>uuid</c>, or the kind of identifier.</param>
/// <param name="With">Accounts that have one.</param>
/// <param name="Distinct">Different ones: identifiers by their keys.</param>
public sealed record ValueCount(string Name, int With, int Distinct)
{
    /// <summary>Whether each is one account's.</summary>
    public bool IsUnique => With == Distinct;
}

/// <summary>The plain answer to "is everybody here once?", for one system.</summary>
public sealed record UniquenessReport
{
    public required int Accounts { get; init; }

    public required IReadOnlyList<ValueCount> Values { get; init; }

    /// <summary>Accounts whose e-mail is proved; null where the system does not say.</summary>
    public int? Verified { get; init; }

    /// <summary>Accounts that have an e-mail which is not proved; null where the system does not say.</summary>
    public int? Unverified { get; init; }

    /// <summary>The system's indexes; null where it can't be asked.</summary>
    public IReadOnlyList<SystemIndex>? Indexes { get; init; }

    /// <summary>Some accounts, by their ids in order.</summary>
    public IReadOnlyList<KeyedAccount> Sample { get; init; } = [];

    public static UniquenessReport Of(SystemPicture picture, int sample = 0)
    {
        var mapping = picture.Config.Mapping;
        var saysVerified = mapping.Attributes.ContainsKey(AccountMapping.EmailVerified);
        var values = new List<ValueCount> { new("id", picture.Accounts.Count, picture.Accounts.Select(account => account.Account.Id).Distinct().Count()) };
        foreach (var kind in mapping.Identifiers.Keys.Order())
        {
            var with = picture.Accounts.Where(account => account.Account.Identifiers.ContainsKey(kind)).ToList();
            values.Add(new ValueCount(kind.Name(), with.Count, with.Select(account => account.Keys.GetValueOrDefault(kind) ?? account.Account.Identifiers[kind]).Distinct(StringComparer.Ordinal).Count()));
        }

        if (picture.Config.Uuid is { } uuid)
        {
            var with = picture.Accounts.Select(account => account.Account.Record.ValueOrNull(uuid)).Where(value => !value.IsNull).ToList();
            values.Add(new ValueCount("uuid", with.Count, with.Select(value => value.ToString()).Distinct(StringComparer.OrdinalIgnoreCase).Count()));
        }

        return new UniquenessReport
        {
            Accounts = picture.Accounts.Count,
            Values = values,
            Verified = saysVerified ? picture.Accounts.Count(account => account.EmailVerified) : null,
            Unverified = saysVerified ? picture.Accounts.Count(account => !account.EmailVerified && account.Account.Identifiers.ContainsKey(IdentifierKind.Email)) : null,
            Indexes = picture.Indexes,
            Sample = [.. picture.Accounts.OrderBy(account => account.Account.Id, AccountId.Order).Take(sample)],
        };
    }
}
