using System.Runtime.CompilerServices;
using Selfsame.Core.Accounts;

namespace Selfsame.Testing;

/// <summary>
/// A system in memory that gives ids itself, keeps handle and e-mail unique, and lets whoever knows the password in, as an ATProto PDS. Of that it
/// has no rate limits, no sessions and no look-up of disabled accounts by handle.
/// </summary>
public sealed class PasswordSystem : IReadsAccounts, IReadsAccountsById, IFindsAccounts, ICreatesWithPassword, IUpdatesAccounts, IDeletesAccounts
{
    private readonly Dictionary<AccountId, (Fields Record, string Password)> accounts = [];
    private int given;

    public static AccountMapping AccountsMapping { get; } = new()
    {
        Id = ["did"],
        Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Handle] = "handle", [IdentifierKind.Email] = "email" },
        Attributes = new Dictionary<string, AttributeMapping> { [AccountMapping.Active] = new("active"), [AccountMapping.EmailVerified] = new("confirmed", Noise: true) },
    };

    public AccountMapping Mapping => AccountsMapping;

    public IReadOnlyList<Fields> Records => [.. accounts.Values.Select(account => account.Record)];

    public IReadOnlyList<string> Passwords => [.. accounts.Values.Select(account => account.Password)];

    /// <summary>Whether it says of itself that it refuses what another has, as it does: then nobody looks before the first creation.</summary>
    public bool SaysThatItRefuses { get; init; }

    /// <summary>How often it was asked who has an identifier.</summary>
    public int Finds { get; private set; }

    /// <summary>The handles that a creation was asked for with, in order.</summary>
    public List<string> AskedFor { get; } = [];

    /// <summary>Handles that it keeps for itself.</summary>
    public HashSet<string> Reserved { get; } = [];

    /// <summary>Addresses that it does not take.</summary>
    public HashSet<string> RefusedEmails { get; } = [];

    /// <summary>What a creation is answered instead of being made; null lets it through.</summary>
    public Func<WriteOutcome?> Fault { get; set; } = () => null;

    /// <summary>What a creation is answered although it was made; null answers with the id.</summary>
    public Func<WriteOutcome?> Lost { get; set; } = () => null;

    /// <summary>What happens before somebody is looked for.</summary>
    public Action BeforeFind { get; set; } = () => { };

    /// <summary>What happens before a creation is looked at.</summary>
    public Action BeforeCreation { get; set; } = () => { };

    /// <summary>What happens before an update is looked at.</summary>
    public Action BeforeUpdate { get; set; } = () => { };

    /// <summary>What an update of these fields is answered instead of being made; null lets it through.</summary>
    public Func<Fields, WriteOutcome?> UpdateFault { get; set; } = _ => null;

    /// <summary>What happens before it is looked whether an account is ours.</summary>
    public Action BeforeLook { get; set; } = () => { };

    public int Creations { get; private set; }

    /// <summary>The updates that changed something.</summary>
    public int Updates { get; private set; }

    /// <summary>Somebody else's account.</summary>
    public void Put(string handle, string email, string password)
        => accounts.Add(NextId(), (Record(given, handle, email), password));

    public void Remove(AccountId id) => accounts.Remove(id);

    public void Set(AccountId id, string field, object value)
        => accounts[id] = (accounts[id].Record.With(new Fields([KeyValuePair.Create(field, FieldValue.From(value))])), accounts[id].Password);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => Task.FromResult(new SystemFacts
    {
        TakesChosenId = false,
        RefusesTakenIdentifiers = SaysThatItRefuses,
        AtomicPreconditions = true,
        NotNullFields = new HashSet<string> { "did", "handle", "email", "active" },
        DeletionEffects = ["Its repository goes with it."],
    });

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask;
        if (accounts.Count > 0)
        {
            yield return new ReadAccounts([.. accounts.Values.Select(account => ToAccount(account.Record))]);
        }

        yield return new ReadEnd(accounts.Count, Complete: true);
    }

    public Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<Account>>([.. ids.Where(accounts.ContainsKey).Select(id => ToAccount(accounts[id].Record))]);

    public Task<IReadOnlyList<Account>> FindAsync(IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
    {
        BeforeFind();
        Finds++;
        return Task.FromResult<IReadOnlyList<Account>>([.. accounts.Values.Select(account => ToAccount(account.Record)).Where(
            account => identifiers.GetValueOrDefault(IdentifierKind.Handle, []).Contains(account.Identifiers[IdentifierKind.Handle], StringComparer.OrdinalIgnoreCase))]);
    }

    public Task<CreationOutcome> CreateAsync(Fields fields, string password, CancellationToken cancellation)
    {
        BeforeCreation();
        AskedFor.Add(fields["handle"].AsText!);
        if (Fault() is { } fault)
        {
            return Task.FromResult<CreationOutcome>(new NotCreated(fault));
        }

        var (handle, email) = (fields["handle"].AsText!, fields["email"].AsText!);
        if (Reserved.Contains(handle))
        {
            return Task.FromResult<CreationOutcome>(new NotCreated(new Refused($"The handle {handle} is reserved.") { Fields = ["handle"] }));
        }

        foreach (var field in new[] { "handle", "email" })
        {
            if (accounts.Values.Any(account => string.Equals(account.Record[field].AsText, fields[field].AsText, StringComparison.OrdinalIgnoreCase)))
            {
                return Task.FromResult<CreationOutcome>(new NotCreated(new AlreadyExists([field], $"The {field} is taken.")));
            }
        }

        Creations++;
        var id = NextId();
        accounts.Add(id, (Record(given, handle, email), password));
        return Task.FromResult<CreationOutcome>(Lost() is { } lost ? new NotCreated(lost) : new CreatedAccount(id));
    }

    public Task<Ownership> FindOursAsync(Fields fields, string password, CancellationToken cancellation)
    {
        BeforeLook();
        var holders = accounts.Where(account => new[] { "handle", "email" }.Any(
            field => string.Equals(account.Value.Record[field].AsText, fields[field].AsText, StringComparison.OrdinalIgnoreCase))).ToList();
        if (holders.FirstOrDefault(account => account.Value.Password == password).Key is { } ours)
        {
            return Task.FromResult<Ownership>(new Ours(ours));
        }

        var taken = new[] { "handle", "email" }.Where(field => holders.Exists(
            account => string.Equals(account.Value.Record[field].AsText, fields[field].AsText, StringComparison.OrdinalIgnoreCase))).ToList();
        return Task.FromResult<Ownership>(taken.Count == 0 ? new Nobodys() : new Anothers(taken, $"Somebody has the {string.Join(" and the ", taken)}."));
    }

    public Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation)
    {
        BeforeUpdate();
        if (UpdateFault(set) is { } fault)
        {
            return Task.FromResult(fault);
        }

        if (!accounts.TryGetValue(id, out var account) || precondition.DifferencesFrom(account.Record, "").Count > 0)
        {
            return Task.FromResult<WriteOutcome>(new Drifted("It changed."));
        }

        if (set.ContainsKey("confirmed") || (set.TryGetValue("email", out var email) && RefusedEmails.Contains(email.ToString())))
        {
            return Task.FromResult<WriteOutcome>(new Refused("An administrator can't set that."));
        }

        if (set.Keys.FirstOrDefault(field => field is "handle" or "email" && accounts.Any(other => !other.Key.Equals(id)
            && string.Equals(other.Value.Record[field].AsText, set[field].AsText, StringComparison.OrdinalIgnoreCase))) is { } taken)
        {
            return Task.FromResult<WriteOutcome>(new AlreadyExists([taken], $"The {taken} is taken."));
        }

        Updates++;
        accounts[id] = (account.Record.With(set), account.Password);
        return Task.FromResult<WriteOutcome>(new Done());
    }

    /// <summary>What a deletion is answered instead of being made; null lets it through.</summary>
    public Func<WriteOutcome?> DeletionFault { get; set; } = () => null;

    public int Deletions { get; private set; }

    public Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation)
    {
        if (DeletionFault() is { } fault)
        {
            return Task.FromResult(fault);
        }

        if (!accounts.TryGetValue(id, out var account) || precondition.DifferencesFrom(account.Record, "").Count > 0)
        {
            return Task.FromResult<WriteOutcome>(new Drifted("It changed, or is gone."));
        }

        Deletions++;
        accounts.Remove(id);
        return Task.FromResult<WriteOutcome>(new Done());
    }

    private AccountId NextId() => new($"did:plc:{++given}");

    private static Fields Record(int number, string handle, string email) => new(new Dictionary<string, FieldValue>
    {
        ["did"] = FieldValue.Text($"did:plc:{number}"),
        ["handle"] = FieldValue.Text(handle),
        ["email"] = FieldValue.Text(email),
        ["active"] = FieldValue.Boolean(true),
        ["confirmed"] = FieldValue.Boolean(false),
    });

    private static Account ToAccount(Fields record) => AccountsMapping.ToAccount(record)!;
}
