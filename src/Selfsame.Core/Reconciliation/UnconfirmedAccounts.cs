using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation.Scanning;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// Reads as whole records all accounts about which there may be a finding, as they are now, and with them whoever shares an id or a key with them and the
/// partners of these: everybody whom a finding may name. What the correlator finds among them is what it would find among all.
/// </summary>
internal sealed class UnconfirmedAccounts(Topology topology, IReadOnlyDictionary<string, IConnectedSystem> systems, IdentifierKeying keying, Scan scan)
{
    // A database takes so many values in one statement (SQLite 32,766), and a file is read once for each portion.
    private const int Portion = 10_000;

    // Fewer than these are asked about faster, and more closely, than everybody is read.
    private const int FewCalls = 100;

    /// <summary>The accounts by system, each list in no order.</summary>
    public async Task<IReadOnlyDictionary<string, IReadOnlyList<KeyedAccount>>> ReadAsync(IReadOnlyCollection<SystemPicture> pictures, CancellationToken cancellation)
    {
        var found = pictures.ToDictionary(picture => picture.Config.Name, _ => new Dictionary<AccountId, KeyedAccount>(), StringComparer.Ordinal);
        // Whom a decision takes from its partner leaves that one alone: it is asked about as one of which something may be found.
        var loud = scan.WithPartners(scan.Loud().Concat(scan.Find(Named(pictures))));
        await AddAsync(loud, found, cancellation);
        var sharing = scan.SharingWith([.. found.Values.SelectMany(accounts => accounts.Values)]);
        await AddAsync(scan.WithPartners(sharing.Except(loud)).Except(loud), found, cancellation);
        return found.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<KeyedAccount>)[.. pair.Value.Values], StringComparer.Ordinal);
    }

    /// <summary>Those of the accounts that are there now: by their primary keys, or, where that takes a call for each of many, in bulk.</summary>
    public static async Task<IReadOnlyList<KeyedAccount>> ReadAsync(
        IConnectedSystem system, string name, IReadOnlyCollection<AccountId> ids, IdentifierKeying keying, CancellationToken cancellation)
    {
        var found = new List<KeyedAccount>();
        if (ids.Count == 0)
        {
            return found;
        }

        if (system is IReadsAccountsById byId && (!byId.AsksOneByOne || ids.Count <= FewCalls))
        {
            foreach (var portion in ids.Chunk(Portion))
            {
                found.AddRange((await byId.ReadFreshAsync(name, portion, cancellation)).Values.Select(account => KeyedAccount.Of(account, keying)));
            }

            return found;
        }

        var wanted = ids.ToHashSet();
        await ((IReadsAccounts)system).ReadEachAsync(
            name, null, accounts => found.AddRange(accounts.Where(account => wanted.Contains(account.Id)).Select(account => KeyedAccount.Of(account, keying))), cancellation);
        return found;
    }

    private async Task AddAsync(IEnumerable<int> accounts, Dictionary<string, Dictionary<AccountId, KeyedAccount>> found, CancellationToken cancellation)
    {
        foreach (var group in accounts.Select(scan.Find).GroupBy(account => account.System, account => account.Id))
        {
            var name = group.Key.Config.Name;
            foreach (var account in await ReadAsync(systems[name], name, [.. group], keying, cancellation))
            {
                found[name].TryAdd(account.Account.Id, account);
            }
        }
    }

    /// <summary>Accounts that people decided about, and those that are equal under a system's own equality.</summary>
    private HashSet<DecidedAccount> Named(IReadOnlyCollection<SystemPicture> pictures)
        => [
            .. topology.Decisions.All.SelectMany(decision => decision.Accounts),
            .. from picture in pictures
               from wanted in picture.Wanted.Values
               from equal in wanted.Equal
               from id in equal.Accounts
               select new DecidedAccount(picture.Config.Name, id),
        ];
}
