using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Rows that the survivor has already: a membership that both have, a profile of which there is one.</summary>
public sealed partial class MergeTests
{
    [Fact]
    public async Task A_membership_that_both_have_is_kept_once_and_undo_brings_the_other_back()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Joins("1", "club");
        world.Joins("2", "club");
        world.Joins("2", "choir");
        var before = world.Snapshot;

        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);

        world.System.ReferringNow.ShouldBe(["members: group=choir, user=1", "members: group=club, user=1"]);
        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    // A profile has the account's id as its key: of two, one would go with all that it says.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_row_of_which_an_account_can_have_only_one_is_not_lost_to_a_merge(bool sinceThePlan)
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Describes("1", "Gardens.");
        if (!sinceThePlan)
        {
            world.Describes("2", "Sails.");
        }

        var plan = await world.PlanAsync();
        world.Describes("2", "Sails.");
        var report = await world.ApplyAsync(plan);

        world.System.ReferringNow.ShouldBe(["profiles: bio=Gardens., user=1", "profiles: bio=Sails., user=2"]);
        var said = sinceThePlan ? report.Skipped.Single(change => change.Change.Action == ChangeAction.Merge).Message : plan.NotPlanned.First(left => left.Finding == "Duplicate").Because;
        said.ShouldContain("The row 2 of profiles differs in bio");
    }

    [Fact]
    public async Task A_row_that_says_nothing_else_than_the_one_that_stays_goes_as_the_plan_says()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Describes("1", "Gardens.");
        world.Describes("2", "Gardens.");
        world.Owns("printer", "2");

        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);

        plan.Changes[0].Effects.ShouldBe(["1 row of profiles goes: ann (id 1) has it already."]);
        plan.Changes[0].Sentence.ShouldContain("1 reference move");
        world.System.ReferringNow.ShouldBe(["printers: id=printer, owner=1", "profiles: bio=Gardens., user=1"]);
    }

    [Fact]
    public async Task A_rows_own_number_says_nothing_else()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.System.Refer("members", ["id"], ("id", 10), ("user", "1"), ("group", "club"));
        world.System.Refer("members", ["id"], ("id", 11), ("user", "2"), ("group", "club"));

        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);

        plan.Changes[0].Effects.ShouldBe(["1 row of members goes: ann (id 1) has it already."]);
        world.System.ReferringNow.ShouldBe(["members: group=club, id=10, user=1"]);
    }

    // Which of several rows would stay must not depend on the order in which they are read, or no plan could ever be applied.
    [Fact]
    public async Task A_membership_that_both_have_goes_with_what_else_it_says_only_as_the_plan_says()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("4", "Ann");
        world.Person("3", "aNn");
        world.Person("2", "anN");
        world.Joins("4", "club", since: 2020);
        world.Joins("3", "club", since: 2020);
        world.Joins("2", "club", since: 2021);
        var before = world.Snapshot;

        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);

        plan.Changes[0].Effects.ShouldBe(["2 rows of members go: ann (id 1) has them already, with another since, which stays."]);
        PlanJson.Write(plan).ShouldContain("\"differing\": 2");
        world.System.ReferringNow.ShouldBe(["members: group=club, since=2021, user=1"]);
        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    [Fact]
    public async Task A_membership_that_says_something_else_since_the_plan_stops_the_merge()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Joins("1", "club", since: 2020);
        world.Joins("2", "club", since: 2020);
        var plan = await world.PlanAsync();
        world.Joins("2", "club", since: 2021);

        var report = await world.ApplyAsync(plan);

        world.System.ReferringNow.ShouldBe(["members: group=club, since=2020, user=1", "members: group=club, since=2021, user=2"]);
        report.Skipped[0].Message.ShouldContain("differs in since, which the plan did not say: plan again");
        (await world.ApplyAsync(await world.PlanAsync(2))).IsComplete.ShouldBeTrue();
        world.System.ReferringNow.ShouldBe(["members: group=club, since=2020, user=1"]);
    }

    [Fact]
    public async Task A_row_that_arrives_late_and_says_something_else_than_the_one_that_stays_is_left_and_reported()
    {
        var world = new DuplicateWorld(minimumAge: TimeSpan.FromMilliseconds(1));
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Signs("ann", "A.");
        var plan = await world.PlanAsync();
        world.System.Answer = () =>
        {
            world.System.Answer = () => new Done();
            world.Signs("Ann", "Yours, Ann");
            return new Done();
        };

        var report = await world.ApplyAsync(plan);

        world.System.ReferringNow.ShouldBe(["signatures: author=Ann, text=Yours, Ann", "signatures: author=ann, text=A."]);
        report.Unverified.Single().Message.ShouldContain("were not all moved: the row Ann of signatures differs in text");
    }
}
