using Selfsame.Store.Mail;

namespace Selfsame.Contract.Tests.Store;

public sealed class MailOutboxOnSqliteFileTests() : MailOutboxTests(Backend.SqliteFile);

public sealed class MailOutboxInSqliteMemoryTests() : MailOutboxTests(Backend.SqliteMemory);

[Trait("needs", "postgresql")]
public sealed class MailOutboxOnPostgreSqlTests() : MailOutboxTests(Backend.PostgreSql);

public abstract class MailOutboxTests(Backend backend)
{
    // A backup from before a change of the secret, or a node that was not told of it.
    [Fact]
    public async Task A_mail_that_cannot_be_opened_is_kept_with_its_reason_and_holds_up_no_other()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await store.ExecuteAsync("UPDATE mails SET body = @body", new { body = new byte[40] });
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        await store.CreateAsync("bert", "bert@example.org");

        (await LeaseAsync(store)).ShouldHaveSingleItem().Text.Recipient.ShouldBe("bert@example.org");
        var kept = (await store.QueryAsync<string>("SELECT last_error FROM mails WHERE recipient = 'anna@example.org' AND given_up_at IS NULL")).ShouldHaveSingleItem();
        kept.ShouldContain("another secret");
        (await LeaseAsync(store)).ShouldBeEmpty();
    }

    private static Task<List<QueuedMail>> LeaseAsync(TestStore store, int most = 10) => new MailOutbox(store.Context).LeaseAsync(most, TestStore.Cancellation);

    // CASES 15: fusionauth-issues#2287, keycloak/keycloak#33194.
    [Fact]
    public async Task A_sign_up_that_is_rolled_back_sends_no_mail()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await store.TakeMailsAsync();
        await TestStore.InParallelAsync(20, index => store.SignUpAsync("anna", $"user{index}@example.org"));

        (await store.CountAsync("mails", "sent_at IS NULL")).ShouldBe(0);
        (await store.CountAsync("link_tokens")).ShouldBe(1);
        await store.CheckInvariantsAsync();
    }

    [Fact]
    public async Task A_leased_mail_is_nobody_elses_until_the_lease_ends()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");

        var mail = (await LeaseAsync(store)).ShouldHaveSingleItem();
        mail.Attempt.ShouldBe(1);
        mail.Text.Body.ShouldContain("https://main.example/verify-email?token=");
        (await LeaseAsync(store)).ShouldBeEmpty();
        store.Clock.Advance(TimeSpan.FromMinutes(2));
        (await LeaseAsync(store)).ShouldHaveSingleItem().Attempt.ShouldBe(2);
    }

    [Fact]
    public async Task Parallel_senders_take_each_mail_once()
    {
        await using var store = await TestStore.CreateAsync(backend);
        for (var index = 0; index < 30; index++)
        {
            await store.CreateAsync($"user{index}", $"user{index}@example.org");
        }

        var leases = await TestStore.InParallelAsync(10, _ => LeaseAsync(store, 5));

        leases.ShouldAllBe(lease => lease.Count <= 5);
        var taken = leases.SelectMany(lease => lease).Select(mail => mail.Uuid).ToList();
        taken.Distinct().Count().ShouldBe(taken.Count);
        taken.AddRange((await LeaseAsync(store, 30)).Select(mail => mail.Uuid));
        taken.Distinct().Count().ShouldBe(30);
    }

    [Fact]
    public async Task A_sent_mails_text_is_wiped_and_before_it_is_encrypted()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        var mail = (await LeaseAsync(store)).Single();
        var body = (await store.QueryAsync<byte[]>("SELECT body FROM mails")).Single();
        System.Text.Encoding.UTF8.GetString(body).ShouldNotContain("token");

        await new MailOutbox(store.Context).MarkSentAsync([mail.Uuid], TestStore.Cancellation);

        (await store.QueryAsync<byte[]>("SELECT body FROM mails")).Single().ShouldBeEmpty();
        store.Clock.Advance(TimeSpan.FromDays(1));
        (await LeaseAsync(store)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_failed_mail_waits_longer_each_time_up_to_an_hour_and_is_given_up_after_nearly_three_days()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        var outbox = new MailOutbox(store.Context);
        var started = store.Clock.GetUtcNow();
        var waits = new List<double>();
        for (var attempt = 1; await store.CountAsync("mails", "given_up_at IS NULL") == 1; attempt++)
        {
            var mail = (await LeaseAsync(store)).ShouldHaveSingleItem();
            mail.Attempt.ShouldBe(attempt);
            await outbox.MarkFailedAsync(mail, "450 try later", permanent: false, TestStore.Cancellation);
            var wait = (await store.QueryAsync<DateTimeOffset>("SELECT not_before FROM mails")).Single() - store.Clock.GetUtcNow();
            waits.Add(wait.TotalSeconds);
            store.Clock.Advance(wait);
        }

        waits.Take(12).ShouldBe([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]);
        waits.Skip(12).ShouldAllBe(wait => wait == 3600);
        (store.Clock.GetUtcNow() - started).TotalHours.ShouldBeInRange(71, 73);
        (await store.CountAsync("mails", "given_up_at IS NOT NULL AND last_error = '450 try later'")).ShouldBe(1);
        store.Clock.Advance(TimeSpan.FromDays(2));
        (await LeaseAsync(store)).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_waits_and_what_was_given_up_is_told_by_tenant_and_a_retry_makes_it_due_at_once()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await store.CreateAsync("bert", "bert@example.org");
        var caused = store.Clock.GetUtcNow();
        var outbox = new MailOutbox(store.Context);
        var mails = await LeaseAsync(store);
        mails.Count.ShouldBe(2);
        await outbox.MarkFailedAsync(mails[0], "550", permanent: true, TestStore.Cancellation);
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        await outbox.MarkFailedAsync(mails[1], "450", permanent: false, TestStore.Cancellation);

        (await MailBacklogs.ReadAsync(store.Context, TestStore.Cancellation)).Single(backlog => backlog.Tenant == TestStore.Tenant)
            .ShouldBe(new MailBacklog { Tenant = TestStore.Tenant, Waiting = 1, GivenUp = 1, OldestWaiting = caused, LastError = "450" });
        (await outbox.RetryAsync("another", TestStore.Cancellation)).ShouldBe(0);
        (await outbox.RetryAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBe(2);

        var again = await LeaseAsync(store);
        again.Select(mail => mail.Attempt).ShouldBe([1, 1]);
        (await outbox.RetryAsync(TestStore.Tenant, TestStore.Cancellation)).ShouldBe(0);
        await outbox.MarkSentAsync([.. again.Select(mail => mail.Uuid)], TestStore.Cancellation);
        (await MailBacklogs.ReadAsync(store.Context, TestStore.Cancellation)).Single(backlog => backlog.Tenant == TestStore.Tenant)
            .ShouldBe(new MailBacklog { Tenant = TestStore.Tenant });
    }

    // A process that stood still for longer than its loan; the mail is another's by now.
    [Fact]
    public async Task A_sender_whose_loan_is_over_can_say_that_it_was_taken_and_not_that_it_failed()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        var outbox = new MailOutbox(store.Context);
        var slow = (await LeaseAsync(store)).Single();
        store.Clock.Advance(MailOutbox.Lease);
        var next = (await LeaseAsync(store)).Single();

        await outbox.MarkFailedAsync(slow, "550", permanent: true, TestStore.Cancellation);
        (await LeaseAsync(store)).ShouldBeEmpty("it is being sent");
        (await store.CountAsync("mails", "last_error IS NOT NULL OR given_up_at IS NOT NULL OR leased_until IS NULL")).ShouldBe(0);
        await outbox.MarkSentAsync([slow.Uuid], TestStore.Cancellation);
        await outbox.MarkFailedAsync(next, "after it was taken", permanent: true, TestStore.Cancellation);

        (await store.CountAsync("mails", "sent_at IS NOT NULL AND last_error IS NULL AND given_up_at IS NULL")).ShouldBe(1);
    }

    [Fact]
    public async Task A_mail_that_is_refused_for_good_is_given_up_at_once()
    {
        await using var store = await TestStore.CreateAsync(backend);
        await store.CreateAsync("anna", "anna@example.org");
        await new MailOutbox(store.Context).MarkFailedAsync((await LeaseAsync(store)).Single(), "550 no such user", permanent: true, TestStore.Cancellation);

        store.Clock.Advance(TimeSpan.FromDays(1));
        (await LeaseAsync(store)).ShouldBeEmpty();
        (await store.CountAsync("mails", "given_up_at IS NOT NULL")).ShouldBe(1);
    }
}
