using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Duplicates that refer to themselves, to each other, and to others' duplicates: the references stand in rows that go too.</summary>
public sealed partial class MergeTests
{
    // Whoever made their own account, and a duplicate that another duplicate invited, could never be merged.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Whoever_refers_to_themselves_or_to_another_duplicate_is_merged_and_comes_back(bool transactions)
    {
        var world = Inviting(transactions);
        var before = world.Snapshot;
        var plan = await world.PlanAsync();

        var report = await world.ApplyAsync(plan);

        report.Skipped.Select(note => note.Message).ShouldBeEmpty();
        report.IsComplete.ShouldBeTrue();
        world.System.Rows.ToDictionary(pair => pair.Key.ToString(), pair => pair.Value["invited_by"].AsText).ShouldBe(
            new Dictionary<string, string?> { ["1"] = "1", ["4"] = "1", ["6"] = "4" }, ignoreOrder: true);
        (await world.AuditAsync()).Findings.ShouldBeEmpty();
        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    // A merge that is looked at again would be made after one that relies on it, and undo would begin with the wrong one.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Merges_that_wait_for_each_other_are_made_in_the_plans_order(bool transactions)
    {
        var world = new DuplicateWorld(transactions: transactions);
        foreach (var (id, name, by) in new[] { ("1", "ann", null), ("2", "Ann", null), ("3", "bob", null), ("4", "Bob", "2"), ("5", "cy", null), ("6", "Cy", "4") })
        {
            world.Person(id, name);
            world.Invited(id, by);
        }

        var before = world.Snapshot;
        var plan = await world.PlanAsync();
        plan.Changes.Where(change => change.Action == ChangeAction.Merge).Select(change => change.Account.ToString()).ShouldBe(["1", "3", "5"]);

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    // Bob's waits for Ann's, and Cy's has a row in common with Bob's only: made before it, undo would bring back who refers to nobody.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_has_a_row_in_common_with_a_merge_that_waits_waits_too(bool transactions)
    {
        var world = new DuplicateWorld(transactions: transactions);
        foreach (var (id, name, by) in new[] { ("1", "ann", null), ("2", "Ann", null), ("3", "bob", null), ("4", "Bob", "2"), ("5", "cy", null), ("6", "Cy", "4"), ("7", "di", null), ("8", "Di", "6") })
        {
            world.Person(id, name);
            world.Invited(id, by);
        }

        var before = world.Snapshot;
        var plan = await world.PlanAsync();

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    // The plan's own move of a reference was taken for somebody's change.
    [Fact]
    public async Task What_somebody_else_changed_of_a_reference_stops_the_merge_still()
    {
        var world = Inviting(transactions: true);
        var plan = await world.PlanAsync();
        world.Invited("5", "6");

        var report = await world.ApplyAsync(plan);

        var skipped = report.Skipped.ShouldHaveSingleItem();
        (skipped.Change.Account.ToString(), skipped.Message).ShouldBe(("4", "Since the plan was made, BOB (id 5) changed: invited_by. Plan again."));
        world.System.Rows.Keys.Select(id => id.ToString()).ShouldBe(["1", "4", "5", "6"], ignoreOrder: true);
    }

    // Only one account can be invited by another: what would meet there is let go with the one that goes.
    [Fact]
    public async Task A_reference_of_which_there_can_be_only_one_does_not_keep_duplicates_apart()
    {
        var world = new DuplicateWorld();
        world.System.ForeignKeys.Add(new ReferencePlace { Table = world.System.AccountsTable, Fields = ["invited_by"], AccountFields = ["id"], UniqueSets = [["invited_by"]], Enforced = true });
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Person("3", "ANN");
        world.Invited("1", "1");
        world.Invited("2", "3");
        world.Invited("3", "2");
        var before = world.Snapshot;
        var plan = await world.PlanAsync();

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        world.System.Rows.ShouldHaveSingleItem().Value["invited_by"].ShouldBe(FieldValue.Text("1"));
        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    /// <summary>Ann three times and Bob twice, who invited themselves and each other, and Cy.</summary>
    private static DuplicateWorld Inviting(bool transactions)
    {
        var world = new DuplicateWorld(transactions: transactions);
        world.Person("1", "ann");
        world.Person("2", "Ann", name: "Ann");
        world.Person("3", "ANN");
        world.Person("4", "bob");
        world.Person("5", "BOB", name: "Bob");
        world.Person("6", "cy");
        foreach (var (id, by) in new[] { ("1", "2"), ("2", "2"), ("3", "2"), ("4", "3"), ("5", "3"), ("6", "5") })
        {
            world.Invited(id, by);
        }

        return world;
    }
}
