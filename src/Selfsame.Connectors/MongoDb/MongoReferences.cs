using System.Runtime.CompilerServices;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>What refers to accounts: MongoDB has no foreign keys, so only the places that the config declares.</summary>
internal sealed class MongoReferences(MongoDatabase database)
{
    private const int ValuesPerQuery = 1000;

    public async Task<IReadOnlyList<ReferencePlace>> FindPlacesAsync(IReadOnlyList<ReferencePlace> declared, CancellationToken cancellation)
    {
        var known = (await CollectionsAsync(cancellation)).ToHashSet(StringComparer.Ordinal);
        var places = new List<ReferencePlace>();
        foreach (var place in declared)
        {
            if (!known.Contains(place.Table))
            {
                throw new SystemUnavailableException(
                    $"'{database.System}': there is no collection '{place.Table}', which 'references' names as {place}. Correct it or leave it out.");
            }

            var indexes = await new MongoCollection(database, place.Table).IndexesAsync(cancellation);
            var unique = indexes.Select(index => new MongoIndex(index)).Where(index => index.Unique && index.Fields.Intersect(place.Fields).Any());
            places.Add(place with { UniqueSets = [.. unique.Select(index => index.Fields)], Enforced = false });
        }

        return places;
    }

    /// <summary>The declared places that are not there: MongoDB makes a collection by the first document, so that a misspelt name is no error to it.</summary>
    public async Task<IEnumerable<PermissionProbe>> LostAsync(IReadOnlyList<ReferencePlace> declared, CancellationToken cancellation)
    {
        var known = (await CollectionsAsync(cancellation)).ToHashSet(StringComparer.Ordinal);
        return declared.Where(place => !known.Contains(place.Table)).Select(place => new PermissionProbe(
            $"references at {place}", ProbeAnswer.No, $"There is no collection '{place.Table}', which 'references' names. Correct it in the config, or leave it out."));
    }

    public async Task<IReadOnlyList<ReferringRow>> ReadReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
    {
        var rows = new List<ReferringRow>();
        foreach (var place in places)
        {
            await foreach (var some in InPortionsAsync(place, accounts, sorted: true, cancellation))
            {
                rows.AddRange(some);
            }
        }

        return rows;
    }

    // A document may hold an id in several forms, which no grouping of the server takes for one: they are read and counted here, a portion of the accounts at a time.
    public async Task<IReadOnlyList<ReferringCount>> CountReferringAsync(
        IReadOnlyList<ReferencePlace> places, IReadOnlyList<Account> accounts, CancellationToken cancellation)
    {
        var counts = new List<ReferringCount>();
        foreach (var place in places)
        {
            await foreach (var some in InPortionsAsync(place, accounts, sorted: false, cancellation))
            {
                counts.AddRange(some.CountBy(row => row.Account).Select(pair => new ReferringCount(place, pair.Key, pair.Value)));
            }
        }

        return counts;
    }

    private async IAsyncEnumerable<IEnumerable<ReferringRow>> InPortionsAsync(
        ReferencePlace place, IReadOnlyList<Account> accounts, bool sorted, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var collection = new MongoCollection(database, place.Table);
        foreach (var portion in accounts.Where(account => Values(place, account).TrueForAll(value => !value.IsNull)).Chunk(ValuesPerQuery))
        {
            var owners = Owners(place, portion);
            var rows = await collection.FindAsync(MongoFilters.Holding(place.Fields, portion.Select(account => Values(place, account))), cancellation, sorted: sorted);
            yield return rows.Select(row => new ReferringRow(place, Owner(place, row, owners), row.Record.Only([MongoCollection.Id]), row.Record));
        }
    }

    /// <summary>Whether a document at the place still holds the values.</summary>
    public async Task<bool> HasReferenceAsync(NoReferenceLeft check, MongoTransaction? transaction)
        => check.Values.All(value => !value.IsNull)
            && (await new MongoCollection(database, check.Place.Table)
                .FindAsync(MongoFilters.Holding(check.Place.Fields, [check.Values]), CancellationToken.None, transaction, limit: 1)).Count > 0;

    /// <summary>The names of the database's collections.</summary>
    public async Task<IEnumerable<string>> CollectionsAsync(CancellationToken cancellation)
        => (await database.ReadListAsync(BsonDocument.Of(("listCollections", 1), ("nameOnly", true)), cancellation)).Select(collection => collection.Text("name"));

    private static List<FieldValue> Values(ReferencePlace place, Account account) => [.. place.AccountFields.Select(account.Record.ValueOrNull)];

    // Every form in which a document may hold the account's values, and whose they are.
    private static Dictionary<string, AccountId> Owners(ReferencePlace place, IEnumerable<Account> accounts)
    {
        var owners = new Dictionary<string, AccountId>(StringComparer.Ordinal);
        foreach (var account in accounts)
        {
            owners.TryAdd(Text(Values(place, account)), account.Id);
        }

        return owners;
    }

    private AccountId Owner(ReferencePlace place, MongoRow row, Dictionary<string, AccountId> owners)
        => owners.TryGetValue(Text(place.Fields.Select(row.Record.ValueOrNull)), out var owner)
            ? owner
            : throw new SystemUnavailableException(
                $"'{database.System}': the document {row.Record.ValueOrNull(MongoCollection.Id)} of {place.Table} refers to an account within a list in {string.Join(", ", place.Fields)}. "
                + "Selfsame moves single references only: take this place out of 'references' and move its lists yourself.");

    private static string Text(IEnumerable<FieldValue> values) => string.Join('\n', values.Select(value => value.ToString()));
}
