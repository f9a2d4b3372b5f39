using System.Text.Json;
using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Users;

namespace Selfsame.EndToEnd.Tests.Api;

public sealed class UserApiTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Users = "/api/v1/users";
    private readonly RunningServer server = shared.Server;

    [Fact]
    public async Task Only_administrators_and_services_with_the_scope_may_read_and_write()
    {
        var user = await server.SignInNewUserAsync();
        var reader = await server.ServiceAsync(ServiceScope.ReadUsers);
        var staff = await StaffAsync();
        var body = new { username = "made-by-staff" };

        (await server.Anonymous().GetAsync(Users)).ShouldBeProblem(401, "sign-in-required");
        (await server.Bearing("sst_unknown").GetAsync(Users)).ShouldBeProblem(401, "sign-in-required");
        (await user.Api.GetAsync(Users)).ShouldBeProblem(403, "forbidden");
        (await user.Api.GetAsync($"{Users}/{user.User.Uuid}")).ShouldBeProblem(403, "forbidden");
        (await reader.PostAsync(Users, body)).ShouldBeProblem(403, "forbidden");
        (await reader.DeleteAsync($"{Users}/{user.User.Uuid}")).ShouldBeProblem(403, "forbidden");
        (await reader.GetAsync(Users)).ShouldHaveStatus(200);
        (await staff.PostAsync(Users, body)).ShouldHaveStatus(201);
    }

    [Fact]
    public async Task A_user_is_made_with_all_fields_and_a_repeat_makes_no_second()
    {
        var service = await server.ServiceAsync(ServiceScope.WriteUsers, ServiceScope.ReadUsers);
        var body = new
        {
            username = "Whole",
            email = "whole@example.com",
            phone = "+4791234567",
            firstName = "W",
            lastName = "H",
            locale = "nb-no",
            role = "owner",
            groups = new[] { "house 7", "house 7", " house 8 " },
            emailVerified = true,
            phoneVerified = true,
        };

        var made = (await service.PostAsync(Users, body, ("Idempotency-Key", "whole"))).ShouldHaveStatus(201);
        var again = (await service.PostAsync(Users, body, ("Idempotency-Key", "whole"))).ShouldHaveStatus(201);
        var read = (await service.GetAsync(made.Header("Location")!)).ShouldHaveStatus(200);

        again.Text.ShouldBe(made.Text);
        read.Text.ShouldBe(made.Text);
        made.TextOf("role").ShouldBe("owner");
        made.Json.GetProperty("groups").EnumerateArray().Select(group => group.GetString()).ShouldBe(["house 7", "house 8"]);
        made.Json.GetProperty("emailVerifiedAt").ValueKind.ShouldBe(JsonValueKind.String);
        var errors = (await service.PostAsync(Users, body)).ShouldBeProblem(409, "identifier-taken");
        errors.Keys.ShouldBe(["email", "phone", "username"], ignoreOrder: true);
    }

    [Fact]
    public async Task Users_are_listed_by_page_and_found_by_a_part_of_their_name()
    {
        var service = await server.ServiceAsync(ServiceScope.ReadUsers);
        var user = await server.MakeUserAsync();
        await server.MakeUserAsync();

        var page = (await service.GetAsync($"{Users}?page=2&pageSize=1")).ShouldHaveStatus(200).Json;
        page.GetProperty("users").GetArrayLength().ShouldBe(1);
        page.GetProperty("total").GetInt64().ShouldBeGreaterThanOrEqualTo(2);
        var found = (await service.GetAsync($"{Users}?search={user.Username!.ToUpperInvariant()}")).ShouldHaveStatus(200).Json.GetProperty("users");
        found.EnumerateArray().Select(item => item.GetProperty("uuid").GetGuid()).ShouldContain(user.Uuid);
        (await service.GetAsync($"{Users}?search=100%25_")).ShouldHaveStatus(200).Json.GetProperty("total").GetInt64().ShouldBe(0);
    }

    [Theory]
    [InlineData("page=0", "page")]
    [InlineData("page=two", "page")]
    [InlineData("page=1&page=2", "page")]
    [InlineData("pageSize=201", "pageSize")]
    [InlineData("pageSize=99999999999", "pageSize")]
    [InlineData("includeDeleted=1", "includeDeleted")]
    [InlineData("search=%00", "search")]
    [InlineData("limit=5", "limit")]
    public async Task A_wrong_query_parameter_is_named(string query, string field)
    {
        var service = await server.ServiceAsync(ServiceScope.ReadUsers);

        (await service.GetAsync($"{Users}?{query}")).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe([field]);
    }

    [Fact]
    public async Task A_change_needs_the_version_that_was_read()
    {
        var staff = await StaffAsync();
        var user = await server.MakeUserAsync();
        var path = $"{Users}/{user.Uuid}";
        var tag = (await staff.GetAsync(path)).Header("ETag")!;

        (await staff.PatchAsync(path, new { firstName = "A" })).ShouldBeProblem(428, "if-match-required").ShouldContainKey("If-Match");
        (await staff.PatchAsync(path, new { firstName = "A" }, ("If-Match", "1"))).ShouldBeProblem(400, "invalid-header").ShouldContainKey("If-Match");
        var changed = (await staff.PatchAsync(path, new { firstName = "A" }, ("If-Match", tag))).ShouldHaveStatus(200);
        changed.TextOf("firstName").ShouldBe("A");
        changed.Header("ETag").ShouldBe("\"2\"");
        var stale = await staff.PatchAsync(path, new { firstName = "B" }, ("If-Match", tag));
        stale.ShouldBeProblem(412, "version-mismatch");
        stale.Header("ETag").ShouldBe("\"2\"");
        (await staff.PatchAsync(path, new { firstName = "B" }, ("If-Match", "W/\"2\""))).ShouldBeProblem(412, "version-mismatch");
        (await staff.PatchAsync(path, new { lastName = "B" }, ("If-Match", "*"))).ShouldHaveStatus(200).TextOf("firstName").ShouldBe("A");
        (await staff.DeleteAsync(path, ("If-Match", tag))).ShouldBeProblem(412, "version-mismatch");
    }

    [Fact]
    public async Task Of_two_changes_at_once_with_one_version_one_succeeds()
    {
        var staff = await StaffAsync();
        var user = await server.MakeUserAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(
            number => staff.PatchAsync($"{Users}/{user.Uuid}", new { firstName = $"N{number}" }, ("If-Match", "\"1\""))));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
        answers.Where(answer => answer.Status != 200).ShouldAllBe(answer => answer.Status == 412);
    }

    [Fact]
    public async Task A_change_names_all_wrong_and_all_taken_fields()
    {
        var staff = await StaffAsync();
        var other = await server.MakeUserAsync();
        var user = await server.MakeUserAsync();

        var wrong = await staff.PatchAsync(
            $"{Users}/{user.Uuid}", """{"email":"x","phone":7,"role":"a b","groups":[1],"isActive":null,"locale":"!","tenant":"b"}""", ("If-Match", "*"));
        wrong.ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["email", "groups", "isActive", "locale", "phone", "role", "tenant"], ignoreOrder: true);
        var taken = await staff.PatchAsync($"{Users}/{user.Uuid}", new { username = other.Username, email = other.Email }, ("If-Match", "*"));
        taken.ShouldBeProblem(409, "identifier-taken").Keys.ShouldBe(["email", "username"], ignoreOrder: true);
        (await staff.PatchAsync($"{Users}/{user.Uuid}", """{"username":null,"email":null}""", ("If-Match", "*"))).ShouldBeProblem(422, "invalid-fields");
    }

    [Fact]
    public async Task Only_a_superuser_makes_staff_and_touches_superusers()
    {
        var staff = await StaffAsync();
        var superuser = await server.SignInNewUserAsync(new AdministratorFields { IsSuperuser = true, EmailVerified = true });
        var service = await server.ServiceAsync(ServiceScope.WriteUsers, ServiceScope.ReadUsers);
        var user = await server.MakeUserAsync();
        var path = $"{Users}/{user.Uuid}";
        var superPath = $"{Users}/{superuser.User.Uuid}";

        foreach (var caller in new[] { staff, service })
        {
            (await caller.PostAsync(Users, new { username = "grab", isSuperuser = true })).ShouldBeProblem(403, "forbidden").ShouldContainKey("isSuperuser");
            (await caller.PostAsync(Users, new { username = "grab", isStaff = true })).ShouldBeProblem(403, "forbidden").ShouldContainKey("isStaff");
            (await caller.PatchAsync(path, new { isStaff = true }, ("If-Match", "*"))).ShouldBeProblem(403, "forbidden").ShouldContainKey("isStaff");
            (await caller.PatchAsync(path, new { isSuperuser = true }, ("If-Match", "*"))).ShouldBeProblem(403, "forbidden");
            (await caller.PatchAsync(superPath, new { email = "taken-over@example.com" }, ("If-Match", "*"))).ShouldBeProblem(403, "forbidden");
            (await caller.PatchAsync(superPath, new { isActive = false }, ("If-Match", "*"))).ShouldBeProblem(403, "forbidden");
            (await caller.DeleteAsync(superPath)).ShouldBeProblem(403, "forbidden");
        }

        (await staff.PatchAsync(path, new { isStaff = false, isActive = false }, ("If-Match", "*"))).ShouldHaveStatus(200);
        (await superuser.Api.PatchAsync(path, new { isStaff = true, isActive = true }, ("If-Match", "*"))).ShouldHaveStatus(200);
        (await superuser.Api.PostAsync(Users, new { username = "second-in-command", isSuperuser = true })).ShouldHaveStatus(201);
    }

    [Fact]
    public async Task A_deleted_user_cannot_sign_in_is_left_out_of_lists_and_can_be_restored()
    {
        var staff = await StaffAsync();
        var user = await server.SignInNewUserAsync();
        var path = $"{Users}/{user.User.Uuid}";

        (await staff.DeleteAsync(path)).ShouldHaveStatus(204).Text.ShouldBeEmpty();
        (await user.Api.GetAsync("/api/v1/me")).ShouldBeProblem(401, "sign-in-required");
        (await staff.GetAsync($"{Users}?search={user.User.Uuid}")).Json.GetProperty("total").GetInt64().ShouldBe(0);
        (await staff.GetAsync($"{Users}?includeDeleted=true&search={user.User.Uuid}")).Json.GetProperty("total").GetInt64().ShouldBe(1);
        (await staff.GetAsync(path)).ShouldHaveStatus(200).Json.GetProperty("deletedAt").ValueKind.ShouldBe(JsonValueKind.String);
        (await staff.PatchAsync(path, new { firstName = "x" }, ("If-Match", "*"))).ShouldBeProblem(409, "user-deleted");
        (await staff.PostAsync($"{path}/restore")).ShouldHaveStatus(200).Json.GetProperty("deletedAt").ValueKind.ShouldBe(JsonValueKind.Null);
        var events = (await staff.GetAsync($"{path}/events?limit=3")).ShouldHaveStatus(200).Json.GetProperty("events");
        events.EnumerateArray().Select(line => line.GetProperty("event").GetString()).ShouldBe(["user.restored", "user.deleted", "session.started"]);
        events[0].GetProperty("actor").GetString().ShouldNotBeNull().ShouldStartWith("user:");
    }

    [Theory]
    [InlineData("1")]
    [InlineData("not-a-uuid")]
    [InlineData("00000000-0000-0000-0000-000000000000")]
    [InlineData("%7B6b9f8a3e-8c5e-4f0e-9d58-0c8a6c1d2e3f%7D")]
    [InlineData("%F0%9F%92%A9")]
    public async Task An_unknown_or_malformed_uuid_is_not_found(string uuid)
    {
        var staff = await StaffAsync();

        (await staff.GetAsync($"{Users}/{uuid}")).ShouldBeProblem(404, "not-found");
        (await staff.PatchAsync($"{Users}/{uuid}", new { firstName = "x" }, ("If-Match", "*"))).ShouldBeProblem(404, "not-found");
        (await staff.DeleteAsync($"{Users}/{uuid}")).ShouldBeProblem(404, "not-found");
        (await staff.PostAsync($"{Users}/{uuid}/restore")).ShouldBeProblem(404, "not-found");
        (await staff.GetAsync($"{Users}/{uuid}/events")).ShouldBeProblem(404, "not-found");
        (await staff.DeleteAsync($"/api/v1/sessions/{uuid}")).ShouldBeProblem(404, "not-found");
    }

    [Fact]
    public async Task A_deletion_is_taken_back_only_of_the_version_that_was_read()
    {
        var staff = await StaffAsync();
        var user = await server.MakeUserAsync();
        var path = $"{Users}/{user.Uuid}";
        (await staff.DeleteAsync(path)).ShouldHaveStatus(204);
        var tag = (await staff.GetAsync(path)).Header("ETag").ShouldNotBeNull();

        (await staff.PostAsync($"{path}/restore", new { }, ("If-Match", "\"1\""))).ShouldBeProblem(412, "version-mismatch");
        (await staff.GetAsync(path)).Json.GetProperty("deletedAt").GetString().ShouldNotBeNull();
        (await staff.PostAsync($"{path}/restore", new { }, ("If-Match", tag))).ShouldHaveStatus(200).TextOf("deletedAt").ShouldBeNull();
    }

    // CASES 32: public ids in sequence can be enumerated; only uuids leave.
    [Fact]
    public async Task No_answer_holds_an_internal_id()
    {
        var staff = await StaffAsync();
        var user = await server.SignInNewUserAsync();
        ApiAnswer[] answers =
        [
            await staff.GetAsync(Users),
            await staff.GetAsync($"{Users}/{user.User.Uuid}"),
            await staff.GetAsync($"{Users}/{user.User.Uuid}/events"),
            await user.Api.GetAsync("/api/v1/me"),
            await user.Api.GetAsync("/api/v1/sessions"),
            await server.Anonymous().PostAsync("/api/v1/sessions", new { login = user.User.Email, password = RunningServer.Password }),
            await server.Anonymous().PostAsync("/api/v1/sign-ups", new { email = "ids@example.com", password = RunningServer.Password }),
        ];

        foreach (var answer in answers)
        {
            answer.Status.ShouldBeInRange(200, 201);
            Names(answer.Json).ShouldNotContain(name => name.Equals("id", StringComparison.OrdinalIgnoreCase) || name.EndsWith("Id", StringComparison.Ordinal) && name != "correlationId");
            answer.Text.ShouldNotContain("hash", Case.Insensitive);
        }
    }

    private async Task<ApiClient> StaffAsync() => (await server.SignInNewUserAsync(new AdministratorFields { IsStaff = true, EmailVerified = true })).Api;

    private static IEnumerable<string> Names(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(property => Names(property.Value).Prepend(property.Name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Names),
        _ => [],
    };

    // A service inside calls by an address that is no tenant's.
    [Fact]
    public async Task A_token_says_whose_users_are_meant_where_the_host_does_not()
    {
        await using var server = await RunningServer.StartAsync(options => options with
        {
            Tenants = [RunningServer.Unlimited, RunningServer.Unlimited with { Name = "second" }],
            TenantsByHost = new Dictionary<string, string> { ["first.example"] = "main", ["second.example"] = "second" },
        });
        var signUp = new { username = "dobbeltop", email = "dobbeltop@example.com", password = RunningServer.Password };
        (await server.Anonymous().PostAsync("/api/v1/sign-ups", signUp, ("Host", "second.example"))).ShouldHaveStatus(201);
        var (service, _) = await new ServiceTokenStore(server.Context).CreateAsync("second", "inside", [ServiceScope.ReadUsers], null, TestContext.Current.CancellationToken);
        var signIn = await server.Anonymous().PostAsync("/api/v1/sessions", new { login = "dobbeltop", password = RunningServer.Password }, ("Host", "second.example"));
        var session = signIn.ShouldHaveStatus(201).Json.GetProperty("token").GetString()!;

        (await server.Bearing(service!).GetAsync("/api/v1/users")).ShouldHaveStatus(200).Json.GetProperty("total").GetInt32().ShouldBe(1);
        (await server.Bearing(session).GetAsync("/api/v1/me")).ShouldHaveStatus(200).Json.GetProperty("username").GetString().ShouldBe("dobbeltop");
        foreach (var token in (string[])[service!, session])
        {
            (await server.Bearing(token).GetAsync("/api/v1/me", ("Host", "first.example"))).ShouldBeProblem(401, "sign-in-required");
        }
    }
}
