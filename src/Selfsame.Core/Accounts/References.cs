namespace Selfsame.Core.Accounts;

/// <summary>A place in a system whose records refer to its accounts: a foreign key, or a field that the config names.</summary>
public sealed record ReferencePlace
{
    /// <summary>The table or collection, as the config or the catalog names it (<c>schema.table</c> where it is not the default schema).</summary>
    public required string Table { get; init; }

    /// <summary>The fields that refer, in the order of <see cref="AccountFields"/>.</summary>
    public required IReadOnlyList<string> Fields { get; init; }

    /// <summary>The fields of the account's record whose values they hold: its id, its username, another unique column.</summary>
    public required IReadOnlyList<string> AccountFields { get; init; }

    /// <summary>
    /// Unique constraints of the table that one of <see cref="Fields"/> takes part in, each as its fields: moving a
    /// reference must not give two rows equal values there.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<string>> UniqueSets { get; init; } = [];

    /// <summary>Whether the system itself guards the reference (a foreign key), or only the config says that it is one.</summary>
    public bool Enforced { get; init; }

    /// <summary>Whether writers may go without that guard: SQLite keeps foreign keys only for connections that ask for it.</summary>
    public bool Bypassable { get; init; }

    /// <summary>Whether nobody can make a row refer to an account that is not there.</summary>
    public bool IsGuarded => Enforced && !Bypassable;

    /// <summary><c>table.field</c>, for people.</summary>
    public override string ToString() => $"{Table}.{string.Join('+', Fields)}";

    /// <summary>Places are the same when they are the same fields of the same table holding the same values.</summary>
    public bool IsSamePlaceAs(ReferencePlace other)
        => Table == other.Table && Fields.SequenceEqual(other.Fields) && AccountFields.SequenceEqual(other.AccountFields);
}

/// <summary>A row that refers to an account.</summary>
/// <param name="Place">Where.</param>
/// <param name="Account">The account that it refers to.</param>
/// <param name="Key">The row's primary key by its fields (<c>_id</c>, or the whole row where a table has none).</param>
/// <param name="Row">The whole row.</param>
public sealed record ReferringRow(ReferencePlace Place, AccountId Account, Fields Key, Fields Row);

/// <summary>How many rows refer to an account at one place; at least one.</summary>
public sealed record ReferringCount(ReferencePlace Place, AccountId Account, int Rows);

/// <summary>
/// Rows of several accounts that a unique index would hold to be equal if all were of one account, where it is none of <see cref="ReferencePlace.UniqueSets"/>: a partial
/// one, or one over an expression.
/// </summary>
/// <param name="Place">Where they refer.</param>
/// <param name="Index">The index's name.</param>
/// <param name="Accounts">To whom: at least two.</param>
public sealed record ReferenceClash(ReferencePlace Place, string Index, IReadOnlyList<AccountId> Accounts);

/// <summary>Finds what refers to accounts.</summary>
public interface IHasReferences : IConnectedSystem
{
    /// <summary>
    /// The places that the system itself declares, and <paramref name="declared"/> (from the config) completed from
    /// its catalog with their unique sets. A declared place that does not exist throws
    /// <see cref="SystemUnavailableException"/> and says what to correct.
    /// </summary>
    Task<IReadOnlyList<ReferencePlace>> FindPlacesAsync(IReadOnlyList<ReferencePlace> declared, CancellationToken cancellation);

    /// <summary>All rows at <paramref name="places"/> that refer to one of <paramref name="accounts"/>, from the primary, in a fixed order.</summary>
    Task<IReadOnlyList<ReferringRow>> ReadReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation);

    /// <summary>As many as <see cref="ReadReferringAsync"/> reads, without holding their rows: there may be millions. In the order of the places.</summary>
    Task<IReadOnlyList<ReferringCount>> CountReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation);

    /// <summary>What would keep references to these accounts from being references to one, as the system's own indexes tell (<see cref="ReferenceClash"/>).</summary>
    Task<IReadOnlyList<ReferenceClash>> FindClashesAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation);
}
