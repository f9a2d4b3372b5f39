using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Users;

namespace Selfsame.EndToEnd.Tests.Api;

public sealed class SessionApiTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Sessions = "/api/v1/sessions";
    private const string Me = "/api/v1/me";
    private readonly RunningServer server = shared.Server;

    [Fact]
    public async Task A_name_in_another_case_with_blanks_around_it_signs_in_and_the_token_works_until_it_is_ended()
    {
        var user = await server.MakeUserAsync();

        var answer = await server.Anonymous().PostAsync(Sessions, new { login = $"  {user.Username!.ToUpperInvariant()} ", password = RunningServer.Password });
        answer.ShouldHaveStatus(201);
        answer.Headers.ShouldNotContainKey("Set-Cookie");
        answer.Json.GetProperty("user").GetProperty("uuid").GetGuid().ShouldBe(user.Uuid);
        answer.Json.GetProperty("session").GetProperty("kind").GetString().ShouldBe("bearer");
        var caller = server.Bearing(answer.TextOf("token")!);
        (await caller.GetAsync(Me)).ShouldHaveStatus(200).TextOf("username").ShouldBe(user.Username);
        (await caller.DeleteAsync($"{Sessions}/current")).ShouldHaveStatus(204);
        (await caller.GetAsync(Me)).ShouldBeProblem(401, "sign-in-required");
    }

    [Fact]
    public async Task Sessions_are_listed_and_one_is_ended_from_another()
    {
        var user = await server.MakeUserAsync();
        var here = await server.SignInAsync(user.Email!);
        var there = await server.SignInAsync(user.Email!);
        var stranger = await server.SignInNewUserAsync();

        var list = (await here.GetAsync(Sessions)).ShouldHaveStatus(200).Json.GetProperty("sessions").EnumerateArray().ToList();
        list.Count.ShouldBe(2);
        list.Count(session => session.GetProperty("current").GetBoolean()).ShouldBe(1);
        var other = list.Single(session => !session.GetProperty("current").GetBoolean()).GetProperty("uuid").GetString();
        (await stranger.Api.DeleteAsync($"{Sessions}/{other}")).ShouldBeProblem(404, "not-found");
        (await there.GetAsync(Me)).ShouldHaveStatus(200);
        (await here.DeleteAsync($"{Sessions}/{other}")).ShouldHaveStatus(204);
        (await there.GetAsync(Me)).ShouldBeProblem(401, "sign-in-required");
        (await here.GetAsync(Me)).ShouldHaveStatus(200);
    }

    [Fact]
    public async Task A_cookie_is_set_without_a_token_in_the_body_and_signs_in()
    {
        var user = await server.MakeUserAsync();

        var answer = await SignInWithCookieAsync(user);
        var cookie = Cookie(answer);

        answer.Json.GetProperty("token").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
        answer.Header("Set-Cookie").ShouldNotBeNull().ShouldContain("httponly", Case.Insensitive);
        answer.Header("Set-Cookie")!.ShouldContain("samesite=lax", Case.Insensitive);
        (await server.Anonymous().GetAsync(Me, ("Cookie", cookie))).ShouldHaveStatus(200);
        var signOut = (await server.Anonymous().DeleteAsync($"{Sessions}/current", ("Cookie", cookie))).ShouldHaveStatus(204);
        signOut.Header("Set-Cookie").ShouldNotBeNull().ShouldContain("expires=Thu, 01 Jan 1970", Case.Insensitive);
        (await server.Anonymous().GetAsync(Me, ("Cookie", cookie))).ShouldBeProblem(401, "sign-in-required");
    }

    [Theory]
    [InlineData("Origin", "https://evil.example")]
    [InlineData("Origin", "null")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    public async Task A_cookie_that_another_sites_page_sends_along_changes_nothing(string header, string value)
    {
        var user = await server.MakeUserAsync();
        var cookie = Cookie(await SignInWithCookieAsync(user));

        (await server.Anonymous().PatchAsync(Me, new { firstName = "Mallory" }, ("Cookie", cookie), (header, value))).ShouldBeProblem(401, "sign-in-required");
        (await server.Anonymous().DeleteAsync($"{Sessions}/current", ("Cookie", cookie), (header, value))).ShouldBeProblem(401, "sign-in-required");

        (await server.Anonymous().GetAsync(Me, ("Cookie", cookie))).ShouldHaveStatus(200).Json.GetProperty("firstName").ValueKind
            .ShouldBe(System.Text.Json.JsonValueKind.Null);
        (await server.Anonymous().PatchAsync(Me, new { firstName = "Own" }, ("Cookie", cookie), ("Sec-Fetch-Site", "same-origin"))).ShouldHaveStatus(200);
    }

    [Fact]
    public async Task Guessing_is_slowed_down_and_the_answer_says_for_how_long()
    {
        var user = await server.MakeUserAsync();
        var answers = new List<ApiAnswer>();
        for (var attempt = 0; attempt < 8; attempt++)
        {
            answers.Add(await server.Anonymous().PostAsync(Sessions, new { login = user.Email, password = $"guess number {attempt}" }));
        }

        var refused = answers[^1];
        refused.ShouldBeProblem(429, "too-many-requests");
        refused.RetryAfter.ShouldBeGreaterThanOrEqualTo(1);
        answers[0].ShouldBeProblem(401, "sign-in-refused");
    }

    [Fact]
    public async Task A_service_checks_a_users_token()
    {
        var service = await server.ServiceAsync(ServiceScope.VerifySessions);
        var user = await server.SignInNewUserAsync();

        var good = (await service.PostAsync("/api/v1/session-checks", new { token = user.Api.Token })).ShouldHaveStatus(200).Json;
        good.GetProperty("active").GetBoolean().ShouldBeTrue();
        good.GetProperty("user").GetProperty("uuid").GetGuid().ShouldBe(user.User.Uuid);
        var bad = (await service.PostAsync("/api/v1/session-checks", new { token = "guess" })).ShouldHaveStatus(200).Json;
        bad.GetProperty("active").GetBoolean().ShouldBeFalse();
        bad.GetProperty("user").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
        (await user.Api.PostAsync("/api/v1/session-checks", new { token = user.Api.Token })).ShouldBeProblem(403, "forbidden");
        (await (await server.ServiceAsync(ServiceScope.ReadUsers)).PostAsync("/api/v1/session-checks", new { token = "x" })).ShouldBeProblem(403, "forbidden");
        (await server.Anonymous().PostAsync("/api/v1/session-checks", new { token = "x" })).ShouldBeProblem(401, "sign-in-required");
    }

    private async Task<ApiAnswer> SignInWithCookieAsync(User user)
        => (await server.Anonymous().PostAsync(Sessions, new { login = user.Email, password = RunningServer.Password, cookie = true })).ShouldHaveStatus(201);

    private static string Cookie(ApiAnswer answer)
        => answer.Header("Set-Cookie")!.Split('\n').Single(cookie => cookie.StartsWith("selfsame_session=", StringComparison.Ordinal)).Split(';')[0];
}
