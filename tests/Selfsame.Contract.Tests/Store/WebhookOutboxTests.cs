using System.Text.Json;
using Selfsame.Core.Webhooks;
using Selfsame.Store.Audit;
using Selfsame.Store.Operations;
using Selfsame.Store.Users;
using Selfsame.Store.Webhooks;

namespace Selfsame.Contract.Tests.Store;

public sealed class WebhookOutboxOnSqliteFileTests() : WebhookOutboxTests(Backend.SqliteFile);

public sealed class WebhookOutboxInSqliteMemoryTests() : WebhookOutboxTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class WebhookOutboxOnPostgreSqlTests() : WebhookOutboxTests(Backend.PostgreSql);

public abstract class WebhookOutboxTests(Backend backend)
{
    private const string Crm = "crm";

    private static readonly WebhookSubscription Everything = new(Crm, TestStore.Tenant, WebhookEvents.All);

    private static readonly WebhookSubscription Births = new("mailing", TestStore.Tenant, [WebhookEvents.UserCreated]);

    private static readonly WebhookSubscription Others = new("others", "second", WebhookEvents.All);

    // CASES 15: an event fires for a change that was rolled back (keycloak/keycloak#33194).
    [Fact]
    public async Task A_sign_up_that_is_rolled_back_tells_nobody()
    {
        await using var store = await CreateAsync(Everything);
        await store.CreateAsync("anna", "anna@example.org");
        (await TakeAsync(store, Crm)).Count.ShouldBe(1);

        await TestStore.InParallelAsync(20, index => store.SignUpAsync("anna", $"user{index}@example.org"));

        (await TakeAsync(store, Crm)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_change_that_is_refused_tells_nobody()
    {
        await using var store = await CreateAsync(Everything);
        await store.CreateAsync("anna", "anna@example.org");
        var bert = await store.CreateAsync("bert", "bert@example.org");
        await TakeAsync(store, Crm);

        var administration = new UserAdministration(store.Context);
        (await administration.ChangeAsync(
            TestStore.Tenant, bert.Uuid, new UserChange { Username = new(true, "Anna") }, null, Actor.System, TestStore.Cancellation))
            .ShouldBeOfType<UserChangeResult.Taken>();

        (await TakeAsync(store, Crm)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_asked_for_it_is_told_in_their_own_tenant_under_one_id_and_by_uuid_only()
    {
        await using var store = await CreateAsync(Everything, Births, Others);

        var anna = await store.CreateVerifiedAsync("anna", "anna@example.org");

        var crm = await LeaseAsync(store, Crm);
        var birth = (await LeaseAsync(store, "mailing")).ShouldHaveSingleItem();
        (await LeaseAsync(store, "others")).ShouldBeEmpty();
        crm.Select(TypeOf).ShouldBe([WebhookEvents.UserCreated, WebhookEvents.UserVerified], ignoreOrder: true);
        crm.Single(message => TypeOf(message) == WebhookEvents.UserCreated).ShouldBe(birth with { Endpoint = Crm });
        var body = JsonDocument.Parse(birth.Body).RootElement;
        body.GetProperty("timestamp").GetDateTimeOffset().ShouldBe(anna.CreatedAt);
        body.GetProperty("data").EnumerateObject().Select(property => property.Name).ShouldBe(["uuid", "tenant", "version"]);
        (body.GetProperty("data").GetProperty("uuid").GetGuid(), body.GetProperty("data").GetProperty("version").GetInt64()).ShouldBe((anna.Uuid, 1));
        birth.Body.ShouldNotContain("anna");
    }

    [Fact]
    public async Task Each_change_is_told_as_what_it_is_with_the_version_that_it_made()
    {
        await using var store = await CreateAsync(Everything);
        var anna = await store.CreateAsync("anna", "anna@example.org");
        await TakeAsync(store, Crm);

        await ShouldTellAsync(store, anna.Uuid, change => change with { EmailVerified = new(true, true) }, WebhookEvents.UserVerified);
        await ShouldTellAsync(store, anna.Uuid, change => change with { FirstName = new(true, "Anna") }, WebhookEvents.UserUpdated);
        await ShouldTellAsync(store, anna.Uuid, change => change with { Groups = new(true, ["Household 7"]) }, WebhookEvents.UserUpdated);
        await ShouldTellAsync(store, anna.Uuid, change => change with { IsActive = new(true, false) }, WebhookEvents.UserDisabled);
        await ShouldTellAsync(
            store, anna.Uuid, change => change with { IsActive = new(true, true), Groups = new(true, []) }, WebhookEvents.UserEnabled, WebhookEvents.UserUpdated);
        await ShouldTellAsync(
            store, anna.Uuid, change => change with { Email = new(true, "a@example.org"), EmailVerified = new(true, true) }, WebhookEvents.UserUpdated, WebhookEvents.UserVerified);
        var administration = new UserAdministration(store.Context);
        await administration.DeleteAsync(TestStore.Tenant, anna.Uuid, null, Actor.System, TestStore.Cancellation);
        (await TakeAsync(store, Crm)).Select(TypeOf).ShouldBe([WebhookEvents.UserDeleted]);
        await administration.RestoreAsync(TestStore.Tenant, anna.Uuid, null, Actor.System, TestStore.Cancellation);
        (await TakeAsync(store, Crm)).Select(TypeOf).ShouldBe([WebhookEvents.UserRestored]);
    }

    [Fact]
    public async Task An_address_that_is_proved_by_its_link_is_told()
    {
        await using var store = await CreateAsync(Everything);
        var anna = await store.CreateAsync("anna", "anna@example.org");
        var token = await store.TakeTokenAsync("anna@example.org", "Confirm");
        await TakeAsync(store, Crm);

        (await new EmailVerification(store.Context).VerifyAsync(
            TestStore.Tenant, token, new VerificationProof { SignedInUser = anna.Uuid }, Actor.Self, TestStore.Cancellation)).ShouldBeOfType<VerificationResult.Verified>();

        (await TakeAsync(store, Crm)).Select(TypeOf).ShouldBe([WebhookEvents.UserVerified]);
    }

    // Messages that nobody took are given up by age, and the account may be older than that.
    [Fact]
    public async Task Who_moves_in_with_an_old_account_is_told_as_of_now()
    {
        await using var store = await CreateAsync(Everything);
        var form = TestStore.Form("anna", "anna@example.org", null) with
        {
            Administrator = new AdministratorFields { EmailVerified = true },
            MovedIn = new MovedInFields { Uuid = new Guid("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea"), CreatedAt = store.Clock.GetUtcNow().AddYears(-7) },
        };
        await store.CreateAsync(TestStore.Request(form));

        await new Housekeeping(store.Context).ExecuteAsync(TestStore.Cancellation);

        var messages = await LeaseAsync(store, Crm);
        messages.Select(TypeOf).ShouldBe([WebhookEvents.UserCreated, WebhookEvents.UserVerified], ignoreOrder: true);
        messages.ShouldAllBe(message => JsonDocument.Parse(message.Body, default).RootElement.GetProperty("timestamp").GetDateTimeOffset() == store.Clock.GetUtcNow());
    }

    [Fact]
    public async Task A_purged_users_messages_still_leave()
    {
        await using var store = await CreateAsync(Everything);
        var anna = await store.CreateAsync("anna", "anna@example.org");
        await new UserAdministration(store.Context).DeleteAsync(TestStore.Tenant, anna.Uuid, null, Actor.System, TestStore.Cancellation);
        store.Clock.Advance(store.Context.Tenant(TestStore.Tenant).DeletionGracePeriod);

        (await new UserPurge(store.Context).ExecuteAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBe(1);

        (await TakeAsync(store, Crm)).Select(TypeOf).ShouldBe([WebhookEvents.UserCreated, WebhookEvents.UserDeleted], ignoreOrder: true);
    }

    [Fact]
    public async Task Parallel_senders_take_each_message_once_and_a_dead_senders_are_due_again()
    {
        await using var store = await CreateAsync(Everything);
        for (var index = 0; index < 30; index++)
        {
            await store.CreateAsync($"user{index}", $"user{index}@example.org");
        }

        var taken = (await TestStore.InParallelAsync(10, _ => LeaseAsync(store, Crm, 5))).SelectMany(lease => lease).Select(message => message.Uuid).ToList();

        taken.Distinct().Count().ShouldBe(taken.Count);
        taken.AddRange((await LeaseAsync(store, Crm)).Select(message => message.Uuid));
        taken.Distinct().Count().ShouldBe(30);
        store.Clock.Advance(WebhookOutbox.Lease);
        (await LeaseAsync(store, Crm)).ShouldAllBe(message => message.Attempt == 2);
    }

    [Fact]
    public async Task One_that_is_not_taken_waits_longer_each_time_shows_why_and_is_given_up_in_the_end()
    {
        await using var store = await CreateAsync(Everything);
        await store.CreateAsync("anna", "anna@example.org");
        var outbox = new WebhookOutbox(store.Context);
        var waits = new List<TimeSpan>();
        for (var attempt = 1; attempt <= WebhookOutbox.MostAttempts; attempt++)
        {
            var message = (await LeaseAsync(store, Crm)).ShouldHaveSingleItem();
            message.Attempt.ShouldBe(attempt);
            await outbox.MarkFailedAsync(message, $"answered {attempt}", null, gone: false, TestStore.Cancellation);
            (await LeaseAsync(store, Crm)).ShouldBeEmpty();
            waits.Add(await UntilDueAsync(store));
        }

        var full = new double[] { 10, 30, 90, 270, 810, 2430, 7290, 21870, 28800, 28800, 28800, 28800, 28800, 28800, 28800, 28800 };
        waits.Zip(full).ShouldAllBe(pair => pair.First.TotalSeconds >= pair.Second * 0.8 && pair.First.TotalSeconds <= pair.Second);
        (await LeaseAsync(store, Crm)).ShouldBeEmpty();
        var backlog = (await WebhookBacklogs.ReadAsync(store.Context, TestStore.Cancellation)).ShouldHaveSingleItem();
        (backlog.Waiting, backlog.GivenUp, backlog.LastError, backlog.OldestWaiting).ShouldBe((0, 1, $"answered {WebhookOutbox.MostAttempts}", null));
    }

    [Fact]
    public async Task A_receiver_that_names_a_time_is_called_then_and_one_that_is_gone_never_again_until_somebody_asks()
    {
        await using var store = await CreateAsync(Everything, Births);
        await store.CreateAsync("anna", "anna@example.org");
        var outbox = new WebhookOutbox(store.Context);

        await outbox.MarkFailedAsync((await LeaseAsync(store, Crm)).Single(), "429", TimeSpan.FromMinutes(10), gone: false, TestStore.Cancellation);
        await outbox.MarkFailedAsync((await LeaseAsync(store, "mailing")).Single(), "410", null, gone: true, TestStore.Cancellation);

        (await UntilDueAsync(store, "endpoint = 'crm'")).ShouldBe(TimeSpan.FromMinutes(10));
        var backlogs = await WebhookBacklogs.ReadAsync(store.Context, TestStore.Cancellation);
        backlogs.Select(backlog => (backlog.Endpoint, backlog.Waiting, backlog.GivenUp)).ShouldBe([(Crm, 1, 0), ("mailing", 0, 1)]);
        store.Clock.Advance(TimeSpan.FromDays(1));
        (await LeaseAsync(store, "mailing")).ShouldBeEmpty();
        (await outbox.RetryAsync("second", "mailing", TestStore.Cancellation)).ShouldBe(0);
        (await outbox.RetryAsync(TestStore.Tenant, "mailing", TestStore.Cancellation)).ShouldBe(1);
        (await LeaseAsync(store, "mailing")).ShouldHaveSingleItem().Attempt.ShouldBe(1);
    }

    [Fact]
    public async Task A_sender_whose_loan_is_over_can_say_that_it_was_taken_and_not_that_it_failed()
    {
        await using var store = await CreateAsync(Everything);
        await store.CreateAsync("anna", "anna@example.org");
        var outbox = new WebhookOutbox(store.Context);
        var slow = (await LeaseAsync(store, Crm)).Single();
        store.Clock.Advance(WebhookOutbox.Lease);
        var next = (await LeaseAsync(store, Crm)).Single();

        await outbox.MarkFailedAsync(slow, "late", null, gone: true, TestStore.Cancellation);
        (await store.CountAsync("webhook_messages", "last_error IS NOT NULL OR given_up_at IS NOT NULL")).ShouldBe(0);
        await outbox.MarkSentAsync(slow, TestStore.Cancellation);
        await outbox.MarkFailedAsync(next, "after it was taken", null, gone: false, TestStore.Cancellation);

        (await store.CountAsync("webhook_messages", "sent_at IS NOT NULL AND last_error IS NULL")).ShouldBe(1);
    }

    [Fact]
    public async Task What_was_taken_goes_after_a_week_and_what_nobody_took_after_a_month()
    {
        await using var store = await CreateAsync(Everything, Births);
        await store.CreateAsync("anna", "anna@example.org");
        await TakeAsync(store, Crm);

        store.Clock.Advance(TimeSpan.FromDays(8));
        await new Housekeeping(store.Context).ExecuteAsync(TestStore.Cancellation);
        (await store.QueryAsync<string>("SELECT endpoint FROM webhook_messages")).ShouldBe(["mailing"]);

        store.Clock.Advance(TimeSpan.FromDays(23));
        await new Housekeeping(store.Context).ExecuteAsync(TestStore.Cancellation);
        (await store.CountAsync("webhook_messages")).ShouldBe(0);
    }

    private Task<TestStore> CreateAsync(params IReadOnlyList<WebhookSubscription> webhooks)
        => TestStore.CreateAsync(backend, new TestStoreOptions { Webhooks = webhooks });

    private static Task<List<QueuedWebhook>> LeaseAsync(TestStore store, string endpoint, int most = 100)
        => new WebhookOutbox(store.Context).LeaseAsync(endpoint, most, TestStore.Cancellation);

    /// <summary>Everything that is due, as its receiver takes it.</summary>
    private static async Task<List<QueuedWebhook>> TakeAsync(TestStore store, string endpoint)
    {
        var messages = await LeaseAsync(store, endpoint);
        foreach (var message in messages)
        {
            await new WebhookOutbox(store.Context).MarkSentAsync(message, TestStore.Cancellation);
        }

        return messages;
    }

    private static async Task ShouldTellAsync(TestStore store, Guid uuid, Func<UserChange, UserChange> change, params string[] events)
    {
        var result = await new UserAdministration(store.Context).ChangeAsync(
            TestStore.Tenant, uuid, change(new UserChange()), null, Actor.System, TestStore.Cancellation);
        var user = result.ShouldBeOfType<UserChangeResult.Changed>().User;
        var messages = await TakeAsync(store, Crm);
        messages.Select(TypeOf).ShouldBe(events, ignoreOrder: true);
        messages.ShouldAllBe(message => JsonDocument.Parse(message.Body, default).RootElement.GetProperty("data").GetProperty("version").GetInt64() == user.Version);
    }

    /// <summary>Moves the clock to when the one waiting message is due; how long that was.</summary>
    private static async Task<TimeSpan> UntilDueAsync(TestStore store, string which = "1 = 1")
    {
        var wait = (await store.QueryAsync<DateTimeOffset>($"SELECT not_before FROM webhook_messages WHERE {which}")).Single() - store.Context.Now();
        store.Clock.Advance(wait);
        return wait;
    }

    private static string TypeOf(QueuedWebhook message) => JsonDocument.Parse(message.Body).RootElement.GetProperty("type").GetString()!;
}
