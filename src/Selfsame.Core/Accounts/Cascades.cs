namespace Selfsame.Core.Accounts;

/// <summary>Tells what deletions from another table of its database take along, for a system whose own API does not: Supabase's <c>auth.users</c>.</summary>
public interface ITellsCascades : IConnectedSystem
{
    /// <summary>
    /// What goes along with each of these accounts of <paramref name="table"/> (<c>schema.table</c>, by its column <c>id</c>), a sentence for each table with the number of
    /// rows; throws <see cref="SystemUnavailableException"/> where the table is not there, or it can't be told now.
    /// </summary>
    Task<IReadOnlyDictionary<AccountId, IReadOnlyList<string>>> ReadCascadesAsync(string table, IReadOnlyList<AccountId> ids, CancellationToken cancellation);
}
