using System.Net;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.EndToEnd.Tests.Api;
using Selfsame.EndToEnd.Tests.Pages;
using Selfsame.Server.Reconciliation;
using Selfsame.Store;
using Selfsame.Store.Audit;
using Selfsame.Store.Users;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Handles;

/// <summary>Handles that users change while a real PDS keeps their accounts: it takes the new one first, and what it does not answer is finished later.</summary>
[Trait("needs", "pds")]
public sealed class HandleProvisioningTests : IAsyncLifetime
{
    private PdsUsers pds = null!;
    private PdsProxy proxy = null!;
    private RunningServer server = null!;

    public async ValueTask InitializeAsync()
    {
        pds = await PdsUsers.OpenAsync();
        proxy = await PdsProxy.StartAsync(pds.Server);
        server = await StartAsync(new ProvisioningPace());
    }

    private Task<RunningServer> StartAsync(ProvisioningPace pace, RateLimit? handleChanges = null) => RunningServer.StartAsync(options => options with
    {
        SecretKey = Convert.ToBase64String(new byte[SecretKeys.MinimumBytes]),
        Topology = Topology(pds.Server, proxy.Url, pace),
        Tenants = [RunningServer.Unlimited with { ProvisionTo = ["pds"], HandleChangeLimit = handleChanges ?? RunningServer.Unlimited.HandleChangeLimit }],
    });

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await proxy.DisposeAsync();
        await pds.DisposeAsync();
    }

    [Fact]
    public async Task A_new_handle_is_the_PDS_accounts_too_and_the_old_one_is_free_again()
    {
        var (old, wanted) = (PdsUsers.NewName(), PdsUsers.NewName());
        var (me, id) = await LinkedUserAsync(old);

        var answer = await me.Api.PutAsync("/api/v1/me/handle", new { handle = wanted.ToUpperInvariant() });

        answer.ShouldHaveStatus(200).TextOf("handle").ShouldBe(wanted);
        (await pds.HandleAsync(id)).ShouldBe(wanted);
        (await StateAsync(me)).ShouldBe("settled");
        var other = await SignInNewUserAsync();
        (await other.Api.PutAsync("/api/v1/me/handle", new { handle = wanted })).ShouldBeProblem(409, "identifier-taken").Keys.ShouldBe(["handle"]);
        (await other.Api.PutAsync("/api/v1/me/handle", new { handle = old })).ShouldHaveStatus(200);
        await StoreInvariants.CheckAsync(server.Context.Database);
    }

    [Fact]
    public async Task A_changed_address_is_the_PDS_accounts_too_and_who_is_disabled_is_disabled_there()
    {
        var (me, id) = await LinkedUserAsync(PdsUsers.NewName());
        var (users, address) = (new UserAdministration(server.Context), $"{PdsUsers.NewName()}@example.org");

        await users.ChangeAsync("main", me.User.Uuid, new UserChange { Email = new(true, address), EmailVerified = new(true, true) }, null, Actor.System, CancellationToken.None);
        await UntilAsync(async () => await pds.StateAsync(id) == (address, true));

        await users.ChangeAsync("main", me.User.Uuid, new UserChange { Email = new(true, $"new-{address}"), EmailVerified = new(true, true), IsActive = new(true, false) }, null, Actor.System, CancellationToken.None);
        await UntilAsync(async () => !(await pds.StateAsync(id)).Active);
    }

    [Fact]
    public async Task A_handle_that_is_given_up_leaves_the_code_at_the_PDS()
    {
        var (me, id) = await LinkedUserAsync(PdsUsers.NewName());

        (await me.Api.PutAsync("/api/v1/me/handle", new { handle = (string?)null })).ShouldHaveStatus(200);

        (await pds.HandleAsync(id)).ShouldBe(me.User.UserCode);
    }

    [Fact]
    public async Task A_refusal_while_the_user_waits_is_an_error_at_the_field_and_keeps_everything()
    {
        var (old, taken) = (PdsUsers.NewName(), PdsUsers.NewName());
        var (me, id) = await LinkedUserAsync(old);
        await pds.MakeAsync(taken);

        (await me.Api.PutAsync("/api/v1/me/handle", new { handle = taken })).ShouldBeProblem(409, "identifier-taken").Keys.ShouldBe(["handle"]);
        (await me.Api.PutAsync("/api/v1/me/handle", new { handle = "admin" })).ShouldBeProblem(422, "invalid-fields")["handle"].ShouldContain("reserved");
        (await me.Api.PutAsync("/api/v1/me/handle", new { handle = "ab" })).ShouldBeProblem(422, "invalid-fields").Keys.ShouldBe(["handle"]);

        (await pds.HandleAsync(id)).ShouldBe(old);
        var state = await me.Api.GetAsync("/api/v1/me/handle");
        state.TextOf("state").ShouldBe("refused");
        state.TextOf("wanted").ShouldBe(taken);
        (await ConflictReport.ReadAsync(server.Context, "main", 1, 10, CancellationToken.None)).Conflicts.Select(conflict => conflict.Field).ShouldBe(["handle"]);
        (await ReservedAsync(taken)).ShouldBe(0);
        await StoreInvariants.CheckAsync(server.Context.Database);
    }

    [Theory]
    [InlineData(PdsFault.AnswerLost)]
    [InlineData(PdsFault.Busy)]
    public async Task What_the_PDS_does_not_confirm_is_pending_with_both_handles_reserved_and_is_finished_without_the_user(PdsFault fault)
    {
        var (old, wanted) = (PdsUsers.NewName(), PdsUsers.NewName());
        var (me, id) = await LinkedUserAsync(old);
        var open = new TaskCompletionSource();
        var calls = 0;
        // After the first call's fault the PDS stays out of reach until the test has looked.
        proxy.Fault = method => open.Task.IsCompleted ? PdsFault.None
            : method == "updateAccountHandle" ? Interlocked.Increment(ref calls) == 1 ? fault : PdsFault.Busy
            : calls > 0 && fault == PdsFault.AnswerLost ? PdsFault.AnswerLost : PdsFault.None;

        (await me.Api.PutAsync("/api/v1/me/handle", new { handle = wanted })).ShouldHaveStatus(202);

        (await StateAsync(me)).ShouldBe("pending");
        (await me.Api.GetAsync("/api/v1/me")).TextOf("handle").ShouldBe(old);
        var other = await SignInNewUserAsync();
        foreach (var reserved in new[] { old, wanted })
        {
            (await other.Api.PutAsync("/api/v1/me/handle", new { handle = reserved })).ShouldBeProblem(409, "identifier-taken");
        }

        (await me.Api.PutAsync("/api/v1/me/handle", new { handle = PdsUsers.NewName() })).ShouldBeProblem(422, "invalid-fields")["handle"].ShouldContain("under way");
        await StoreInvariants.CheckAsync(server.Context.Database);
        open.SetResult();
        await UntilAsync(async () => await StateAsync(me) == "settled");
        (await me.Api.GetAsync("/api/v1/me")).TextOf("handle").ShouldBe(wanted);
        (await pds.HandleAsync(id)).ShouldBe(wanted);
        await StoreInvariants.CheckAsync(server.Context.Database);
    }

    // Whether a look or the change itself is answered so: nobody calls before the time is over, not even for another user.
    [Theory]
    [InlineData("getSubjectStatus")]
    [InlineData("updateAccountHandle")]
    public async Task A_PDS_that_asks_for_patience_is_left_alone_by_every_change_and_on_every_node(string method)
    {
        var (me, _) = await LinkedUserAsync(PdsUsers.NewName());
        var (other, _) = await LinkedUserAsync(PdsUsers.NewName());
        var calls = 0;
        proxy.RetryAfter = TimeSpan.FromMinutes(5);
        proxy.Fault = called =>
        {
            Interlocked.Increment(ref calls);
            return called == method ? PdsFault.Busy : PdsFault.None;
        };

        (await me.Api.PutAsync("/api/v1/me/handle", new { handle = PdsUsers.NewName() })).ShouldHaveStatus(202);
        var before = calls;
        (await other.Api.PutAsync("/api/v1/me/handle", new { handle = PdsUsers.NewName() })).ShouldHaveStatus(202);

        calls.ShouldBe(before);
        var rows = ConnectedSystems.Rows(server.Context);
        (await rows.PausedForAsync("pds", CancellationToken.None)).ShouldBeInRange(TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task Who_changes_the_handle_too_often_is_told_when_to_go_on_and_the_PDS_is_not_asked()
    {
        await server.DisposeAsync();
        server = await StartAsync(new ProvisioningPace(), new("handle-changes", 1, TimeSpan.FromHours(1)));
        var (me, id) = await LinkedUserAsync(PdsUsers.NewName());
        var (other, _) = await LinkedUserAsync(PdsUsers.NewName());
        var present = await pds.HandleAsync(id);

        var full = await me.Api.PutAsync("/api/v1/me/handle", new { handle = PdsUsers.NewName() });

        full.ShouldBeProblem(429, "too-many-requests");
        full.RetryAfter.ShouldBeInRange(3000, 3600);
        (await pds.HandleAsync(id)).ShouldBe(present);
        using var browser = new PageClient(server.Address);
        await browser.SignInAsync(other.User.Email!, RunningServer.Password);
        (await browser.SubmitAsync("/account/handle", ("handle", PdsUsers.NewName()))).Status.ShouldBe(HttpStatusCode.TooManyRequests);
    }

    [Fact]
    public async Task A_PDS_with_a_rate_is_asked_for_handles_no_faster()
    {
        await server.DisposeAsync();
        server = await StartAsync(new ProvisioningPace(PerSecond: 0.02));
        var me = await SignInNewUserAsync();
        // That took the one token of fifty seconds.
        await PdsUsers.LinkedAsync(server.Context.Database, me.User.Uuid);
        var calls = 0;
        proxy.Fault = method =>
        {
            Interlocked.Add(ref calls, method == "updateAccountHandle" ? 1 : 0);
            return PdsFault.None;
        };

        (await me.Api.PutAsync("/api/v1/me/handle", new { handle = PdsUsers.NewName() })).ShouldHaveStatus(202);

        calls.ShouldBe(0);
        (await ProblemAsync()).ShouldNotBeNull().ShouldContain("perSecond");
    }

    [Fact]
    public async Task A_time_out_is_pending_and_one_that_is_refused_later_is_told_and_frees_the_new_handle()
    {
        var (old, wanted) = (PdsUsers.NewName(), PdsUsers.NewName());
        var (me, id) = await LinkedUserAsync(old);
        var (calls, taken) = (0, false);
        proxy.Fault = method => method != "updateAccountHandle" || Volatile.Read(ref taken) ? PdsFault.None
            : Interlocked.Increment(ref calls) == 1 ? PdsFault.Swallowed : PdsFault.Busy;

        (await me.Api.PutAsync("/api/v1/me/handle", new { handle = wanted })).ShouldHaveStatus(202);
        await pds.MakeAsync(wanted);
        Volatile.Write(ref taken, true);

        // What was swallowed might still arrive: the refusal is believed when its time is over.
        await UntilAsync(async () => await ProblemAsync() == HandleChanges.RefusedTooEarly);
        (await StateAsync(me)).ShouldBe("pending");
        await server.Context.Database.TransactAsync(transaction => transaction.ExecuteAsync("UPDATE handle_changes SET not_before = created_at"), CancellationToken.None);
        await UntilAsync(async () => await StateAsync(me) == "refused");
        (await pds.HandleAsync(id)).ShouldBe(old);
        (await ReservedAsync(wanted)).ShouldBe(0);
        (await me.Api.PutAsync("/api/v1/me/handle", new { handle = PdsUsers.NewName() })).ShouldHaveStatus(200);
        (await StateAsync(me)).ShouldBe("settled");
    }

    // The creation may arrive under the code at any time: until it did or was refused, nobody knows which handle the account has.
    [Fact]
    public async Task A_handle_that_is_set_while_the_account_is_made_is_pending_and_the_accounts_in_the_end()
    {
        var wanted = PdsUsers.NewName();
        var (held, swallowed) = (true, new TaskCompletionSource());
        proxy.Fault = method =>
        {
            if (method != "createAccount" || !Volatile.Read(ref held))
            {
                return PdsFault.None;
            }

            swallowed.TrySetResult();
            return PdsFault.Swallowed;
        };
        var me = await SignInNewUserAsync();
        await swallowed.Task.WaitAsync(TimeSpan.FromSeconds(60));

        (await me.Api.PutAsync("/api/v1/me/handle", new { handle = wanted })).ShouldHaveStatus(202);

        (await StateAsync(me)).ShouldBe("pending");
        Volatile.Write(ref held, false);
        await UntilAsync(async () => await StateAsync(me) == "settled");
        (await me.Api.GetAsync("/api/v1/me")).TextOf("handle").ShouldBe(wanted);
        (await pds.HandleAsync(await PdsUsers.LinkedAsync(server.Context.Database, me.User.Uuid))).ShouldBe(wanted);
        await StoreInvariants.CheckAsync(server.Context.Database);
    }

    [Fact]
    public async Task Of_two_who_want_one_handle_at_once_one_has_it_in_our_store_and_at_the_PDS()
    {
        var wanted = PdsUsers.NewName();
        var people = new[] { await LinkedUserAsync(PdsUsers.NewName()), await LinkedUserAsync(PdsUsers.NewName()), await LinkedUserAsync(PdsUsers.NewName()) };

        var answers = await Task.WhenAll(people.Select(person => person.Me.Api.PutAsync("/api/v1/me/handle", new { handle = wanted })));

        answers.Select(answer => answer.Status).Order().ShouldBe([200, 409, 409]);
        var handles = await Task.WhenAll(people.Select(person => pds.HandleAsync(person.Id)));
        handles[Array.FindIndex(answers, answer => answer.Status == 200)].ShouldBe(wanted);
        handles.Count(handle => handle == wanted).ShouldBe(1);
    }

    [Fact]
    public async Task The_page_shows_a_refusal_at_its_field_and_says_what_is_pending()
    {
        var (wanted, taken) = (PdsUsers.NewName(), PdsUsers.NewName());
        var (me, _) = await LinkedUserAsync(PdsUsers.NewName());
        await pds.MakeAsync(taken);
        using var browser = new PageClient(server.Address);
        await browser.SignInAsync(me.User.Email!, RunningServer.Password);

        var refused = await browser.SubmitAsync("/account/handle", ("handle", taken));
        proxy.Fault = method => method == "updateAccountHandle" ? PdsFault.Busy : PdsFault.None;
        var pending = await browser.SubmitAsync("/account/handle", ("handle", wanted));

        refused.Status.ShouldBe(HttpStatusCode.Conflict);
        refused.Text.ShouldContain("This handle is taken");
        pending.Location.ShouldBe("/account/handle?done=handle-pending");
        (await browser.GetAsync(pending.Location!)).Text.ShouldContain($"The handle {wanted} is reserved for you.");
        proxy.Fault = _ => PdsFault.None;
        await UntilAsync(async () => await StateAsync(me) == "settled");
        (await browser.GetAsync("/account/handle")).Text.ShouldContain($"value=\"{wanted}\"");
    }

    private static Topology Topology(PersonalDataServer server, string url, ProvisioningPace pace)
    {
        var topology = PdsUsers.Topology(server, url, "drifted: updateTarget,");
        return topology with
        {
            Systems = topology.Systems.ToDictionary(pair => pair.Key, pair => pair.Key == "pds" ? pair.Value with { Pace = pace } : pair.Value),
        };
    }

    /// <summary>A new user with an address that no other test of the shared PDS has, and a caller who is signed in as that user.</summary>
    private async Task<SignedInCaller> SignInNewUserAsync()
    {
        var user = await PdsUsers.SignUpAsync(server.Context, PdsUsers.NewName());
        return new SignedInCaller(user, await server.SignInAsync(user.Email!));
    }

    /// <summary>A user whom the service has given an account at the PDS, both under a handle.</summary>
    private async Task<(SignedInCaller Me, AccountId Id)> LinkedUserAsync(string handle)
    {
        var me = await SignInNewUserAsync();
        var id = await PdsUsers.LinkedAsync(server.Context.Database, me.User.Uuid);
        (await pds.HandleAsync(id)).ShouldBe(me.User.UserCode);
        (await me.Api.PutAsync("/api/v1/me/handle", new { handle })).ShouldHaveStatus(200);
        return (me, id);
    }

    private Task<long> ReservedAsync(string handle) => server.Context.Database.ReadAsync(
        transaction => transaction.ScalarAsync<long>("SELECT count(*) FROM identifiers WHERE space = 'handle' AND key = @handle", new { handle }));

    private Task<string?> ProblemAsync() => server.Context.Database.ReadAsync(transaction => transaction.ScalarAsync<string?>("SELECT problem FROM handle_changes"));

    private static async Task<string?> StateAsync(SignedInCaller me) => (await me.Api.GetAsync("/api/v1/me/handle")).TextOf("state");

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        while (!await holds())
        {
            await Task.Delay(100, limit.Token);
        }
    }
}
