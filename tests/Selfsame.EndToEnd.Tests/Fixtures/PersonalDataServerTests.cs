using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Fixtures;

[Trait("needs", "pds")]
public sealed class PersonalDataServerTests
{
    [Fact]
    public async Task It_makes_accounts_for_invite_codes_and_tells_when_its_directory_is_down_or_refuses()
    {
        var database = await PostgresAddressAsync();
        await using var server = await PersonalDataServer.StartAsync(new PersonalDataServerOptions { DirectoryDatabase = database });
        using var client = Client(server);

        (await CreateAsync(client, "ann")).Status.ShouldBe(HttpStatusCode.OK);
        (await CreateAsync(client, "bob", withInvite: false)).Body.ShouldContain("InvalidInviteCode");
        await server.RefuseOperationsAsync(HttpStatusCode.TooManyRequests, 1);
        var throttled = await CreateAsync(client, "bob");
        await server.StopDirectoryAsync();
        var down = await CreateAsync(client, "bob");
        await server.StartDirectoryAsync();

        throttled.Status.ShouldBe(HttpStatusCode.BadRequest);
        throttled.Body.ShouldContain("Too Many Requests");
        down.Status.ShouldBe(HttpStatusCode.BadGateway);
        (await CreateAsync(client, "bob")).Status.ShouldBe(HttpStatusCode.OK);
        // What ann was given before the directory was stopped it still knows.
        var ann = JsonDocument.Parse(await client.GetStringAsync($"/xrpc/com.atproto.identity.resolveHandle?handle=ann.{PersonalDataServer.HandleDomain}"));
        var document = await client.GetStringAsync($"{server.DirectoryUrl}/{ann.RootElement.GetProperty("did").GetString()}");
        document.ShouldContain($"http://localhost:{server.Port}");
    }

    [Fact]
    public async Task A_held_directory_answers_nothing_until_it_goes_on()
    {
        await using var server = await PersonalDataServer.StartAsync(new PersonalDataServerOptions { InviteRequired = false });
        using var client = Client(server);
        await server.HoldDirectoryAsync();
        var creation = CreateAsync(client, "ann", withInvite: false);

        (await Task.WhenAny(creation, Task.Delay(TimeSpan.FromSeconds(1)))).ShouldNotBe(creation);
        await server.ResumeDirectoryAsync();

        (await creation).Status.ShouldBe(HttpStatusCode.OK);
    }

    private static async Task<string> PostgresAddressAsync()
    {
        var postgres = await PostgresServer.SharedAsync();
        var database = new Npgsql.NpgsqlConnectionStringBuilder(await postgres.CreateDatabaseAsync());
        return $"postgres://{database.Username}@127.0.0.1:{postgres.Port}/{database.Database}";
    }

    private static HttpClient Client(PersonalDataServer server) => new() { BaseAddress = new Uri(server.Url) };

    private static async Task<(HttpStatusCode Status, string Body)> CreateAsync(HttpClient client, string name, bool withInvite = true)
    {
        var account = new Dictionary<string, string>
        {
            ["handle"] = $"{name}.{PersonalDataServer.HandleDomain}",
            ["email"] = $"{name}@example.org",
            ["password"] = "a-password-of-tests",
        };
        if (withInvite)
        {
            account["inviteCode"] = await InviteAsync(client);
        }

        using var response = await client.PostAsJsonAsync("/xrpc/com.atproto.server.createAccount", account);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private static async Task<string> InviteAsync(HttpClient client)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/xrpc/com.atproto.server.createInviteCode") { Content = JsonContent.Create(new { useCount = 1 }) };
        var administrator = Convert.ToBase64String(Encoding.UTF8.GetBytes($"admin:{PersonalDataServer.AdminPassword}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", administrator);
        using var response = await client.SendAsync(request);
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("code").GetString()!;
    }
}
