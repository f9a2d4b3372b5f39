using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Whose account is whose, as our store remembers of the accounts that the service made: evidence by itself.</summary>
public sealed class KnownLinks
{
    private readonly Dictionary<(string Source, string Target), IReadOnlyDictionary<AccountId, AccountId>> links;
    private readonly Dictionary<(string Source, string Target), ILookup<AccountId, AccountId>> backwards = [];
    private readonly Func<CancellationToken, Task<KnownLinks>>? reload;

    /// <param name="links">By source and target system: the account of the target by that of the source.</param>
    /// <param name="reload">Reads them again from the store; null where they are what they are.</param>
    public KnownLinks(
        IReadOnlyDictionary<(string Source, string Target), IReadOnlyDictionary<AccountId, AccountId>> links, Func<CancellationToken, Task<KnownLinks>>? reload = null)
    {
        this.links = links.ToDictionary();
        this.reload = reload;
    }

    public static KnownLinks None { get; } = new(new Dictionary<(string, string), IReadOnlyDictionary<AccountId, AccountId>>());

    /// <summary>The account that was made in <paramref name="target"/> for an account of <paramref name="source"/>; null where none is known.</summary>
    public AccountId? Find(string source, AccountId account, string target)
        => links.TryGetValue((source, target), out var known) && known.TryGetValue(account, out var id) ? id : null;

    /// <summary>The accounts of <paramref name="source"/> for which <paramref name="account"/> of <paramref name="target"/> was made.</summary>
    public IEnumerable<AccountId> FindSources(string source, string target, AccountId account)
    {
        if (!links.TryGetValue((source, target), out var known))
        {
            return [];
        }

        if (!backwards.TryGetValue((source, target), out var sources))
        {
            sources = known.ToLookup(pair => pair.Value, pair => pair.Key);
            backwards.Add((source, target), sources);
        }

        return sources[account];
    }

    /// <summary>The links as they are now: the service may have made accounts since these were read.</summary>
    public Task<KnownLinks> ReloadAsync(CancellationToken cancellation) => reload is null ? Task.FromResult(this) : reload(cancellation);
}
