using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.MongoDb;

/// <summary>
/// Which of the documented actions the server would refuse, by what it says of our own user: <c>connectionStatus</c> with <c>showPrivileges</c>
/// (docs reference/command/connectionStatus, reference/resource-document).
/// </summary>
internal sealed class MongoPermissions(MongoDatabase database, SystemConfig config)
{
    /// <summary>In a privilege's resource: every database, or every collection.</summary>
    private const string Every = "";

    private readonly string accounts = config.Settings["collection"];

    public async Task<IReadOnlyList<PermissionProbe>> ProbeAsync(CancellationToken cancellation)
    {
        BsonDocument told;
        try
        {
            told = (await database.RunAsync(BsonDocument.Of(("connectionStatus", 1), ("showPrivileges", true)), cancellation)).Document("authInfo");
        }
        catch (MongoErrorException exception)
        {
            return [.. Needs().Select(need => new PermissionProbe(need.Action, ProbeAnswer.Unknown, $"The server does not tell: {exception.Message}"))];
        }

        // Nobody is signed in, and the server let us in: it has no access control.
        var unguarded = told.Find("authenticatedUsers") is not null && told.Document("authenticatedUsers").IsEmpty;
        return
        [
            .. Needs().Select(need => unguarded ? new PermissionProbe(need.Action, ProbeAnswer.Yes)
                : told.Find("authenticatedUserPrivileges") is null ? new PermissionProbe(need.Action, ProbeAnswer.Unknown, "The server does not tell what its user may do.")
                : Judge(need.Action, need.Collections, [.. told.Documents("authenticatedUserPrivileges")])),
        ];
    }

    /// <summary>The table of docs/connectors/mongodb.md; <see cref="Every"/> for the database itself.</summary>
    private IEnumerable<(string Action, IReadOnlyList<string> Collections)> Needs()
    {
        string[] all = [.. new[] { accounts }.Concat(config.Records.Select(record => record.Table)).Concat(config.References.Select(place => place.Table)).Distinct(StringComparer.Ordinal)];
        yield return ("listCollections", [Every]);
        foreach (var action in new[] { "find", "listIndexes", "insert", "update", "remove" })
        {
            yield return (action, all);
        }

        yield return ("createIndex", [accounts]);
        yield return ("dropIndex", [accounts]);
    }

    private PermissionProbe Judge(string action, IReadOnlyList<string> collections, IReadOnlyList<BsonDocument> privileges)
    {
        var granting = privileges.Where(privilege => privilege.Document("actions").Any(granted => granted.Value.AsText is { } name && (name == action || name == "anyAction"))).ToList();
        var lacking = collections.Where(collection => !granting.Exists(privilege => Covers(privilege.Document("resource"), collection))).ToList();
        return lacking.Count == 0 ? new PermissionProbe(action, ProbeAnswer.Yes)
            : new PermissionProbe(action, ProbeAnswer.No, lacking is [Every]
                ? $"Grant '{action}' on the database '{database.Name}'."
                : $"Grant '{action}' on {string.Join(", ", lacking)} in the database '{database.Name}'.");
    }

    private bool Covers(BsonDocument resource, string collection)
        => resource.Flag("anyResource")
            || (resource.Find("db")?.AsText is { } there && (there == Every || there == database.Name)
                && resource.Find("collection")?.AsText is { } granted && (granted == Every || granted == collection));
}
