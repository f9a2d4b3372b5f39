using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>What happens while a merge is made: references that arrive, the lease, a merge that is skipped half-way, a death.</summary>
public sealed partial class MergeTests
{
    [Fact]
    public async Task A_reference_that_arrives_between_the_look_and_the_write_moves_too()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        var plan = await world.PlanAsync();
        world.System.BeforeWritingTogether = () => world.Owns("late", "2");

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        world.System.ReferringNow.ShouldBe(["printers: id=late, owner=1"]);
    }

    [Theory]
    [InlineData("renamed")]
    [InlineData("gone")]
    public async Task Nothing_moves_to_an_account_that_changed_between_the_look_and_the_write(string what)
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Owns("hers", "2");
        var plan = await world.PlanAsync();
        world.System.BeforeWritingTogether = () =>
        {
            world.System.Remove("1");
            if (what == "renamed")
            {
                world.Person("1", "bea");
            }
        };

        var report = await world.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldContain(what == "renamed" ? "username" : "gone");
        world.System.ReferringNow.ShouldBe(["printers: id=hers, owner=2"]);
    }

    [Theory]
    [InlineData("active")]
    [InlineData("verified")]
    [InlineData("password")]
    [InlineData("deleted_at")]
    public async Task Whoever_was_to_stay_and_can_sign_in_no_more_takes_nobody_over(string field)
    {
        foreach (var action in new[] { DuplicatesAction.Merge, DuplicatesAction.Delete })
        {
            var world = new DuplicateWorld(action);
            world.Person("1", "ann");
            world.System.Put(world.System.Rows[new AccountId("1")].With(InMemorySystem.Record(("deleted_at", null))));
            world.Person("2", "Ann");
            var plan = await world.PlanAsync();
            world.System.Put(world.System.Rows[new AccountId("1")].With(InMemorySystem.Record((field, field switch { "password" => "!", "deleted_at" => "2026-11-28", _ => false }))));

            var report = await world.ApplyAsync(plan);

            report.Skipped.Single().Message.ShouldContain(action == DuplicatesAction.Merge ? field : "who was to stay");
            world.Users.ShouldBe(["1 ann", "2 Ann"]);
        }
    }

    [Theory]
    [InlineData("zoe", false)]
    [InlineData("Ann", true)]
    public async Task Undo_gives_nothing_to_whoever_has_a_duplicates_id_by_now(string name, bool ours)
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Owns("hers", "2");
        var plan = await world.PlanAsync();
        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();
        world.Person("2", name, name: "somebody");

        var undo = await world.PlanUndoAsync(plan.Id);

        undo.NotPlanned.ShouldContain(left => left.Because.StartsWith(ours ? "The row 2 of people was changed since" : "2 is the id of another account by now: the merge into ann stays"));
        await world.ApplyAsync(undo);
        world.System.ReferringNow.ShouldBe([$"printers: id=hers, owner={(ours ? "2" : "1")}"]);
    }

    // The lease is a minute's; a unique index on a large table takes longer.
    [Fact]
    public async Task The_lease_is_kept_while_the_shape_changes()
    {
        SynchronizationContext.SetSynchronizationContext(null);
        var clock = new VirtualClock(DateTimeOffset.UnixEpoch);
        var world = new DuplicateWorld(clock: clock);
        world.Person("1", "ann");
        var plan = await world.PlanAsync();
        world.System.WhileChangingSchema = () => Task.Delay(TimeSpan.FromMinutes(10), clock);

        var applying = world.ApplyAsync(plan);
        while (clock.FireNext())
        {
        }

        (await applying).IsComplete.ShouldBeTrue();
        clock.Elapsed.ShouldBe(TimeSpan.FromMinutes(10));
    }

    [Fact]
    public async Task A_reference_that_arrives_after_the_merge_is_swept()
    {
        var world = new DuplicateWorld(minimumAge: TimeSpan.FromMilliseconds(1));
        world.Person("1", "ann");
        world.Person("2", "Ann");
        var plan = await world.PlanAsync();
        world.System.Answer = () =>
        {
            world.System.Answer = () => new Done();
            world.Writes("late", "Ann");
            return new Done();
        };

        await world.ApplyAsync(plan);

        world.System.ReferringNow.ShouldBe(["notes: author=ann, id=late"]);
        (await world.PlanUndoAsync(plan.Id)).Changes.SelectMany(change => change.Rows ?? []).Count(row => row.Table == "notes").ShouldBe(1);
    }

    [Fact]
    public async Task A_reference_that_passes_by_a_foreign_key_is_swept()
    {
        var world = new DuplicateWorld(minimumAge: TimeSpan.FromMilliseconds(1));
        var printers = world.System.ForeignKeys.Single(place => place.Table == "printers");
        world.System.ForeignKeys[world.System.ForeignKeys.IndexOf(printers)] = printers with { Bypassable = true };
        world.Person("1", "ann");
        world.Person("2", "Ann");
        var plan = await world.PlanAsync();
        world.System.Answer = () =>
        {
            world.System.Answer = () => new Done();
            world.Owns("late", "2");
            return new Done();
        };

        await world.ApplyAsync(plan);

        world.System.ReferringNow.ShouldBe(["printers: id=late, owner=1"]);
    }

    // The wait is longer than the lease: it must be kept meanwhile.
    [Fact]
    public async Task The_lease_is_kept_through_a_wait_that_outlasts_it()
    {
        SynchronizationContext.SetSynchronizationContext(null);
        var clock = new VirtualClock(DateTimeOffset.UnixEpoch);
        var world = new DuplicateWorld(minimumAge: TimeSpan.FromMinutes(10), clock: clock);
        world.Person("1", "ann");
        world.Person("2", "Ann");
        var plan = await world.PlanAsync();

        var applying = world.ApplyAsync(plan);
        while (clock.FireNext())
        {
            if (clock.Elapsed > TimeSpan.FromMinutes(10) && world.System.ReferringNow.Count == 0)
            {
                world.Writes("late", "Ann");
            }
        }

        (await applying).IsComplete.ShouldBeTrue();
        clock.Elapsed.ShouldBe(TimeSpan.FromMinutes(20));
        world.System.ReferringNow.ShouldBe(["notes: author=ann, id=late"]);
    }

    [Fact]
    public async Task Without_transactions_a_merge_that_ends_skipped_puts_back_what_it_had_moved()
    {
        var world = Restless();
        var plan = await world.PlanAsync();
        var before = world.Snapshot;

        var report = await world.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldNotContain("put back");
        world.Snapshot.ShouldBe([.. before.Take(2), "members: group=club, user=1", "members: group=club, user=2", "notes: author=Ann, id=late-1", "notes: author=Ann, id=late-2", "notes: author=Ann, id=late-3", "notes: author=Ann, id=late-4", "printers: id=printer, owner=2"]);
        (await world.PlanUndoAsync(plan.Id)).Changes.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_a_skipped_merge_could_not_put_back_is_taken_back_by_undo()
    {
        var world = Restless();
        var plan = await world.PlanAsync();
        var before = world.Snapshot;
        var calls = 0;
        world.System.Fault = () => ++calls > 4 ? new Refused("Not now.") : null;

        var report = await world.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldContain("5 rows that had been written could not be put back");
        world.System.ReferringNow.ShouldContain("printers: id=printer, owner=1");
        world.System.Fault = () => null;
        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.System.ReferringNow.ShouldBe(["members: group=club, user=1", "members: group=club, user=2", "notes: author=Ann, id=late-1", "notes: author=Ann, id=late-2", "notes: author=Ann, id=late-3", "notes: author=Ann, id=late-4", "printers: id=printer, owner=2"]);
        world.Users.ShouldBe(["1 ann", "2 Ann"]);
        before.ShouldContain("printers: id=printer, owner=2");
    }

    [Fact]
    public async Task Killed_while_it_puts_back_the_same_plan_again_ends_whole()
    {
        var world = Restless();
        var plan = await world.PlanAsync();
        var calls = 0;
        var crash = new CrashPoints(name => { if (name == ApplyCrashPoints.ChangeLeft && ++calls == 6) { throw new InvalidOperationException("It died."); } });
        await Should.ThrowAsync<InvalidOperationException>(() => world.ApplyAsync(plan, crash));
        world.System.BeforeEachRow = _ => { };

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        world.Users.ShouldBe(["1 ann"]);
        world.System.ReferringNow.ShouldBe(["members: group=club, user=1", "notes: author=ann, id=late-1", "notes: author=ann, id=late-2", "notes: author=ann, id=late-3", "notes: author=ann, id=late-4", "printers: id=printer, owner=1"]);
    }

    // With transactions nothing of a skipped merge was made; what looks like it is somebody's own change.
    [Fact]
    public async Task With_transactions_undo_takes_nothing_for_ours_that_a_skipped_merge_did_not_do()
    {
        var world = Restless(transactions: true);
        var plan = await world.PlanAsync();

        (await world.ApplyAsync(plan)).Skipped.Count.ShouldBe(1);
        world.Owns("printer", "1");

        (await world.PlanUndoAsync(plan.Id)).Changes.ShouldBeEmpty();
        world.System.ReferringNow.ShouldContain("printers: id=printer, owner=1");
    }

    [Fact]
    public async Task A_merge_that_was_made_before_the_crash_is_done_whatever_its_survivor_became_since()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann", email: "ann@example.org");
        world.Person("2", "Ann");
        var plan = await world.PlanAsync();
        await Should.ThrowAsync<InvalidOperationException>(() => world.ApplyAsync(plan, new CrashPoints(name => { if (name == ApplyCrashPoints.ChangeLeft) { throw new InvalidOperationException("It died."); } })));
        world.Person("1", "ann", email: "new@example.org");

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        (await world.PlanUndoAsync(plan.Id)).Changes.SelectMany(change => change.Rows ?? []).Count(row => row.Table == "people").ShouldBe(1);
    }

    /// <summary>A merge before whose last writes a reference arrives, at every look.</summary>
    private static DuplicateWorld Restless(bool transactions = false)
    {
        var world = new DuplicateWorld(transactions: transactions);
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Owns("printer", "2");
        world.Joins("1", "club");
        world.Joins("2", "club");
        var arrived = 0;
        world.System.BeforeEachRow = write =>
        {
            if (write is { Table: "people", Action: RowAction.Delete })
            {
                world.Writes($"late-{++arrived}", "Ann");
            }
        };
        return world;
    }
}
