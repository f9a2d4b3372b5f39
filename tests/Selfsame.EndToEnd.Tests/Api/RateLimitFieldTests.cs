using Selfsame.Store;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>Where a limit stands is told on every answer that it decided or let pass, and never for what another thing decided.</summary>
public sealed class RateLimitFieldTests
{
    private const string Sessions = "/api/v1/sessions";

    [Fact]
    public async Task A_sign_in_tells_what_is_left_of_its_networks_limit_and_the_back_off_tells_none()
    {
        await using var server = await RunningServer.StartAsync(options => options with
        {
            Tenants = [RunningServer.Unlimited with { SignInLimit = new RateLimit("sign-in", 20, TimeSpan.FromMinutes(10)) }],
        });
        var user = await server.MakeUserAsync();
        var caller = server.Anonymous();

        var right = (await caller.PostAsync(Sessions, new { login = user.Email, password = RunningServer.Password })).ShouldHaveStatus(201);
        var wrong = (await caller.PostAsync(Sessions, new { login = "nobody", password = "wrong" })).ShouldHaveStatus(401);
        for (var attempt = 1; attempt < 5; attempt++)
        {
            (await caller.PostAsync(Sessions, new { login = "nobody", password = "wrong" })).ShouldHaveStatus(401);
        }

        var backOff = (await caller.PostAsync(Sessions, new { login = "nobody", password = "wrong" })).ShouldHaveStatus(429);

        right.Header("RateLimit").ShouldNotBeNull().ShouldStartWith("\"sign-in\";r=20;");
        right.Header("RateLimit-Policy").ShouldBe("\"sign-in\";q=20;w=600");
        wrong.Header("RateLimit").ShouldNotBeNull().ShouldStartWith("\"sign-in\";r=19;");
        backOff.RetryAfter.ShouldBeGreaterThan(0);
        backOff.Header("RateLimit").ShouldBeNull();
    }

    // docs/api.md: an app keeps no cookie jar, and shares its network with whoever is in it.
    [Fact]
    public async Task An_app_that_sends_a_cookie_of_its_own_is_known_by_it_and_not_held_to_its_networks_limit()
    {
        await using var server = await RunningServer.StartAsync(options => options with
        {
            Tenants = [RunningServer.Unlimited with { SignInLimit = new RateLimit("sign-in", 3, TimeSpan.FromMinutes(10)) }],
        });
        var user = await server.MakeUserAsync();
        var right = new { login = user.Email, password = RunningServer.Password };
        var cookie = ("Cookie", $"selfsame_browser={new string('x', 40)}");
        (await server.Anonymous().PostAsync(Sessions, right, cookie)).ShouldHaveStatus(201).Headers.ShouldNotContainKey("Set-Cookie");
        for (var name = 0; name < 3; name++)
        {
            (await server.Anonymous().PostAsync(Sessions, new { login = $"nobody{name}", password = "wrong" })).ShouldHaveStatus(401);
        }

        (await server.Anonymous().PostAsync(Sessions, right)).ShouldHaveStatus(429).Header("RateLimit").ShouldNotBeNull();
        (await server.Anonymous().PostAsync(Sessions, right, cookie)).ShouldHaveStatus(201).Header("RateLimit").ShouldBeNull();
    }

    [Fact]
    public async Task The_sixth_mail_to_an_address_waits_for_what_is_left_of_the_hour()
    {
        await using var server = await RunningServer.StartAsync();
        var caller = await server.SignInNewUserAsync();
        for (var mail = 0; mail < 5; mail++)
        {
            (await AskAsync()).ShouldHaveStatus(202);
        }

        var full = await AskAsync();

        full.ShouldBeProblem(429, "too-many-requests");
        full.RetryAfter.ShouldBeInRange(1, 3600);
        full.Header("RateLimit").ShouldNotBeNull().ShouldStartWith("\"mail-to-recipient\";r=0;");

        Task<ApiAnswer> AskAsync() => caller.Api.PutAsync("/api/v1/me/email", new { email = "new@example.com", password = RunningServer.Password });
    }

    [Fact]
    public async Task The_description_declares_when_to_come_back_on_every_429_and_503()
    {
        await using var server = await RunningServer.StartAsync();
        var paths = (await server.Anonymous().GetAsync("/openapi/v1.json")).Json.GetProperty("paths");

        var refusals = paths.EnumerateObject().SelectMany(path => path.Value.EnumerateObject())
            .SelectMany(operation => operation.Value.GetProperty("responses").EnumerateObject())
            .Where(response => response.Name is "429" or "503").ToList();

        refusals.ShouldNotBeEmpty();
        refusals.ShouldAllBe(response => response.Value.GetProperty("headers").EnumerateObject().Any(header => header.Name == "Retry-After"));
        refusals.Where(response => response.Name == "429").ShouldAllBe(response => response.Value.GetProperty("headers").EnumerateObject().Any(header => header.Name == "RateLimit"));
    }
}
