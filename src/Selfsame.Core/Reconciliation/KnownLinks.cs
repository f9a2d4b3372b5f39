using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Whose account is whose, as our store remembers of the accounts that the service made: evidence by itself.</summary>
public sealed class KnownLinks
{
    private readonly Dictionary<(string Source, string Target), IReadOnlyDictionary<AccountId, AccountId>> links;

    /// <param name="links">By source and target system: the account of the target by that of the source.</param>
    public KnownLinks(IReadOnlyDictionary<(string Source, string Target), IReadOnlyDictionary<AccountId, AccountId>> links)
    {
        this.links = links.ToDictionary();
    }

    public static KnownLinks None { get; } = new(new Dictionary<(string, string), IReadOnlyDictionary<AccountId, AccountId>>());

    /// <summary>The account that was made in <paramref name="target"/> for an account of <paramref name="source"/>; null where none is known.</summary>
    public AccountId? Find(string source, AccountId account, string target)
        => links.TryGetValue((source, target), out var known) && known.TryGetValue(account, out var id) ? id : null;
}
