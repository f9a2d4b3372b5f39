namespace Selfsame.Core.Accounts;

/// <summary>
/// One place that holds accounts. What it can do beyond describing itself it says by implementing the small
/// interfaces below; a caller asks with a type pattern before use. A connector throws only for bugs: what the world
/// can do to it is an outcome or a <see cref="SystemUnavailableException"/> while reading.
/// </summary>
public interface IConnectedSystem : IAsyncDisposable
{
    /// <summary>Which fields of its records are what.</summary>
    AccountMapping Mapping { get; }

    /// <summary>
    /// Looks at the system's shape; no account is read. A system that is not there, or that lacks a field of the
    /// mapping, throws <see cref="SystemUnavailableException"/>.
    /// </summary>
    Task<SystemFacts> DescribeAsync(CancellationToken cancellation);
}

/// <summary>Reads every account in bulk.</summary>
public interface IReadsAccounts : IConnectedSystem
{
    /// <summary>
    /// The accounts in portions, each once, ended by exactly one <see cref="ReadEnd"/>. A stream that stops without
    /// it, or whose end does not say complete, is a read that failed: it never means that the rest is missing.
    /// </summary>
    IAsyncEnumerable<ReadPart> ReadAllAsync(CancellationToken cancellation);
}

/// <summary>Reads a few fields of every account, faster than whole records.</summary>
public interface IReadsFields : IReadsAccounts
{
    /// <summary>
    /// As <see cref="IReadsAccounts.ReadAllAsync"/>, with <see cref="ReadFields"/> in place of accounts: the values of <paramref name="fields"/> in that order, null
    /// where the system has no such field. The rows are good until the next part is asked for.
    /// </summary>
    IAsyncEnumerable<ReadPart> ReadFieldsAsync(IReadOnlyList<string> fields, CancellationToken cancellation);
}

/// <summary>Reads single accounts from the primary, freshly.</summary>
public interface IReadsAccountsById : IConnectedSystem
{
    /// <summary>Whether it takes a call for each account: many are then read in bulk instead.</summary>
    bool AsksOneByOne => false;

    /// <summary>Those of <paramref name="ids"/> that are there now, in any order; no other.</summary>
    Task<IReadOnlyList<Account>> ReadByIdAsync(IReadOnlyList<AccountId> ids, CancellationToken cancellation);
}

/// <summary>Finds accounts that could be somebody's, so that provisioning need not read everybody.</summary>
public interface IFindsAccounts : IConnectedSystem
{
    /// <summary>
    /// Accounts that hold one of <paramref name="identifiers"/> under the system's own equality and under ASCII case
    /// folding. The caller keys them itself: more than asked for is harmless, and absence proves nothing.
    /// </summary>
    Task<IReadOnlyList<Account>> FindAsync(IReadOnlyDictionary<IdentifierKind, IReadOnlyList<string>> identifiers, CancellationToken cancellation);
}

/// <summary>Creates accounts.</summary>
public interface ICreatesAccounts : IConnectedSystem
{
    /// <summary>
    /// Writes one new record with exactly these fields, the id among them.
    /// <see cref="Done"/>, <see cref="AlreadyExists"/>, <see cref="Refused"/>, <see cref="Throttled"/>, <see cref="Unavailable"/> or <see cref="Unknown"/>.
    /// </summary>
    Task<WriteOutcome> CreateAsync(AccountId id, Fields fields, CancellationToken cancellation);
}

/// <summary>Numbers its accounts itself, in an id of one field.</summary>
public interface INumbersAccounts : ICreatesAccounts
{
    /// <summary>
    /// Takes the next numbers from where the system takes them, each an id that no account has now; none is given twice while this connection to it lives. Taken
    /// ahead, a number is known before the account is made with it; one that is never used leaves a gap. <see cref="SystemUnavailableException"/> where there is none.
    /// </summary>
    /// <param name="count">How many, at least one.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>As many, in the form that a record has them.</returns>
    Task<IReadOnlyList<FieldValue>> TakeNumbersAsync(int count, CancellationToken cancellation);
}

/// <summary>Changes accounts.</summary>
public interface IUpdatesAccounts : IConnectedSystem
{
    /// <summary>Sets <paramref name="set"/> on one account if it is there and holds <paramref name="precondition"/>; else <see cref="Drifted"/>.</summary>
    Task<WriteOutcome> UpdateAsync(AccountId id, Fields set, Fields precondition, CancellationToken cancellation);
}

/// <summary>Deletes accounts.</summary>
public interface IDeletesAccounts : IConnectedSystem
{
    /// <summary>Deletes one account if it is there and holds <paramref name="precondition"/>; else <see cref="Drifted"/>.</summary>
    Task<WriteOutcome> DeleteAsync(AccountId id, Fields precondition, CancellationToken cancellation);
}

/// <summary>What a system is like, so far as plans depend on it.</summary>
public sealed record SystemFacts
{
    /// <summary>Whether a new account's id may be ours to choose.</summary>
    public required bool TakesChosenId { get; init; }

    /// <summary>Whether it numbers its accounts itself, and lets a number be taken before the account is made: it is then an <see cref="INumbersAccounts"/>.</summary>
    public bool GivesNumbers { get; init; }

    /// <summary>Whether a precondition is checked and the change made in one transaction of the system.</summary>
    public required bool AtomicPreconditions { get; init; }

    /// <summary>
    /// Whether it refuses by itself, before it makes anything, an account with an identifier by which <see cref="IFindsAccounts"/> would find another's: then nobody
    /// need look before the first creation, only after it was refused.
    /// </summary>
    public bool RefusesTakenIdentifiers { get; init; }

    /// <summary>Whether an account can take another id.</summary>
    public bool CanChangeIds { get; init; } = true;

    /// <summary>Fields whose values the system gives itself and lets nobody change.</summary>
    public IReadOnlySet<string> UnchangeableFields { get; init; } = new HashSet<string>();

    /// <summary>Fields that must not be null.</summary>
    public IReadOnlySet<string> NotNullFields { get; init; } = new HashSet<string>();

    /// <summary>Fields that must have a value, and get none by themselves when an account is made without one.</summary>
    public IReadOnlySet<string> FieldsWithoutDefault { get; init; } = new HashSet<string>();

    /// <summary>Whether an existing field can be made one that must have a value.</summary>
    public bool CanRequireValues { get; init; } = true;

    /// <summary>Whether every id is a uuid: an account from a system that numbers its accounts gets a new one.</summary>
    public bool IdsAreUuids { get; init; }

    /// <summary>How accounts that are created come by their password; null where the config alone says it.</summary>
    public PasswordHashRules? PasswordHashes { get; init; }

    /// <summary>How the system writes a value of another system down: what is planned stands there as it will be read back. Null where it keeps what it is given.</summary>
    public Func<ForeignValue, Spelled>? Spelling { get; init; }

    /// <summary>What the system does by itself when an account is deleted, one sentence each.</summary>
    public IReadOnlyList<string> DeletionEffects { get; init; } = [];

    /// <summary>Why nobody is merged, deleted or given another id there, and what to do; null where accounts may go.</summary>
    public string? KeepsAccounts { get; init; }

    /// <summary>Whether no two of its accounts ever have one e-mail address, proved or not: it moves from one to another within it.</summary>
    public bool AddressesAreUnique { get; init; }

    /// <summary>The table of a database in which the accounts stand behind an API that does not tell what refers to them; null where there is none.</summary>
    public string? TableBehind { get; init; }

    /// <summary>What a person can do where one proved e-mail stands under several ids, as a sentence; empty where the system knows no way of its own.</summary>
    public string DuplicateAdvice { get; init; } = "";

    /// <summary>The value as the system will hold it when it is written to that field, or why it can't be.</summary>
    public Spelled Spell(ForeignValue value)
        => value.Value.AsBrokenText is not null && value.Value != value.Present
            ? Spelled.Not("takes text, which bytes that are no UTF-8 are not")
            : Spelling?.Invoke(value) ?? new Spelled(value.Value);
}

/// <summary>A part of a bulk read.</summary>
public abstract record ReadPart;

/// <summary>Some accounts, at least one.</summary>
public sealed record ReadAccounts(IReadOnlyList<Account> Accounts) : ReadPart;

/// <summary>Some accounts as a few fields each, at least one.</summary>
public sealed record ReadFields(FieldRows Rows) : ReadPart;

/// <summary>A record that is no account, because its id is null or not readable.</summary>
public sealed record UnreadableRecord(string Where, string Problem) : ReadPart;

/// <summary>The end of a bulk read.</summary>
/// <param name="Accounts">How many accounts were handed over.</param>
/// <param name="Complete">Whether the system itself said that there are no more.</param>
public sealed record ReadEnd(long Accounts, bool Complete) : ReadPart;

/// <summary>A system could not be read; the message says which, and what to do.</summary>
public sealed class SystemUnavailableException(string message, Exception? inner = null) : IOException(message, inner)
{
    /// <summary>Whether the system answered, and with something about what was asked that can't be read: other accounts of it may be readable.</summary>
    public bool Answered { get; init; }

    /// <summary>For how long the system asked to be left alone; null where it did not.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether it asked for that because of this account alone: what others ask of the system goes on.</summary>
    public bool LimitIsOfAccount { get; init; }

    /// <summary>What the connector did not foresee, which who reports this shows or logs as well; null where it knows what happened.</summary>
    public Exception? Unforeseen { get; init; }
}
