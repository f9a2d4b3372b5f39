using System.Diagnostics;
using Selfsame.Store;
using Selfsame.Store.Users;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>CASES 31: registration and reset do not tell who is registered, by text or by time.</summary>
public sealed class DisclosureApiTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(250);

    [Fact]
    public async Task Where_the_tenant_hides_it_a_free_and_a_taken_address_get_the_same_answer_at_a_step_of_the_grid()
    {
        await using var server = await StartHidingAsync();
        var owner = await server.MakeUserAsync();

        var (free, freeTime) = await SignUpAsync(server, "free@example.com", null);
        var (taken, takenTime) = await SignUpAsync(server, owner.Email!, null);

        free.ShouldHaveStatus(202);
        taken.ShouldHaveStatus(202);
        taken.Text.ShouldBe(free.Text);
        taken.Headers.Keys.ShouldBe(free.Headers.Keys, ignoreOrder: true);
        free.Text.ShouldNotContain("uuid");
        freeTime.ShouldBeGreaterThanOrEqualTo(Step - TimeSpan.FromMilliseconds(5));
        takenTime.ShouldBeGreaterThanOrEqualTo(Step - TimeSpan.FromMilliseconds(5));
        (await server.MailAsync(owner.Email!, text => text.Contains("already have an account", StringComparison.Ordinal))).ShouldContain("sign-in");
    }

    [Fact]
    public async Task Where_the_tenant_hides_it_a_username_is_chosen_once_the_address_is_proved()
    {
        await using var server = await StartHidingAsync();
        var owner = await server.MakeUserAsync();

        var (registered, _) = await SignUpAsync(server, owner.Email!, "probe");
        var (free, _) = await SignUpAsync(server, "free@example.com", "probe");

        registered.ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["username"]);
        free.ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["username"]);
        (await server.CountUsersAsync()).ShouldBe(1);

        var caller = await server.SignInNewUserAsync();
        (await caller.Api.PatchAsync("/api/v1/me", new { username = owner.Username })).ShouldBeProblem(409, "identifier-taken").Keys.ShouldBe(["username"]);
        (await caller.Api.PatchAsync("/api/v1/me", new { username = owner.Email })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["username"]);
        (await caller.Api.PatchAsync("/api/v1/me", new { username = "nobody@example.com" })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["username"]);
    }

    [Fact]
    public async Task Where_the_tenant_hides_it_a_sign_in_after_the_sign_up_gets_one_answer()
    {
        await using var server = await StartHidingAsync();
        var owner = await server.MakeUserAsync();
        await server.Anonymous().PostAsync("/api/v1/sign-ups", new { email = "free@example.com", password = "a stranger's pass phrase" });
        await server.Anonymous().PostAsync("/api/v1/sign-ups", new { email = owner.Email, password = "a stranger's pass phrase" });

        var free = await SignInAsync(server, "free@example.com", "a stranger's pass phrase");
        var registered = await SignInAsync(server, owner.Email!, "a stranger's pass phrase");

        free.ShouldBeProblem(401, "sign-in-refused");
        registered.ShouldBeProblem(401, "sign-in-refused");
        registered.TextOf("detail").ShouldBe(free.TextOf("detail"));
        free.TextOf("detail").ShouldNotBeNull().ShouldContain("not confirmed yet");
    }

    [Fact]
    public async Task A_replay_in_a_hiding_tenant_is_the_same_202()
    {
        await using var server = await StartHidingAsync();
        var body = new { email = "again@example.com", password = RunningServer.Password };

        var first = await server.Anonymous().PostAsync("/api/v1/sign-ups", body, ("Idempotency-Key", "a"));
        var second = await server.Anonymous().PostAsync("/api/v1/sign-ups", body, ("Idempotency-Key", "a"));

        second.ShouldHaveStatus(202).Text.ShouldBe(first.ShouldHaveStatus(202).Text);
        (await server.CountUsersAsync()).ShouldBe(1);
    }

    [Theory]
    [InlineData("/api/v1/password-resets", "login")]
    [InlineData("/api/v1/email-verifications", "email")]
    public async Task Asking_for_a_mail_gets_one_answer_for_everybody_at_a_step_of_the_grid(string path, string field)
    {
        await using var server = await RunningServer.StartAsync();
        var user = await server.MakeUserAsync(new AdministratorFields());
        var answers = new List<ApiAnswer>();
        foreach (var value in new[] { user.Email!, user.Username!, "nobody@example.com", "no address", "" })
        {
            var watch = Stopwatch.StartNew();
            answers.Add(await server.Anonymous().PostAsync(path, new Dictionary<string, string> { [field] = value }));
            watch.Elapsed.ShouldBeGreaterThanOrEqualTo(Step - TimeSpan.FromMilliseconds(5));
        }

        answers.ShouldAllBe(answer => answer.Status == 202);
        answers.Select(answer => answer.Text).Distinct().Count().ShouldBe(1);
    }

    [Fact]
    public async Task Unknown_wrong_and_disabled_sign_ins_get_one_answer()
    {
        await using var server = await RunningServer.StartAsync();
        var user = await server.MakeUserAsync();
        var disabled = await server.MakeUserAsync(new AdministratorFields { IsActive = false });

        ApiAnswer[] answers =
        [
            await SignInAsync(server, user.Email!, "not the password"),
            await SignInAsync(server, "nobody@example.com", RunningServer.Password),
            await SignInAsync(server, disabled.Email!, RunningServer.Password),
            await SignInAsync(server, "", ""),
            await SignInAsync(server, "\u0007", "\u0007"),
        ];

        foreach (var answer in answers)
        {
            answer.ShouldBeProblem(401, "sign-in-refused").ShouldBeEmpty();
            answer.Header("WWW-Authenticate").ShouldNotBeNull().ShouldStartWith("Bearer");
        }

        answers.Select(answer => answer.TextOf("detail")).Distinct().Count().ShouldBe(1);
    }

    private static Task<RunningServer> StartHidingAsync()
        => RunningServer.StartAsync(options => options with { Tenants = [RunningServer.Unlimited with { Disclosure = Disclosure.Hide }] });

    private static async Task<(ApiAnswer Answer, TimeSpan Time)> SignUpAsync(RunningServer server, string email, string? username)
    {
        var watch = Stopwatch.StartNew();
        var answer = await server.Anonymous().PostAsync("/api/v1/sign-ups", new { email, username, password = RunningServer.Password });
        return (answer, watch.Elapsed);
    }

    private static Task<ApiAnswer> SignInAsync(RunningServer server, string login, string password)
        => server.Anonymous().PostAsync("/api/v1/sessions", new { login, password });
}
