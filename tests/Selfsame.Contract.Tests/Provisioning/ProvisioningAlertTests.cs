using System.Text.Json;
using Selfsame.Contract.Tests.Store;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Webhooks;
using Selfsame.Store.Inbox;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Runs;
using Selfsame.Store.Webhooks;

namespace Selfsame.Contract.Tests.Provisioning;

public sealed class ProvisioningAlertOnSqliteFileTests() : ProvisioningAlertTests(Backend.SqliteFile);

public sealed class ProvisioningAlertInSqliteMemoryTests() : ProvisioningAlertTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class ProvisioningAlertOnPostgreSqlTests() : ProvisioningAlertTests(Backend.PostgreSql);

/// <summary>Who is told of an account that is behind, and what an administrator lists and retries.</summary>
public abstract class ProvisioningAlertTests(Backend backend)
{
    private const string Users = "users";
    private const string Operator = "ops@example.com";

    private static readonly TimeSpan After = TimeSpan.FromMinutes(15);

    [Fact]
    public async Task An_account_in_conflict_is_told_once_by_mail_and_webhook_when_its_time_is_over()
    {
        await using var store = await CreateAsync();
        var anna = await AddAsync(store, "anna");
        await SettleAsync(store, new FoundConflict("anna@example.org is somebody else's."));

        (await TellAsync(store)).ShouldBeEmpty();
        store.Clock.Advance(After - TimeSpan.FromSeconds(1));
        (await TellAsync(store)).ShouldBeEmpty();
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        var overdue = (await TellAsync(store)).ShouldHaveSingleItem();

        (overdue.Account, overdue.System, overdue.State, overdue.Problem).ShouldBe((anna, "app", "Conflict", "anna@example.org is somebody else's."));
        var mail = (await store.TakeMailsAsync()).ShouldHaveSingleItem();
        (mail.Recipient, mail.Subject).ShouldBe((Operator, "Selfsame: 1 account is not whole"));
        mail.Body.ShouldContain(anna);
        mail.Body.ShouldContain("https://main.example/admin/provisioning");
        var body = JsonDocument.Parse((await new WebhookOutbox(store.Context).LeaseAsync("crm", 10, TestStore.Cancellation)).ShouldHaveSingleItem().Body).RootElement;
        body.GetProperty("type").GetString().ShouldBe(WebhookEvents.ProvisioningOverdue);
        body.GetProperty("data").EnumerateObject().Select(property => property.Name).ShouldBe(["source", "account", "system", "state", "since"]);
        body.GetProperty("data").GetProperty("state").GetString().ShouldBe("conflict");
        store.Clock.Advance(After);
        (await TellAsync(store)).ShouldBeEmpty();
        (await store.CountAsync("mails")).ShouldBe(1);
    }

    [Fact]
    public async Task What_the_config_does_not_want_yet_is_not_behind_and_becomes_so_only_from_then_on()
    {
        await using var store = await CreateAsync();
        await AddAsync(store, "anna");
        for (var hour = 0; hour < 3; hour++)
        {
            await SettleAsync(store, new NotWantedYet());
            (await TellAsync(store)).ShouldBeEmpty();
            store.Clock.Advance(TimeSpan.FromHours(1));
            // Just due to be looked at, which it is within the second.
            (await TellAsync(store)).ShouldBeEmpty();
        }

        await SettleAsync(store, new Failed("down"));
        (await TellAsync(store)).ShouldBeEmpty();
        store.Clock.Advance(After);
        (await TellAsync(store)).ShouldHaveSingleItem().Problem.ShouldBe("down");
    }

    [Fact]
    public async Task A_row_that_nobody_works_on_is_behind()
    {
        await using var store = await CreateAsync();
        await AddAsync(store, "anna");
        store.Clock.Advance(TimeSpan.FromSeconds(10));
        await TellAsync(store);

        store.Clock.Advance(After);

        (await TellAsync(store)).ShouldHaveSingleItem().State.ShouldBe("Pending");
    }

    // Before its account can be read nothing is in provisioning that could be behind.
    [Fact]
    public async Task A_sign_up_whose_event_fails_is_told_once_and_forgotten_when_its_account_was_read()
    {
        await using var store = await CreateAsync();
        await new EventInbox(store.Context).ReceiveAsync("idp", [new SystemEvent { Id = "e1", Type = "ss", Account = new AccountId("auth0|ann") }, new SystemEvent { Id = "e2", Type = "fs" }], "c", TestStore.Cancellation);
        (await TellAsync(store)).ShouldBeEmpty();
        await store.Context.Database.TransactAsync(transaction => transaction.ExecuteAsync("UPDATE inbox SET attempts = 1, outcome = 'Auth0 answered 500.' WHERE event_id = 'e1'"));

        (await TellAsync(store)).ShouldBeEmpty();
        store.Clock.Advance(After);
        var overdue = (await TellAsync(store)).ShouldHaveSingleItem();
        (overdue.Source, overdue.Account, overdue.System, overdue.State, overdue.Problem).ShouldBe(("idp", "auth0|ann", "idp", "Unread", "Auth0 answered 500."));
        (await store.TakeMailsAsync()).ShouldHaveSingleItem().Body.ShouldContain("auth0|ann of idp: Unread");
        store.Clock.Advance(After);
        (await TellAsync(store)).ShouldBeEmpty();

        await store.Context.Database.TransactAsync(transaction => transaction.ExecuteAsync("UPDATE inbox SET state = 'Done', outcome = 'read'"));
        await TellAsync(store);
        (await store.CountAsync("provisioning_alerts")).ShouldBe(0);
    }

    [Fact]
    public async Task One_that_becomes_whole_in_time_is_told_to_nobody()
    {
        await using var store = await CreateAsync();
        await AddAsync(store, "anna");
        await SettleAsync(store, new Failed("down"));
        await TellAsync(store);
        store.Clock.Advance(TimeSpan.FromMinutes(10));
        await SettleAsync(store, new FoundOurs(new AccountId("1")));
        await TellAsync(store);
        (await store.CountAsync("provisioning_alerts")).ShouldBe(0);

        store.Clock.Advance(After);

        (await TellAsync(store)).ShouldBeEmpty();
    }

    [Fact]
    public async Task One_that_was_told_and_became_whole_is_told_again_when_it_fails_anew()
    {
        await using var store = await CreateAsync();
        await AddAsync(store, "anna");
        await SettleAsync(store, new Failed("down"));
        await TellAsync(store);
        store.Clock.Advance(After);
        (await TellAsync(store)).ShouldHaveSingleItem();
        await SettleAsync(store, new FoundOurs(new AccountId("1")));
        await TellAsync(store);

        await FailLinkedAsync(store, "down again");
        await TellAsync(store);
        store.Clock.Advance(After);
        await FailLinkedAsync(store, "down again");

        (await TellAsync(store)).ShouldHaveSingleItem().Problem.ShouldBe("down again");
        (await TellAsync(store)).ShouldBeEmpty();
    }

    // A conflict that is tried again and stays one is the same trouble, which was told.
    [Fact]
    public async Task One_that_was_told_is_not_told_again_because_somebody_tried_again()
    {
        await using var store = await CreateAsync();
        var anna = await AddAsync(store, "anna");
        await SettleAsync(store, new FoundConflict("taken"));
        await TellAsync(store);
        store.Clock.Advance(After);
        (await TellAsync(store)).ShouldHaveSingleItem();

        (await RowsOf(store).RetryAsync(new ProvisioningKey(Users, new AccountId(anna), "app"), TestStore.Cancellation)).ShouldBeTrue();
        (await TellAsync(store)).ShouldBeEmpty();
        await SettleAsync(store, new FoundConflict("taken"));
        (await TellAsync(store)).ShouldBeEmpty();
        store.Clock.Advance(After);

        (await TellAsync(store)).ShouldBeEmpty();
    }

    // There the account of somebody who was disabled stays usable: it waits to be disabled, for its system or for the guard.
    [Fact]
    public async Task A_linked_account_whose_change_fails_is_behind()
    {
        await using var store = await CreateAsync();
        await AddAsync(store, "anna");
        await SettleAsync(store, new FoundOurs(new AccountId("1")));
        (await TellAsync(store)).ShouldBeEmpty();

        await FailLinkedAsync(store, "It waits to be disabled");
        (await TellAsync(store)).ShouldBeEmpty();
        store.Clock.Advance(After);

        var overdue = (await TellAsync(store)).ShouldHaveSingleItem();
        (overdue.State, overdue.Problem).ShouldBe(("Linked", "It waits to be disabled"));
    }

    // What was sealed under a secret that this server no longer has.
    [Fact]
    public async Task A_row_that_cannot_be_opened_says_so_and_holds_up_no_other_of_its_lane()
    {
        await using var store = await CreateAsync();
        var anna = await AddAsync(store, "anna");
        var bert = await AddAsync(store, "bert");
        await store.ExecuteAsync("UPDATE provisioning SET creation = @sealed WHERE source_id = @anna", new { @sealed = new byte[40], anna });
        store.Clock.Advance(TimeSpan.FromMilliseconds(1));

        var claim = new ProvisioningClaim("app", 10, 0, TimeSpan.FromMinutes(2), null);
        (await RowsOf(store).ClaimAsync(claim, TestStore.Cancellation)).ShouldHaveSingleItem().Row.Key.Account.ShouldBe(new AccountId(bert));
        (await RowsOf(store).ClaimAsync(claim, TestStore.Cancellation)).ShouldBeEmpty();

        var row = (await new ProvisioningReports(store.Database, store.Clock).OfAccountAsync(Users, new AccountId(anna), TestStore.Cancellation)).Single();
        row.Row.Problem.ShouldNotBeNull().ShouldContain("another secret");
        row.History.Count(line => line.What == row.Row.Problem).ShouldBe(1);
        store.Clock.Advance(TimeSpan.FromMinutes(1));
        (await RowsOf(store).ClaimAsync(claim, TestStore.Cancellation)).ShouldBeEmpty();
        (await store.CountAsync("provisioning", "attempts = 2 AND leased_until IS NULL")).ShouldBe(1);
    }

    // A row that was taken as another was given back is no trouble of that one.
    [Fact]
    public async Task A_row_that_this_version_cannot_read_says_so_and_leaves_the_one_before_it_alone()
    {
        await using var store = await CreateAsync();
        var anna = await AddAsync(store, "anna");
        var claimed = (await RowsOf(store).ClaimAsync(new ProvisioningClaim("app", 1, 0, TimeSpan.FromMinutes(2), null), TestStore.Cancellation)).ShouldHaveSingleItem();
        var bert = await AddAsync(store, "bert");
        await store.ExecuteAsync("UPDATE provisioning SET creation = @sealed WHERE source_id = @bert", new { @sealed = store.Context.Secrets.Protect("provisioning", "{ of a later version"), bert });
        store.Clock.Advance(TimeSpan.FromMilliseconds(1));

        var released = await RowsOf(store).ReleaseAsync(
            claimed.Row with { State = ProvisioningState.Linked, TargetId = new AccountId("1") }, new ProvisioningClaim("app", 1, 0, TimeSpan.FromMinutes(2), null), TestStore.Cancellation);

        (released.Saved, released.Next.Count).ShouldBe((true, 0));
        var reports = new ProvisioningReports(store.Database, store.Clock);
        (await reports.OfAccountAsync(Users, new AccountId(anna), TestStore.Cancellation)).Single().Row.State.ShouldBe(ProvisioningState.Linked);
        (await reports.OfAccountAsync(Users, new AccountId(bert), TestStore.Cancellation)).Single().Row.Problem.ShouldNotBeNull().ShouldContain("can't be read by this version");
    }

    [Fact]
    public async Task Nodes_that_look_at_once_tell_each_account_once_and_an_outage_is_one_mail()
    {
        await using var store = await CreateAsync();
        for (var index = 0; index < 12; index++)
        {
            await AddAsync(store, $"user{index}");
        }

        await SettleAsync(store, new Failed("down"));
        await TellAsync(store);
        store.Clock.Advance(After);

        var told = await TestStore.InParallelAsync(8, _ => TellAsync(store));

        told.Sum(accounts => accounts.Count).ShouldBe(12);
        (await store.TakeMailsAsync()).ShouldHaveSingleItem().Subject.ShouldBe("Selfsame: 12 accounts are not whole");
        (await store.CountAsync("webhook_messages")).ShouldBe(12);
    }

    [Fact]
    public async Task Conflicts_are_listed_page_by_page_and_retried_one_by_one_or_all_of_a_system()
    {
        await using var store = await CreateAsync();
        var accounts = new List<string>();
        for (var index = 0; index < 205; index++)
        {
            accounts.Add(await AddAsync(store, $"user{index}"));
        }

        await SettleAsync(store, new FoundConflict("taken"));
        var reports = new ProvisioningReports(store.Database, store.Clock);
        var retries = new ProvisioningRetries(store.Context);
        var page = await reports.ListAsync(new ProvisioningQuery(["app"], ProvisioningState.Conflict, 3, 100), TestStore.Cancellation);
        (page.Rows.Count, page.Total).ShouldBe((5, 205));
        (await reports.ListAsync(new ProvisioningQuery(["other"], null, 1, 100), TestStore.Cancellation)).Total.ShouldBe(0);
        (await reports.ListAsync(new ProvisioningQuery([], null, 1, 100), TestStore.Cancellation)).Total.ShouldBe(0);

        var one = new ProvisioningKey(Users, new AccountId(accounts[0]), "app");
        (await RowsOf(store).RetryAsync(one, TestStore.Cancellation)).ShouldBeTrue();
        (await retries.RetryAllAsync("other", correlationId: null, TestStore.Cancellation)).ShouldBe(0);
        (await retries.RetryAllAsync("app", "asked", TestStore.Cancellation)).ShouldBe(204);

        (await reports.ListAsync(new ProvisioningQuery(["app"], ProvisioningState.Pending, 1, 100), TestStore.Cancellation)).Total.ShouldBe(205);
        var history = (await reports.OfAccountAsync(Users, one.Account, TestStore.Cancellation)).Single().History;
        history[^1].What.ShouldBe("An administrator asked to try again.");
        (await reports.OfAccountAsync(Users, new AccountId(accounts[1]), TestStore.Cancellation)).Single().History[^1].CorrelationId.ShouldBe("asked");
    }

    private Task<TestStore> CreateAsync() => TestStore.CreateAsync(backend, new TestStoreOptions
    {
        Tenant = TestStore.Unlimited with { ProvisionTo = ["app"] },
        Webhooks = [new WebhookSubscription("crm", TestStore.Tenant, [WebhookEvents.ProvisioningOverdue])],
    });

    private static async Task<string> AddAsync(TestStore store, string username)
    {
        var user = await store.CreateVerifiedAsync(username, $"{username}@example.org");
        return user.Uuid.ToString("D");
    }

    /// <summary>One look at every due row comes to this.</summary>
    private static async Task SettleAsync(TestStore store, ProvisioningEvent happened)
    {
        var rows = RowsOf(store);
        store.Clock.Advance(TimeSpan.FromMilliseconds(1));
        var due = await rows.ClaimAsync(new ProvisioningClaim("app", 1000, 0, TimeSpan.FromMinutes(2), null), TestStore.Cancellation);
        due.ShouldNotBeEmpty();
        foreach (var claimed in due)
        {
            var next = ProvisioningMachine.Next(claimed.Row, happened, store.Context.Now(), 0.5);
            (await rows.SaveAsync(next, release: true, [], TestStore.Cancellation)).ShouldBeTrue();
        }
    }

    /// <summary>Every linked row has something to do, and that fails.</summary>
    private static async Task FailLinkedAsync(TestStore store, string problem)
        => (await store.ExecuteAsync("UPDATE provisioning SET due_because = 'The account changed.', problem = @problem WHERE state = 'Linked'", new { problem })).ShouldBeGreaterThan(0);

    private static ProvisioningRows RowsOf(TestStore store) => new(store.Database, store.Context.Secrets, store.Clock, LeaseHolder.Current);

    private static Task<IReadOnlyList<OverdueAccount>> TellAsync(TestStore store)
        => new ProvisioningAlerts(store.Context, _ => TestStore.Tenant).TellAsync(After, Operator, TestStore.Cancellation);
}
