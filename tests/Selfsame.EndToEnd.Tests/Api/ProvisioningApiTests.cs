using System.Text.Json;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.EndToEnd.Tests.Reconciliation;
using Selfsame.Store.Provisioning;
using Selfsame.Store.ServiceTokens;
using Selfsame.Store.Users;

namespace Selfsame.EndToEnd.Tests.Api;

public sealed class ProvisioningApiTests
{
    private const string List = "/api/v1/provisioning";

    [Fact]
    public async Task Systems_and_rows_are_listed_and_filtered_and_a_users_rows_come_with_their_history()
    {
        await using var server = await StartAsync();
        var (whole, held) = (await server.MakeUserAsync(), await server.MakeUserAsync());
        await ProvisionedRows.SettleAsync(server.Context, "app", new FoundOurs(new AccountId("app-1")));
        await ProvisionedRows.SettleAsync(server.Context, "pds", new FoundConflict("The handle is somebody else's."));
        var caller = await server.ServiceAsync(ServiceScope.ReadProvisioning);

        var all = (await caller.GetAsync(List)).ShouldHaveStatus(200).Json;
        all.GetProperty("systems").EnumerateArray().Select(Counts).ShouldBe([("app", 0, 2, 0), ("pds", 0, 0, 2)]);
        all.GetProperty("total").GetInt32().ShouldBe(4);
        var conflicts = (await caller.GetAsync($"{List}?state=conflict&pageSize=1&page=2")).ShouldHaveStatus(200).Json;
        (conflicts.GetProperty("total").GetInt32(), conflicts.GetProperty("rows").GetArrayLength()).ShouldBe((2, 1));
        (await caller.GetAsync($"{List}?system=app&state=conflict")).Json.GetProperty("total").GetInt32().ShouldBe(0);
        (await caller.GetAsync($"{List}?system=none")).Json.GetProperty("systems").GetArrayLength().ShouldBe(0);

        var rows = (await caller.GetAsync($"{List}?user={held.Uuid}")).ShouldHaveStatus(200).Json.GetProperty("rows").EnumerateArray().ToList();
        rows.Select(row => (row.GetProperty("system").GetString(), row.GetProperty("state").GetString())).ShouldBe([("app", "linked"), ("pds", "conflict")]);
        rows.ShouldAllBe(row => row.GetProperty("account").GetString() == held.Uuid.ToString());
        rows[0].GetProperty("targetId").GetString().ShouldBe("app-1");
        rows[1].GetProperty("history").EnumerateArray().Select(line => line.GetProperty("state").GetString()).ShouldBe(["pending", "conflict"]);
        rows[1].GetProperty("problem").GetString().ShouldBe("The handle is somebody else's.");
        (await caller.GetAsync($"{List}?user={whole.Uuid}&state=linked")).Json.GetProperty("total").GetInt32().ShouldBe(1);
    }

    // Who signed up at a provider is no user of ours: what happened to them is found by their account there.
    [Fact]
    public async Task An_account_of_any_system_has_its_rows_and_those_that_hang_on_it_with_their_history()
    {
        await using var server = await StartAsync();
        var ann = new AccountId("auth0|ann");
        await server.Context.Database.TransactAsync(transaction => ProvisioningRows.InsertPending(transaction, "idp", ann, ["app"], server.Context.Now(), "of-the-webhook"));
        await ProvisionedRows.SettleAsync(server.Context, "app", new FoundOurs(new AccountId("app-1")));
        await server.Context.Database.TransactAsync(transaction => ProvisioningRows.InsertPending(transaction, "app", new AccountId("app-1"), ["pds"], server.Context.Now(), "of-the-webhook"));
        await ProvisionedRows.SettleAsync(server.Context, "pds", new FoundConflict("The handle is somebody else's."));
        var caller = await server.ServiceAsync(ServiceScope.ReadProvisioning);

        var answer = (await caller.GetAsync($"{List}?source=idp&account=auth0%7Cann")).ShouldHaveStatus(200).Json;

        var rows = answer.GetProperty("rows").EnumerateArray().ToList();
        rows.Select(row => (row.GetProperty("source").GetString(), row.GetProperty("account").GetString(), row.GetProperty("system").GetString(), row.GetProperty("state").GetString()))
            .ShouldBe([("idp", "auth0|ann", "app", "linked"), ("app", "app-1", "pds", "conflict")]);
        rows.SelectMany(row => row.GetProperty("history").EnumerateArray()).Select(line => line.GetProperty("correlationId").GetString()).ShouldBe(Enumerable.Repeat("of-the-webhook", 4));
        (await caller.GetAsync($"{List}?source=idp&account=auth0%7Cann&state=conflict")).Json.GetProperty("total").GetInt32().ShouldBe(1);
        (await caller.GetAsync($"{List}?source=idp&account=nobody")).Json.GetProperty("total").GetInt32().ShouldBe(0);
        var (token, _) = await new ServiceTokenStore(server.Context).CreateAsync("second", "elsewhere", [ServiceScope.ReadProvisioning], null, CancellationToken.None);
        (await server.Bearing(token!).GetAsync($"{List}?source=idp&account=auth0%7Cann", ("Host", "second.example"))).Json.GetProperty("total").GetInt32().ShouldBe(0);
    }

    [Fact]
    public async Task A_conflict_is_retried_alone_or_with_all_of_its_system()
    {
        await using var server = await StartAsync();
        var user = await server.MakeUserAsync();
        await server.MakeUserAsync();
        await server.MakeUserAsync();
        await ProvisionedRows.SettleAsync(server.Context, "app", new FoundConflict("taken"));
        var caller = await server.ServiceAsync(ServiceScope.WriteProvisioning);
        Task<ApiAnswer> RetryAsync(object body, string system = "app") => caller.PostAsync($"{List}/{system}/retry", body);

        (await RetryAsync(new { source = "users", account = user.Uuid.ToString() })).ShouldHaveStatus(200).Json.GetProperty("retried").GetInt32().ShouldBe(1);
        (await RetryAsync(new { source = "users", account = user.Uuid.ToString() })).Json.GetProperty("retried").GetInt32().ShouldBe(0);
        (await RetryAsync(new { source = "users", account = "nobody" })).Json.GetProperty("retried").GetInt32().ShouldBe(0);
        (await RetryAsync(new { })).ShouldHaveStatus(200).Json.GetProperty("retried").GetInt32().ShouldBe(2);
        (await RetryAsync(new { })).Json.GetProperty("retried").GetInt32().ShouldBe(0);
        (await RetryAsync(new { }, "nothing")).ShouldBeProblem(404, "not-found");
        (await RetryAsync(new { account = "[\"a\",null]" })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["account"]);
        (await RetryAsync(new { source = "users" })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["source"]);
    }

    [Fact]
    public async Task Sources_whose_events_fail_are_listed_and_their_events_worked_on_when_asked()
    {
        await using var server = await StartAsync();
        await FailingEvents.AddAsync(server.Context, "idp", 3, "'idp' refused our credentials (401).");
        var caller = await server.ServiceAsync(ServiceScope.ReadProvisioning, ServiceScope.WriteProvisioning);

        var source = (await caller.GetAsync(List)).ShouldHaveStatus(200).Json.GetProperty("sources").EnumerateArray().ShouldHaveSingleItem();
        (source.GetProperty("system").GetString(), source.GetProperty("waiting").GetInt64(), source.GetProperty("failing").GetInt64()).ShouldBe(("idp", 3, 3));
        source.GetProperty("lastProblem").GetString().ShouldBe("'idp' refused our credentials (401).");
        source.GetProperty("oldestWaiting").GetDateTimeOffset().ShouldBeGreaterThan(DateTimeOffset.UnixEpoch);
        (await caller.GetAsync($"{List}?system=app")).Json.GetProperty("sources").GetArrayLength().ShouldBe(0);
        (await FailingEvents.CountDueAsync(server.Context)).ShouldBe(0);

        (await caller.PostAsync($"{List}/sources/idp/retry", new { })).ShouldHaveStatus(200).Json.GetProperty("retried").GetInt32().ShouldBe(3);
        (await FailingEvents.CountDueAsync(server.Context)).ShouldBe(3);
        (await caller.PostAsync($"{List}/sources/nobody/retry", new { })).ShouldBeProblem(404, "not-found");
        (await (await server.ServiceAsync(ServiceScope.ReadProvisioning)).PostAsync($"{List}/sources/idp/retry", new { })).ShouldBeProblem(403, "forbidden");

        // Of another tenant it is neither seen nor touched.
        var (token, _) = await new ServiceTokenStore(server.Context).CreateAsync("second", "elsewhere", [ServiceScope.ReadProvisioning, ServiceScope.WriteProvisioning], null, CancellationToken.None);
        (await server.Bearing(token!).GetAsync(List, ("Host", "second.example"))).Json.GetProperty("sources").GetArrayLength().ShouldBe(0);
        (await server.Bearing(token!).PostAsync($"{List}/sources/idp/retry", new { }, ("Host", "second.example"))).ShouldBeProblem(404, "not-found");
    }

    [Theory]
    [InlineData("state=lost", "state")]
    [InlineData("user=7", "user")]
    [InlineData("source=idp", "source")]
    [InlineData("account=auth0%7Cann", "account")]
    [InlineData("source=idp&account=%5Bnull%5D", "account")]
    [InlineData("source=idp&account=a&user=0c2e7a1e-6d0b-4f3a-9a54-3f9a1c8f2b77", "user")]
    [InlineData("page=0", "page")]
    [InlineData("pageSize=1000", "pageSize")]
    [InlineData("sort=state", "sort")]
    public async Task A_filter_that_means_nothing_is_refused_by_its_name(string query, string field)
    {
        await using var server = await StartAsync();
        var caller = await server.ServiceAsync(ServiceScope.ReadProvisioning);

        (await caller.GetAsync($"{List}?{query}")).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe([field]);
    }

    [Fact]
    public async Task It_is_for_administrators_and_services_with_the_scope_and_for_ones_own_tenant()
    {
        await using var server = await StartAsync();
        var staff = await server.SignInNewUserAsync(new AdministratorFields { IsStaff = true, EmailVerified = true });
        var user = await server.SignInNewUserAsync();
        await ProvisionedRows.SettleAsync(server.Context, "app", new FoundConflict("taken"));

        (await staff.Api.GetAsync(List)).ShouldHaveStatus(200);
        (await server.Anonymous().GetAsync(List)).ShouldBeProblem(401, "sign-in-required");
        (await user.Api.GetAsync(List)).ShouldBeProblem(403, "forbidden");
        (await (await server.ServiceAsync(ServiceScope.ReadUsers, ServiceScope.WriteProvisioning)).GetAsync(List)).ShouldBeProblem(403, "forbidden");
        (await (await server.ServiceAsync(ServiceScope.ReadProvisioning)).PostAsync($"{List}/app/retry", new { })).ShouldBeProblem(403, "forbidden");

        var (token, _) = await new ServiceTokenStore(server.Context).CreateAsync("second", "elsewhere", [ServiceScope.ReadProvisioning, ServiceScope.WriteProvisioning], null, CancellationToken.None);
        (await server.Bearing(token!).GetAsync(List, ("Host", "second.example"))).ShouldHaveStatus(200).Json.GetProperty("total").GetInt32().ShouldBe(0);
        (await server.Bearing(token!).PostAsync($"{List}/app/retry", new { }, ("Host", "second.example"))).ShouldBeProblem(404, "not-found");
    }

    private static (string? System, long Pending, long Linked, long Conflict) Counts(JsonElement system)
        => (system.GetProperty("system").GetString(), system.GetProperty("pending").GetInt64(), system.GetProperty("linked").GetInt64(), system.GetProperty("conflict").GetInt64());

    private static Task<RunningServer> StartAsync() => RunningServer.StartAsync(options => options with
    {
        Tenants = [RunningServer.Unlimited with { ProvisionTo = ["app", "pds"] }, RunningServer.Unlimited with { Name = "second" }],
        TenantsByHost = new Dictionary<string, string> { ["second.example"] = "second" },
    });
}
