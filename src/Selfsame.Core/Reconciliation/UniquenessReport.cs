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
}
