using System.Runtime.CompilerServices;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>A connected system that keeps its rows in memory; a test may put a fault before any write.</summary>
internal sealed partial class InMemorySystem(AccountMapping mapping) : IReadsAccounts, IReadsAccountsById, IFindsAccounts, INumbersAccounts, IUpdatesAccounts, IDeletesWithRows, ISendsRecoveryMails,
    IChecksReach
{
    private readonly Dictionary<AccountId, Fields> rows = [];
    private long lastNumber;

    public AccountMapping Mapping => mapping;

    public SystemFacts Facts { get; init; } = new() { TakesChosenId = true, AtomicPreconditions = true };

    /// <summary>Every row by id, to compare whole states.</summary>
    public IReadOnlyDictionary<AccountId, Fields> Rows => rows;

    public IReadOnlyList<Fields> Snapshot => [.. rows.OrderBy(pair => pair.Key, AccountId.Order).Select(pair => pair.Value)];

    /// <summary>What a write answers instead of being made; null lets it through.</summary>
    public Func<WriteOutcome?> Fault { get; set; } = () => null;

    /// <summary>What a write answers after it was made.</summary>
    public Func<WriteOutcome> Answer { get; set; } = () => new Done();

    /// <summary>How many accounts a bulk read gives before it ends early; null reads to the end.</summary>
    public int? EndsEarlyAfter { get; set; }

    /// <summary>Accounts that a bulk read does not see, as a read that races a change or asks a replica.</summary>
    public HashSet<string> HiddenFromBulkReads { get; } = [];

    /// <summary>Records that a bulk read can't read.</summary>
    public List<UnreadableRecord> Unreadable { get; } = [];

    /// <summary>What happens before single accounts are read; a bulk read reads no single ones.</summary>
    public Action<IReadOnlyList<AccountId>> BeforeRead { get; set; } = _ => { };

    /// <summary>What happens before a bulk read.</summary>
    public Action BeforeBulkRead { get; set; } = () => { };

    /// <summary>What happens when a bulk read has ended.</summary>
    public Action AfterBulkRead { get; set; } = () => { };

    /// <summary>Whether a field takes a value, by its type; what it does not is refused.</summary>
    public Func<string, FieldValue, bool> Takes { get; set; } = (_, _) => true;

    public int Writes { get; private set; }

    public bool AsksOneByOne { get; init; }

    /// <summary>How many times it was asked for single accounts.</summary>
    public int ReadsById { get; private set; }

    /// <summary>To whom recovery mails were asked for.</summary>
    public List<string> Mailed { get; } = [];

    /// <summary>What asking for a recovery mail comes to, by the account's id.</summary>
    public Func<string, WriteOutcome> Mailing { get; set; } = _ => new Done();

    public void Put(params (string Field, object? Value)[] fields) => Put(Record(fields));

    public void Put(Fields record) => rows[AccountId.FromRecord(record, mapping.Id)!] = record;

    public void Remove(string id) => rows.Remove(new AccountId(id));

    public static Fields Record(params (string Field, object? Value)[] fields)
        => new(fields.Select(field => KeyValuePair.Create(field.Field, field.Value is FieldValue value ? value : FieldValue.From(field.Value))));

    public Task<SystemFacts> DescribeAsync(CancellationToken cancellation) => Task.FromResult(Facts);

    public async IAsyncEnumerable<ReadPart> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await Task.CompletedTask;
        BeforeBulkRead();
        var accounts = rows.Values.Select(record => mapping.ToAccount(record)!)
            .Where(account => !HiddenFromBulkReads.Contains(account.Id.ToString())).Take(EndsEarlyAfter ?? int.MaxValue).ToList();
        if (accounts.Count > 0)
        {
            yield return new ReadAccounts(accounts);
        }

        foreach (var record in Unreadable)
        {
            yield return record;
        }

        if (EndsEarlyAfter is null)
        {
            yield return new ReadEnd(accounts.Count, Complete: true);
            AfterBulkRead();
        }
    }

    public Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation)
    {
        ReadsById++;
        BeforeRead(ids);
        return Task.FromResult<IReadOnlyList<Account>>([.. ids.Where(rows.ContainsKey).Select(id => mapping.ToAccount(rows[id])!)]);
    }

    public Task<IReadOnlyList<Account>> FindAsync(
        IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<Account>>([.. rows.Values.Select(record => mapping.ToAccount(record)!).Where(account => identifiers.Any(
            pair => account.Identifiers.TryGetValue(pair.Key, out var text) && pair.Value.Any(wanted => LowerAscii(wanted) == LowerAscii(text))))]);

    // Letters of ASCII are folded in any text, as by SQLite's NOCASE.
    private static string LowerAscii(string text) => string.Concat(text.Select(letter => char.IsAsciiLetterUpper(letter) ? char.ToLowerInvariant(letter) : letter));

    public Task<WriteOutcome> CreateAsync(AccountId id, Fields fields, CancellationToken cancellation)
        => Write(() =>
        {
            if (!fields.All(pair => Takes(pair.Key, pair.Value)))
            {
                return new Refused("A value is of the wrong type.");
            }

            if (!rows.TryAdd(id, fields))
            {
                return new AlreadyExists(mapping.Id, "The id is taken.");
            }

            return Answer();
        });

    public Task<IReadOnlyList<FieldValue>> TakeNumbersAsync(int count, CancellationToken cancellation)
    {
        lastNumber = rows.Keys.Select(id => long.TryParse(id.ToString(), out var number) ? number : 0).Append(lastNumber).Max() + count;
        return Task.FromResult<IReadOnlyList<FieldValue>>([.. Enumerable.Range(1, count).Select(step => FieldValue.Integer(lastNumber - count + step))]);
    }

    /// <summary>A process that starts anew remembers no number that it took, as with SQLite.</summary>
    public void ForgetNumbers() => lastNumber = 0;

    public Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation)
        => Write(() =>
        {
            if (!Holds(id, precondition))
            {
                return new Drifted("It changed.");
            }

            if (!set.All(pair => Takes(pair.Key, pair.Value)))
            {
                return new Refused("A value is of the wrong type.");
            }

            rows[id] = rows[id].With(set);
            return Answer();
        });

    public Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation)
        => Write(() =>
        {
            if (!Holds(id, precondition))
            {
                return new Drifted("It changed.");
            }

            rows.Remove(id);
            return Answer();
        });

    /// <summary>Why an account is not reached from outside.</summary>
    public Func<Account, string?> Unreached { get; set; } = _ => null;

    public Task<string?> FindUnreachedAsync(Account account, CancellationToken cancellation) => Task.FromResult(Unreached(account));

    public Task<WriteOutcome> SendRecoveryMailAsync(AccountId id, CancellationToken cancellation)
    {
        Mailed.Add(id.ToString());
        return Task.FromResult(Mailing(id.ToString()));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private bool Holds(AccountId id, Fields precondition)
        => rows.TryGetValue(id, out var record) && precondition.DifferencesFrom(record, "").Count == 0;

    private Task<WriteOutcome> Write(Func<WriteOutcome> write)
    {
        if (Fault() is { } fault)
        {
            return Task.FromResult(fault);
        }

        Writes++;
        return Task.FromResult(write());
    }
}
