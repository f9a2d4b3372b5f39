using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Undo of runs that were cut off, undos that were cut off, and a plan whose run was taken back.</summary>
public sealed class UndoTests
{
    public static TheoryData<string, int> EveryCrash => ApplierTests.EveryCrash;

    [Theory]
    [MemberData(nameof(EveryCrash))]
    public async Task An_undo_that_was_killed_anywhere_goes_on_to_the_first_state_and_every_run_is_at_its_end(string point, int time)
    {
        var bench = Damaged();
        var before = bench.Target.Snapshot;
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        await bench.CrashAsync(await bench.PlanUndoAsync(plan.Id, 2), point, time);

        var again = await bench.UndoAsync(plan.Id, 3);

        again.GoesOn.ShouldBe(point is not (ApplyCrashPoints.LeaseTaken or ApplyCrashPoints.RunFinished));
        again.Plan.Changes.Count.ShouldBe(point == ApplyCrashPoints.RunFinished ? 0 : 3);
        (await bench.ApplyAsync(again.Plan)).IsComplete.ShouldBeTrue();
        bench.Target.Snapshot.ShouldBe(before);
        (await bench.Journal.ListAsync(CancellationToken.None)).ShouldAllBe(run => run.Finished != null);
        (await bench.UndoAsync(plan.Id, 4)).ShouldSatisfyAllConditions(undo => undo.Plan.Changes.ShouldBeEmpty(), undo => undo.Earlier.ShouldNotBeNull());
    }

    [Theory]
    [MemberData(nameof(EveryCrash))]
    public async Task A_run_that_was_killed_anywhere_is_taken_back_without_its_plan_and_is_at_its_end(string point, int time)
    {
        var bench = Damaged();
        var before = bench.Target.Snapshot;
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, point, time);
        if (point == ApplyCrashPoints.LeaseTaken)
        {
            (await bench.Journal.ListAsync(CancellationToken.None)).ShouldBeEmpty();
            return;
        }

        var undo = await bench.UndoAsync(plan.Id, 2);
        undo.Plan.NotPlanned.ShouldBeEmpty();
        (await bench.ApplyAsync(undo.Plan)).IsComplete.ShouldBeTrue();

        bench.Target.Snapshot.ShouldBe(before);
        (await bench.Journal.ListAsync(CancellationToken.None)).ShouldAllBe(run => run.Finished != null);
        (await AgainAsync(bench, plan)).ShouldBe(new ApplyTakenBack(undo.Plan.Id, Finished: true));
    }

    [Fact]
    public async Task An_account_that_may_be_somebodys_is_not_deleted_by_the_undo_of_a_run_that_was_killed()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, ApplyCrashPoints.IntentDurable);
        bench.Target.Put(Bench.Person("1", "anna"));

        var undo = await bench.PlanUndoAsync(plan.Id, 2);

        undo.Changes.ShouldBeEmpty();
        undo.NotPlanned.Single().Because.ShouldStartWith("Whether the account was made is not known");
    }

    // Of a merge that is made as a whole nothing was made; who moved the printer meanwhile meant it.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_somebody_did_meanwhile_is_not_taken_for_a_merge_that_was_killed_before_it_was_made(bool transactions)
    {
        var world = new DuplicateWorld(transactions: transactions);
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Owns("printer", "2");
        var plan = await world.PlanAsync();
        await Should.ThrowAsync<Crash>(world.ApplyAsync(plan, new CrashPoints(point => _ = point == ApplyCrashPoints.IntentDurable ? throw new Crash() : 0)));
        world.Owns("printer", "1");

        await world.ApplyAsync(await world.PlanUndoAsync(plan.Id));

        world.System.ReferringNow.ShouldBe([$"printers: id=printer, owner={(transactions ? 1 : 2)}"]);
        world.Users.ShouldBe(["1 ann", "2 Ann"]);
    }

    [Fact]
    public async Task The_same_plan_again_after_its_undo_changes_nothing_and_says_so()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        await bench.CrashAsync(undo, ApplyCrashPoints.ChangeLeft);
        (await AgainAsync(bench, plan)).ShouldBe(new ApplyTakenBack(undo.Id, Finished: false));
        await bench.ApplyAsync(undo);
        var writes = bench.Target.Writes;

        (await AgainAsync(bench, plan)).ShouldBe(new ApplyTakenBack(undo.Id, Finished: true));

        bench.Target.Writes.ShouldBe(writes);
    }

    [Fact]
    public async Task A_plan_whose_undo_was_taken_back_stands_again()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        var repaired = bench.Target.Snapshot;
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        await bench.ApplyAsync(undo);
        await bench.ApplyAsync(await bench.PlanUndoAsync(undo.Id, 3));
        bench.Target.Snapshot.ShouldBe(repaired);

        (await AgainAsync(bench, plan)).ShouldBeOfType<ApplyReport>().Applied.ShouldBe(3);

        (await bench.PlanUndoAsync(plan.Id, 4)).Changes.Count.ShouldBe(3);
    }

    [Fact]
    public async Task An_undo_that_may_not_be_gone_on_with_is_planned_anew_and_closes_the_one_before()
    {
        var bench = Damaged();
        var before = bench.Target.Snapshot;
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        await bench.CrashAsync(await bench.PlanUndoAsync(plan.Id, 2), ApplyCrashPoints.ChangeLeft, 2);

        var run = (await bench.Journal.ReadAsync(plan.Id, CancellationToken.None))!;
        var anew = await RunUndo.PlanAsync(run, bench.Journal, bench.Systems, bench.Topology, Bench.Stamp(3), _ => false, CancellationToken.None);
        await bench.ApplyAsync(anew.Plan);

        anew.GoesOn.ShouldBeFalse();
        bench.Target.Snapshot.ShouldBe(before);
        (await bench.Journal.ListAsync(CancellationToken.None)).ShouldAllBe(one => one.Finished != null);
    }

    private static Task<ApplyResult> AgainAsync(Bench bench, Plan plan)
        => new Applier(bench.Topology, bench.Systems, bench.Journal, bench.Clock, CrashPoints.None).ApplyAsync(plan, null, CancellationToken.None);

    /// <summary>One missing, one drifted, one orphan.</summary>
    private static Bench Damaged()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Source.Put(Bench.Person("2", "bob", name: "Bob"));
        bench.Target.Put(Bench.Person("2", "bob", name: "Rob"));
        bench.Target.Put(Bench.Person("9", "gone"));
        return bench;
    }
}
