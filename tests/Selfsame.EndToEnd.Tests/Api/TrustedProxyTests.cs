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

    private static async Task<HttpStatusCode> SignUpAsync(RunningServer server, string forwardedFor, string email)
    {
        using var client = new HttpClient { BaseAddress = server.Address };
        client.DefaultRequestHeaders.Add("X-Forwarded-For", forwardedFor);
        using var answer = await client.PostAsJsonAsync("/api/v1/sign-ups", new { email, password = RunningServer.Password });
        return answer.StatusCode;
    }
}
