using System.Net;
using System.Text;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.EndToEnd.Tests.Api;
using Selfsame.Server.Hosting;
using Selfsame.Server.Reconciliation;
using Selfsame.Store.Inbox;
using Selfsame.Testing;
using Selfsame.Testing.Auth0;

namespace Selfsame.EndToEnd.Tests.Hooks;

/// <summary>The way of a sign-up at Auth0: its log stream, our webhook, the inbox, the application's records.</summary>
public sealed class HookTests : IAsyncLifetime
{
    private const string Token = "verbatim token, with blanks & signs";
    private const string Hook = $$""", hook: { token: "{{Token}}" }""";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly TemporaryFolder folder = new();
    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { UseProxy = false });
    private readonly KeptLog log = new();
    private Auth0StandIn auth0 = null!;
    private RunningServer server = null!;

    public async ValueTask InitializeAsync()
    {
        App(
            """
            CREATE TABLE users (id text PRIMARY KEY, email text UNIQUE, verified integer, code text);
            CREATE UNIQUE INDEX any_name ON users (code);
            CREATE TABLE verifications (sub text PRIMARY KEY, count integer);
            CREATE TABLE members (id text PRIMARY KEY, email text UNIQUE)
            """);
        auth0 = await Auth0StandIn.StartAsync();
        server = await StartAsync();
        auth0.Log.Endpoint = new Uri(server.Address, "hooks/idp");
        auth0.Log.Authorization = Token;
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await auth0.DisposeAsync();
        http.Dispose();
        folder.Dispose();
    }

    // CASES 16: the creation event arrives two or three times (firebase/firebase-functions#62), or out of order.
    [Theory]
    [InlineData(Auth0Format.JsonLines, Auth0Delivery.AsItShouldBe)]
    [InlineData(Auth0Format.JsonArray, Auth0Delivery.Doubled | Auth0Delivery.Reversed | Auth0Delivery.AnswerLost)]
    [InlineData(Auth0Format.JsonObject, Auth0Delivery.Reversed)]
    public async Task A_sign_up_becomes_a_record_a_code_and_a_verification_record_however_its_events_come(Auth0Format format, Auth0Delivery how)
    {
        auth0.Log.Format = format;
        auth0.Users.SignUp("auth0|ann", "ann@example.org");
        auth0.Users.Verify("auth0|ann");
        // Social users are verified by their provider, and never send sv.
        auth0.Users.SignUp("google-oauth2|1", "bob@example.org", verified: true);
        auth0.Log.Add("fs", null);

        (await auth0.Log.DeliverAsync(http, how)).ShouldBe(HttpStatusCode.Accepted);

        await UntilAsync(() => App("SELECT count(*) FROM users u JOIN verifications v ON v.sub = u.id WHERE u.code LIKE 'ac__%' AND u.verified = 1")[0] == "2");
        await UntilAsync(() => App("SELECT count FROM verifications WHERE sub = 'auth0|ann'")[0] == "1");
        App("SELECT count FROM verifications WHERE sub = 'google-oauth2|1'").ShouldBe(["0"]);
    }

    [Fact]
    public async Task An_event_that_no_webhook_brought_is_found_in_the_log()
    {
        auth0.Users.SignUp("auth0|lost", "lost@example.org");
        (await auth0.Log.DeliverAsync(http, Auth0Delivery.Lost)).ShouldBeNull();

        await server.DisposeAsync();
        server = await StartAsync();

        await UntilAsync(() => App("SELECT id FROM users").SequenceEqual(["auth0|lost"]));
    }

    [Fact]
    public async Task A_wrong_missing_or_almost_right_token_is_refused_and_nothing_is_kept()
    {
        foreach (var token in new[] { "", Token[..^1], Token + "x", Token.ToUpperInvariant(), $"Bearer {Token}" })
        {
            var answer = await PostAsync("{}", token);
            answer.Status.ShouldBe(401);
            answer.Json.GetProperty("type").GetString().ShouldBe("/problems/wrong-token");
            answer.Text.ShouldNotContain(Token);
        }

        (await PostAsync("[]", Token, "nobody")).Status.ShouldBe(404);
        (await PostAsync("[]", Token, "app")).Status.ShouldBe(404);
        (await CountAsync()).ShouldBe(0);
    }

    [Theory]
    [InlineData("{\"log_id\":\"1\",\"data\":{\"type\":\"ss\"}}\n{\"log_id\":\"2\",", "after 1 whole events")]
    [InlineData("[{\"log_id\":\"1\",\"data\":{\"type\":\"ss\"}},{\"log_id\":2}]", "Event 2 of the body has no 'log_id' that is text")]
    [InlineData("", "no event")]
    [InlineData("<html>", "not JSON")]
    public async Task What_is_malformed_is_named_and_none_of_it_is_kept(string body, string problem)
    {
        var answer = await PostAsync(body, Token);

        answer.Status.ShouldBe(400);
        answer.Json.GetProperty("detail").GetString().ShouldNotBeNull().ShouldContain(problem);
        (await CountAsync()).ShouldBe(0);
    }

    // CASES 34: 10,000 events in one body, a body of 100 MB, an unknown event type.
    [Fact]
    public async Task Ten_thousand_events_in_one_body_are_fine_and_a_hundred_megabytes_are_not()
    {
        var padding = new string('x', 900);
        var body = string.Join('\n', Enumerable.Range(0, 10_000).Select(number => $$$"""{"log_id":"{{{number}}}","data":{"type":"unheard_of","description":"{{{padding}}}"}}"""));

        var answer = await PostAsync(body, Token);
        answer.Status.ShouldBe(202);
        answer.Json.GetProperty("received").GetInt32().ShouldBe(10_000);
        (await PostAsync(body, Token)).Json.GetProperty("repeats").GetInt32().ShouldBe(10_000);

        (await PostAsync(new string(' ', 100 * 1024 * 1024), Token)).Status.ShouldBe(413);
        (await CountAsync()).ShouldBe(10_000);
        (await new InboxReports(server.Context).ReadAsync(CancellationToken.None)).Single().Types.Single().ShouldBe(new("unheard_of", 10_000));
    }

    [Fact]
    public async Task What_the_log_holds_behind_lines_that_can_not_be_read_is_found_and_the_lines_are_told_and_counted()
    {
        await server.DisposeAsync();
        foreach (var number in Enumerable.Range(0, 100))
        {
            auth0.Log.Add("s", new string('x', SystemEvent.LongestText + 1 + number));
        }

        auth0.Users.SignUp("auth0|behind", "behind@example.org");
        (await auth0.Log.DeliverAsync(http, Auth0Delivery.Lost)).ShouldBeNull();
        server = await StartAsync();

        await UntilAsync(() => App("SELECT id FROM users").SequenceEqual(["auth0|behind"]));

        // Counted after it was told.
        using var patience = new CancellationTokenSource(Patience);
        while (!(await server.Anonymous().GetAsync("/metrics")).Text.Contains("selfsame_events_total{result=\"unreadable\",system=\"idp\"} 100\n", StringComparison.Ordinal))
        {
            await Task.Delay(100, patience.Token);
        }

        log.Lines.ShouldContain(line => line.Contains("The log of idp held 100 lines that can't be read") && line.Contains("'user_id' that is too long"));
    }

    [Fact]
    public async Task A_page_of_the_log_that_can_not_be_got_past_is_told_and_counted_as_a_sweep_that_failed()
    {
        await server.DisposeAsync();
        foreach (var _ in Enumerable.Range(0, 100))
        {
            auth0.Log.Add("s", "auth0|ann", ending: "\n");
        }

        server = await StartAsync();

        using var patience = new CancellationTokenSource(Patience);
        while (!(await server.Anonymous().GetAsync("/metrics")).Text.Contains("selfsame_sweeps_failed_total{system=\"idp\"} ", StringComparison.Ordinal))
        {
            await Task.Delay(100, patience.Token);
        }

        log.Lines.ShouldContain(line => line.Contains("The log of idp could not be read") && line.Contains("No line of the page") && line.Contains("control characters"));
    }

    [Fact]
    public async Task One_correlation_id_leads_from_the_webhook_through_the_inbox_and_the_chain_to_the_last_system_in_every_line()
    {
        auth0.Users.Put("auth0|ann", "ann@example.org");
        const string body = """{"log_id":"1","data":{"type":"ss","user_id":"auth0|ann"}}""";
        var first = (await PostAsync(body, Token)).Headers["X-Correlation-Id"];
        await UntilAsync(() => Provisioned($"state = 'Linked' AND due_because IS NULL AND correlation_id = '{first}'") == 2);

        // The sign-up itself, of which there was nothing before.
        (await QueryAsync("SELECT DISTINCT system || ' ' || coalesce(correlation_id, 'none') FROM provisioning_events ORDER BY 1")).ShouldBe([$"app {first}", $"board {first}"]);
        auth0.Users.Set("auth0|ann", "email_verified", true);

        var second = (await PostAsync(body.Replace("\"1\"", "\"2\"", StringComparison.Ordinal), Token)).Headers["X-Correlation-Id"];
        await UntilAsync(() => Provisioned($"state = 'Linked' AND due_because IS NULL AND correlation_id = '{second}'") == 2);

        App("SELECT verified FROM users").ShouldBe(["1"]);
        (await QueryAsync("SELECT correlation_id FROM inbox ORDER BY event_id")).ShouldBe([first, second]);
        (await QueryAsync($"SELECT DISTINCT system FROM provisioning_events WHERE correlation_id = '{second}' ORDER BY 1")).ShouldBe(["app", "board"]);
        foreach (var id in new[] { first, second })
        {
            await UntilAsync(() => log.Lines.Contains($"auth0|ann of app is Linked in board (correlation {id})"));
            var lines = log.Lines.Where(line => line.Contains($"(correlation {id})", StringComparison.Ordinal)).ToList();
            lines.ShouldContain("idp reported 1 new events and 0 repeats (correlation " + id + ")");
            lines.ShouldContain($"auth0|ann of idp is Linked in app (correlation {id})");
            lines.ShouldContain($"auth0|ann of app is Linked in board (correlation {id})");
        }

        log.Lines.ShouldAllBe(line => !line.Contains("ann@example.org", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_doctor_tells_whether_the_stream_its_token_the_clocks_and_the_codes_are_as_they_should_be()
    {
        (await ExamineAsync("webhook stream")).Answer.ShouldBe(ProbeAnswer.Yes);
        (await ExamineAsync("last event")).Answer.ShouldBe(ProbeAnswer.Unknown);
        (await ExamineAsync("clock")).Answer.ShouldBe(ProbeAnswer.Yes);
        (await ExamineAsync("user codes", "app")).Detail.ShouldContain("index 'any_name' keeps codes unique");
        (await PostAsync("""{"log_id":"1","data":{}}""", Token)).Status.ShouldBe(202);
        (await ExamineAsync("last event")).Answer.ShouldBe(ProbeAnswer.Yes);

        auth0.ClockSkew = TimeSpan.FromMinutes(10);
        (await ExamineAsync("clock")).Detail.ShouldContain("ahead of this machine's");
        auth0.Log.Status = "paused";
        (await ExamineAsync("webhook stream")).Detail.ShouldContain("is paused");
        auth0.Log.Authorization = "another token than ours";
        var other = await ExamineAsync("webhook stream");
        other.Detail.ShouldContain("another token");
        other.ToString().ShouldNotContain("another token than ours");
        auth0.Log.Endpoint = new Uri("http://127.0.0.1/elsewhere");
        (await ExamineAsync("webhook stream")).Detail.ShouldContain("no log stream leads to /hooks/idp");
        App("DROP INDEX any_name");
        (await ExamineAsync("user codes", "app")).Answer.ShouldBe(ProbeAnswer.No);
    }

    [Fact]
    public async Task The_doctor_says_what_to_add_where_the_config_has_no_hook()
    {
        var webhook = await ExamineAsync("webhook", hook: "");

        webhook.Answer.ShouldBe(ProbeAnswer.No);
        webhook.Detail.ShouldContain("no 'hook' in the config, so that changes are found by audits only");
        webhook.WhatToDo.ShouldNotBeNull().ShouldContain("hook: { token:");
    }

    // The same path on a staging server takes events, but not for us.
    [Fact]
    public async Task A_log_stream_to_a_host_that_the_config_does_not_name_is_not_ours()
    {
        const string hosts = "tenants: { main: { hosts: [id.example.com], publicUrl: \"https://www.example.com\" }, second: { hosts: [second.example.com] } }\n";
        auth0.Log.Endpoint = new Uri("https://staging.example.com/hooks/idp");

        var elsewhere = await ExamineAsync("webhook stream", config: hosts);

        elsewhere.Answer.ShouldBe(ProbeAnswer.No);
        elsewhere.Detail.ShouldContain("leads to staging.example.com");
        elsewhere.WhatToDo.ShouldContain("https://www.example.com/hooks/idp");
        foreach (var ours in new[] { "https://ID.example.com/hooks/idp", "https://www.example.com:8443/hooks/idp", "https://second.example.com/hooks/idp" })
        {
            auth0.Log.Endpoint = new Uri(ours);
            (await ExamineAsync("webhook stream", config: hosts)).Answer.ShouldBe(ProbeAnswer.Yes, ours);
        }
    }

    private async Task<Examination> ExamineAsync(string name, string area = "idp", string config = "", string hook = Hook)
    {
        await using var systems = await ConnectedSystems.OpenAsync(ReadConfig(config, hook), server.Context, Core.Accounts.Patience.OfService, CancellationToken.None);
        var examinations = await new Doctor(systems, server.Context, new ServerOptions { DataFolder = folder["data"] }, hasSecretVariable: true).ExamineAsync(filter: null, CancellationToken.None);
        return examinations.Where(examination => examination.Area == area && examination.Name == name).ShouldHaveSingleItem();
    }

    private Task<RunningServer> StartAsync() => RunningServer.StartAsync(options => ConfigFile.Apply(ReadConfig(), options) with { Log = log });

    private Topology ReadConfig(string before = "", string hook = Hook)
    {
        var yaml =
            $$"""
            systems:
              idp: { connector: auth0, domain: "{{auth0.Url}}", clientId: {{Auth0StandIn.ClientId}}, clientSecret: {{Auth0StandIn.ClientSecret}}{{hook}} }
              app:
                connector: sqlite
                connection: {{folder["app.db"]}}
                table: users
                identifiers: { email: email }
                attributes: { emailVerified: verified }
                userCode: { field: code, prefix: ac }
                records: { verifications: { table: verifications, id: sub, fields: { verificationCount: count } } }
              board: { connector: sqlite, connection: {{folder["app.db"]}}, table: members, identifiers: { email: email } }
            reconcile:
              - { source: idp, target: app, correlate: [id], missing: createInTarget, drifted: updateTarget }
              - { source: app, target: board, correlate: [id], missing: createInTarget }
            """;
        var reading = new TopologyReader(ConfigFile.Connectors, _ => null).Read(before + yaml);
        return reading.Topology.ShouldNotBeNull(string.Join('\n', reading.Errors));
    }

    private async Task<ApiAnswer> PostAsync(string body, string token, string system = "idp")
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        return await server.Anonymous().SendAsync(HttpMethod.Post, $"/hooks/{system}", content, ("Authorization", token));
    }

    private Task<long> CountAsync() => server.Context.Database.ReadAsync(transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM inbox"));

    private Task<List<string>> QueryAsync(string sql) => server.Context.Database.ReadAsync(transaction => transaction.QueryAsync<string>(sql));

    private long Provisioned(string where)
        => server.Context.Database.ReadAsync(transaction => transaction.ScalarAsync<long>($"SELECT count(*) FROM provisioning WHERE {where}")).GetAwaiter().GetResult();

    private static async Task UntilAsync(Func<bool> isSo)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!isSo())
        {
            await Task.Delay(100, patience.Token);
        }
    }

    private List<string> App(string sql) => OtherProgram.Sql(folder["app.db"], sql);
}
