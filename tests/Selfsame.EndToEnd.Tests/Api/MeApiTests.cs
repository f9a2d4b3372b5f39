using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Users;

namespace Selfsame.EndToEnd.Tests.Api;

/// <summary>What users do with their own account, links in mails included.</summary>
public sealed class MeApiTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Me = "/api/v1/me";
    private const string NewPassword = "another long pass phrase";
    private readonly RunningServer server = shared.Server;

    [Fact]
    public async Task Own_fields_are_changed_and_no_others()
    {
        var user = await server.SignInNewUserAsync();

        var changed = (await user.Api.PatchAsync(Me, new { firstName = " Kari ", lastName = "Ås", locale = "nb-NO", phone = "+47 912 34 568" })).ShouldHaveStatus(200);
        changed.TextOf("firstName").ShouldBe("Kari");
        changed.TextOf("locale").ShouldBe("nb-no");
        changed.TextOf("phone").ShouldBe("+4791234568");
        (await user.Api.PatchAsync(Me, """{"firstName":null}""")).ShouldHaveStatus(200).TextOf("firstName").ShouldBeNull();
        (await user.Api.PatchAsync(Me, new { lastName = "x" }, ("If-Match", "\"1\""))).ShouldBeProblem(412, "version-mismatch");
        var errors = (await user.Api.PatchAsync(Me, new { role = "admin", isStaff = true, email = "x@example.com", phone = "1" })).ShouldBeProblem(422, "invalid-fields");
        errors.Keys.ShouldBe(["email", "isStaff", "phone", "role"], ignoreOrder: true);
    }

    [Fact]
    public async Task A_handle_needs_a_verified_address_and_the_answer_says_what_to_do()
    {
        var user = await server.SignInNewUserAsync(new AdministratorFields { EmailVerified = false });

        var refused = await user.Api.PutAsync($"{Me}/handle", new { handle = "Unproved" });
        refused.ShouldBeProblem(403, "email-not-verified");
        refused.TextOf("detail").ShouldNotBeNull().ShouldContain("/api/v1/email-verifications");
        (await server.Anonymous().PutAsync($"{Me}/handle", new { handle = "unproved" })).ShouldBeProblem(401, "sign-in-required");

        var token = await server.MailedTokenAsync(user.User.Email!, "verify-email");
        (await user.Api.PostAsync("/api/v1/email-verifications", new { token })).ShouldHaveStatus(204);
        (await user.Api.PutAsync($"{Me}/handle", new { handle = "Unproved" })).ShouldHaveStatus(200).TextOf("handle").ShouldBe("unproved");
    }

    [Fact]
    public async Task A_handle_is_one_persons_in_any_case_and_can_be_given_up()
    {
        var first = await server.SignInNewUserAsync();
        var second = await server.SignInNewUserAsync();

        (await first.Api.PutAsync($"{Me}/handle", new { handle = "mine" })).ShouldHaveStatus(200);
        (await second.Api.PutAsync($"{Me}/handle", new { handle = "MINE" })).ShouldBeProblem(409, "identifier-taken").Keys.ShouldBe(["handle"]);
        (await second.Api.PutAsync($"{Me}/handle", new { handle = first.User.UserCode })).ShouldBeProblem(409, "identifier-taken").Keys.ShouldBe(["handle"]);
        (await first.Api.PutAsync($"{Me}/handle", """{"handle":null}""")).ShouldHaveStatus(200).TextOf("handle").ShouldBeNull();
        (await second.Api.PutAsync($"{Me}/handle", new { handle = "mine" })).ShouldHaveStatus(200);
        (await second.Api.PutAsync($"{Me}/handle", new { handle = "a.b" })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["handle"]);
        (await second.Api.PutAsync($"{Me}/handle", "{}")).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["handle"]);
    }

    [Fact]
    public async Task What_the_api_refuses_as_taken_is_on_record()
    {
        var first = await server.SignInNewUserAsync();
        var second = await server.SignInNewUserAsync();
        var service = await server.ServiceAsync(ServiceScope.WriteUsers);
        (await first.Api.PutAsync($"{Me}/handle", new { handle = "onrecord" })).ShouldHaveStatus(200);
        var before = await RecordedAsync();

        (await second.Api.PutAsync($"{Me}/handle", new { handle = "onrecord" })).ShouldBeProblem(409, "identifier-taken");
        (await second.Api.PatchAsync(Me, new { username = first.User.Username })).ShouldBeProblem(409, "identifier-taken");
        (await service.PatchAsync($"/api/v1/users/{second.User.Uuid}", new { email = first.User.Email }, ("If-Match", "*"))).ShouldBeProblem(409, "identifier-taken");
        (await service.PostAsync("/api/v1/users", new { username = first.User.Username, email = "onrecord@example.org" })).ShouldBeProblem(409, "identifier-taken");

        var after = await RecordedAsync();
        foreach (var (field, count) in new[] { ("handle", 1L), ("username", 2L), ("email", 1L) })
        {
            (after.GetValueOrDefault(field) - before.GetValueOrDefault(field)).ShouldBe(count, field);
        }
    }

    private async Task<Dictionary<string, long>> RecordedAsync()
        => (await ConflictReport.ReadAsync(server.Context, "main", 1, 1, CancellationToken.None)).Counts.ToDictionary(count => count.Field, count => count.Repeats + count.Others);

    [Fact]
    public async Task A_new_password_needs_the_old_one_and_ends_the_other_sessions()
    {
        var user = await server.SignInNewUserAsync();
        var other = await server.SignInAsync(user.User.Email!);

        (await user.Api.PutAsync($"{Me}/password", new { password = "wrong one", newPassword = NewPassword })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["password"]);
        (await user.Api.PutAsync($"{Me}/password", new { password = RunningServer.Password, newPassword = "password" })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["newPassword"]);
        (await user.Api.PutAsync($"{Me}/password", new { password = RunningServer.Password, newPassword = NewPassword })).ShouldHaveStatus(204);
        (await user.Api.GetAsync(Me)).ShouldHaveStatus(200);
        (await other.GetAsync(Me)).ShouldBeProblem(401, "sign-in-required");
        await server.SignInAsync(user.User.Email!, NewPassword);
    }

    [Fact]
    public async Task An_address_is_changed_by_the_new_mailbox_and_taken_back_by_the_old_one()
    {
        var user = await server.SignInNewUserAsync();
        var stranger = await server.SignInNewUserAsync();
        const string address = "moved@example.com";

        (await user.Api.PutAsync($"{Me}/email", new { email = address, password = "wrong one" })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["password"]);
        (await user.Api.PutAsync($"{Me}/email", new { email = "x", password = RunningServer.Password })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["email"]);
        (await user.Api.PutAsync($"{Me}/email", new { email = address, password = RunningServer.Password })).ShouldHaveStatus(202);
        (await user.Api.GetAsync(Me)).TextOf("email").ShouldBe(user.User.Email);
        var confirm = await server.MailedTokenAsync(address, "confirm-email");
        (await stranger.Api.PostAsync("/api/v1/email-changes", new { token = confirm })).ShouldBeProblem(422, "invalid-link").Keys.ShouldBe(["token"]);
        (await user.Api.PostAsync("/api/v1/email-changes", new { token = confirm })).ShouldHaveStatus(204);
        (await user.Api.GetAsync(Me)).TextOf("email").ShouldBe(address);

        var revert = await server.MailedTokenAsync(user.User.Email!, "revert-email");
        (await server.Anonymous().PostAsync("/api/v1/email-reverts", new { token = revert, newPassword = "short" })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["newPassword"]);
        (await server.Anonymous().PostAsync("/api/v1/email-reverts", new { token = revert, newPassword = NewPassword })).ShouldHaveStatus(204);
        (await user.Api.GetAsync(Me)).ShouldBeProblem(401, "sign-in-required");
        (await (await server.SignInAsync(user.User.Email!, NewPassword)).GetAsync(Me)).TextOf("email").ShouldBe(user.User.Email);
    }

    [Fact]
    public async Task A_verification_link_alone_does_not_prove_who_chose_the_password()
    {
        const string address = "verify@example.com";
        (await server.Anonymous().PostAsync("/api/v1/sign-ups", new { email = address, password = RunningServer.Password })).ShouldHaveStatus(201);
        var token = await server.MailedTokenAsync(address, "verify-email");

        (await server.Anonymous().PostAsync("/api/v1/email-verifications", new { token })).ShouldBeProblem(403, "password-needed").Keys.ShouldBe(["password"]);
        (await server.Anonymous().PostAsync("/api/v1/email-verifications", new { token, password = "wrong one" })).ShouldBeProblem(403, "password-needed");
        (await server.Anonymous().PostAsync("/api/v1/email-verifications", new { token, password = RunningServer.Password })).ShouldHaveStatus(204);
        (await server.Anonymous().PostAsync("/api/v1/email-verifications", new { token, password = RunningServer.Password })).ShouldHaveStatus(204);
        (await server.Anonymous().PostAsync("/api/v1/email-verifications", new { token, newPassword = NewPassword })).ShouldBeProblem(422, "invalid-link");
        (await (await server.SignInAsync(address)).GetAsync(Me)).Json.GetProperty("emailVerifiedAt").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.String);
    }

    [Fact]
    public async Task A_reset_by_mail_sets_the_password_once()
    {
        var user = await server.SignInNewUserAsync();
        (await server.Anonymous().PostAsync("/api/v1/password-resets", new { login = user.User.Username })).ShouldHaveStatus(202);
        var token = await server.MailedTokenAsync(user.User.Email!, "reset-password");

        (await server.Anonymous().PostAsync("/api/v1/password-resets", new { token })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["newPassword"]);
        (await server.Anonymous().PostAsync("/api/v1/password-resets", new { token, newPassword = NewPassword })).ShouldHaveStatus(204);
        (await server.Anonymous().PostAsync("/api/v1/password-resets", new { token, newPassword = NewPassword })).ShouldHaveStatus(204);
        (await server.Anonymous().PostAsync("/api/v1/password-resets", new { token, newPassword = "yet another pass phrase" })).ShouldBeProblem(422, "invalid-link").Keys.ShouldBe(["token"]);
        (await user.Api.GetAsync(Me)).ShouldBeProblem(401, "sign-in-required");
        await server.SignInAsync(user.User.Email!, NewPassword);
    }

    [Fact]
    public async Task An_address_that_a_closed_account_never_verified_is_made_free_by_its_mail()
    {
        var closed = await server.MakeUserAsync(new AdministratorFields { IsActive = false });
        (await server.Anonymous().PostAsync("/api/v1/password-resets", new { login = closed.Email })).ShouldHaveStatus(202);
        var token = await server.MailedTokenAsync(closed.Email!, "release-email");

        (await server.Anonymous().PostAsync("/api/v1/email-releases", new { token = "nobody's" })).ShouldBeProblem(422, "invalid-link").Keys.ShouldBe(["token"]);
        (await server.Anonymous().PostAsync("/api/v1/email-releases", new { token })).ShouldHaveStatus(204);
        (await server.Anonymous().PostAsync("/api/v1/email-releases", new { token })).ShouldHaveStatus(204);
        (await server.Anonymous().PostAsync("/api/v1/sign-ups", new { email = closed.Email, password = RunningServer.Password })).ShouldHaveStatus(201);
    }

    [Theory]
    [InlineData("/api/v1/password-resets", """{"login":"a","token":"b"}""", "login")]
    [InlineData("/api/v1/password-resets", "{}", "login")]
    [InlineData("/api/v1/email-verifications", """{"email":"a@example.com","token":"b"}""", "email")]
    [InlineData("/api/v1/email-verifications", "{}", "email")]
    public async Task A_mail_is_asked_for_or_its_link_used_never_both(string path, string body, string field)
        => (await server.Anonymous().PostAsync(path, body)).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe([field]);
}
