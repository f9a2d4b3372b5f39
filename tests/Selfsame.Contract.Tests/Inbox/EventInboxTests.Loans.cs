using Selfsame.Contract.Tests.Store;
using Selfsame.Core;
using Selfsame.Store.Inbox;

namespace Selfsame.Contract.Tests.Inbox;

/// <summary>An event is on loan to who works on it, until its time.</summary>
public abstract partial class EventInboxTests
{
    [Fact]
    public async Task An_event_on_loan_is_nobody_elses_and_is_due_again_when_its_holder_died()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var inbox = new EventInbox(store.Context);
        await ReceiveAsync(store, Event("1", "ss", Ann));

        (await inbox.ClaimAsync("idp", 10, TimeSpan.FromMinutes(5), TestStore.Cancellation)).Count.ShouldBe(1);
        (await inbox.ClaimAsync("idp", 10, TimeSpan.FromMinutes(5), TestStore.Cancellation)).ShouldBeEmpty();
        store.Clock.Advance(TimeSpan.FromMinutes(5));

        (await inbox.ClaimAsync("idp", 10, TimeSpan.FromMinutes(5), TestStore.Cancellation)).Single().Attempt.ShouldBe(2);
    }

    // It read "not there" before it slept; meanwhile the account was made again and proved its e-mail.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_node_that_slept_past_its_loan_changes_nothing_when_it_wakes(bool takenByAnother)
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (asleep, awake) = (new TaskCompletionSource(), new TaskCompletionSource());
        var before = new Accounts { BeforeAnswer = async () => { asleep.SetResult(); await awake.Task; } };
        await ReceiveAsync(store, Event("1", "sdu", Ann));
        var sleeping = WorkAsync(store, before);
        await asleep.Task.WaitAsync(TestStore.Cancellation);

        store.Clock.Advance(TimeSpan.FromMinutes(5));
        var now = new Accounts { Present = { Ann } };
        await ReceiveAsync(store, Event("2", "sv", Ann));
        if (takenByAnother)
        {
            await WorkAsync(store, now);
        }
        else
        {
            // The new event alone is worked on by a node that holds the old one not at all.
            await store.ExecuteAsync("UPDATE inbox SET not_before = '2100-01-01' WHERE event_id = '1'");
            await WorkAsync(store, now);
        }

        var settled = await StateAsync(store);
        awake.SetResult();
        await sleeping;

        (await StateAsync(store)).ShouldBe(settled);
        (await VerificationEvents.CountsOf(store.Database, "idp")(null, TestStore.Cancellation))[Ann].ShouldBe(1);
        (await store.CountAsync("inbox", "event_id = '1' AND state = 'Done'")).ShouldBe(takenByAnother ? 1 : 0);
    }

    [Fact]
    public async Task A_node_that_slept_past_its_loan_takes_no_other_holders_loan_away()
    {
        await using var store = await TestStore.CreateAsync(backend);
        var (asleep, awake) = (new TaskCompletionSource(), new TaskCompletionSource());
        var down = new Accounts { Problem = "down", BeforeAnswer = async () => { asleep.SetResult(); await awake.Task; } };
        await ReceiveAsync(store, Event("1", "ss", Ann));
        var sleeping = WorkAsync(store, down);
        await asleep.Task.WaitAsync(TestStore.Cancellation);
        store.Clock.Advance(TimeSpan.FromMinutes(5));
        (await new EventInbox(store.Context).ClaimAsync("idp", 10, TimeSpan.FromMinutes(5), TestStore.Cancellation)).Count.ShouldBe(1);
        var settled = await StateAsync(store);

        awake.SetResult();
        await sleeping;

        (await StateAsync(store)).ShouldBe(settled);
        settled.Single().ShouldContain("Waiting");
    }

    [Theory]
    [InlineData(InboxCrashPoints.Claimed)]
    [InlineData(InboxCrashPoints.AccountsRead)]
    [InlineData(InboxCrashPoints.Done)]
    public async Task A_death_anywhere_in_the_work_leaves_each_event_done_once_in_the_end(string point)
    {
        await using var store = await TestStore.CreateAsync(backend);
        var source = new Accounts { Present = { Ann } };
        await ReceiveAsync(store, Event("1", "sv", Ann));
        var dying = store.Context with { CrashPoints = new CrashPoints(reached => { if (reached == point) { throw new InvalidOperationException("It died."); } }) };

        (await Should.ThrowAsync<InvalidOperationException>(() => WorkAsync(dying, source, source))).Message.ShouldBe("It died.");
        store.Clock.Advance(TimeSpan.FromMinutes(5));
        await WorkAsync(store, source);

        (await store.CountAsync("inbox", "state = 'Done'")).ShouldBe(1);
        (await store.CountAsync("provisioning")).ShouldBe(1);
        (await store.CountAsync("verification_events")).ShouldBe(1);
    }
}
