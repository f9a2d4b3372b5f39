namespace Selfsame.Core.Accounts;

/// <summary>What goes along with an account that is deleted, at one place.</summary>
/// <param name="Rows">The place, and how many rows refer there.</param>
/// <param name="Sentence">The same for people.</param>
public sealed record ToldCascade(TakenRows Rows, string Sentence);

/// <summary>Tells what deletions from another table of its database take along, for a system whose own API does not: Supabase's <c>auth.users</c>.</summary>
public interface ITellsCascades : IConnectedSystem
{
    /// <summary>
    /// What goes along with each of these accounts of <paramref name="table"/> (<c>schema.table</c>, by its column <c>id</c>), place by place, also where no row refers now; throws
    /// <see cref="SystemUnavailableException"/> where the table is not there, or it can't be told now.
    /// </summary>
    Task<IReadOnlyDictionary<AccountId, IReadOnlyList<ToldCascade>>> ReadCascadesAsync(string table, IReadOnlyList<AccountId> ids, CancellationToken cancellation);
}
