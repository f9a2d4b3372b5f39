using System.Net;
using System.Net.Http.Json;
using Selfsame.Store;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>Whose address counts behind proxies.</summary>
public sealed class TrustedProxyTests
{
    [Fact]
    public async Task Behind_two_trusted_proxies_each_client_is_its_own_address_and_what_a_client_claims_is_not_believed()
    {
        await using var server = await RunningServer.StartAsync(options => options with
        {
            TrustedProxies = [IPNetwork.Parse("127.0.0.1/32"), IPNetwork.Parse("10.0.0.0/8")],
            Tenants = [RunningServer.Unlimited with { SignUpLimit = new RateLimit("sign-up", 1, TimeSpan.FromHours(1)) }],
        });

        (await SignUpAsync(server, "203.0.113.7, 10.0.0.2", "a@example.com")).ShouldBe(HttpStatusCode.Created);
        (await SignUpAsync(server, "203.0.113.200, 10.0.0.2", "b@example.com")).ShouldBe(HttpStatusCode.Created);
        (await SignUpAsync(server, "198.51.100.1, 203.0.113.7, 10.0.0.2", "c@example.com")).ShouldBe(HttpStatusCode.TooManyRequests);
    }

    // The 6th sign-up an hour of all people got 429, and nothing said why.
    [Theory]
    [InlineData("", "127.0.0.1")]
    [InlineData("10.0.0.0/8", "127.0.0.1")]
    [InlineData("127.0.0.0/8", null)]
    public async Task A_proxy_that_is_not_trusted_is_told_once_and_one_that_is_or_no_proxy_is_not(string trusted, string? told)
    {
        using var log = new KeptLog();
        await using var server = await RunningServer.StartAsync(options => options with
        {
            TrustedProxies = [.. trusted.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(IPNetwork.Parse)],
            Log = log,
        });
        const string warning = "is none of 'trustedProxies'";
        (await server.Anonymous().GetAsync("/healthz")).ShouldHaveStatus(200);
        log.Lines.ShouldNotContain(line => line.Contains(warning, StringComparison.Ordinal));

        // What a client itself claims stands before what its proxy adds.
        await SignUpAsync(server, "198.51.100.1, 203.0.113.7", "a@example.com");
        await SignUpAsync(server, "203.0.113.8", "b@example.com");

        var warnings = log.Lines.Where(line => line.Contains(warning, StringComparison.Ordinal)).ToList();
        if (told is null)
        {
            warnings.ShouldBeEmpty();
        }
        else
        {
            warnings.ShouldHaveSingleItem().ShouldContain($"A request from {told} ");
        }
    }

    private static async Task<HttpStatusCode> SignUpAsync(RunningServer server, string forwardedFor, string email)
    {
        using var client = new HttpClient { BaseAddress = server.Address };
        client.DefaultRequestHeaders.Add("X-Forwarded-For", forwardedFor);
        using var answer = await client.PostAsJsonAsync("/api/v1/sign-ups", new { email, password = RunningServer.Password });
        return answer.StatusCode;
    }
}
