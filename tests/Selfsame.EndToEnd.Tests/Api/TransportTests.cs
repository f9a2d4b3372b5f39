using System.Net;
using System.Net.Http.Json;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>What browsers are told about TLS, where a proxy that is not listed ends it and where there is none.</summary>
public sealed class TransportTests
{
    private const string PublicHost = "id.example.com";

    [Fact]
    public async Task Where_people_come_by_https_every_cookie_is_Secure_and_HSTS_is_sent_whatever_the_connection_looks_like()
    {
        await using var server = await StartAsync(new Uri($"https://{PublicHost}"));
        var user = await server.MakeUserAsync();
        using var client = Client(server);

        using var form = await client.GetAsync("/sign-in");
        using var signedIn = await client.PostAsJsonAsync("/api/v1/sessions", new { login = user.Email, password = RunningServer.Password, cookie = true });
        using var missing = await client.GetAsync("/api/v1/nothing");

        var cookies = new[] { form, signedIn }.SelectMany(Cookies).ToList();
        cookies.Select(cookie => cookie[..cookie.IndexOf('=', StringComparison.Ordinal)]).Distinct().ShouldBe(["selfsame_form", "selfsame_browser", "selfsame_session"], ignoreOrder: true);
        cookies.ShouldAllBe(cookie => cookie.Contains("; secure", StringComparison.OrdinalIgnoreCase));
        foreach (var answer in new[] { form, signedIn, missing })
        {
            answer.Headers.GetValues("Strict-Transport-Security").ShouldBe(["max-age=31536000"]);
        }
    }

    // An older browser names the page's origin and no Sec-Fetch-Site: behind such a proxy its own pages were taken for another site's.
    [Fact]
    public async Task A_browser_that_names_the_public_origin_is_the_sites_own_and_another_is_not()
    {
        await using var server = await StartAsync(new Uri($"https://{PublicHost}"));
        var user = await server.MakeUserAsync();
        using var client = Client(server);
        using var signedIn = await client.PostAsJsonAsync("/api/v1/sessions", new { login = user.Email, password = RunningServer.Password, cookie = true });
        client.DefaultRequestHeaders.Add("Cookie", Cookies(signedIn).Single(cookie => cookie.StartsWith("selfsame_session=", StringComparison.Ordinal)).Split(';')[0]);

        (await PatchAsync(client, $"https://{PublicHost}")).ShouldBe(HttpStatusCode.OK);
        (await PatchAsync(client, $"http://{PublicHost}")).ShouldBe(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Without_a_public_address_a_developers_http_works_and_nothing_asks_for_TLS()
    {
        await using var server = await StartAsync(null);
        var user = await server.MakeUserAsync();
        using var client = Client(server);

        using var form = await client.GetAsync("/sign-in");
        using var signedIn = await client.PostAsJsonAsync("/api/v1/sessions", new { login = user.Email, password = RunningServer.Password, cookie = true });

        new[] { form, signedIn }.SelectMany(Cookies).ShouldAllBe(cookie => !cookie.Contains("; secure", StringComparison.OrdinalIgnoreCase));
        form.Headers.Contains("Strict-Transport-Security").ShouldBeFalse();
    }

    private static Task<RunningServer> StartAsync(Uri? publicAddress) => RunningServer.StartAsync(options => publicAddress is null
        ? options
        : options with { PublicAddresses = new Dictionary<string, Uri> { ["main"] = publicAddress } });

    private static HttpClient Client(RunningServer server)
    {
        var client = new HttpClient(new HttpClientHandler { UseCookies = false }) { BaseAddress = server.Address };
        client.DefaultRequestHeaders.Host = PublicHost;
        return client;
    }

    private static IEnumerable<string> Cookies(HttpResponseMessage answer) => answer.Headers.TryGetValues("Set-Cookie", out var values) ? values : [];

    private static async Task<HttpStatusCode> PatchAsync(HttpClient client, string origin)
    {
        using var request = new HttpRequestMessage(HttpMethod.Patch, "/api/v1/me") { Content = JsonContent.Create(new { firstName = "Kari" }) };
        request.Headers.Add("Origin", origin);
        using var answer = await client.SendAsync(request);
        return answer.StatusCode;
    }
}
