using Selfsame.Store;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Api;

public sealed class SignUpApiTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string SignUps = "/api/v1/sign-ups";
    private readonly RunningServer server = shared.Server;

    [Fact]
    public async Task A_sign_up_answers_with_the_user_and_never_with_a_session()
    {
        var answer = await server.Anonymous().PostAsync(
            SignUps,
            new { username = "Åse", email = "Aase@Example.com", password = RunningServer.Password, firstName = "Åse", lastName = "Ø", locale = "en-NZ", phone = "+64 21 123 4567" });

        answer.ShouldHaveStatus(201);
        answer.TextOf("username").ShouldBe("Åse");
        answer.TextOf("email").ShouldBe("Aase@Example.com");
        answer.TextOf("phone").ShouldBe("+64211234567");
        answer.TextOf("locale").ShouldBe("en-nz");
        answer.TextOf("role").ShouldBe("observer");
        answer.TextOf("userCode").ShouldNotBeNull().ShouldStartWith("ac");
        answer.Json.GetProperty("isStaff").GetBoolean().ShouldBeFalse();
        answer.Header("Location").ShouldBe($"/api/v1/users/{answer.TextOf("uuid")}");
        answer.Header("ETag").ShouldBe("\"1\"");
        answer.Headers.ShouldNotContainKey("Set-Cookie");
        Guid.Parse(answer.TextOf("uuid")!).Version.ShouldBe(4);
    }

    [Fact]
    public async Task All_taken_fields_are_named_at_once_in_any_case()
    {
        var first = await server.MakeUserAsync();

        var errors = (await server.Anonymous().PostAsync(
            SignUps, new { username = first.Username!.ToUpperInvariant(), email = first.Email!.ToUpperInvariant(), password = RunningServer.Password }))
            .ShouldBeProblem(409, "identifier-taken");

        errors.Keys.ShouldBe(["email", "username"], ignoreOrder: true);
        errors["username"].ShouldContain("taken");
    }

    // CASES 11: keycloak/keycloak#29549 (CVE-2021-3754), zitadel/zitadel#10782.
    [Fact]
    public async Task A_username_that_is_another_users_e_mail_is_taken()
    {
        var first = await server.MakeUserAsync();
        var administrator = await server.SignInNewUserAsync(new AdministratorFields { IsSuperuser = true, EmailVerified = true });
        var body = new { username = first.Email, email = "other@example.com", password = RunningServer.Password };

        (await administrator.Api.PostAsync("/api/v1/users", body)).ShouldBeProblem(409, "identifier-taken").Keys.ShouldBe(["username"]);

        // Everybody else may not ask: docs/decisions/0094.
        (await server.Anonymous().PostAsync(SignUps, body)).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["username"]);
    }

    // CASES 1, 4: supabase/auth#2675, aspnet/Identity#1942, keycloak/keycloak#49769: the losers get 409, never a 5xx.
    [Fact]
    public async Task Of_many_sign_ups_at_once_one_succeeds_and_the_rest_are_told_the_field()
    {
        var before = await server.CountUsersAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(number => server.Anonymous().PostAsync(
            SignUps, new { username = number % 2 == 0 ? "Racer" : "rACER", email = $"racer{number}@example.com", password = RunningServer.Password })));

        answers.Count(answer => answer.Status == 201).ShouldBe(1);
        foreach (var answer in answers.Where(answer => answer.Status != 201))
        {
            answer.ShouldBeProblem(409, "identifier-taken").Keys.ShouldBe(["username"]);
        }

        (await server.CountUsersAsync()).ShouldBe(before + 1);
    }

    // CASES 5: the double click that made an orphan.
    [Fact]
    public async Task A_double_click_with_one_key_makes_one_user_and_both_get_the_same_answer()
    {
        var body = new { username = "clicker", email = "clicker@example.com", password = RunningServer.Password };
        var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => server.Anonymous().PostAsync(SignUps, body, ("Idempotency-Key", "click-1"))));

        answers.ShouldAllBe(answer => answer.Status == 201);
        answers.Select(answer => answer.Text).Distinct().Count().ShouldBe(1);
        answers.Count(answer => answer.Header("Idempotency-Replayed") is null).ShouldBe(1);
        answers.ShouldAllBe(answer => answer.Header("Set-Cookie") == null);
    }

    [Fact]
    public async Task The_same_fields_in_another_order_and_spacing_are_the_same_call()
    {
        var first = await server.Anonymous().PostAsync(
            SignUps, $$"""{"email":"order@example.com","password":"{{RunningServer.Password}}"}""", ("Idempotency-Key", "order-1"));
        var second = await server.Anonymous().PostAsync(
            SignUps, $$"""{ "password" : "{{RunningServer.Password}}", "email" : "\u006frder@example.com" }""", ("Idempotency-Key", "order-1"));

        second.ShouldHaveStatus(201).Text.ShouldBe(first.ShouldHaveStatus(201).Text);
        second.Header("Idempotency-Replayed").ShouldBe("true");
    }

    [Fact]
    public async Task A_key_with_other_fields_is_refused()
    {
        await server.Anonymous().PostAsync(SignUps, new { email = "reuse@example.com", password = RunningServer.Password }, ("Idempotency-Key", "reuse-1"));

        (await server.Anonymous().PostAsync(SignUps, new { email = "reuse2@example.com", password = RunningServer.Password }, ("Idempotency-Key", "reuse-1")))
            .ShouldBeProblem(422, "idempotency-key-reused").ShouldContainKey("Idempotency-Key");
    }

    [Theory]
    [InlineData("")]
    [InlineData("two words")]
    [InlineData("long")]
    public async Task A_key_of_another_form_is_refused(string key)
    {
        var answer = await server.Anonymous().PostAsync(
            SignUps,
            new { email = "key@example.com", password = RunningServer.Password },
            ("Idempotency-Key", key == "long" ? new string('k', 256) : key));

        answer.ShouldBeProblem(400, "invalid-header").ShouldContainKey("Idempotency-Key");
    }

    // CASES 33: mass assignment.
    [Theory]
    [InlineData("role", "\"admin\"")]
    [InlineData("groups", "[\"admins\"]")]
    [InlineData("isStaff", "true")]
    [InlineData("is_staff", "true")]
    [InlineData("isSuperuser", "true")]
    [InlineData("is_superuser", "true")]
    [InlineData("isActive", "true")]
    [InlineData("emailVerified", "true")]
    [InlineData("email_verified", "true")]
    [InlineData("emailVerifiedAt", "\"2026-01-01T00:00:00Z\"")]
    [InlineData("phoneVerified", "true")]
    [InlineData("tenant", "\"second\"")]
    [InlineData("id", "1")]
    [InlineData("uuid", "\"6b9f8a3e-8c5e-4f0e-9d58-0c8a6c1d2e3f\"")]
    [InlineData("version", "7")]
    [InlineData("passwordHash", "\"x\"")]
    [InlineData("administrator", "{\"isStaff\":true}")]
    [InlineData("__proto__", "{}")]
    public async Task A_field_that_a_caller_may_not_set_is_refused_by_name_and_nobody_is_made(string field, string value)
    {
        var before = await server.CountUsersAsync();

        var errors = (await server.Anonymous().PostAsync(
            SignUps, $$"""{"email":"assign@example.com","password":"{{RunningServer.Password}}","{{field}}":{{value}}}""")).ShouldBeProblem(422, "invalid-fields");

        errors.Keys.ShouldBe([field]);
        (await server.CountUsersAsync()).ShouldBe(before);
    }

    // CASES 8: filopedraz/kosuke-core PR 141.
    [Fact]
    public async Task A_deleted_users_name_stays_reserved_the_answer_says_so_and_a_restore_brings_the_user_back()
    {
        var user = await server.MakeUserAsync();
        var administrator = await server.SignInNewUserAsync(new AdministratorFields { IsStaff = true });
        (await administrator.Api.DeleteAsync($"/api/v1/users/{user.Uuid}")).ShouldHaveStatus(204);

        var errors = (await server.Anonymous().PostAsync(SignUps, new { username = user.Username, email = user.Email, password = RunningServer.Password }))
            .ShouldBeProblem(409, "identifier-taken");
        errors.Keys.ShouldBe(["email", "username"], ignoreOrder: true);
        errors["email"].ShouldContain("restore");

        (await administrator.Api.PostAsync($"/api/v1/users/{user.Uuid}/restore")).ShouldHaveStatus(200);
        await server.SignInAsync(user.Username!);
    }

    [Fact]
    public async Task When_too_many_passwords_wait_the_answer_is_503_with_Retry_After()
    {
        var passwords = new PlainPasswordHashing { IsFull = true };
        await using var busy = await RunningServer.StartAsync(options => options with { Passwords = passwords });

        var answer = await busy.Anonymous().PostAsync(SignUps, new { email = "busy@example.com", password = RunningServer.Password });

        answer.ShouldBeProblem(503, "busy");
        answer.Header("Retry-After").ShouldBe("5");
        (await busy.CountUsersAsync()).ShouldBe(0);
    }

    // CASES 30: check, then create, then count lets a hundred parallel calls through.
    [Fact]
    public async Task Five_an_hour_are_five_under_a_hundred_parallel_calls_and_replays_do_not_count()
    {
        var limit = new RateLimit("sign-up", 5, TimeSpan.FromHours(1));
        await using var limited = await RunningServer.StartAsync(options => options with { Tenants = [RunningServer.Unlimited with { SignUpLimit = limit }] });
        var first = await limited.Anonymous().PostAsync(
            SignUps, new { email = "first@example.com", password = RunningServer.Password }, ("Idempotency-Key", "first"));
        first.Header("RateLimit-Policy").ShouldBe("\"sign-up\";q=5;w=3600");
        first.Header("RateLimit").ShouldBe("\"sign-up\";r=4;t=3600");

        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(number => limited.Anonymous().PostAsync(
            SignUps, new { email = $"limit{number}@example.com", password = RunningServer.Password })));
        var replay = await limited.Anonymous().PostAsync(
            SignUps, new { email = "first@example.com", password = RunningServer.Password }, ("Idempotency-Key", "first"));

        answers.Count(answer => answer.Status == 201).ShouldBe(4);
        foreach (var answer in answers.Where(answer => answer.Status != 201))
        {
            answer.ShouldBeProblem(429, "too-many-requests");
            answer.RetryAfter.ShouldBeInRange(3500, 3600);
            answer.Header("RateLimit").ShouldNotBeNull().ShouldStartWith("\"sign-up\";r=0;t=");
        }

        replay.ShouldHaveStatus(201).Header("Idempotency-Replayed").ShouldBe("true");
        (await limited.CountUsersAsync()).ShouldBe(5);
    }
}
