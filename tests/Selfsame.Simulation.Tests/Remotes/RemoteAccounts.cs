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
    private readonly List<Holding> held = [];

    public string Name => name;

    public AccountMapping Mapping => mapping;

    public IReadOnlyDictionary<AccountId, StoredAccount> Accounts => accounts;

    /// <summary>How many accounts were made so far, those that are gone with them.</summary>
    public int EverMade { get; private set; }

    /// <summary>Told of every account that is made by us: its id and its password, if it has one.</summary>
    public Action<AccountId, string?> Made { get; set; } = (_, _) => { };

    /// <summary>Told of every account that was changed.</summary>
    public Action<AccountId> Changed { get; set; } = _ => { };

    /// <summary>Told of every account that was deleted.</summary>
    public Action<AccountId, StoredAccount> Removed { get; set; } = (_, _) => { };

    /// <summary>The fields that another account has; none when it was made.</summary>
    public IReadOnlyList<string> Create(AccountId id, Fields record, string? password, bool byStranger = false)
    {
        var taken = accounts.ContainsKey(id) ? [.. mapping.Id] : Holders(record).Select(holder => holder.Field).Distinct().ToList();
        if (taken.Count == 0)
        {
            accounts.Add(id, new StoredAccount(record, null, password, byStranger, clock.Elapsed, clock.Elapsed));
            EverMade++;
            NoteHeld(id, null, record);
            if (!byStranger)
            {
                Made(id, password);
            }
        }

        return taken;
    }

    /// <summary>Changes an account that is there and holds the precondition.</summary>
    public WriteOutcome Update(AccountId id, Fields set, Fields precondition)
        => !accounts.TryGetValue(id, out var account) || precondition.DifferencesFrom(account.Record, "").Count > 0 ? new Drifted("It changed.")
            : Set(id, set) is { Count: > 0 } taken ? new AlreadyExists(taken, $"Another account has the {string.Join(" and the ", taken)}.")
            : new Done();

    /// <summary>Changes an account that is there; the fields that another has, none when it was changed.</summary>
    public IReadOnlyList<string> Set(AccountId id, Fields set)
    {
        var account = accounts[id];
        var record = account.Record.With(set);
        var holders = Holders(record).Where(holder => !holder.Id.Equals(id)).ToList();
        if (holders.Count == 0)
        {
            accounts[id] = account with { Record = record, Before = account.Record, ChangedAt = clock.Elapsed };
            NoteHeld(id, account.Record, record);
            Changed(id);
        }

        return [.. holders.Select(holder => holder.Field).Distinct()];
    }

    /// <summary>Deletes an account; one that is not there is gone already.</summary>
    public void Remove(AccountId id)
    {
        if (accounts.Remove(id, out var account))
        {
            NoteHeld(id, account.Record, null);
            Removed(id, account);
        }
    }

    /// <summary>Who had this value, under the identifier's own key, at some moment of that time.</summary>
    public IEnumerable<AccountId> HeldDuring(IdentifierKind kind, string? value, TimeSpan from, TimeSpan to)
        => RemoteSystems.KeyOf(kind, value) is { } key
            ? held.Where(holding => holding.Key == $"{kind} {key}" && holding.From <= to && (holding.To ?? TimeSpan.MaxValue) >= from).Select(holding => holding.Holder)
            : [];

    /// <summary>The accounts as they were so long ago.</summary>
    public IEnumerable<Account> See(TimeSpan lag) => SeeRecords(lag).Select(record => mapping.ToAccount(record)!);

    /// <summary>The records as they were so long ago, in the order in which they were made.</summary>
    public IEnumerable<Fields> SeeRecords(TimeSpan lag)
    {
        var then = clock.Elapsed - lag;
        return accounts.Values.Where(account => account.MadeAt <= then).OrderBy(account => account.MadeAt)
            .Select(account => account.ChangedAt <= then ? account.Record : account.Before ?? account.Record);
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

    private void NoteHeld(AccountId id, Fields? before, Fields? after)
    {
        foreach (var (kind, field) in mapping.Identifiers)
        {
            var (had, has) = (KeyIn(before, kind, field), KeyIn(after, kind, field));
            if (had == has)
            {
                continue;
            }

            if (had is not null)
            {
                var last = held.FindLastIndex(holding => holding.Key == had && holding.Holder.Equals(id));
                held[last] = held[last] with { To = clock.Elapsed };
            }

            if (has is not null)
            {
                held.Add(new Holding(has, id, clock.Elapsed, null));
            }
        }
    }

    private static string? KeyIn(Fields? record, IdentifierKind kind, string field)
        => RemoteSystems.KeyOf(kind, record?.ValueOrNull(field).AsText) is { } key ? $"{kind} {key}" : null;

    /// <summary>Who had a value from when on, and until when; <paramref name="To"/> is null for who has it still.</summary>
    private sealed record Holding(string Key, AccountId Holder, TimeSpan From, TimeSpan? To);
}

/// <summary>One account.</summary>
/// <param name="Record">As it is.</param>
/// <param name="Before">As it was before the last change; null where there was none.</param>
/// <param name="Password">What signs in; null where the system has no passwords.</param>
/// <param name="IsStrangers">Somebody registered it who is nobody of ours.</param>
/// <param name="MadeAt">Since the start of the run.</param>
/// <param name="ChangedAt">Since the start of the run.</param>
internal sealed record StoredAccount(Fields Record, Fields? Before, string? Password, bool IsStrangers, TimeSpan MadeAt, TimeSpan ChangedAt);
