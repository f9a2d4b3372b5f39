using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Tests.Provisioning;

public sealed class ProvisioningMachineTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;
    private static readonly AccountId Id = new("1");

    public static TheoryData<ProvisioningState, ProvisioningEvent, ProvisioningState> Transitions => new()
    {
        { ProvisioningState.Pending, new Intended(Id), ProvisioningState.Intent },
        { ProvisioningState.Intent, new Intended(Id), ProvisioningState.Intent },
        { ProvisioningState.Pending, new FoundOurs(Id), ProvisioningState.Linked },
        { ProvisioningState.Intent, new FoundOurs(Id), ProvisioningState.Linked },
        { ProvisioningState.Intent, new FoundOursOlder(Id, Disabled: false), ProvisioningState.Linked },
        { ProvisioningState.Pending, new FoundConflict("e"), ProvisioningState.Conflict },
        { ProvisioningState.Intent, new FoundConflict("e"), ProvisioningState.Conflict },
        { ProvisioningState.Pending, new Failed("p"), ProvisioningState.Pending },
        { ProvisioningState.Intent, new Failed("p"), ProvisioningState.Intent },
        { ProvisioningState.Pending, new NotWantedYet(), ProvisioningState.Pending },
        { ProvisioningState.Pending, new IntendedWithPassword(new IntendedAccount(Fields.Empty, "p")), ProvisioningState.Intent },
        { ProvisioningState.Pending, new NothingLeft(), ProvisioningState.Compensated },
        { ProvisioningState.Intent, new NothingLeft(), ProvisioningState.Compensated },
        { ProvisioningState.Intent, new MayStillArrive(), ProvisioningState.Compensating },
        { ProvisioningState.Intent, new Disabling(), ProvisioningState.Compensating },
        { ProvisioningState.Linked, new Disabling(), ProvisioningState.Compensating },
        { ProvisioningState.Linked, new FoundOurs(Id), ProvisioningState.Linked },
        { ProvisioningState.Linked, new Failed("p"), ProvisioningState.Linked },
        { ProvisioningState.Linked, new FoundConflict("e"), ProvisioningState.Conflict },
        { ProvisioningState.Linked, new FoundGone(), ProvisioningState.Conflict },
        { ProvisioningState.Linked, new UpdateUnanswered("p"), ProvisioningState.Linked },
        { ProvisioningState.Compensating, new UpdateUnanswered("p"), ProvisioningState.Compensating },
        { ProvisioningState.Linked, new LookAgain("r"), ProvisioningState.Linked },
        { ProvisioningState.Intent, new Deleting(), ProvisioningState.Compensating },
        { ProvisioningState.Linked, new Deleting(), ProvisioningState.Compensating },
        { ProvisioningState.Compensating, new Deleting(), ProvisioningState.Compensating },
        { ProvisioningState.Compensating, new WantedAgain(), ProvisioningState.Intent },
        { ProvisioningState.Compensating, new NothingLeft(), ProvisioningState.Compensated },
        { ProvisioningState.Compensating, new FoundConflict("e"), ProvisioningState.Conflict },
        { ProvisioningState.Conflict, new LookAgain("r"), ProvisioningState.Intent },
        { ProvisioningState.Compensated, new LookAgain("r"), ProvisioningState.Intent },
    };

    [Theory]
    [MemberData(nameof(Transitions))]
    public void Each_event_leads_where_the_guarantees_say(ProvisioningState from, ProvisioningEvent happened, ProvisioningState to)
        => ProvisioningMachine.Next(Row(from) with { Purged = happened is Deleting }, happened, Now, 0).State.ShouldBe(to);

    [Fact]
    public void Only_the_account_of_a_purged_user_is_ever_deleted()
        => Should.Throw<InvalidOperationException>(() => ProvisioningMachine.Next(Row(ProvisioningState.Linked), new Deleting(), Now, 0));

    [Theory]
    [InlineData(ProvisioningState.Conflict)]
    [InlineData(ProvisioningState.Compensated)]
    public void A_settled_row_does_not_move_by_itself(ProvisioningState state)
    {
        foreach (var happened in new ProvisioningEvent[] { new Intended(Id), new FoundOurs(Id), new Failed("p"), new Disabling(), new NothingLeft() })
        {
            Should.Throw<InvalidOperationException>(() => ProvisioningMachine.Next(Row(state), happened, Now, 0));
        }
    }

    [Fact]
    public void An_intent_never_changes_the_id_that_was_sent()
        => Should.Throw<InvalidOperationException>(() => ProvisioningMachine.Next(Row(ProvisioningState.Intent), new Intended(new AccountId("2")), Now, 0));

    [Fact]
    public void An_intent_never_changes_the_password_that_was_sent()
    {
        var row = Row(ProvisioningState.Intent) with { Intended = new IntendedAccount(Fields.Empty, "first") };

        Should.Throw<InvalidOperationException>(() => ProvisioningMachine.Next(row, new IntendedWithPassword(new IntendedAccount(Fields.Empty, "second")), Now, 0));
    }

    [Fact]
    public void A_linked_row_is_due_again_until_it_is_as_it_should_be()
    {
        var due = ProvisioningMachine.Next(Row(ProvisioningState.Linked), new LookAgain("the user changed"), Now, 0);
        due.DueBecause.ShouldBe("the user changed");
        ProvisioningMachine.Next(due, new Failed("down"), Now, 0).DueBecause.ShouldNotBeNull();
        ProvisioningMachine.Next(due, new FoundOurs(Id), Now, 0).DueBecause.ShouldBeNull();
    }

    [Fact]
    public void Who_asks_while_something_may_still_arrive_has_it_looked_at_at_once_and_waited_for_anew()
    {
        var waiting = ProvisioningMachine.Next(Row(ProvisioningState.Intent), new MayStillArrive(), Now, 0);
        var later = Now.AddSeconds(10);

        var asked = ProvisioningMachine.Next(ProvisioningMachine.Next(waiting, new LookAgain("the user changed"), later, 0), new Failed("down"), later, 0);

        asked.State.ShouldBe(ProvisioningState.Compensating);
        (asked.NotBefore - later).ShouldBeLessThan(TimeSpan.FromSeconds(10));
        asked.DueBecause.ShouldBe(MayStillArrive.AskedMeanwhile);
        var again = ProvisioningMachine.Next(asked, new MayStillArrive(), later, 0);
        (again.State, again.DueBecause, again.NotBefore).ShouldBe((ProvisioningState.Compensating, waiting.DueBecause, later + (waiting.NotBefore - Now)));
        ProvisioningMachine.Next(asked, new Disabling(), later, 0).DueBecause.ShouldBeNull();
        ProvisioningMachine.Next(asked, new WantedAgain(), later, 0).State.ShouldBe(ProvisioningState.Intent);
        // What is being disabled is waited for by nobody.
        Should.Throw<InvalidOperationException>(() => ProvisioningMachine.Next(Row(ProvisioningState.Compensating), new MayStillArrive(), Now, 0));
    }

    [Fact]
    public void What_was_made_of_older_fields_is_due_until_it_was_compared_whatever_comes_between()
    {
        var row = Row(ProvisioningState.Intent);

        var linked = ProvisioningMachine.Next(row, new FoundOursOlder(Id, Disabled: true), Now, 0);
        var failed = ProvisioningMachine.Next(linked, new Failed("p"), Now, 0);

        failed.State.ShouldBe(ProvisioningState.Linked);
        failed.DueBecause.ShouldBe(FoundOursOlder.Reason);
        failed.Disabled.ShouldBeTrue();
        ProvisioningMachine.Next(failed, new FoundOurs(Id), Now, 0).DueBecause.ShouldBeNull();
    }

    [Fact]
    public void Who_asks_while_an_update_may_still_arrive_has_it_looked_at_at_once_and_waited_for_anew()
    {
        var late = ProvisioningMachine.Next(ProvisioningMachine.Next(Row(ProvisioningState.Linked), new UpdateUnanswered("lost"), Now, 0), new FoundOurs(Id), Now, 0);
        (late.DueBecause, late.NotBefore).ShouldBe((UpdateUnanswered.Late, Now + Provisioner.LateTime));
        var later = Now.AddSeconds(10);

        var asked = ProvisioningMachine.Next(late, new LookAgain("the user changed"), later, 0);

        (asked.DueBecause, asked.NotBefore).ShouldBe((UpdateUnanswered.Reason, later));
        ProvisioningMachine.Next(asked, new FoundOurs(Id), later, 0).NotBefore.ShouldBe(later + Provisioner.LateTime);
        ProvisioningMachine.Next(late, new FoundOurs(Id), later, 0).DueBecause.ShouldBeNull();
    }

    [Theory]
    [InlineData(ProvisioningState.Conflict)]
    [InlineData(ProvisioningState.Compensated)]
    public void What_was_settled_while_an_update_may_still_arrive_is_looked_at_once_more(ProvisioningState state)
    {
        var settled = Row(state) with { DueBecause = UpdateUnanswered.Late };

        var looked = ProvisioningMachine.Next(settled, new LateTimeOver(), Now, 0);

        looked.State.ShouldBe(ProvisioningState.Intent);
        ProvisioningMachine.Next(looked, new NothingLeft(), Now, 0).DueBecause.ShouldBeNull();
        ProvisioningMachine.Next(settled, new LookAgain("r"), Now, 0).DueBecause.ShouldBe(UpdateUnanswered.Reason);
        Should.Throw<InvalidOperationException>(() => ProvisioningMachine.Next(Row(state), new LateTimeOver(), Now, 0));
    }

    // It was waited for and has arrived: that it is disabled counts as any other.
    [Fact]
    public void An_update_without_an_answer_of_what_arrived_late_passes_no_guard()
    {
        var waiting = ProvisioningMachine.Next(Row(ProvisioningState.Intent), new MayStillArrive(), Now, 0);

        var unanswered = ProvisioningMachine.Next(waiting, new UpdateUnanswered("lost"), Now, 0);

        (unanswered.State, unanswered.DueBecause).ShouldBe((ProvisioningState.Intent, UpdateUnanswered.Reason));
        var disabling = ProvisioningMachine.Next(unanswered, new Disabling(), Now, 0);
        ProvisioningMachine.Next(disabling, new NothingLeft(), Now, 0).DueBecause.ShouldBe(UpdateUnanswered.Late);
    }

    [Fact]
    public void What_is_made_again_while_an_update_may_still_arrive_is_looked_at_once_more()
    {
        var made = ProvisioningMachine.Next(Row(ProvisioningState.Linked) with { DueBecause = UpdateUnanswered.AskedToRetry }, new MadeAgain(), Now, 0);
        var older = ProvisioningMachine.Next(ProvisioningMachine.Next(made, new Intended(Id), Now, 0), new FoundOursOlder(Id, Disabled: false), Now, 0);

        (older.State, older.DueBecause).ShouldBe((ProvisioningState.Linked, UpdateUnanswered.Reason));
        var settled = ProvisioningMachine.Next(older, new FoundOurs(Id), Now, 0);
        (settled.DueBecause, settled.NotBefore).ShouldBe((UpdateUnanswered.Late, Now + Provisioner.LateTime));
    }

    [Fact]
    public void Only_what_the_service_disabled_itself_is_enabled_again()
    {
        var disabled = ProvisioningMachine.Next(Row(ProvisioningState.Linked), new Disabling(), Now, 0);
        disabled.Disabled.ShouldBeTrue();
        ProvisioningMachine.Next(ProvisioningMachine.Next(disabled, new WantedAgain(), Now, 0), new FoundOurs(Id), Now, 0).Disabled.ShouldBeFalse();
    }

    [Fact]
    public void Failures_back_off_to_an_hour_at_most_and_never_below_what_the_system_asked()
    {
        var row = Row(ProvisioningState.Intent);
        var last = TimeSpan.Zero;
        for (var attempt = 0; attempt < 30; attempt++)
        {
            row = ProvisioningMachine.Next(row, new Failed("down"), Now, 0.5);
            (row.NotBefore - Now).ShouldBeGreaterThanOrEqualTo(last);
            last = row.NotBefore - Now;
        }

        last.ShouldBeLessThanOrEqualTo(TimeSpan.FromHours(1));
        ProvisioningMachine.Next(row, new Failed("throttled", TimeSpan.FromHours(2)), Now, 0.5).NotBefore.ShouldBe(Now + TimeSpan.FromHours(2));
    }

    private static ProvisioningRow Row(ProvisioningState state) => new()
    {
        Key = new ProvisioningKey("people", Id, "app"),
        State = state,
        Epoch = 1,
        NotBefore = Now,
        TargetId = state == ProvisioningState.Pending ? null : Id,
    };
}
