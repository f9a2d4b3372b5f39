using System.Text.Json.Serialization;

namespace Selfsame.Core.Accounts;

/// <summary>What happens to one row.</summary>
public enum RowAction
{
    Insert,
    Update,
    Delete,

    /// <summary>It stays as it is: what else is written relies on it. Such a write is not journaled, for it changes nothing.</summary>
    Keep,
}

/// <summary>
/// One row's change within a change to several rows, complete enough to be made, recognised as made, and reversed.
/// </summary>
public sealed record RowWrite
{
    /// <summary>The table or collection; the accounts' own under its configured name.</summary>
    public required string Table { get; init; }

    public required RowAction Action { get; init; }

    /// <summary>The row's primary key by its fields, before the change.</summary>
    public required Fields Key { get; init; }

    /// <summary>
    /// What the row must hold: for an update at least the fields that it sets, for a deletion every field that does not
    /// change by itself, for one that is kept what is relied upon, for an insertion nothing.
    /// </summary>
    public required Fields Before { get; init; }

    /// <summary>What it holds afterwards: for an update the fields it sets, for an insertion the whole row, for a deletion nothing.</summary>
    public required Fields After { get; init; }

    /// <summary>The row's key when the write is made.</summary>
    [JsonIgnore]
    public Fields KeyAfter => Key.With(After.Only(Key.Keys));

    /// <summary>Whether the row under <see cref="KeyAfter"/>, null where there is none, is as this write leaves it.</summary>
    public bool IsMade(Fields? present)
        => Action == RowAction.Delete ? present is null : present is not null && After.DifferencesFrom(present, "").Count == 0;

    /// <summary>The write that takes this one back.</summary>
    public RowWrite Reversed() => Action switch
    {
        RowAction.Insert => this with { Action = RowAction.Delete, Before = After, After = Fields.Empty },
        RowAction.Delete => this with { Action = RowAction.Insert, Before = Fields.Empty, After = Before },
        _ => this with { Key = KeyAfter, Before = After, After = Before.Only(After.Keys) },
    };
}

/// <summary>No row at a place may refer to an account when the writes are done: a reference that arrived meanwhile stops them all.</summary>
/// <param name="Place">Where to look.</param>
/// <param name="Values">The values of the account's fields, in the order of the place's fields.</param>
public sealed record NoReferenceLeft(ReferencePlace Place, IReadOnlyList<FieldValue> Values)
{
    /// <summary>After how many of the writes it is checked; null for where <see cref="IWritesTogether.WriteTogetherAsync"/> says.</summary>
    public int? AfterWrites { get; init; }
}

/// <summary>Changes several rows as one.</summary>
public interface IWritesTogether : IConnectedSystem
{
    /// <summary>The accounts' own table or collection, as <see cref="RowWrite.Table"/> and <see cref="ReferencePlace.Table"/> name it.</summary>
    string AccountsTable { get; }

    /// <summary>How many calls of <see cref="WriteTogetherAsync"/> it takes at the same time; more than one only where each is one transaction.</summary>
    int SimultaneousWrites => 1;

    /// <summary>
    /// Makes all <paramref name="writes"/> in order, in one transaction where <see cref="SystemFacts.AtomicPreconditions"/> is true, else one
    /// after the other. A row that is already as its write leaves it counts as done, so that the same call can be
    /// repeated after a lost answer; one that is neither as before nor as after is <see cref="Drifted"/>.
    /// <paramref name="noneLeft"/> is checked after the last insert or update and before the first deletion of a row of the accounts' own
    /// table, unless it says after which write; a reference found there is <see cref="Drifted"/> too. A deletion by which the system itself would delete or change other
    /// rows (ON DELETE CASCADE, SET NULL) is <see cref="Refused"/> and names them. Where writes are not one transaction,
    /// <see cref="Drifted"/> may leave the first of them made; the message says how many.
    /// </summary>
    Task<WriteOutcome> WriteTogetherAsync(
        IReadOnlyList<RowWrite> writes, IReadOnlyList<NoReferenceLeft> noneLeft, CancellationToken cancellation);

    /// <summary>The rows under these keys as they are now, in the same order; null for one that is not there.</summary>
    Task<IReadOnlyList<Fields?>> ReadRowsAsync(IReadOnlyList<(string Table, Fields Key)> keys, CancellationToken cancellation);

    /// <summary>How many rows stand under each of these keys, in the same order: several only of a table without a key, where they are equal in everything.</summary>
    async Task<IReadOnlyList<int>> CountRowsAsync(IReadOnlyList<(string Table, Fields Key)> keys, CancellationToken cancellation)
        => [.. (await ReadRowsAsync(keys, cancellation)).Select(row => row is null ? 0 : 1)];
}
