namespace Selfsame.Core.Accounts;

/// <summary>An index as the system has it, or as it should have it.</summary>
public sealed record SystemIndex
{
    /// <summary>The system's name for it.</summary>
    public required string Name { get; init; }

    /// <summary>Its fields in order; an expression stands as its text.</summary>
    public required IReadOnlyList<string> Fields { get; init; }

    public required bool Unique { get; init; }

    /// <summary>The collation of the first field, where it is not the system's default.</summary>
    public string? Collation { get; init; }

    /// <summary>The condition of a partial index, or null.</summary>
    public string? Predicate { get; init; }

    /// <summary>Whether it belongs to a constraint (a primary key, a UNIQUE constraint) and goes only with it.</summary>
    public bool OfConstraint { get; init; }

    /// <summary>The text by which the same connector makes it again exactly: SQL, or the command's JSON.</summary>
    public required string Definition { get; init; }
}

/// <summary>Tells which indexes the accounts' own table or collection has.</summary>
public interface IInspectsIndexes : IConnectedSystem
{
    Task<IReadOnlyList<SystemIndex>> ReadIndexesAsync(CancellationToken cancellation);
}

/// <summary>How many keys a system stores that were made under one version of the rules.</summary>
public sealed record StoredKeys(string Version, long Count);

/// <summary>Stores the keys of its accounts' identifiers, and under which version of the rules each was made.</summary>
public interface IStoresKeys : IConnectedSystem
{
    Task<IReadOnlyList<StoredKeys>> ReadKeyVersionsAsync(CancellationToken cancellation);
}

/// <summary>Accounts whose values of one identifier the system's own equality holds to be equal.</summary>
public sealed record EqualAccounts(string Value, IReadOnlyList<AccountId> Accounts);

/// <summary>A unique index that takes no more than one account without a value of an identifier.</summary>
/// <param name="Index">Its name.</param>
/// <param name="IsNull">Whether it is about accounts with no value at all; else about those whose text is empty.</param>
/// <param name="IsTaken">Whether there is such an account.</param>
public sealed record LoneBlank(string Index, bool IsNull, bool IsTaken);

/// <summary>
/// Knows the unique index by which this kind of system best keeps one identifier to one account. What that index holds
/// to be equal is the system's own equality, and never quite that of our keys: duplicates are looked for under both.
/// </summary>
public interface IHasCanonicalIndexes : IInspectsIndexes
{
    /// <summary>The canonical unique index for an identifier that the system maps.</summary>
    SystemIndex CanonicalIndex(IdentifierKind kind);

    /// <summary>Whether an existing index keeps the identifier as the canonical one would, whatever its name.</summary>
    bool IsCanonical(SystemIndex existing, IdentifierKind kind);

    /// <summary>
    /// What an existing unique index holds to be one that the canonical index of an identifier, and our keys, tell apart: half a sentence about it
    /// ("its collation ignores accents"); null where there is nothing that can be told.
    /// </summary>
    string? JoinsMore(SystemIndex existing, IdentifierKind kind);

    /// <summary>A plain unique index on one field, for values that have one spelling (a uuid).</summary>
    SystemIndex PlainIndex(string field);

    /// <summary>The accounts that could not stand together under the canonical index, grouped by the system itself.</summary>
    Task<IReadOnlyList<EqualAccounts>> FindEqualAsync(IdentifierKind kind, CancellationToken cancellation);

    /// <summary>Those of the <paramref name="existing"/> indexes that take one account only without the identifier.</summary>
    Task<IReadOnlyList<LoneBlank>> FindLoneBlanksAsync(IReadOnlyList<SystemIndex> existing, IdentifierKind kind, CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<LoneBlank>>([]);
}

/// <summary>What a step does to the accounts' own table or collection.</summary>
public enum SchemaAction
{
    CreateIndex,
    DropIndex,
    AddUuidField,
    DropField,

    /// <summary>The field may not be null any more.</summary>
    RequireValue,
    AllowNull,
}

/// <summary>One step of a change to a system's shape.</summary>
/// <param name="Action">What it does.</param>
/// <param name="Name">The index or the field.</param>
/// <param name="Definition">For an index the text that makes it (<see cref="SystemIndex.Definition"/>), also where it is dropped; else empty.</param>
public sealed record SchemaStep(SchemaAction Action, string Name, string Definition = "")
{
    /// <summary>The step that takes this one back.</summary>
    public SchemaStep Reversed() => this with
    {
        Action = Action switch
        {
            SchemaAction.CreateIndex => SchemaAction.DropIndex,
            SchemaAction.DropIndex => SchemaAction.CreateIndex,
            SchemaAction.AddUuidField => SchemaAction.DropField,
            SchemaAction.DropField => SchemaAction.AddUuidField,
            SchemaAction.RequireValue => SchemaAction.AllowNull,
            _ => SchemaAction.RequireValue,
        },
    };
}

/// <summary>Changes a system's shape.</summary>
public interface IChangesSchema : IInspectsIndexes
{
    /// <summary>
    /// Takes the steps in order, in one transaction where the system has them for this; else what was dropped is made
    /// again when a later step fails. A step that is already so counts as done. An index that can't be made because
    /// values are equal is <see cref="AlreadyExists"/>: everything is then as it was. An index that has the name of the one
    /// to be dropped and another definition is <see cref="Drifted"/>, and stays.
    /// </summary>
    Task<WriteOutcome> ChangeSchemaAsync(IReadOnlyList<SchemaStep> steps, CancellationToken cancellation);
}
