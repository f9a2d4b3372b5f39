using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>CASES 31: what everybody may read does not tell who is registered. In a process of its own, for the counters are the process's.</summary>
[Trait("needs", "executable")]
public sealed partial class DisclosureMetricsTests : IAsyncLifetime
{
    private const string HookToken = "the token of the log stream";

    /// <summary>Longer than what stands in the store is remembered.</summary>
    private static readonly TimeSpan UntilReadAgain = TimeSpan.FromSeconds(5.5);

    private readonly TemporaryFolder folder = new();
    private readonly HttpClient client = new();
    private SelfsameProcess server = null!;
    private string service = "";

    public async ValueTask InitializeAsync()
    {
        await using (var connection = new SqliteConnection($"Data Source={folder["app.db"]};Pooling=False"))
        {
            await connection.OpenAsync(TestContext.Current.CancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = "CREATE TABLE people (id text PRIMARY KEY, email text UNIQUE); CREATE TABLE members (id text PRIMARY KEY, email text UNIQUE)";
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        // The club is another tenant's, which hides nothing; nobody listens at port 9.
        await File.WriteAllTextAsync(
            folder["selfsame.yaml"],
            $$"""
            tenants:
              main: { emailDisclosure: hide }
              open: { emailDisclosure: reveal }
            systems:
              users: { connector: selfsame }
              app: { connector: sqlite, connection: "{{folder["app.db"]}}", table: people, identifiers: { email: email } }
              club: { connector: sqlite, tenant: open, connection: "{{folder["app.db"]}}", table: members, identifiers: { email: email } }
              idp: { connector: auth0, domain: "http://127.0.0.1:9", clientId: c, clientSecret: s, hook: { token: "{{HookToken}}" } }
            reconcile:
              - { source: users, target: app, correlate: [id], missing: createInTarget }
              - { source: app, target: club, correlate: [id], missing: createInTarget }
            webhooks:
              crm: { url: "http://127.0.0.1:9/", secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw }
            """,
            TestContext.Current.CancellationToken);
        var made = await SelfsameProcess.RunAsync(
            ["service-tokens", "create", "crm", "--scope", "provisioning:read", "--data", folder["data"], "--config", folder["selfsame.yaml"]]);
        service = ServiceToken().Match(made.StandardOutput).Value;
        service.ShouldNotBeEmpty(made.StandardError);
        server = await SelfsameProcess.ServeAsync(folder["data"], ["--config", folder["selfsame.yaml"]]);
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await server.DisposeAsync();
        folder.Dispose();
    }

    [Fact]
    public async Task Where_it_is_hidden_two_looks_at_the_metrics_around_a_sign_up_do_not_tell_whether_the_address_was_free()
    {
        // What is read first has every series that there will be.
        await SignUpAsync("owner@example.org");
        await FollowAsync(1);
        await ReadAsync();
        var before = await ReadAsync();

        await SignUpAsync("owner@example.org");
        var between = await ReadAsync();
        await SignUpAsync("free@example.org");
        var systems = await FollowAsync(2);
        var after = await ReadAsync();

        Changes(between, after).ShouldBe(Changes(before, between), ignoreOrder: true);
        between.Keys.ShouldContain(series => series.StartsWith("http_server_request_duration_seconds_count{", StringComparison.Ordinal));
        between.Keys.ShouldNotContain(series => series.StartsWith("selfsame_", StringComparison.Ordinal) && series.Contains("system=", StringComparison.Ordinal));
        between.Keys.ShouldNotContain(series => series.Contains("endpoint=", StringComparison.Ordinal));
        systems.ShouldBe(["app"], "its administrators see it");
    }

    /// <summary>What follows when a new account was told: the provider's log stream, and a program that asks; the systems that it is shown.</summary>
    private async Task<IReadOnlyList<string>> FollowAsync(int number)
    {
        using var events = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Address, "hooks/idp"))
        {
            Content = new StringContent($$$"""{"log_id":"{{{number}}}","data":{"type":"ss","user_id":"auth0|{{{number}}}"}}""", Encoding.UTF8, "application/json"),
        };
        events.Headers.TryAddWithoutValidation("Authorization", HookToken).ShouldBeTrue();
        using var taken = await client.SendAsync(events, TestContext.Current.CancellationToken);
        taken.StatusCode.ShouldBe(HttpStatusCode.Accepted);
        using var question = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Address, "api/v1/provisioning"));
        question.Headers.TryAddWithoutValidation("Authorization", $"Bearer {service}").ShouldBeTrue();
        using var answer = await client.SendAsync(question, TestContext.Current.CancellationToken);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, json.RootElement.ToString());
        return [.. json.RootElement.GetProperty("systems").EnumerateArray().Select(system => system.GetProperty("system").GetString()!)];
    }

    private async Task SignUpAsync(string email)
    {
        using var answer = await client.PostAsJsonAsync(
            new Uri(server.Address, "api/v1/sign-ups"), new { email, password = "a long enough pass phrase" }, TestContext.Current.CancellationToken);
        answer.StatusCode.ShouldBe(HttpStatusCode.Accepted);
    }

    /// <summary>Every series but times, by its name and labels.</summary>
    private async Task<Dictionary<string, double>> ReadAsync()
    {
        await Task.Delay(UntilReadAgain, TestContext.Current.CancellationToken);
        var text = await client.GetStringAsync(new Uri(server.Address, "metrics"), TestContext.Current.CancellationToken);
        return text.Split('\n').Where(line => line.Length > 0 && line[0] != '#' && !Duration().IsMatch(line)).ToDictionary(
            line => line[..line.LastIndexOf(' ')], line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture), StringComparer.Ordinal);
    }

    private static List<string> Changes(Dictionary<string, double> earlier, Dictionary<string, double> later)
        => [.. later.Where(series => series.Value != earlier.GetValueOrDefault(series.Key)).Select(series => $"{series.Key} {series.Value - earlier.GetValueOrDefault(series.Key):+0;-0}")];

    [GeneratedRegex("^[a-z_]+_(bucket|sum)\\{")]
    private static partial Regex Duration();

    [GeneratedRegex(@"sst_\S+")]
    private static partial Regex ServiceToken();
}
