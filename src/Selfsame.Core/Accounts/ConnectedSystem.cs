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

/// <summary>Reads single accounts from the primary, freshly.</summary>
public interface IReadsAccountsById : IConnectedSystem
{
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

    /// <summary>Whether a precondition is checked and the change made in one transaction of the system.</summary>
    public required bool AtomicPreconditions { get; init; }

    /// <summary>Fields that must not be null.</summary>
    public IReadOnlySet<string> NotNullFields { get; init; } = new HashSet<string>();

    /// <summary>Whether an existing field can be made one that must have a value.</summary>
    public bool CanRequireValues { get; init; } = true;

    /// <summary>Fields whose text the system itself puts into lower case: what is planned for them stands there as it will be.</summary>
    public IReadOnlySet<string> LowerCaseFields { get; init; } = new HashSet<string>();

    /// <summary>What the system does by itself when an account is deleted, one sentence each.</summary>
    public IReadOnlyList<string> DeletionEffects { get; init; } = [];

    /// <summary>What a person can do where one proved e-mail stands under several ids, as a sentence; empty where the system knows no way of its own.</summary>
    public string DuplicateAdvice { get; init; } = "";

    /// <summary>The value as the system will hold it when it is written to that field.</summary>
    public FieldValue AsStored(string field, FieldValue value)
        => LowerCaseFields.Contains(field) && value.AsText is { } text ? FieldValue.Text(text.ToLowerInvariant()) : value;
}

/// <summary>A part of a bulk read.</summary>
public abstract record ReadPart;

/// <summary>Some accounts, at least one.</summary>
public sealed record ReadAccounts(IReadOnlyList<Account> Accounts) : ReadPart;

/// <summary>A record that is no account, because its id is null or not readable.</summary>
public sealed record UnreadableRecord(string Where, string Problem) : ReadPart;

/// <summary>The end of a bulk read.</summary>
/// <param name="Accounts">How many accounts were handed over.</param>
/// <param name="Complete">Whether the system itself said that there are no more.</param>
public sealed record ReadEnd(long Accounts, bool Complete) : ReadPart;

/// <summary>A system could not be read; the message says which, and what to do.</summary>
public sealed class SystemUnavailableException(string message, Exception? inner = null) : IOException(message, inner);
