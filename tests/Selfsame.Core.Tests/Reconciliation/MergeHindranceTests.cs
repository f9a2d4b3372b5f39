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

    // A row that was deleted in 2019 took the living user's orders, and nobody could sign in any more.
    [Theory]
    [InlineData("deleted_at", "2019-01-01", "let 'survivor' begin with 'ended asc'")]
    [InlineData("isBanned", true, "map it as an attribute ('ended: isBanned')")]
    [InlineData("merged_into_id", 7L, "has ended ('merged_into_id' is filled)")]
    [InlineData("account_suspended", 1L, "has ended ('account_suspended' is filled)")]
    public async Task Whoever_stays_and_has_ended_while_another_has_not_is_left_to_a_person(string field, object value, string advice)
    {
        foreach (var action in new[] { DuplicatesAction.Merge, DuplicatesAction.Delete })
        {
            var world = new DuplicateWorld(action);
            world.System.Put(("id", "1"), ("username", "ann"), ("created", 1), ("active", true), ("password", "x"), (field, value));
            world.Person("2", "Ann", created: 2);

            var plan = await world.PlanAsync();

            plan.Changes.ShouldNotContain(change => change.Action == ChangeAction.Merge || change.Action == ChangeAction.Delete);
            plan.NotPlanned.ShouldContain(left => left.Because.Contains("ann (id 1) would stay and has ended") && left.Because.Contains("Ann (id 2) has not") && left.Because.Contains(advice));
        }
    }

    [Fact]
    public async Task Whoever_has_not_ended_stays_where_the_order_begins_with_that()
    {
        var world = new DuplicateWorld();
        world.Topology = world.Topology with
        {
            Systems = new Dictionary<string, SystemConfig>
            {
                ["app"] = world.Topology.Systems["app"] with { Survivor = [new SurvivorOrder("ended", Descending: false), new SurvivorOrder("createdAt", Descending: false)] },
            },
        };
        world.System.Put(("id", "1"), ("username", "ann"), ("created", 1), ("active", true), ("password", "x"), ("deleted_at", "2019-01-01"));
        world.Person("3", "ANN", created: 3);
        world.Person("2", "Ann", created: 2);

        (await world.ApplyAsync(await world.PlanAsync())).IsComplete.ShouldBeTrue();

        world.Users.ShouldBe(["2 Ann"]);
        world.System.Rows[new AccountId("2")].ValueOrNull("deleted_at").IsNull.ShouldBeTrue();
    }

    // What is not the account's own end, what may be over, and what all of them have stops no merge.
    [Theory]
    [InlineData("notifications_disabled", true)]
    [InlineData("can_delete", true)]
    [InlineData("locked_until", "2019-01-01")]
    [InlineData("subscription_ends_at", "2030-01-01")]
    [InlineData("unlocked_at", "2019-01-01")]
    [InlineData("is_deleted", false)]
    [InlineData("banned", "no")]
    public async Task What_is_no_end_of_the_account_stops_no_merge(string field, object value)
    {
        var world = new DuplicateWorld();
        world.System.Put(("id", "1"), ("username", "ann"), ("created", 1), ("active", true), ("password", "x"), (field, value));
        world.Person("2", "Ann", created: 2);

        (await world.PlanAsync()).Changes.ShouldContain(change => change.Action == ChangeAction.Merge);
    }

    [Fact]
    public async Task Where_all_of_them_have_ended_nothing_is_lost_by_the_merge()
    {
        var world = new DuplicateWorld();
        foreach (var (id, name) in new[] { ("1", "ann"), ("2", "Ann") })
        {
            world.System.Put(("id", id), ("username", name), ("created", 1), ("active", true), ("password", "x"), ("deleted_at", "2019-01-01"));
        }

        (await world.PlanAsync()).Changes.ShouldContain(change => change.Action == ChangeAction.Merge);
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

    [Fact]
    public async Task Rows_that_an_index_of_the_systems_own_would_hold_to_be_equal_are_left_to_a_person()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Person("3", "bob");
        world.Person("4", "Bob");
        world.System.Clashes.Add(new ReferenceClash(world.System.ForeignKeys[0], "one_default", [new AccountId("1"), new AccountId("2"), new AccountId("3")]));

        var plan = await world.PlanAsync();

        plan.Changes.Where(change => change.Action == ChangeAction.Merge).Select(change => change.Account.ToString()).ShouldBe(["3"]);
        plan.NotPlanned[0].Because.ShouldStartWith("ann (id 1) and Ann (id 2) have rows at printers.owner that the unique index 'one_default' of printers would hold to be equal");
    }

    [Theory]
    [InlineData(DuplicatesAction.Merge)]
    [InlineData(DuplicatesAction.Delete)]
    public async Task What_is_left_alone_is_in_the_way_of_every_index_that_it_breaks(DuplicatesAction action)
    {
        var world = new DuplicateWorld(action);
        world.Topology = world.Topology with
        {
            Systems = new Dictionary<string, SystemConfig> { ["app"] = world.Topology.Systems["app"] with { Unique = [IdentifierKind.Username, IdentifierKind.Email] } },
        };
        world.Person("1", "ann", "ann@example.org");
        world.System.Put(world.System.Rows[new AccountId("1")].With(InMemorySystem.Record(("deleted_at", "2026-11-28"))));
        world.Person("2", "Ann", "ann@example.org", created: 1);

        var plan = await world.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.Count(left => left.Because.Contains("would stay and has ended")).ShouldBe(2);
    }
}
