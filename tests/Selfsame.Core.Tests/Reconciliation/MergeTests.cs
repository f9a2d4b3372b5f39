using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Duplicates of one system: who stays, what moves, what a second look finds.</summary>
public sealed partial class MergeTests
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

    private static void Put(DuplicateWorld world, string id, string username, params (string Field, object? Value)[] further)
        => world.System.Put([("id", id), ("username", username), ("created", 0), ("verified", true), .. further]);

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

    private static PersonDecisions Decided(Verdict verdict, params string[] ids)
        => new([new PersonDecision(verdict, [.. ids.Select(id => new DecidedAccount("app", new AccountId(id)))], null, "asked them")]);
}
