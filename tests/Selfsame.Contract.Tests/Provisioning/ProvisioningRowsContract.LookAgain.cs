using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Store.Provisioning;

namespace Selfsame.Contract.Tests.Provisioning;

/// <summary>What makes a settled row due again, and that nothing of it is lost.</summary>
public abstract partial class ProvisioningRowsContract
{
    [Fact]
    public async Task Who_lost_a_row_and_sent_something_has_it_looked_at_again_whatever_its_holder_writes()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();

        await rows.AskAgainAsync([claim.Row.Key], LookAgain.OfLateWrite, disabled: true, CancellationToken.None);
        await rows.SaveAsync(claim.Row with { State = ProvisioningState.Intent }, release: false, [], CancellationToken.None);
        await rows.SaveAsync(claim.Row with { State = ProvisioningState.Linked, TargetId = User }, release: true, [], CancellationToken.None);

        var row = (await ClaimAsync()).Single().Row;
        row.State.ShouldBe(ProvisioningState.Linked);
        row.DueBecause.ShouldNotBeNull();
        row.Disabled.ShouldBeTrue();
    }

    // Of a handle nothing else tells that a late node put an old one back.
    [Theory]
    [InlineData(LookAgain.OfLateWrite)]
    [InlineData(LookAgain.OfPlan)]
    public async Task That_an_account_may_be_older_than_its_source_is_not_forgotten_by_who_holds_the_row_nor_by_who_asks_later(string reason)
    {
        await LinkAsync("app");
        await AskAsync();
        var claim = (await ClaimAsync()).Single();

        await rows.AskAgainAsync([claim.Row.Key], reason, disabled: false, CancellationToken.None);
        await rows.SaveAsync(claim.Row with { Note = "on the way" }, release: false, [], CancellationToken.None);
        await rows.SaveAsync(claim.Row with { DueBecause = null }, release: true, [], CancellationToken.None);
        await AskAsync();

        (await ClaimAsync()).ShouldHaveSingleItem().Row.DueBecause.ShouldBe(reason);
    }

    // As if the service were making it: it may be on its way, whatever becomes of the plan.
    [Fact]
    public async Task An_account_that_a_plan_is_about_to_make_is_kept_in_its_row_and_looked_for_when_it_has_had_its_time()
    {
        await InsertAsync("app", "held");
        var held = (await ClaimAsync("held")).Single().Row.Key;
        var (row, missing) = (held with { System = "app" }, held with { Account = new AccountId("another") });

        var announced = await rows.AnnounceAsync([row, held, missing], CancellationToken.None);

        announced.Kept.ShouldBe([row]);
        announced.Busy.ShouldBe([held]);
        (await OfUserAsync()).Count.ShouldBe(2);
        (await ClaimAsync()).ShouldBeEmpty();
        clock.Now += Provisioner.CallTimeout + Provisioner.ClockMargin;
        var claim = (await ClaimAsync()).ShouldHaveSingleItem();
        (claim.Row.State, claim.Row.TargetId).ShouldBe((ProvisioningState.Intent, User));
    }

    [Theory]
    [InlineData(ProvisioningState.Conflict, ProvisioningState.Intent)]
    [InlineData(ProvisioningState.Compensated, ProvisioningState.Intent)]
    [InlineData(ProvisioningState.Linked, ProvisioningState.Linked)]
    public async Task A_plan_may_make_what_was_settled_otherwise_and_leaves_what_has_an_account(ProvisioningState before, ProvisioningState after)
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        await rows.SaveAsync(claim.Row with { State = before, TargetId = before == ProvisioningState.Linked ? User : null }, release: true, [], CancellationToken.None);

        await rows.AnnounceAsync([claim.Row.Key], CancellationToken.None);

        (await OfUserAsync()).Single().State.ShouldBe(after);
    }

    [Fact]
    public async Task The_rows_of_accounts_that_a_plan_changed_are_looked_at_again()
    {
        await InsertAsync("app", "other");
        foreach (var system in new[] { "app", "other" })
        {
            var claim = (await ClaimAsync(system)).Single();
            await rows.SaveAsync(claim.Row with { State = ProvisioningState.Linked, TargetId = User }, release: true, [], CancellationToken.None);
        }

        await rows.AskAgainAboutAsync("app", [new AccountId("nobody's"), User], disabled: false, CancellationToken.None);

        (await ClaimAsync("other")).ShouldBeEmpty();
        var row = (await ClaimAsync()).Single().Row;
        row.DueBecause.ShouldBe(LookAgain.OfPlan);
        row.Disabled.ShouldBeFalse();
    }

    [Fact]
    public async Task A_conflict_is_looked_at_again_when_an_administrator_asks()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        (await rows.RetryAsync(new ProvisioningKey("users", User, "app"), CancellationToken.None)).ShouldBeFalse();
        await rows.SaveAsync(claim.Row with { State = ProvisioningState.Conflict, Problem = "evidence" }, release: true, [], CancellationToken.None);

        (await rows.RetryAsync(new ProvisioningKey("users", User, "app"), CancellationToken.None)).ShouldBeTrue();

        (await ClaimAsync()).Single().Row.State.ShouldBe(ProvisioningState.Pending);
    }

    // An earlier version wrote the same sentence: its conflicts are held to be the same.
    [Fact]
    public async Task An_account_that_is_gone_stays_so_through_every_change_until_an_administrator_asks()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        var gone = ProvisioningMachine.Next(claim.Row with { State = ProvisioningState.Linked, TargetId = User }, new FoundGone(), clock.Now, 0);
        await rows.SaveAsync(gone, release: true, [], CancellationToken.None);
        (await ClaimAsync()).ShouldBeEmpty();

        await AskAsync();
        var asked = (await ClaimAsync()).ShouldHaveSingleItem().Row;
        (asked.State, asked.TargetId, asked.DueBecause).ShouldBe((ProvisioningState.Linked, User, "It changed."));
        await rows.SaveAsync(ProvisioningMachine.Next(asked, new FoundGone(), clock.Now, 0), release: true, [], CancellationToken.None);

        (await rows.RetryAsync(gone.Key, CancellationToken.None)).ShouldBeTrue();
        await AskAsync();
        var retried = (await ClaimAsync()).ShouldHaveSingleItem().Row;
        (retried.State, retried.DueBecause).ShouldBe((ProvisioningState.Linked, LookAgain.OfRetry));
    }

    // Its late look is under way, which would find the account gone once more.
    [Fact]
    public async Task A_retry_while_the_late_look_holds_the_row_is_not_forgotten()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        var linked = claim.Row with { State = ProvisioningState.Linked, TargetId = User, DueBecause = UpdateUnanswered.Reason };
        await rows.SaveAsync(ProvisioningMachine.Next(linked, new FoundGone(), clock.Now, 0), release: true, [], CancellationToken.None);
        clock.Now += Provisioner.LateTime;
        var held = (await ClaimAsync()).ShouldHaveSingleItem().Row;
        var looking = ProvisioningMachine.Next(held, new LateTimeOver(), clock.Now, 0);

        (await rows.RetryAsync(held.Key, CancellationToken.None)).ShouldBeTrue();
        await rows.SaveAsync(ProvisioningMachine.Next(looking, new FoundGone(), clock.Now, 0), release: true, [], CancellationToken.None);

        var retried = (await ClaimAsync()).ShouldHaveSingleItem().Row;
        (retried.State, DueReason.IsRetry(retried.DueBecause)).ShouldBe((ProvisioningState.Linked, true));
    }

    // A person's plan makes it again: whoever goes meanwhile has none for long, as with any other that a plan makes.
    [Fact]
    public async Task An_account_that_is_gone_is_announced_by_a_plan_that_makes_it_again()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        var gone = ProvisioningMachine.Next(claim.Row with { State = ProvisioningState.Linked, TargetId = User }, new FoundGone(), clock.Now, 0);
        await rows.SaveAsync(gone, release: true, [], CancellationToken.None);

        (await rows.AnnounceAsync([gone.Key], CancellationToken.None)).Kept.ShouldBe([gone.Key]);

        (await ClaimAsync()).ShouldBeEmpty();
        clock.Now += Provisioner.LateTime;
        var due = (await ClaimAsync()).ShouldHaveSingleItem().Row;
        (due.State, due.TargetId).ShouldBe((ProvisioningState.Intent, User));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_row_of_who_was_purged_stays_while_an_update_may_still_arrive_unless_the_account_was_deleted(bool deleted)
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        var enabling = claim.Row with { State = ProvisioningState.Linked, TargetId = User, DueBecause = UpdateUnanswered.Reason };
        await rows.SaveAsync(enabling, release: true, [], CancellationToken.None);
        await database.TransactAsync(transaction => PurgedRows.ForgetSettledAsync(transaction, "users", User, [], clock.Now));
        var held = (await ClaimAsync()).ShouldHaveSingleItem().Row;
        var compensating = ProvisioningMachine.Next(held, deleted ? new Deleting() : new Disabling(), clock.Now, 0);
        await rows.SaveAsync(ProvisioningMachine.Next(compensating, new NothingLeft(), clock.Now, 0), release: true, [], CancellationToken.None);

        (await OfUserAsync()).Count.ShouldBe(deleted ? 0 : 1);
        clock.Now += Provisioner.LateTime;
        foreach (var late in await ClaimAsync())
        {
            var looking = ProvisioningMachine.Next(late.Row, new LateTimeOver(), clock.Now, 0);
            await rows.SaveAsync(ProvisioningMachine.Next(looking, new NothingLeft(), clock.Now, 0), release: true, [], CancellationToken.None);
        }

        (await OfUserAsync()).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(ProvisioningState.Linked)]
    [InlineData(ProvisioningState.Conflict)]
    [InlineData(ProvisioningState.Compensated)]
    public async Task A_settled_row_of_which_an_update_may_still_arrive_is_due_at_its_time_and_a_plan_takes_it_for_no_more(ProvisioningState state)
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        var late = claim.Row with { State = state, DueBecause = UpdateUnanswered.Late, TargetId = User, NotBefore = clock.Now + Provisioner.LateTime };
        await rows.SaveAsync(late, release: true, [], CancellationToken.None);
        (await ClaimAsync()).ShouldBeEmpty();

        var planned = (await rows.ClaimAsync(late.Key, Lease, CancellationToken.None)).ShouldNotBeNull();
        planned.Row.DueBecause.ShouldBe(UpdateUnanswered.Reason);
        await rows.SaveAsync(late with { Epoch = planned.Row.Epoch }, release: true, [], CancellationToken.None);
        clock.Now += Provisioner.LateTime;

        var due = (await ClaimAsync()).ShouldHaveSingleItem().Row;
        (due.State, due.DueBecause).ShouldBe((state, UpdateUnanswered.Late));
    }

    [Fact]
    public async Task A_linked_row_is_due_again_when_its_account_changes_and_settled_when_it_was_looked_at()
    {
        await LinkAsync("app");
        (await ClaimAsync()).ShouldBeEmpty();

        (await AskAsync()).ShouldBe(1);

        var claim = (await ClaimAsync()).Single();
        claim.Row.State.ShouldBe(ProvisioningState.Linked);
        claim.Row.DueBecause.ShouldBe("It changed.");
        await rows.SaveAsync(claim.Row with { DueBecause = null }, release: true, [], CancellationToken.None);
        (await ClaimAsync()).ShouldBeEmpty();
    }

    // Whoever read the account before the change writes back what it saw; the row must not rest on that.
    [Theory]
    [InlineData(ProvisioningState.Linked)]
    [InlineData(ProvisioningState.Conflict)]
    [InlineData(ProvisioningState.Compensated)]
    public async Task A_change_while_the_row_is_worked_on_is_not_lost(ProvisioningState end)
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        await AskAsync();

        (await rows.SaveAsync(claim.Row with { State = end, TargetId = User, NotBefore = clock.Now.AddHours(1) }, release: true, [], CancellationToken.None)).ShouldBeTrue();

        (await ClaimAsync()).ShouldHaveSingleItem().Row.State.ShouldBe(end == ProvisioningState.Linked ? end : ProvisioningState.Intent);
    }

    [Fact]
    public async Task What_hangs_on_an_account_gets_its_rows_when_that_is_linked_and_hears_of_it_later()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        var linked = claim.Row with { State = ProvisioningState.Linked, TargetId = new AccountId("a", "b") };
        await rows.SaveAsync(linked, release: true, ["pds"], CancellationToken.None);

        (await OfUserAsync()).Select(row => (row.Key.System, row.Key.Account, row.State))
            .ShouldBe([("app", User, ProvisioningState.Linked), ("pds", new AccountId("a", "b"), ProvisioningState.Pending)]);
        var follower = (await rows.ClaimAsync(ClaimOf(10) with { System = "pds" }, CancellationToken.None)).Single();
        await rows.SaveAsync(follower.Row with { State = ProvisioningState.Linked, TargetId = new AccountId("did:plc:a") }, release: true, [], CancellationToken.None);

        await AskAsync();
        var again = (await ClaimAsync()).Single();
        await rows.SaveAsync(again.Row with { DueBecause = null }, release: true, ["pds"], CancellationToken.None);

        (await rows.ClaimAsync(ClaimOf(10) with { System = "pds" }, CancellationToken.None)).ShouldHaveSingleItem().Row.DueBecause.ShouldBe(LookAgain.OfChain);
    }

    // Of a row that only waits, a plan and whoever changes something may ask before its time: neither may take it for over.
    [Fact]
    public async Task What_may_still_arrive_is_due_at_its_time_or_when_somebody_asks_and_says_which()
    {
        await InsertAsync("app");
        var claim = (await ClaimAsync()).Single();
        var waiting = claim.Row with { State = ProvisioningState.Compensating, DueBecause = MayStillArrive.Reason, TargetId = User, NotBefore = clock.Now.AddMinutes(5) };
        await rows.SaveAsync(waiting, release: true, [], CancellationToken.None);
        (await ClaimAsync()).ShouldBeEmpty();

        await AskAsync();
        var asked = (await ClaimAsync()).ShouldHaveSingleItem();
        asked.Row.DueBecause.ShouldBe(MayStillArrive.AskedMeanwhile);
        await rows.SaveAsync(asked.Row with { DueBecause = MayStillArrive.Reason, NotBefore = clock.Now.AddMinutes(5) }, release: true, [], CancellationToken.None);

        var planned = (await rows.ClaimAsync(claim.Row.Key, Lease, CancellationToken.None)).ShouldNotBeNull();
        planned.Row.DueBecause.ShouldBe(MayStillArrive.AskedMeanwhile);
        await AskAsync();
        await rows.SaveAsync(planned.Row with { DueBecause = MayStillArrive.Reason, NotBefore = clock.Now.AddMinutes(5) }, release: true, [], CancellationToken.None);

        (await ClaimAsync()).ShouldHaveSingleItem().Row.DueBecause.ShouldBe(MayStillArrive.AskedMeanwhile);
    }
}
