using Selfsame.EndToEnd.Tests.Examples;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

/// <summary>init on the collections of examples/login-duplicates.</summary>
[Trait("needs", "node, libmongoc")]
public sealed class MongoInitTests
{
    [Fact]
    public async Task What_init_writes_for_MongoDB_names_the_users_and_what_refers_to_them_and_passes_audit()
    {
        var connection = await MongoAddress.NewDatabaseAsync("init", replicaSet: false);
        using var example = new ExampleFolder("login-duplicates", ("MONGODB_URI", connection), ("DATABASE_URL", connection));
        await example.RunNodeAsync("make-data.mjs");

        await example.ExpectAsync(0, "init", "-o", "first.yaml");

        var text = await File.ReadAllTextAsync(example["first.yaml"]);
        text.ShouldContain("collection: users");
        text.ShouldContain("connection: ${DATABASE_URL}");
        text.ShouldContain("username: username");
        text.ShouldContain("{ field: comments.author_name, holds: username }");
        text.ShouldContain("- printers.user_id");
        (await example.ExpectAsync(2, "audit", "--config", "first.yaml")).ShouldContain("3 accounts of app have the username printmaster");
    }
}
