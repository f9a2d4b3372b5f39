using System.Text.Json;
using Selfsame.Core.Reconciliation;
using Selfsame.EndToEnd.Tests.Api;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Examples;

/// <summary>examples/login-duplicates: a MongoDB collection whose users differ only by case.</summary>
[Trait("needs", "node, libmongoc")]
public sealed class LoginDuplicatesTests : IDisposable
{
    private readonly ExampleFolder example;

    public LoginDuplicatesTests()
    {
        example = new ExampleFolder("login-duplicates", ("MONGODB_URI", MongoAddress.NewDatabaseAsync("example", replicaSet: false).GetAwaiter().GetResult()));
        File.WriteAllText(example["selfsame.yaml"], File.ReadAllText(example["selfsame.yaml"]) + "minimumAge: 0\n");
        File.WriteAllText(
            example["dump.mjs"],
            """
            import { MongoClient } from 'mongodb';
            const client = new MongoClient(process.env.MONGODB_URI);
            for (const name of ['users', 'models_3d', 'printers', 'print_jobs', 'comments']) {
              for (const row of await client.db().collection(name).find().sort({ _id: 1 }).toArray()) console.log(name, JSON.stringify(row, Object.keys(row).sort()));
            }
            for (const index of await client.db().collection('users').indexes()) console.log('index', index.name, !!index.unique, index.collation?.locale, index.collation?.strength);
            await client.close();
            """);
    }

    public static TheoryData<string> CrashPoints => [.. ApplyCrashPoints.All, ApplyCrashPoints.IndexDropped];

    public void Dispose() => example.Dispose();

    [Fact]
    public async Task Afterwards_there_is_one_user_per_name_the_oldest_with_all_references_and_an_index_that_folds_case()
    {
        await example.RunNodeAsync("make-data.mjs");

        var audit = await example.ExpectAsync(2, "audit");
        audit.ShouldContain("3 accounts of app have the username printmaster");
        audit.ShouldContain("WeakIndex");
        var plan = await example.ExpectAsync(2, "plan", "-o", "plan.json");
        plan.ShouldContain("signs in with: the password of dobbeltop");
        plan.ShouldNotContain("pbkdf2_sha256$");
        await example.ExpectAsync(0, "apply", "plan.json", "--merged", "merged.jsonl");

        var dump = await DumpAsync();
        dump.Where(line => line.StartsWith("users", StringComparison.Ordinal)).Select(line => JsonDocument.Parse(line[6..]).RootElement.GetProperty("username").GetString())
            .ShouldBe(["dobbeltop", "printmaster", "ann", "Åse"]);
        dump.ShouldContain(line => line.Contains("\"username\":\"dobbeltop\"", StringComparison.Ordinal) && line.Contains("\"city\":\"Nijmegen\"", StringComparison.Ordinal)
            && line.Contains("$salt1$", StringComparison.Ordinal));
        dump.ShouldContain("index username_1 true en 2");
        dump.Where(line => line.StartsWith("comments", StringComparison.Ordinal)).Select(line => line[(line.IndexOf("author_name", StringComparison.Ordinal) + 14)..^2])
            .ShouldBe(["dobbeltop", "dobbeltop", "printmaster", "ann"]);
        dump.Where(line => line.Contains("user_id", StringComparison.Ordinal)).ShouldAllBe(line => new[] { "01\"", "04\"", "06\"", "07\"" }.Any(end => line.Contains("0000000" + end)));
        (await example.ExpectAsync(0, "audit")).ShouldContain("Clean");
        File.ReadAllLines(example["merged.jsonl"]).Length.ShouldBe(4);
    }

    [Fact]
    public async Task Everybody_who_stays_moves_into_Selfsame_and_signs_in_with_the_password_that_the_plan_named()
    {
        await example.RunNodeAsync("make-data.mjs");
        var merges = JsonDocument.Parse(await example.ExpectAsync(2, "plan", "-o", "plan.json", "--json")).RootElement.GetProperty("changes");
        var survivors = merges.EnumerateArray().Where(change => change.GetProperty("action").GetString() == "merge").Select(change => change.GetProperty("account").GetString()![^2..]);
        survivors.Order(StringComparer.Ordinal).ShouldBe(["01", "04", "07"]);
        await example.ExpectAsync(0, "apply", "plan.json");

        (await example.ExpectAsync(2, "plan", "--config", "move-in.yaml", "-o", "move-in.json")).ShouldContain("signs in with: the password of app");
        File.ReadAllText(example["move-in.json"]).ShouldNotContain("pbkdf2_sha256$");
        await example.ExpectAsync(0, "apply", "move-in.json", "--config", "move-in.yaml");
        (await example.ExpectAsync(0, "audit", "--config", "move-in.yaml")).ShouldContain("Clean");

        await using var server = await example.ServeAsync("move-in.yaml");
        var visitor = new ApiClient(server.Address);
        foreach (var (name, number) in new[] { ("dobbeltop", 1), ("PRINTMASTER", 4), ("ann", 6), ("åse", 7) })
        {
            (await visitor.PostAsync("/api/v1/sessions", new { login = name, password = $"correct horse {number}" })).Status.ShouldBe(201, name);
        }

        (await visitor.PostAsync("/api/v1/sessions", new { login = "dobbeltop", password = "correct horse 2" })).Status.ShouldBe(401);
    }

    [Theory]
    [MemberData(nameof(CrashPoints))]
    public async Task Kill_9_of_apply_without_transactions_and_the_same_plan_again_end_whole_and_undo_restores_every_document(string point)
    {
        await example.RunNodeAsync("make-data.mjs");
        var before = await DumpAsync();
        await example.ExpectAsync(2, "plan", "-o", "plan.json");

        (await example.CrashAsync(point, "apply", "plan.json")).ShouldBe(137);
        var applied = await example.ExpectAsync(0, "apply", "plan.json", "--json");

        (await example.ExpectAsync(0, "audit")).ShouldContain("Clean");
        var run = JsonDocument.Parse(applied).RootElement.GetProperty("run").GetString()!;
        await example.ExpectAsync(0, "undo", run, "--yes");
        (await DumpAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task Killed_while_the_old_index_is_away_and_with_new_duplicates_since_the_old_one_stands_again()
    {
        await example.RunNodeAsync("make-data.mjs");
        File.WriteAllText(
            example["sign-up.mjs"],
            """
            import { MongoClient } from 'mongodb';
            const client = new MongoClient(process.env.MONGODB_URI);
            await client.db().collection('users').insertMany([{ username: 'fay' }, { username: 'Fay' }]);
            await client.close();
            """);
        var old = (await DumpAsync()).Single(line => line.StartsWith("index username_1", StringComparison.Ordinal));
        await example.ExpectAsync(2, "plan", "-o", "plan.json");
        (await example.CrashAsync(ApplyCrashPoints.IndexDropped, "apply", "plan.json")).ShouldBe(137);
        (await DumpAsync()).ShouldNotContain(line => line.StartsWith("index username_1", StringComparison.Ordinal));
        await example.RunNodeAsync("sign-up.mjs");

        var applied = await example.ExpectAsync(2, "apply", "plan.json");

        applied.ShouldContain("Equal by now: fay");
        applied.ShouldContain("The index username_1, which an earlier attempt had dropped, is made again.");
        (await DumpAsync()).ShouldContain(old);
    }

    // The official driver writes with a number by which its session may send a write again.
    [Fact]
    public async Task The_data_are_made_on_a_replica_set_too_and_an_answer_that_is_lost_makes_nothing_twice()
    {
        var connection = MongoAddress.WithDatabase((await MongoStandIn.SharedAsync(replicaSet: true)).ConnectionString, $"retried_{Guid.CreateVersion7():N}");
        using var replicated = new ExampleFolder("login-duplicates", ("MONGODB_URI", connection));
        await replicated.RunNodeAsync("make-data.mjs");
        File.WriteAllText(
            replicated["retry.mjs"],
            """
            import { MongoClient } from 'mongodb';
            const client = new MongoClient(process.env.MONGODB_URI);
            const database = client.db();
            const users = database.collection('users');
            console.log(await users.countDocuments());
            await database.command({ standInFault: 'insert', action: 'dropAfter' });
            console.log((await users.insertMany([{ username: 'fay' }, { username: 'gil' }])).insertedCount, await users.countDocuments());
            await users.createIndex({ city: 1 });
            await database.command({ standInFault: 'findAndModify', action: 'dropAfter' });
            console.log((await users.findOneAndUpdate({ username: 'fay' }, { $set: { city: 'Oslo' } })).city, (await users.findOne({ username: 'fay' })).city);
            await database.command({ dropIndexes: 'users', index: '*' });
            console.log((await users.indexes()).map((index) => index.name).join());
            await client.close();
            """);

        (await replicated.RunNodeAsync("retry.mjs")).Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldBe(["8", "2 10", "undefined Oslo", "_id_"]);
    }

    private async Task<IReadOnlyList<string>> DumpAsync()
    {
        var output = await example.RunNodeAsync("dump.mjs");
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
