using System.Net;
using System.Text.Json;
using Npgsql;
using Selfsame.Testing;
using Selfsame.Testing.Auth0;

namespace Selfsame.EndToEnd.Tests.Examples;

/// <summary>examples/atproto-signup: sign-ups at Auth0 whose way to a real PDS broke off before the application's first record.</summary>
[Trait("needs", "pds")]
public sealed class AtProtoSignUpTests : IAsyncLifetime
{
    private const string Token = "a log token that nobody guesses";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private PersonalDataServer pds = null!;
    private Auth0StandIn auth0 = null!;

    public async ValueTask InitializeAsync()
    {
        // One of its own: the people of the example have the same names every time.
        pds = await PersonalDataServer.StartAsync();
        auth0 = await Auth0StandIn.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await auth0.DisposeAsync();
        await pds.DisposeAsync();
    }

    [Fact]
    [Trait("needs", "node, libmongoc")]
    public async Task In_MongoDB_five_get_records_with_codes_four_get_accounts_and_the_fifth_follows_when_it_is_verified()
    {
        using var example = Example("MONGODB_URI", await MongoAddress.NewDatabaseAsync("example", replicaSet: false));

        await example.RunNodeAsync("make-users.mjs");
        var failures = await example.RunNodeAsync("make-data.mjs");

        failures.Split('\n').Count(line => line.Contains("failed: Index already exists with a different name: one_code", StringComparison.Ordinal)).ShouldBe(5);
        await RepairAsync(example, "selfsame.yaml");
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task In_PostgreSQL_five_get_records_with_codes_four_get_accounts_and_the_fifth_follows_when_it_is_verified()
    {
        var connection = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        using var example = Example("DATABASE_URL", connection + ";Pooling=false");

        await example.RunNodeAsync("make-users.mjs");
        var failures = await RunSqlAsync(connection, File.ReadAllText(example["make-data.sql"]));

        failures.Count(notice => notice.Contains("constraint \"users_code_key\" for table \"users\" does not exist", StringComparison.Ordinal)).ShouldBe(5);
        await RepairAsync(example, "postgres.yaml");
    }

    private ExampleFolder Example(string store, string address)
    {
        var example = new ExampleFolder(
            "atproto-signup",
            ("AUTH0_DOMAIN", auth0.Url), ("AUTH0_CLIENT_ID", Auth0StandIn.ClientId), ("AUTH0_CLIENT_SECRET", Auth0StandIn.ClientSecret), ("AUTH0_LOG_TOKEN", Token),
            (store, address), ("PDS_URL", pds.Url), ("PDS_ADMIN_PASSWORD", PersonalDataServer.AdminPassword), ("PLC_URL", pds.DirectoryUrl),
            ("SELFSAME_SECRET_KEY", Convert.ToBase64String(new byte[32])));
        foreach (var config in new[] { "selfsame.yaml", "postgres.yaml" })
        {
            File.WriteAllText(example[config], File.ReadAllText(example[config]) + "minimumAge: 0\n");
        }

        return example;
    }

    private async Task RepairAsync(ExampleFolder example, string config)
    {
        (await example.ExpectAsync(2, "audit", "--tenant", "main", "--last", "5", "--config", config)).ShouldContain("The newest 5 of idp: app 0 of 5, pds 0 of 5");
        (await example.ExpectAsync(2, "audit", "--config", config)).ShouldContain("ann@example.org is in idp and not in app.");
        await example.ExpectAsync(2, "audit", "--who", "auth0|of-eve", "--config", config);
        await RepairOneAsync(example, config, "auth0|of-dora");

        await example.ExpectAsync(2, "plan", "-o", "records.json", "--config", config);
        await example.ExpectAsync(0, "apply", "records.json", "--config", config);
        (await example.ExpectAsync(2, "audit", "--config", config)).ShouldContain("A handle has 3 to 18 characters");
        var accounts = await example.ExpectAsync(2, "plan", "-o", "accounts.json", "--config", config);
        accounts.ShouldContain("The handle cy is not free or not allowed in pds; the account gets ac");
        await example.ExpectAsync(0, "apply", "accounts.json", "--config", config);

        // What the service decided by itself is told and asks for nothing.
        var audit = await example.ExpectAsync(0, "audit", "--config", config);
        audit.ShouldContain("Clean");
        audit.ShouldContain("The handle cy is not free or not allowed in pds");
        using var told = JsonDocument.Parse(await example.ExpectAsync(0, "audit", "--json", "--config", config));
        told.RootElement.GetProperty("findings").GetArrayLength().ShouldBe(0);
        told.RootElement.GetProperty("notes").EnumerateArray().Single().GetProperty("sentence").GetString().ShouldNotBeNull().ShouldContain("the account gets ac");
        var people = await NewestAsync(example, config);
        people.Keys.Order(StringComparer.Ordinal).ShouldBe(["ann@example.org", "bob@example.org", "cy@example.org", "dora@example.org", "eve@example.org"]);
        people.Values.Select(person => person.Code).ShouldAllBe(code => code.StartsWith("ac", StringComparison.Ordinal));
        people.Values.Select(person => person.Code).ShouldBeUnique();
        people.ToDictionary(pair => pair.Key[..^"@example.org".Length], pair => pair.Value.Handle).ShouldBe(
            new Dictionary<string, string?> { ["ann"] = "ann", ["bob"] = "bob", ["cy"] = people["cy@example.org"].Code, ["dora"] = "dora", ["eve"] = null }, ignoreOrder: true);

        await VerifyEveAsync(example, config);
    }

    /// <summary>One person of Auth0 alone, through records and PDS: nobody else is touched.</summary>
    private static async Task RepairOneAsync(ExampleFolder example, string config, string who)
    {
        foreach (var system in new[] { "app", "pds" })
        {
            var plan = await example.ExpectAsync(2, "plan", "--who", who, "-o", "one.json", "--config", config);
            plan.ShouldContain("dora@example.org");
            plan.ShouldNotContain("ann@example.org");
            using (var written = JsonDocument.Parse(File.ReadAllText(example["one.json"])))
            {
                var changes = written.RootElement.GetProperty("changes").EnumerateArray().ToList();
                changes.Select(change => change.GetProperty("system").GetString()).ShouldBe([system]);
            }

            await example.ExpectAsync(0, "apply", "one.json", "--config", config);
        }

        await example.ExpectAsync(0, "audit", "--who", who, "--config", config);
        await example.ExpectAsync(0, "show", who, "--config", config);
        (await example.ExpectAsync(2, "audit", "--last", "5", "--config", config)).ShouldContain("The newest 5 of idp: app 1 of 5, pds 1 of 5");
    }

    private async Task VerifyEveAsync(ExampleFolder example, string config)
    {
        using var http = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false });
        await using (var server = await example.ServeAsync(config))
        {
            auth0.Log.Endpoint = new Uri(server.Address, "hooks/idp");
            auth0.Log.Authorization = Token;
            auth0.Users.Verify("auth0|of-eve");
            (await auth0.Log.DeliverAsync(http)).ShouldBe(HttpStatusCode.Accepted);

            using var patience = new CancellationTokenSource(Patience);
            while ((await NewestAsync(example, config))["eve@example.org"].Handle != "eve")
            {
                await Task.Delay(200, patience.Token);
            }

            await FollowEveAsync(example, config, http);
        }

        (await example.ExpectAsync(0, "audit", "--config", config)).ShouldContain("Clean");
        await example.ExpectAsync(0, "audit", "--who", "auth0|of-eve", "--config", config);
        (await example.ExpectAsync(0, "audit", "--tenant", "all", "--last", "5", "--config", config)).ShouldContain("The newest 5 of idp: app 5 of 5, pds 5 of 5");
    }

    /// <summary>What changes at Auth0 goes down the chain of rules: another address, a block, and its end.</summary>
    private async Task FollowEveAsync(ExampleFolder example, string config, HttpMessageInvoker http)
    {
        auth0.Users.ChangeEmail("auth0|of-eve", "eva@example.org");
        auth0.Users.Verify("auth0|of-eve");
        await UntilAsync(("eva@example.org", true));
        auth0.Users.Set("auth0|of-eve", "blocked", true);
        auth0.Log.Add("sapi", "auth0|of-eve");
        await UntilAsync(("eva@example.org", false));
        auth0.Users.Set("auth0|of-eve", "blocked", null);
        auth0.Log.Add("sapi", "auth0|of-eve");
        await UntilAsync(("eva@example.org", true));

        async Task UntilAsync((string, bool) wanted)
        {
            (await auth0.Log.DeliverAsync(http)).ShouldBe(HttpStatusCode.Accepted);
            using var patience = new CancellationTokenSource(Patience);
            while (await OnPdsAsync(example, config, "eva@example.org") != wanted)
            {
                await Task.Delay(200, patience.Token);
            }
        }
    }

    /// <summary>The address and the activity of a person's account on the PDS; null without one.</summary>
    private static async Task<(string Email, bool Active)?> OnPdsAsync(ExampleFolder example, string config, string label)
    {
        var people = JsonDocument.Parse(await example.ExpectAsync(null, "audit", "--last", "5", "--json", "--config", config))
            .RootElement.GetProperty("newest").GetProperty("idp").GetProperty("people");
        return people.EnumerateArray().Where(person => person.GetProperty("label").GetString() == label)
            .Select(person => Only(person, "pds") is { } account ? (account.GetProperty("identifiers").GetProperty("email").GetString()!, account.GetProperty("active").GetBoolean()) : default((string, bool)?))
            .SingleOrDefault();
    }

    /// <summary>By e-mail address, the code of the record and the handle of the active account.</summary>
    private static async Task<Dictionary<string, (string Code, string? Handle)>> NewestAsync(ExampleFolder example, string config)
    {
        var people = JsonDocument.Parse(await example.ExpectAsync(null, "audit", "--last", "5", "--json", "--config", config))
            .RootElement.GetProperty("newest").GetProperty("idp").GetProperty("people");
        return people.EnumerateArray().ToDictionary(
            person => person.GetProperty("label").GetString()!,
            person => (
                Only(person, "app")!.Value.GetProperty("identifiers").GetProperty("userCode").GetString()!,
                Only(person, "pds") is { } account && account.GetProperty("active").GetBoolean() ? account.GetProperty("identifiers").GetProperty("handle").GetString() : null));
    }

    private static JsonElement? Only(JsonElement person, string system)
        => person.GetProperty("accounts").GetProperty(system).EnumerateArray().Select(account => (JsonElement?)account).SingleOrDefault();

    /// <summary>What the server had to say about it.</summary>
    private static async Task<List<string>> RunSqlAsync(string connection, string sql)
    {
        var notices = new List<string>();
        await using var session = new NpgsqlConnection(connection);
        session.Notice += (_, notice) => notices.Add(notice.Notice.MessageText);
        await session.OpenAsync();
        await using var command = new NpgsqlCommand(sql, session);
        await command.ExecuteNonQueryAsync();
        return notices;
    }
}
