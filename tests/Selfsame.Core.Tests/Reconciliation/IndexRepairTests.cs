using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>A unique index that is made in place of another, in a system without transactions for that: what is cut off, what somebody does meanwhile, and undo.</summary>
public sealed class IndexRepairTests
{
    private static readonly SystemIndex Old = new() { Name = "username_old", Fields = ["username"], Unique = true, Definition = "username" };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_an_attempt_dropped_before_it_was_cut_off_is_made_again_where_nothing_can_come_in_its_place(bool killed)
    {
        var world = World();
        var plan = await world.PlanAsync();
        world.System.InsteadOfStep = step => step.Action != SchemaAction.CreateIndex ? null : killed ? throw new Crash() : new Unknown("No answer came.");
        if (killed)
        {
            await Should.ThrowAsync<Crash>(world.ApplyAsync(plan));
        }
        else
        {
            (await world.ApplyAsync(plan)).Pending.ShouldHaveSingleItem();
        }

        world.System.IndexesNow.ShouldBeEmpty();
        world.System.InsteadOfStep = _ => null;
        world.Person("7", "bob");
        world.Person("8", "Bob");

        var report = await world.ApplyAsync(plan);

        report.Refused.Single().Message.ShouldEndWith("Equal by now: bob (7, 8). Plan again. The index username_old, which an earlier attempt had dropped, is made again.");
        Indexes(world).ShouldBe(["username_old: username"]);
        (await world.PlanUndoAsync(plan.Id)).Changes.ShouldBeEmpty();
    }

    [Fact]
    public async Task What_could_not_be_made_again_is_made_by_undo()
    {
        var world = World();
        var plan = await world.PlanAsync();
        world.System.InsteadOfStep = step => step.Action != SchemaAction.CreateIndex ? null : throw new Crash();
        await Should.ThrowAsync<Crash>(world.ApplyAsync(plan));
        world.System.InsteadOfStep = step => step.Action == SchemaAction.CreateIndex ? new Refused("There is no room.") : null;
        (await world.ApplyAsync(plan)).Refused.Single().Message.ShouldContain("can't be made again either: There is no room. Settle that; then selfsame undo");
        world.System.InsteadOfStep = _ => null;

        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();

        Indexes(world).ShouldBe(["username_old: username"]);
    }

    [Fact]
    public async Task What_is_made_although_the_answer_was_lost_is_done_and_can_be_taken_back()
    {
        var world = World();
        var plan = await world.PlanAsync();
        var whole = new CrashPoints(point => _ = point == ApplyCrashPoints.ChangeLeft ? throw new Crash() : 0);
        await Should.ThrowAsync<Crash>(world.ApplyAsync(plan, whole));

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        Indexes(world).ShouldBe(["username_unique: username nocase"]);
        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        Indexes(world).ShouldBe(["username_old: username"]);
    }

    [Fact]
    public async Task An_index_that_somebody_replaced_since_the_plan_is_skipped_and_said()
    {
        var world = World();
        var plan = await world.PlanAsync();
        await ReplaceAsync(world, Old, Old with { Definition = "tenant" });

        var report = await world.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldBe("The index username_old is another one now. Plan again.");
        Indexes(world).ShouldBe(["username_old: tenant"]);
    }

    [Fact]
    public async Task A_second_undo_has_nothing_to_do()
    {
        var world = World();
        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);
        var first = await world.PlanUndoAsync(plan.Id);
        await world.ApplyAsync(first);

        var second = await world.UndoAsync(plan.Id, 3);

        second.Plan.Changes.ShouldBeEmpty();
        second.Plan.NotPlanned.ShouldBeEmpty();
        second.Earlier.ShouldBe(first.Id);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_undo_of_what_was_taken_back_leaves_the_same_index_of_a_later_run(bool onlyInPart)
    {
        var world = World(DuplicatesAction.Rename);
        world.Person("2", "Ann");
        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);
        if (onlyInPart)
        {
            world.Person("2", "zoe");
        }

        var undo = await world.PlanUndoAsync(plan.Id);
        undo.NotPlanned.Count.ShouldBe(onlyInPart ? 1 : 0);
        await world.ApplyAsync(undo);
        await world.ApplyAsync(await world.PlanAsync(3));
        var users = world.Users;

        (await world.PlanUndoAsync(plan.Id, 4)).Changes.ShouldBeEmpty();

        Indexes(world).ShouldBe(["username_unique: username nocase"]);
        world.Users.ShouldBe(users);
    }

    [Fact]
    public async Task Undo_leaves_an_index_that_somebody_made_since_under_the_name_and_brings_the_old_one_back()
    {
        var world = World();
        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);
        await ReplaceAsync(world, world.System.IndexesNow.Single(), new SystemIndex { Name = "username_unique", Fields = ["tenant"], Unique = true, Definition = "tenant" });

        var undo = await world.PlanUndoAsync(plan.Id);
        await world.ApplyAsync(undo);

        undo.NotPlanned.Single().Because.ShouldBe("The index username_unique is another one by now, and stays: tenant.");
        Indexes(world).ShouldBe(["username_unique: tenant", "username_old: username"]);
    }

    [Fact]
    public async Task Undo_makes_again_only_what_the_run_itself_dropped()
    {
        var world = World();
        var plan = await world.PlanAsync();
        await world.System.ChangeSchemaAsync([new SchemaStep(SchemaAction.DropIndex, Old.Name, Old.Definition)], CancellationToken.None);
        await world.ApplyAsync(plan);

        await world.ApplyAsync(await world.PlanUndoAsync(plan.Id));

        Indexes(world).ShouldBeEmpty();
    }

    private static DuplicateWorld World(DuplicatesAction duplicates = DuplicatesAction.Merge)
    {
        var world = new DuplicateWorld(duplicates);
        world.Person("1", "ann");
        world.System.Index(Old);
        return world;
    }

    private static string[] Indexes(DuplicateWorld world) => [.. world.System.IndexesNow.Select(index => $"{index.Name}: {index.Definition}")];

    private static async Task ReplaceAsync(DuplicateWorld world, SystemIndex present, SystemIndex by)
    {
        (await world.System.ChangeSchemaAsync([new SchemaStep(SchemaAction.DropIndex, present.Name, present.Definition)], CancellationToken.None)).ShouldBe(new Done());
        world.System.Index(by);
    }
}
