using Selfsame.Connectors.MongoDb;
using Selfsame.Core.Accounts;

namespace Selfsame.Contract.Tests.Connectors.MongoDb;

/// <summary>What the server would refuse, told beforehand: by each documented action, on every collection that is used.</summary>
[Trait("needs", "node, libmongoc")]
public sealed class MongoDbPermissionTests : IAsyncLifetime
{
    private static readonly string[] Actions = ["listCollections", "find", "listIndexes", "insert", "update", "remove", "createIndex", "dropIndex"];

    private MongoTestDatabase database = null!;

    public async ValueTask InitializeAsync()
    {
        database = await MongoTestDatabase.OnStandInAsync();
        await database.InsertAsync(MongoTestDatabase.Collection, """{"_id": 1, "id": "1", "login": "ann", "mail": "ann@example.org"}""");
        await database.InsertAsync("prints", """{"_id": 1}""");
    }

    public ValueTask DisposeAsync() => database.DisposeAsync();

    [Fact]
    public async Task A_server_without_access_control_refuses_nothing()
    {
        var probes = await ProbeAsync();

        probes.Select(probe => probe.Name).ShouldBe(Actions);
        probes.ShouldAllBe(probe => probe.Answer == ProbeAnswer.Yes);
    }

    [Theory]
    [InlineData("""{"db": "DATABASE", "collection": ""}""")]
    [InlineData("""{"db": "", "collection": ""}""")]
    [InlineData("""{"anyResource": true}""")]
    public async Task Privileges_on_the_database_on_every_one_and_on_everything_are_enough(string resource)
    {
        await SignInAsync((resource, Actions));

        (await ProbeAsync()).ShouldAllBe(probe => probe.Answer == ProbeAnswer.Yes);
    }

    [Fact]
    public async Task Each_missing_action_is_named_with_the_collections_that_lack_it()
    {
        await SignInAsync(
            ("""{"db": "DATABASE", "collection": ""}""", ["listCollections", "find"]),
            ("""{"db": "DATABASE", "collection": "members"}""", ["listIndexes", "insert", "update", "createIndex"]),
            ("""{"db": "DATABASE", "collection": "prints"}""", ["listIndexes", "update"]),
            ("""{"db": "another", "collection": ""}""", Actions),
            ("""{"cluster": true}""", Actions));

        var probes = await ProbeAsync();

        probes.Where(probe => probe.Answer == ProbeAnswer.Yes).Select(probe => probe.Name).ShouldBe(["listCollections", "find", "listIndexes", "update", "createIndex"]);
        probes.Where(probe => probe.Answer == ProbeAnswer.No).Select(probe => (probe.Name, probe.WhatToDo)).ShouldBe(
        [
            ("insert", $"Grant 'insert' on prints in the database '{database.Name}'."),
            ("remove", $"Grant 'remove' on members, prints in the database '{database.Name}'."),
            ("dropIndex", $"Grant 'dropIndex' on members in the database '{database.Name}'."),
        ]);
    }

    [Fact]
    public async Task Where_the_server_does_not_tell_it_is_unknown()
    {
        await database.FaultAsync("connectionStatus", "error", code: 59);

        var probes = await ProbeAsync();

        probes.Select(probe => probe.Name).ShouldBe(Actions);
        probes.ShouldAllBe(probe => probe.Answer == ProbeAnswer.Unknown && probe.WhatToDo.Length > 0);
    }

    [Fact]
    public async Task A_server_that_breaks_off_is_unavailable()
    {
        await database.FaultAsync("connectionStatus", "dropBefore", count: 10);

        await Should.ThrowAsync<SystemUnavailableException>(ProbeAsync);
    }

    [Fact]
    public async Task A_collection_that_is_named_under_references_and_not_there_is_told()
    {
        var lost = (await database.Open(references: "printz").ProbeAsync(CancellationToken.None)).Where(probe => probe.Answer != ProbeAnswer.Yes).ShouldHaveSingleItem();

        (lost.Answer, lost.Name).ShouldBe((ProbeAnswer.No, "references at printz.owner"));
        lost.WhatToDo.ShouldBe("There is no collection 'printz', which 'references' names. Correct it in the config, or leave it out.");
    }

    private Task<IReadOnlyList<PermissionProbe>> ProbeAsync() => database.Open(references: "prints").ProbeAsync(CancellationToken.None);

    /// <summary>The connection's user has these privileges.</summary>
    private Task<BsonDocument> SignInAsync(params (string Resource, string[] Actions)[] privileges)
        => database.RunAsync($$"""{"standInUser": "selfsame", "privileges": [{{string.Join(", ", privileges.Select(Privilege))}}]}""");

    private string Privilege((string Resource, string[] Actions) granted)
    {
        var actions = string.Join(", ", granted.Actions.Select(action => $"\"{action}\""));
        return $$"""{"resource": {{granted.Resource.Replace("DATABASE", database.Name, StringComparison.Ordinal)}}, "actions": [{{actions}}]}""";
    }
}
