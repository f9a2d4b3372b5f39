using Selfsame.Core.Accounts;
using Selfsame.Testing;

namespace Selfsame.Simulation.Tests.Remotes;

/// <summary>
/// The accounts of one connected system, which keeps some fields unique under the identifiers' own keys. It never fails: that is the network's part.
/// </summary>
/// <param name="name">Its name.</param>
/// <param name="mapping">Which fields are what.</param>
/// <param name="unique">The identifiers that it keeps unique, besides the id.</param>
/// <param name="clock">When something was done.</param>
internal sealed class RemoteAccounts(string name, AccountMapping mapping, IReadOnlyList<IdentifierKind> unique, VirtualClock clock)
{
    private readonly Dictionary<AccountId, StoredAccount> accounts = [];

    public string Name => name;

    public AccountMapping Mapping => mapping;

    /// <summary>Whether it says of itself that it refuses what another has; it does so in any case.</summary>
    public bool SaysThatItRefuses { get; init; }

    public IReadOnlyDictionary<AccountId, StoredAccount> Accounts => accounts;

    /// <summary>Told of every account that is made by us: its id and its password, if it has one.</summary>
    public Action<AccountId, string?> Made { get; set; } = (_, _) => { };

    /// <summary>Told of every account that was changed.</summary>
    public Action<AccountId> Changed { get; set; } = _ => { };

    /// <summary>The fields that another account has; none when it was made.</summary>
    public IReadOnlyList<string> Create(AccountId id, Fields record, string? password, bool byStranger = false)
    {
        var taken = accounts.ContainsKey(id) ? [.. mapping.Id] : Holders(record).Select(holder => holder.Field).Distinct().ToList();
        if (taken.Count == 0)
        {
            accounts.Add(id, new StoredAccount(record, null, password, byStranger, clock.Elapsed, clock.Elapsed));
            if (!byStranger)
            {
                Made(id, password);
            }
        }

        return taken;
    }

    public WriteOutcome Update(AccountId id, Fields set, Fields precondition)
    {
        if (!accounts.TryGetValue(id, out var account) || precondition.DifferencesFrom(account.Record, "").Count > 0)
        {
            return new Drifted("It changed.");
        }

        var record = account.Record.With(set);
        if (Holders(record).Where(holder => !holder.Id.Equals(id)).Select(holder => holder.Field).Distinct().ToList() is { Count: > 0 } taken)
        {
            return new AlreadyExists(taken, $"Another account has the {string.Join(" and the ", taken)}.");
        }

        accounts[id] = account with { Record = record, Before = account.Record, ChangedAt = clock.Elapsed };
        Changed(id);
        return new Done();
    }

    /// <summary>The accounts as they were so long ago.</summary>
    public IEnumerable<Account> See(TimeSpan lag)
    {
        var then = clock.Elapsed - lag;
        return accounts.Values.Where(account => account.MadeAt <= then).Select(account => mapping.ToAccount(account.ChangedAt <= then ? account.Record : account.Before ?? account.Record)!);
    }

    /// <summary>Who has one of the unique values, and in which field.</summary>
    public IEnumerable<(AccountId Id, string Field)> Holders(Fields record)
        => from kind in unique
           let field = mapping.Identifiers[kind]
           let key = RemoteSystems.KeyOf(kind, record.ValueOrNull(field).AsText)
           where key is not null
           from account in accounts
           where RemoteSystems.KeyOf(kind, account.Value.Record.ValueOrNull(field).AsText) == key
           select (account.Key, field);
}

/// <summary>One account.</summary>
/// <param name="Record">As it is.</param>
/// <param name="Before">As it was before the last change; null where there was none.</param>
/// <param name="Password">What signs in; null where the system has no passwords.</param>
/// <param name="IsStrangers">Somebody registered it who is nobody of ours.</param>
/// <param name="MadeAt">Since the start of the run.</param>
/// <param name="ChangedAt">Since the start of the run.</param>
internal sealed record StoredAccount(Fields Record, Fields? Before, string? Password, bool IsStrangers, TimeSpan MadeAt, TimeSpan ChangedAt);
