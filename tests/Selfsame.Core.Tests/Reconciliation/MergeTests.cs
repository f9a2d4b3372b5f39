using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Duplicates of one system: who stays, what moves, what a second look finds.</summary>
public sealed class MergeTests
{
    [Fact]
    public async Task The_first_by_the_configured_order_stays_and_all_references_move_to_it()
    {
        var world = new DuplicateWorld();
        world.Person("1", "Dobbeltop", created: 2);
        world.Person("2", "dobbeltop", created: 1, name: "Dob");
        world.Owns("printer-a", "1");
        world.Owns("printer-b", "2");
        world.Joins("1", "club");
        world.Writes("note", "Dobbeltop");

        var report = await world.ApplyAsync(await world.PlanAsync());

        report.IsComplete.ShouldBeTrue();
        world.Users.ShouldBe(["2 dobbeltop"]);
        world.System.ReferringNow.ShouldBe(["members: group=club, user=2", "notes: author=dobbeltop, id=note", "printers: id=printer-a, owner=2", "printers: id=printer-b, owner=2"]);
        world.System.IndexesNow.Select(index => index.Name).ShouldBe(["username_unique"]);
        (await world.AuditAsync()).Findings.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_refers_by_an_address_takes_the_survivors_and_comes_back(bool transactions)
    {
        var world = new DuplicateWorld(transactions: transactions);
        world.Person("1", "ann", "ann@example.org", created: 1);
        world.Person("2", "Ann", "Ann.Before@example.org", created: 2);
        world.Person("3", "bob", email: null, created: 1);
        world.Person("4", "Bob", "bob@example.org", created: 2);
        world.Person("5", "BOB", "bob.before@example.org", created: 3);
        world.Subscribes("ann", "ann@example.org");
        world.Subscribes("ann before", "Ann.Before@example.org");
        world.Subscribes("bob", "bob@example.org");
        world.Subscribes("bob before", "bob.before@example.org");
        var before = world.Snapshot;
        var plan = await world.PlanAsync();

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        world.System.ReferringNow.ShouldBe(
        [
            "subscriptions: address=ann@example.org, id=ann", "subscriptions: address=ann@example.org, id=ann before",
            "subscriptions: address=bob@example.org, id=bob", "subscriptions: address=bob@example.org, id=bob before",
        ]);
        (await world.AuditAsync()).Findings.ShouldBeEmpty();
        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    // Deleting the newer duplicate orphans its data (CASES 28): the references move, what the survivor lacks is folded in.
    [Fact]
    public async Task The_survivor_takes_what_it_lacks_and_keeps_its_password()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann", email: null, name: null, password: "first");
        world.Person("2", "Ann", email: "ann@example.org", name: "Ann", password: "second");

        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);

        var merge = plan.Changes[0];
        merge.Sentence.ShouldContain("ann (id 1) stays, with its password");
        var survivor = world.System.Rows[new AccountId("1")];
        survivor["email"].ShouldBe(FieldValue.Text("ann@example.org"));
        survivor["name"].ShouldBe(FieldValue.Text("Ann"));
        survivor["password"].ShouldBe(FieldValue.Text("first"));
        PlanJson.Write(plan).ShouldNotContain("second");
    }

    // Empty is no lack in a field that reads as an account's end: the survivor was never deleted, nor banned.
    [Fact]
    public async Task The_survivor_does_not_take_over_an_end_or_what_is_noise()
    {
        var world = new DuplicateWorld();
        Put(world, "1", "ann");
        Put(world, "2", "Ann", ("deleted_at", "2024-01-01"), ("bannedUntil", "2099-01-01"), ("locked", true), ("ban_reason", "spam"), ("seen", "2024-01-01"), ("gender", "f"));

        await world.ApplyAsync(await world.PlanAsync());

        var survivor = world.System.Rows[new AccountId("1")];
        survivor.Keys.Where(field => !survivor[field].IsNull).ShouldBe(["id", "username", "created", "verified", "gender"], ignoreOrder: true);
    }

    // An address that nobody proved was verified by the mark of an account that had none.
    [Fact]
    public async Task A_folded_address_brings_its_own_mark()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann", email: null, verified: true);
        world.Person("2", "Ann", email: "ann@example.org", verified: false);

        await world.ApplyAsync(await world.PlanAsync());

        var survivor = world.System.Rows[new AccountId("1")];
        survivor["email"].ShouldBe(FieldValue.Text("ann@example.org"));
        survivor["verified"].ShouldBe(FieldValue.Boolean(false));
    }

    [Fact]
    public async Task A_folded_address_that_another_duplicate_proved_is_verified()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann", email: null, verified: false);
        world.Person("2", "Ann", email: "ann@example.org", verified: false);
        world.Person("3", "ANN", email: "Ann@Example.org", verified: true);

        await world.ApplyAsync(await world.PlanAsync());

        world.System.Rows[new AccountId("1")]["verified"].ShouldBe(FieldValue.Boolean(true));
    }

    // Whoever invited a duplicate is the survivor itself, or goes.
    [Fact]
    public async Task The_survivor_takes_over_no_reference_to_another_account()
    {
        var world = new DuplicateWorld();
        world.System.ForeignKeys.Add(new ReferencePlace { Table = world.System.AccountsTable, Fields = ["invited_by"], AccountFields = ["id"], Enforced = true });
        Put(world, "1", "ann", ("invited_by", null));
        Put(world, "2", "Ann", ("invited_by", "1"));

        (await world.PlanAsync()).Changes[0].After.Keys.ShouldNotContain("invited_by");
    }

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

    private static void Put(DuplicateWorld world, string id, string username, params (string Field, object? Value)[] further)
        => world.System.Put([("id", id), ("username", username), ("created", 0), ("verified", true), .. further]);

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

    [Fact]
    public async Task Duplicates_that_hang_together_are_merged_into_one_that_stays()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann", email: "a@example.org");
        world.Person("2", "Ann", email: "b@example.org");
        world.Person("3", "bob", email: "B@example.org");

        await world.ApplyAsync(await world.PlanAsync());

        world.Users.ShouldBe(["1 ann"]);
    }

    // De-duplication by e-mail merges people who are different (CASES 26: ory/polis#4067): an e-mail that nobody proved proves nobody.
    [Fact]
    public async Task An_email_that_is_not_verified_in_both_merges_nobody()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann", email: "a@example.org");
        world.Person("2", "bob", email: "A@example.org", verified: false);

        var plan = await world.PlanAsync();

        plan.Changes.Where(change => change.Action == ChangeAction.Merge).ShouldBeEmpty();
        plan.NotPlanned.Single(left => left.Finding == "Duplicate").Because.ShouldContain("not verified");
    }

    [Fact]
    public async Task People_who_share_a_name_in_two_cases_are_renamed_and_nobody_goes()
    {
        var world = new DuplicateWorld(DuplicatesAction.Rename);
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Person("3", "ann-2");

        (await world.ApplyAsync(await world.PlanAsync())).IsComplete.ShouldBeTrue();

        world.Users.ShouldBe(["1 ann", "2 Ann-3", "3 ann-2"]);
        (await world.AuditAsync()).Findings.ShouldBeEmpty();
    }

    // Under our keys x²-2 is no name at all; under the index it is x2-2.
    [Fact]
    public async Task A_new_name_is_free_under_the_equality_of_the_index_too()
    {
        var world = new DuplicateWorld(DuplicatesAction.Rename);
        world.Person("1", "x2");
        world.Person("2", "X2");
        world.Person("3", "x²-2");

        (await world.ApplyAsync(await world.PlanAsync())).IsComplete.ShouldBeTrue();

        world.Users.ShouldBe(["1 x2", "2 X2-3", "3 x²-2"]);
        world.System.IndexesNow.Select(index => index.Name).ShouldBe(["username_unique"]);
    }

    [Fact]
    public async Task A_duplicate_whose_name_no_rule_allows_is_left_for_a_person_to_rename()
    {
        var world = new DuplicateWorld(DuplicatesAction.Rename);
        world.Person("1", "x2");
        world.Person("2", "x²");

        var plan = await world.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.ShouldContain(left => left.Because.Contains("rename it yourself"));
    }

    // Refused by the database each time, and planned again each time.
    [Fact]
    public async Task A_duplicate_whose_new_name_has_no_place_in_its_field_is_left_for_a_person_to_rename()
    {
        var world = new DuplicateWorld(DuplicatesAction.Rename, spelling: value => value.Field == "username" && value.Value.ToString().Length > 4 ? Spelled.Not("takes 4 characters at most") : value.Value);
        world.Person("1", "ann");
        world.Person("2", "Ann");

        var plan = await world.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.ShouldContain(left => left.Because == "Ann (id 2) would be called Ann-2, and username of app takes 4 characters at most: rename it yourself, or let username take more.");
    }

    [Fact]
    public async Task A_duplicate_is_deleted_only_where_nothing_refers_to_it()
    {
        var world = new DuplicateWorld(DuplicatesAction.Delete);
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Person("3", "bob");
        world.Person("4", "Bob");
        world.Owns("printer", "4");

        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);

        world.Users.ShouldBe(["1 ann", "3 bob", "4 Bob"]);
        plan.NotPlanned[0].Because.ShouldContain("printers.owner (1)");
    }

    [Fact]
    public async Task Whoever_is_referred_to_by_name_is_not_renamed()
    {
        var world = new DuplicateWorld(DuplicatesAction.Rename);
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Person("3", "bob");
        world.Person("4", "Bob");
        world.Writes("note", "Ann");

        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);

        world.Users.ShouldBe(["1 ann", "2 Ann", "3 bob", "4 Bob-2"]);
        plan.NotPlanned.ShouldContain(one => one.Because.Contains("notes.author (1) refer to Ann (id 2) by the name"));
    }

    [Theory]
    [InlineData(false, "is gone")]
    [InlineData(false, "changed: username")]
    [InlineData(true, "not as before")]
    public async Task No_duplicate_is_deleted_where_the_one_who_was_to_stay_is_not_as_it_was(bool meanwhile, string said)
    {
        var world = new DuplicateWorld(DuplicatesAction.Delete);
        world.Person("1", "ann");
        world.Person("2", "Ann");
        var plan = await world.PlanAsync();
        void Change()
        {
            world.System.Remove("1");
            if (said != "is gone")
            {
                world.Person("1", "bea");
            }
        }

        if (meanwhile)
        {
            world.System.BeforeWritingTogether = Change;
        }
        else
        {
            Change();
        }

        var report = await world.ApplyAsync(plan);

        world.Users.ShouldContain("2 Ann");
        report.Skipped.Single().Message.ShouldContain(meanwhile ? "who was to stay" : said);
    }

    [Fact]
    public async Task A_loser_that_changed_since_the_plan_is_left_alone()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        var plan = await world.PlanAsync();
        world.Person("2", "Anna");

        var report = await world.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldContain("username");
        world.Users.ShouldBe(["1 ann", "2 Anna"]);
    }

    [Fact]
    public async Task A_loser_whose_password_changed_since_the_plan_is_left_alone()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann", password: "old");
        var plan = await world.PlanAsync();
        world.Person("2", "Ann", password: "new");

        (await world.ApplyAsync(plan)).Skipped.Single().Message.ShouldContain("password");

        world.Users.ShouldBe(["1 ann", "2 Ann"]);
    }

    [Fact]
    public async Task When_new_duplicates_arrive_the_index_is_refused_and_says_so()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        var plan = await world.PlanAsync();
        world.Person("7", "bob");
        world.Person("8", "Bob");

        var report = await world.ApplyAsync(plan);

        report.Refused.Single().Change.Action.ShouldBe(ChangeAction.Schema);
        report.Refused.Single().Message.ShouldEndWith("Equal by now: bob (7, 8). Plan again.");
        report.IsComplete.ShouldBeFalse();
        world.System.IndexesNow.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_guard_counts_who_goes_in_merges()
    {
        var world = new DuplicateWorld();
        for (var number = 0; number < 30; number++)
        {
            world.Person($"{number}a", $"name{number}");
            world.Person($"{number}b", $"NAME{number}");
        }

        var verdict = PlanCheck.Check(await world.PlanAsync(), world.Topology, "rules", new GuardOverrides());

        verdict.ShouldBeOfType<PlanGuarded>().Guards.Single().ShouldContain("--max-deletes 30");
    }

    [Fact]
    public async Task Records_without_a_uuid_get_a_random_one_that_is_unique_and_never_null()
    {
        var world = new DuplicateWorld(uuid: "public_id");
        world.Person("1", "ann");
        world.Person("2", "bob");

        var report = await world.ApplyAsync(await world.PlanAsync());

        report.IsComplete.ShouldBeTrue();
        world.System.Rows.Values.Select(row => row["public_id"].AsText).Distinct().Count().ShouldBe(2);
        world.System.IndexesNow.Select(index => index.Name).ShouldContain("public_id_unique");
    }

    [Fact]
    public async Task Whom_a_person_told_apart_is_not_merged_not_even_through_a_third()
    {
        var world = new DuplicateWorld(decisions: Decided(Verdict.Different, "1", "2"));
        world.Person("1", "ann", email: "a@example.org");
        world.Person("2", "Ann", email: "b@example.org");
        world.Person("3", "cy", email: "A@example.org");
        world.Person("4", "Cy", email: "B@example.org");

        var plan = await world.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.ShouldAllBe(left => left.Because.Contains("by decision: asked them") || left.Finding == "NoUniqueIndex");
    }

    [Fact]
    public async Task Whom_a_person_called_the_same_is_merged_whatever_they_share()
    {
        var world = new DuplicateWorld(decisions: Decided(Verdict.Same, "1", "2"));
        world.Person("1", "ann");
        world.Person("2", "anna");

        await world.ApplyAsync(await world.PlanAsync());

        world.Users.ShouldBe(["1 ann"]);
    }

    [Fact]
    public async Task What_a_person_said_to_ignore_is_not_found_again()
    {
        var world = new DuplicateWorld(decisions: new PersonDecisions([new PersonDecision(Verdict.Ignore, [new DecidedAccount("app", new AccountId("1"))], "Duplicate", "known")]));
        world.Person("1", "ann");
        world.Person("2", "Ann");

        (await world.AuditAsync()).Findings.ShouldAllBe(finding => finding.Situation == null);
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

    private static PersonDecisions Decided(Verdict verdict, params string[] ids)
        => new([new PersonDecision(verdict, [.. ids.Select(id => new DecidedAccount("app", new AccountId(id)))], null, "asked them")]);
}
