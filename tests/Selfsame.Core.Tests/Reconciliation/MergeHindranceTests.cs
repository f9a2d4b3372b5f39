using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Merges that are left alone or skipped, because somebody would lose something by them that the plan does not say.</summary>
public sealed class MergeHindranceTests
{
    [Theory]
    [InlineData("")]
    [InlineData("!nothing")]
    [InlineData(null)]
    public async Task Whoever_stays_without_a_password_while_another_has_one_is_left_to_a_person(string? password)
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann", created: 1, password: password);
        world.Person("2", "Ann", created: 2, password: "pbkdf2_sha256$1");

        var plan = await world.PlanAsync();

        plan.Changes.ShouldNotContain(change => change.Action == ChangeAction.Merge);
        plan.NotPlanned.ShouldContain(left => left.Because.Contains("ann (id 1) would stay and has no password, and Ann (id 2) has one"));
    }

    [Fact]
    public async Task Whoever_stays_and_is_not_active_while_another_is_is_left_to_a_person()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann", created: 1, active: false);
        world.Person("2", "Ann", created: 2);

        var plan = await world.PlanAsync();

        plan.Changes.ShouldNotContain(change => change.Action == ChangeAction.Merge);
        plan.NotPlanned.ShouldContain(left => left.Because.Contains("ann (id 1) would stay and is not active, and Ann (id 2) is"));
    }

    [Fact]
    public async Task Where_none_of_them_could_sign_in_nothing_is_lost_by_the_merge()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann", created: 1, password: "", active: false);
        world.Person("2", "Ann", created: 2, password: "!", active: false);

        (await world.PlanAsync()).Changes.ShouldContain(change => change.Action == ChangeAction.Merge);
    }

    [Fact]
    public async Task What_referred_when_the_plan_was_made_and_does_not_any_more_stops_the_merge()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Owns("laser", "2");
        var plan = await world.PlanAsync();

        world.System.ForeignKeys.RemoveAll(place => place.Table == "printers");
        var report = await world.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldContain("printers.owner referred to app when the plan was made, and does not any more. Plan again");
        world.Users.ShouldBe(["1 ann", "2 Ann"]);
    }

    [Fact]
    public async Task Whom_a_person_told_apart_since_the_plan_was_made_is_not_merged()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        var plan = await world.PlanAsync();

        world.Topology = world.Topology with
        {
            Decisions = new PersonDecisions([new PersonDecision(Verdict.Different, [new DecidedAccount("app", new AccountId("1")), new DecidedAccount("app", new AccountId("2"))], null, "sisters")]),
        };
        var report = await world.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldBe("By now the config says that app/1 and app/2 are different people. Plan again.");
        world.Users.ShouldBe(["1 ann", "2 Ann"]);
    }

    [Fact]
    public async Task The_lease_is_kept_while_references_are_looked_for()
    {
        SynchronizationContext.SetSynchronizationContext(null);
        var clock = new VirtualClock(DateTimeOffset.UnixEpoch);
        var world = new DuplicateWorld(clock: clock);
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Owns("laser", "2");
        var plan = await world.PlanAsync();
        world.System.WhileReadingReferences = () => Task.Delay(TimeSpan.FromMinutes(30), clock);

        var applying = world.ApplyAsync(plan);
        while (clock.FireNext())
        {
        }

        (await applying).IsComplete.ShouldBeTrue();
        world.Users.ShouldBe(["1 ann"]);
    }
}
