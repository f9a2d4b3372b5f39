using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Identifiers that a unique index takes for others than their keys say, links between two who become one, and accounts without a name.</summary>
public sealed class NormalFormTests
{
    [Theory]
    [InlineData(IdentifierKind.Username, "Bob", null)]
    [InlineData(IdentifierKind.Username, " Bob\t", "Bob")]
    [InlineData(IdentifierKind.Username, "A\u030Ase", "\u00C5se")]
    [InlineData(IdentifierKind.Username, "\u00C5se", null)]
    [InlineData(IdentifierKind.Username, "\uFF22\uFF4F\uFF42", "Bob")]
    [InlineData(IdentifierKind.Username, "A\u030A@example.org ", "\u00C5@example.org")]
    [InlineData(IdentifierKind.Email, "Bob@\uFF45xample.org", "Bob@example.org")]
    [InlineData(IdentifierKind.Email, "Bob@B\u00FCcher.example", null)]
    [InlineData(IdentifierKind.Email, " \u00A0 ", "")]
    [InlineData(IdentifierKind.Email, "", null)]
    [InlineData(IdentifierKind.Username, "two words ", null)]
    public void The_form_keeps_case_spelling_and_key(IdentifierKind kind, string text, string? mended)
    {
        IdentifierForms.Mended(kind, text).ShouldBe(mended);

        if (mended is { Length: > 0 })
        {
            IdentifierKeys.TryKey(kind, text, out var before, out _).ShouldBeTrue();
            IdentifierKeys.TryKey(kind, mended, out var after, out _).ShouldBeTrue();
            after.ShouldBe(before);
        }
    }

    [Fact]
    public async Task Single_accounts_get_it_with_what_refers_to_them_by_name_and_undo_gives_it_back()
    {
        var world = new DuplicateWorld();
        world.Person("1", "cy ");
        world.Person("2", "de\u0301");
        world.Person("3", " ");
        world.Writes("one", "cy ");
        world.Writes("two", "cy ");
        world.Writes("other", " ");
        var before = world.Snapshot;

        var audit = await world.AuditAsync();
        var plan = await world.PlanAsync();

        audit.Findings.Where(finding => finding.Situation == Situation.NotCanonical).Select(finding => finding.Sentence).ShouldBe([
            "The username of 1 in app is written 'cy ' with blanks around it, which a unique index holds to be another than 'cy'.",
            "The username of 2 in app is written 'de\u0301' with letters in pieces (not NFC), which a unique index holds to be another than 'd\u00E9'.",
            "The username of 3 in app is nothing but blanks, which names nobody."]);
        plan.NotPlanned.ShouldBeEmpty();
        plan.Changes.Where(change => change.Reason == ChangeReason.NotCanonical).Select(change => change.References!.Single(place => place.Table == "notes").Rows).ShouldBe([2, 0, 0]);
        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();
        world.Users.ShouldBe(["1 cy", "2 d\u00E9", "3 "]);
        world.System.ReferringNow.ShouldBe(["notes: author= , id=other", "notes: author=cy, id=one", "notes: author=cy, id=two"]);
        (await world.AuditAsync()).Findings.ShouldBeEmpty();
        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    [Fact]
    public async Task What_refers_to_whoever_stays_by_a_name_in_another_form_follows_too()
    {
        var world = new DuplicateWorld();
        world.Person("1", "Bob ");
        world.Person("2", "BOB");
        world.Writes("mine", "Bob ");
        world.Writes("yours", "BOB");

        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);

        plan.Changes[0].References!.Single(place => place.Table == "notes").Rows.ShouldBe(2);
        world.Users.ShouldBe(["1 Bob"]);
        world.System.ReferringNow.ShouldBe(["notes: author=Bob, id=mine", "notes: author=Bob, id=yours"]);
    }

    [Fact]
    public async Task A_merge_leaves_what_no_index_keeps_as_it_is_written()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann", "  ", created: 1);
        world.Person("2", "Ann", "  ", created: 2);

        (await world.ApplyAsync(await world.PlanAsync())).IsComplete.ShouldBeTrue();

        world.System.Rows.Values.ShouldHaveSingleItem()["email"].AsText.ShouldBe("  ");
    }

    [Fact]
    public async Task Accounts_that_share_a_key_by_it_are_decided_first()
    {
        var world = new DuplicateWorld(DuplicatesAction.Report);
        world.Person("1", "cy ");
        world.Person("2", "cy");

        (await world.PlanAsync()).NotPlanned.ShouldContain(left => left.Finding == "NotCanonical" && left.Because.Contains("decide about these first"));
    }

    [Theory]
    [InlineData(DuplicatesAction.Rename, "only")]
    [InlineData(DuplicatesAction.Delete, "only")]
    [InlineData(DuplicatesAction.Merge, "only")]
    [InlineData(DuplicatesAction.Rename, "drift")]
    [InlineData(DuplicatesAction.Delete, "drift")]
    [InlineData(DuplicatesAction.Report, "ignore")]
    public async Task Two_spellings_never_become_one_whatever_is_left_out_of_the_plan(DuplicatesAction action, string how)
    {
        var world = new DuplicateWorld(action);
        world.Person("1", "bob ", created: 1);
        world.Person("2", "bob", created: 2);
        if (how == "ignore")
        {
            world.Topology = world.Topology with { Decisions = new PersonDecisions([new PersonDecision(Verdict.Ignore, [new("app", new AccountId("2"))], "Duplicate", "known")]) };
        }

        var whole = await world.PlanAsync();
        var plan = how == "only" ? new PlanFilter(["NotCanonical"], []).Of(whole) : whole;
        if (how == "drift")
        {
            world.Person("2", "bob", "b@example.org", created: 2);
        }

        await world.ApplyAsync(plan);

        world.Users.ShouldBe(["1 bob ", "2 bob"]);
    }

    [Fact]
    public async Task What_refers_to_the_normal_form_already_becomes_nobodys()
    {
        var world = new DuplicateWorld();
        world.Person("1", "cy ");
        world.Writes("of-one-who-left", "cy");

        var plan = await world.PlanAsync();

        plan.NotPlanned.ShouldHaveSingleItem().Because.ShouldBe("notes.author (1) refer to 'cy' already, which is nobody's: they would be cy 's (id 1). Settle whose they are first, then plan again.");
        plan.Changes.ShouldNotContain(change => change.Reason == ChangeReason.NotCanonical);
    }

    [Fact]
    public async Task What_comes_to_refer_to_the_old_form_while_it_is_changed_follows()
    {
        var world = new DuplicateWorld();
        world.Person("1", "cy ");
        world.Writes("one", "cy ");
        var plan = await world.PlanAsync();
        world.System.BeforeWritingTogether = () => world.Writes("late", "cy ");

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        world.System.ReferringNow.ShouldBe(["notes: author=cy, id=late", "notes: author=cy, id=one"]);
    }

    [Fact]
    public async Task What_was_made_before_a_crash_counts_as_made_whatever_was_given_away_since_and_undo_takes_back_the_rest()
    {
        var world = new DuplicateWorld();
        world.Person("1", "cy ");
        world.Person("2", "bo");
        world.Writes("one", "cy ");
        world.Writes("two", "cy ");
        var plan = await world.PlanAsync();
        await Should.ThrowAsync<Crash>(world.ApplyAsync(plan, new CrashPoints(name => _ = name == ApplyCrashPoints.ChangeLeft ? throw new Crash() : 0)));
        world.Writes("one", "bo");

        var report = await world.ApplyAsync(plan);

        (report.Skipped.Count, report.Pending.Count).ShouldBe((0, 0));
        var undo = await world.PlanUndoAsync(plan.Id);
        undo.NotPlanned.ShouldHaveSingleItem().Because.ShouldBe("The row one of notes was changed since; it stays as it is.");
        (await world.ApplyAsync(undo)).IsComplete.ShouldBeTrue();
        world.Users.ShouldBe(["1 cy ", "2 bo"]);
        world.System.ReferringNow.ShouldBe(["notes: author=bo, id=one", "notes: author=cy , id=two"]);
    }

    [Fact]
    public async Task Nothing_refers_to_anybody_by_an_empty_name()
    {
        var world = new DuplicateWorld();
        world.Person("1", "", "a@example.org");
        world.Person("2", "", "A@example.org");
        world.Person("3", "");
        world.Writes("nobodys", "");

        var plan = await world.PlanAsync();
        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        plan.Changes[0].Losers!.Single().Account.ShouldBe(new AccountId("2"));
        world.System.ReferringNow.ShouldBe(["notes: author=, id=nobodys"]);
        (await world.AuditAsync()).Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_link_between_two_who_become_one_goes_is_counted_and_comes_back()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Person("3", "bob");
        world.Follows("1", "2");
        world.Follows("2", "1");
        world.Follows("2", "3");
        world.Follows("3", "3");
        var before = world.Snapshot;

        var plan = await world.PlanAsync();
        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        plan.Changes[0].Effects.ShouldBe(["2 rows of follows go: they would link ann (id 1) with itself."]);
        world.System.ReferringNow.ShouldBe(["follows: followed=3, follower=1", "follows: followed=3, follower=3"]);
        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    [Fact]
    public async Task A_link_with_oneself_that_was_there_before_stays()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        world.Follows("2", "2");

        var plan = await world.PlanAsync();
        await world.ApplyAsync(plan);

        plan.Changes[0].Effects.ShouldBeEmpty();
        world.System.ReferringNow.ShouldBe(["follows: followed=1, follower=1"]);
    }

    [Fact]
    public async Task A_link_that_came_since_the_plan_stops_the_merge()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "Ann");
        var plan = await world.PlanAsync();
        world.Follows("2", "1");

        var report = await world.ApplyAsync(plan);

        report.Skipped[0].Message.ShouldContain("would link the account with itself, which the plan did not say: plan again");
        (await world.ApplyAsync(await world.PlanAsync(2))).IsComplete.ShouldBeTrue();
        world.System.ReferringNow.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_link_that_two_merges_move_is_given_back_by_undo(bool transactions)
    {
        var world = TwoPairsWithALink(transactions);
        var before = world.Snapshot;

        var plan = await world.PlanAsync();
        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();
        world.System.Table("follows").ShouldHaveSingleItem().Only(["follower", "followed"]).ToString().ShouldBe("followed=7, follower=4");

        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task So_it_is_where_the_apply_dies_after_one_of_the_writes(int writes)
    {
        var world = TwoPairsWithALink(transactions: true);
        var before = world.Snapshot;
        var plan = await world.PlanAsync();
        var left = 0;
        var crash = new CrashPoints(name => { if (name == ApplyCrashPoints.ChangeLeft && ++left == writes) { throw new InvalidOperationException("It died."); } });
        await Should.ThrowAsync<InvalidOperationException>(() => world.ApplyAsync(plan, crash));

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();
        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Without_transactions_what_one_merge_moves_and_another_takes_away_comes_back_to_whom_it_was(int rows)
    {
        var world = new DuplicateWorld(transactions: false);
        world.Person("9", "cy", " ", 0, "Ann");
        world.Person("1", "", "a@example.org", 2, "");
        world.Person("2", "bob", "a@example.org", 1, "Ann");
        world.Person("3", "", "A@example.org", 2, "Ann");
        world.Person("7", "cy", "b@example.org", 0, "Ann");
        world.Follows("1", "3");
        world.Follows("7", "2");
        world.Follows("9", "2");
        world.Follows("9", "3");
        var before = world.Snapshot;
        var plan = await world.PlanAsync();
        world.System.DiesAfterRows = rows;
        await Should.ThrowAsync<InvalidOperationException>(() => world.ApplyAsync(plan));
        world.System.DiesAfterRows = null;

        (await world.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        (await world.ApplyAsync(await world.PlanUndoAsync(plan.Id))).IsComplete.ShouldBeTrue();
        world.Snapshot.ShouldBe(before);
    }

    // The first merge makes of 3's link one of 4's; the second, which would take it away as 3's, finds that 4 has it twice.
    private static DuplicateWorld TwoPairsWithALink(bool transactions)
    {
        var world = new DuplicateWorld(transactions: transactions);
        world.Person("4", "ann", created: 1);
        world.Person("3", "Ann", created: 2);
        world.Person("7", "dora", created: 1);
        world.Person("5", "Dora", created: 2);
        world.Follows("3", "5");
        world.Follows("3", "7");
        world.Follows("4", "7");
        return world;
    }
}
