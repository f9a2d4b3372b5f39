using Selfsame.Connectors.MongoDb;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors.MongoDb;

/// <summary>A database of its own on a server, and a connection beside the connector's, as another program would have it.</summary>
internal sealed class MongoTestDatabase : IAsyncDisposable
{
    public const string Collection = "members";

    private readonly string connectionString;

    public string ConnectionString => connectionString;

    public string Name { get; } = $"selfsame-{Guid.NewGuid():N}";
    private readonly LibmongocConnection outside;
    private readonly List<MongoDbSystem> systems = [];

    private MongoTestDatabase(string connectionString)
    {
        this.connectionString = connectionString;
        outside = new LibmongocConnection("outside", connectionString);
    }

    /// <summary>On the server that SELFSAME_TEST_MONGODB names, else on the stand-in.</summary>
    public static async Task<MongoTestDatabase> OnChosenServerAsync()
        => Environment.GetEnvironmentVariable("SELFSAME_TEST_MONGODB") is { Length: > 0 } named ? new(named) : await OnStandInAsync();

    /// <summary>On the stand-in, which can misbehave and be of any version.</summary>
    public static async Task<MongoTestDatabase> OnStandInAsync(string version = "5.0.0", bool replicaSet = true)
        => new((await MongoStandIn.SharedAsync(version, replicaSet)).ConnectionString);

    /// <summary>The connector on a collection of the database, mapped as the contract says unless told otherwise.</summary>
    public MongoDbSystem Open(string id = "id", string username = "login", string collection = Collection, params string[] references) => Open(
        new AccountMapping
        {
            Id = [id],
            Identifiers = new Dictionary<IdentifierKind, string> { [IdentifierKind.Username] = username, [IdentifierKind.Email] = "mail" },
            Attributes = new Dictionary<string, AttributeMapping> { ["name"] = new("name"), ["lastSignIn"] = new("seen", Noise: true) },
        },
        collection,
        references);

    /// <summary>As the other, under a mapping of the test's own.</summary>
    public MongoDbSystem Open(AccountMapping mapping, string collection, params string[] references)
    {
        var system = new MongoDbSystem(
            new SystemConfig
            {
                Name = "app",
                Connector = "mongodb",
                References = [.. references.Select(table => new ReferencePlace { Table = table, Fields = ["owner"], AccountFields = [mapping.Id[0]] })],
                Settings = new Dictionary<string, string> { ["connection"] = connectionString, ["collection"] = collection, ["database"] = Name },
                Mapping = mapping,
            });
        systems.Add(system);
        return system;
    }

    /// <summary>Runs a command, given as Extended JSON; an answer that holds an error fails the test.</summary>
    public Task<BsonDocument> RunAsync(string json) => RunAsync(BsonJson.Read(json).AsDocument);

    public async Task<BsonDocument> RunAsync(BsonDocument command)
    {
        var reply = await outside.RunAsync(new MongoRequest(Name, command), MongoPatience.Ordinary, CancellationToken.None);
        (MongoError.In(reply, "a test's command", Name)?.Message).ShouldBeNull();
        return reply;
    }

    public Task InsertAsync(string collection, params string[] documents)
        => RunAsync(BsonDocument.Of(("insert", collection), ("documents", BsonValue.OfArray(documents.Select(BsonJson.Read)))));

    /// <summary>The documents as Extended JSON, in the order of their <c>_id</c>.</summary>
    public async Task<IReadOnlyList<string>> DocumentsAsync(string collection)
        => [.. (await RunAsync($$"""{"find": "{{collection}}", "sort": {"_id": 1} }""")).Document("cursor").Documents("firstBatch").Select(document => BsonJson.TryWrite(document)!)];

    /// <summary>The next commands of that name misbehave (the head of the stand-in's <c>server.mjs</c> says how).</summary>
    public Task FaultAsync(string command, string action, int code = 0, int count = 1, int skip = 0, string label = "")
        => RunAsync($$"""
            {"standInFault": "{{command}}", "action": "{{action}}", "code": {{code}}, "count": {{count}}, "skip": {{skip}}, "milliseconds": 300,
             "labels": [{{(label.Length > 0 ? $"\"{label}\"" : "")}}]}
            """);

    /// <summary>The names of the commands that reached the stand-in so far.</summary>
    public async Task<IReadOnlyList<string>> CommandsAsync()
        => [.. (await RunAsync("""{"standInCommands": 1}""")).Document("commands").Select(command => command.Value.AsText!)];

    public async ValueTask DisposeAsync()
    {
        await RunAsync("""{"dropDatabase": 1}""");
        foreach (var system in systems)
        {
            await system.DisposeAsync();
        }

        await outside.DisposeAsync();
    }
}
