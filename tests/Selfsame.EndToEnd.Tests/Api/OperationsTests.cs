using System.Globalization;
using System.Text.RegularExpressions;
using Selfsame.Core.Provisioning;
using Selfsame.EndToEnd.Tests.Pages;
using Selfsame.EndToEnd.Tests.Reconciliation;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;
using Selfsame.Store.Webhooks;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api;

public sealed partial class OperationsTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private readonly RunningServer server = shared.Server;

    [Fact]
    public async Task It_is_alive_and_ready()
    {
        (await server.Anonymous().GetAsync("/healthz")).ShouldHaveStatus(200).Text.ShouldBe("ok\n");
        (await server.Anonymous().GetAsync("/readyz")).ShouldHaveStatus(200).Text.ShouldBe("ok\n");
    }

    [Theory]
    [InlineData("/healthz", 200)]
    [InlineData("/openapi/v1.json", 200)]
    [InlineData("/sign-in", 200)]
    [InlineData("/api/v1/me", 401)]
    [InlineData("/nowhere", 404)]
    public async Task HEAD_is_answered_as_GET_without_the_content(string path, int status)
    {
        using var http = new HttpClient { BaseAddress = server.Address };

        // More than once on one connection: content would be read as the next answer.
        for (var call = 0; call < 3; call++)
        {
            using var head = await http.SendAsync(new HttpRequestMessage(HttpMethod.Head, path));
            using var get = await http.GetAsync(path);
            ((int)head.StatusCode, await head.Content.ReadAsStringAsync()).ShouldBe((status, ""));
            ((int)get.StatusCode, head.Content.Headers.ContentType).ShouldBe((status, get.Content.Headers.ContentType));
        }
    }

    [Theory]
    [InlineData("DELETE FROM schema_migrations")]
    [InlineData("DROP TABLE schema_migrations")]
    public async Task Without_its_schema_it_is_alive_and_not_ready(string damage)
    {
        await using var damaged = await RunningServer.StartAsync();
        await damaged.Context.Database.TransactAsync(transaction => transaction.ExecuteAsync(damage));

        (await damaged.Anonymous().GetAsync("/healthz")).ShouldHaveStatus(200);
        (await damaged.Anonymous().GetAsync("/readyz")).ShouldBeProblem(503, "not-ready");
    }

    [Fact]
    public async Task Conflicts_are_counted_by_field_and_by_whether_they_repeat()
    {
        var user = await server.MakeUserAsync();
        await server.Context.Database.TransactAsync(
            transaction => transaction.ExecuteAsync("UPDATE users SET created_at = @then WHERE uuid = @Uuid", new { then = DateTimeOffset.UtcNow.AddMinutes(-1), user.Uuid }),
            CancellationToken.None);
        var (newBefore, repeatBefore) = (await ConflictsAsync(repeat: false), await ConflictsAsync(repeat: true));

        for (var attempt = 0; attempt < 2; attempt++)
        {
            (await server.Anonymous().PostAsync("/api/v1/sign-ups", new { username = user.Username, email = $"metrics{attempt}@example.com", password = RunningServer.Password }))
                .ShouldBeProblem(409, "identifier-taken");
        }

        // Other tests of this process count, too.
        (await ConflictsAsync(repeat: false)).ShouldBeGreaterThanOrEqualTo(newBefore + 1);
        (await ConflictsAsync(repeat: true)).ShouldBeGreaterThanOrEqualTo(repeatBefore + 1);
        var recorded = await ConflictReport.ReadAsync(server.Context, "main", 1, 2, CancellationToken.None);
        recorded.Conflicts.Select(conflict => (conflict.Field, conflict.Repeats)).ShouldBe([("username", true), ("username", false)]);
    }

    [Fact]
    public async Task Every_line_of_the_metrics_is_in_the_text_format()
    {
        var answer = (await server.Anonymous().GetAsync("/metrics")).ShouldHaveStatus(200);

        answer.Header("Content-Type").ShouldBe("text/plain; version=0.0.4; charset=utf-8");
        answer = await server.Anonymous().GetAsync("/metrics");
        answer.Text.ShouldContain("http_server_request_duration_seconds_count{");
        answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !Line().IsMatch(line)).ShouldBeEmpty();
    }

    [Fact]
    public async Task How_provisioning_and_webhooks_stand_is_in_the_metrics()
    {
        await using var own = await RunningServer.StartAsync(options => options with
        {
            Tenants = [RunningServer.Unlimited with { ProvisionTo = ["app"] }, RunningServer.Unlimited with { Name = "quiet", Disclosure = Disclosure.Hide, ProvisionTo = ["hidden"] }],
            Webhooks = [OperationsPageTests.Unreachable("crm") with { Tenant = "main" }, OperationsPageTests.Unreachable("secret") with { Tenant = "quiet" }],
        });
        await own.MakeUserAsync();
        await own.MakeUserAsync();
        await ProvisionedRows.SettleAsync(own.Context, "app", new FoundConflict("taken"));
        await own.MakeUserAsync();
        await FailingEvents.AddAsync(own.Context, "idp", 2, "down");
        await new SignUp(own.Context).ExecuteAsync(
            new SignUpRequest { Tenant = "quiet", Form = new SignUpForm { Email = "free@example.org", Password = RunningServer.Password }, Actor = Actor.System }, TestContext.Current.CancellationToken);

        var text = (await own.Anonymous().GetAsync("/metrics")).ShouldHaveStatus(200).Text;

        text.ShouldContain("\nselfsame_provisioning_rows{state=\"conflict\",system=\"app\"} 2\n");
        text.ShouldContain("\nselfsame_provisioning_rows{state=\"pending\",system=\"app\"} 1\n");
        text.ShouldContain("\nselfsame_provisioning_rows{state=\"linked\",system=\"app\"} 0\n");
        text.ShouldContain("\nselfsame_webhooks_waiting{endpoint=\"crm\",tenant=\"main\"} 6\n");
        text.ShouldContain("\nselfsame_webhooks_given_up{endpoint=\"crm\",tenant=\"main\"} 0\n");
        text.ShouldContain("\nselfsame_mails_given_up{tenant=\"main\"} 0\n");
        text.ShouldContain("\nselfsame_mails_waiting{tenant=\"main\"} ");
        text.ShouldNotContain("tenant=\"quiet\"");
        text.ShouldNotContain("system=\"hidden\"");
        (await ProvisionedRows.SettleAsync(own.Context, "hidden", new FoundConflict("taken"))).ShouldBe(1);
        (await WebhookBacklogs.ReadAsync(own.Context, TestContext.Current.CancellationToken)).ShouldContain(backlog => backlog.Endpoint == "secret" && backlog.Waiting > 0);
        text.ShouldContain("\nselfsame_provisioning_oldest_waiting_seconds{system=\"app\"} ");
        text.ShouldContain("\nselfsame_events_waiting{system=\"idp\"} 2\n");
        text.ShouldContain("\nselfsame_events_failing{system=\"idp\"} 2\n");
        text.ShouldContain("\nselfsame_events_oldest_waiting_seconds{system=\"idp\"} ");
        text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !Line().IsMatch(line)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Every_answer_carries_the_security_headers_and_a_correlation_id()
    {
        foreach (var path in new[] { "/healthz", "/api/v1/me", "/api/v1/nothing", "/openapi/v1.json" })
        {
            var answer = await server.Anonymous().GetAsync(path);
            answer.Header("X-Content-Type-Options").ShouldBe("nosniff");
            answer.Header("Cache-Control").ShouldNotBeNull().ShouldContain("no-store");
            answer.Header("X-Correlation-Id").ShouldNotBeNullOrEmpty();
        }
    }

    [Fact]
    [Trait("needs", "postgresql")]
    public async Task On_PostgreSQL_it_is_ready_too()
    {
        await using var postgres = await RunningServer.StartOnPostgreSqlAsync();

        (await postgres.Anonymous().GetAsync("/readyz")).ShouldHaveStatus(200);
        (await postgres.Anonymous().PostAsync("/api/v1/sign-ups", new { email = "a@example.com", password = RunningServer.Password })).ShouldHaveStatus(201);
        await StoreInvariants.CheckAsync(postgres.Context.Database);
    }

    private async Task<double> ConflictsAsync(bool repeat)
    {
        var text = (await server.Anonymous().GetAsync("/metrics")).Text;
        return Conflict().Matches(text).Where(match => match.Groups["repeat"].Value == (repeat ? "true" : "false"))
            .Sum(match => double.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex("^selfsame_identifier_conflicts_total\\{field=\"username\",repeat=\"(?<repeat>true|false)\"\\} (?<count>\\d+)$", RegexOptions.Multiline)]
    private static partial Regex Conflict();

    [GeneratedRegex("""^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="([^"\\]|\\.)*"(,[a-z_]+="([^"\\]|\\.)*")*\})? [-+0-9.E]+)$""")]
    private static partial Regex Line();
}
