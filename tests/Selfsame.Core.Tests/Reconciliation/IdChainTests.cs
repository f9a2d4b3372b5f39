using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Accounts of which each has the id that the one before it should have, up to one whose right id is free: one plan puts them right, one after the other.</summary>
public sealed class IdChainTests
{
    private static readonly ReconcileRule Rule = Bench.Repairing with
    {
        Correlate = [new CorrelationRule(IdentifierKind.Email), CorrelationRule.ById],
        IdMismatch = IdMismatchAction.RekeyTarget,
    };

    // More than one portion of an apply.
    private const int Long = 250;

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(Long)]
    public async Task A_chain_of_ids_is_put_right_by_one_plan_with_all_that_refers_to_them_and_taken_back_by_one_undo(int people)
    {
        var bench = Chain(people);
        var before = State(bench);
        var (plan, problem) = PlanJson.Read(PlanJson.Write(await bench.PlanAsync()));
        problem.ShouldBeNull();
        plan!.Changes.Select(change => change.Label).ShouldBe(Enumerable.Range(0, people).Reverse().Select(number => $"name{number}"));
        plan.NotPlanned.ShouldBeEmpty();
        var looks = 0;
        bench.Target.WhileReadingReferences = () => Task.FromResult(++looks);

        var report = await bench.ApplyAsync(plan);

        (report.IsComplete, report.Applied, report.Unverified.Count).ShouldBe((true, people, 0));

        // Before each portion, and twice after it for what came late.
        looks.ShouldBe(people > 200 ? 6 : 3);
        ShouldBeRight(bench, people);
        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        undo.NotPlanned.ShouldBeEmpty();
        var undone = await bench.ApplyAsync(undo);
        (undone.IsComplete, undone.Unverified.Count).ShouldBe((true, 0));
        State(bench).ShouldBe(before);
        var again = await bench.PlanUndoAsync(plan.Id, 3);
        (again.Changes.Count, again.NotPlanned.Count).ShouldBe((0, 0));
    }

    /// <summary>Every point, and that after a change left after each of four.</summary>
    public static TheoryData<string, int> EveryCrash => [.. ApplyCrashPoints.All.Select(point => (point, 1)), .. Enumerable.Range(2, 3).Select(time => (ApplyCrashPoints.ChangeLeft, time))];

    [Theory]
    [MemberData(nameof(EveryCrash))]
    public async Task A_crash_anywhere_and_the_same_plan_again_put_all_right_and_undo_takes_it_back(string point, int time)
    {
        var bench = Chain(4);
        var before = State(bench);
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, point, time);

        var report = await bench.ApplyAsync(plan);

        (report.IsComplete, report.Applied, report.Unverified.Count).ShouldBe((true, 4, 0));
        ShouldBeRight(bench, 4);
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        undo.NotPlanned.ShouldBeEmpty();
        (await bench.ApplyAsync(undo)).IsComplete.ShouldBeTrue();
        State(bench).ShouldBe(before);
    }

    [Theory]
    [MemberData(nameof(EveryCrash))]
    public async Task A_crash_anywhere_in_its_undo_and_the_same_again_take_all_back(string point, int time)
    {
        var bench = Chain(4);
        var before = State(bench);
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        await bench.CrashAsync(undo, point, time);

        (await bench.ApplyAsync(undo)).IsComplete.ShouldBeTrue();

        State(bench).ShouldBe(before);
        (await bench.ApplyAsync(await bench.PlanUndoAsync(undo.Id, 3))).IsComplete.ShouldBeTrue();
        ShouldBeRight(bench, 4);
    }

    [Fact]
    [Trait("needs", "slow")]
    public async Task A_crash_in_the_second_portion_of_a_long_chain_loses_nothing()
    {
        var bench = Chain(Long);
        var before = State(bench);
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, ApplyCrashPoints.ChangeLeft, 230);

        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        ShouldBeRight(bench, Long);
        await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2));
        State(bench).ShouldBe(before);
    }

    // Two of them were made; whoever changed, and in everything by which they were known.
    [Theory]
    [InlineData(3)]
    [InlineData(2)]
    [InlineData(2, 3)]
    public async Task What_was_made_before_a_crash_counts_as_made_whoever_of_them_changed_since_and_undo_leaves_that(params int[] edited)
    {
        var bench = Chain(4);
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, ApplyCrashPoints.ChangeLeft, 2);
        Array.ForEach(edited, number => bench.Target.Put(Bench.Person($"id{number + 1}", $"new{number}", $"new{number}@example.org")));

        var report = await bench.ApplyAsync(plan);

        (report.Applied, report.Skipped.Count).ShouldBe((4, 0));
        Numbers(bench).ShouldBe([0, 1, 2, 3]);
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        undo.NotPlanned[0].Because.ShouldBe($"id{edited[0] + 1} is the id of another account by now: what the run changed of name{edited[0]} stays. Look whose it is.");
        undo.Changes.Select(change => change.Label).ShouldBe(Enumerable.Range(0, edited[0]).Select(number => $"name{number}"));
    }

    // Nothing tells of name2 alone whether it took its id: that name1 has the one that it gave up does.
    [Fact]
    public async Task Whoever_changed_in_everything_took_its_id_where_the_one_behind_has_its_old_one()
    {
        var bench = Chain(4);
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, ApplyCrashPoints.ChangeLeft, 3);
        bench.Target.Put(Bench.Person("id3", null, "name1@example.org"));
        bench.Target.Put(Bench.Person("id2", "name1", "name2@example.org"));

        var report = await bench.ApplyAsync(plan);

        (report.Applied, report.Skipped.Count).ShouldBe((4, 0));
        Numbers(bench).ShouldBe([0, 1, 2, 3]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Where_one_changed_since_the_plan_was_made_those_behind_it_stay_and_are_said_and_undo_takes_the_others_back(bool crash)
    {
        var bench = Chain(4);
        var plan = await bench.PlanAsync();
        if (crash)
        {
            await bench.CrashAsync(plan, ApplyCrashPoints.IntentDurable);
        }

        bench.Target.Put(Bench.Person("id2", "renamed", "name2@example.org"));
        var before = State(bench);

        var report = await bench.ApplyAsync(plan);

        report.Applied.ShouldBe(1);
        report.Skipped.Select(note => $"{note.Change.Label}: {note.Message}").ShouldBe(
        [
            "name2: Since the plan was made, it changed: username. Plan again.",
            "name1: It takes the id that name2 has, and change 2, by which that gives it up, was not made. Plan again.",
            "name0: It takes the id that name1 has, and change 3, by which that gives it up, was not made. Plan again.",
        ]);
        Numbers(bench).ShouldBe([0, 1, 2, 3]);
        bench.Target.Rows.Keys.Select(id => id.ToString()).ShouldBe(["id0", "id1", "id2", "id4"], ignoreOrder: true);
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        (undo.Changes.Count, undo.NotPlanned.Count).ShouldBe((1, 0));
        await bench.ApplyAsync(undo);
        State(bench).ShouldBe(before);
        await bench.ApplyAsync(await bench.PlanAsync(3));
        ShouldBeRight(bench, 4);
    }

    [Fact]
    public async Task A_decision_about_one_of_them_since_the_plan_was_made_keeps_those_behind_it_back()
    {
        var bench = Chain(3);
        var plan = await bench.PlanAsync();
        bench.Topology = bench.Topology with
        {
            Decisions = new PersonDecisions([new PersonDecision(Verdict.Different, [new("app", Id(1)), new("people", Id(2))], null, "decided")]),
        };

        var report = await bench.ApplyAsync(plan);

        (report.Applied, report.Skipped.Count).ShouldBe((1, 2));
        report.Skipped[1].Message.ShouldStartWith("It takes the id that name1 has, and change 2");
        Numbers(bench).ShouldBe([0, 1, 2]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_a_lost_answer_those_behind_wait_until_it_was_looked_for(bool arrived)
    {
        var bench = Chain(4);
        var before = State(bench);
        var plan = await bench.PlanAsync();
        var answers = 0;
        bench.Target.Answer = () => ++answers == 2 ? new Unknown("The connection broke.") : new Done();
        bench.Target.Fault = () => answers == 1 && !arrived ? new Unknown("The connection broke.") : null;

        var report = await bench.ApplyAsync(plan);

        report.Applied.ShouldBe(1);
        report.Pending.Select(note => note.Message).ShouldBe(
        [
            "The connection broke. Apply the same plan again: it looks first.",
            "It takes the id that name2 has, and change 2, by which that gives it up, is still open. Apply the same plan again.",
            "It takes the id that name1 has, and change 3, by which that gives it up, is still open. Apply the same plan again.",
        ]);
        (bench.Target.Answer, bench.Target.Fault) = (() => new Done(), () => null);
        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();
        ShouldBeRight(bench, 4);
        await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2));
        State(bench).ShouldBe(before);
    }

    [Fact]
    public async Task Whoever_took_the_free_id_keeps_it_and_nobody_of_the_chain_takes_anothers()
    {
        var bench = Chain(3);
        var plan = await bench.PlanAsync();
        bench.Target.Put(Bench.Person("id3", "newcomer", "newcomer@example.org"));
        var state = State(bench);

        var report = await bench.ApplyAsync(plan);

        (report.Applied, report.Refused.Count, report.Skipped.Count).ShouldBe((0, 1, 2));
        State(bench).ShouldBe(state);
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        (undo.Changes.Count, undo.NotPlanned.Count).ShouldBe((0, 0));
    }

    [Fact]
    public async Task Undo_takes_along_what_came_since()
    {
        var bench = Chain(3);
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        Array.ForEach([1, 2, 3], number => bench.Target.Refer("printers", ["id"], ("id", $"since{number - 1}"), ("owner", $"id{number}")));

        (await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2))).IsComplete.ShouldBeTrue();

        bench.Target.ReferringNow.Where(row => row.Contains("since", StringComparison.Ordinal) && row.StartsWith("printers", StringComparison.Ordinal))
            .ShouldBe(["printers: id=since0, owner=id0", "printers: id=since1, owner=id1", "printers: id=since2, owner=id2"]);
    }

    [Fact]
    public async Task Undo_takes_no_id_from_a_stranger_who_has_it_since_and_says_whose_ids_stay_for_that()
    {
        var bench = Chain(3);
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        bench.Target.Put(Bench.Person("id1", "stranger", "stranger@example.org"));
        var state = State(bench);

        var undo = await bench.PlanUndoAsync(plan.Id, 2);

        undo.Changes.ShouldBeEmpty();
        undo.NotPlanned.Select(note => note.Because).ShouldBe(
        [
            "id1 is the id of another account by now: what the run changed of name0 stays. Look whose it is.",
            "id1 is the id of another account by now: name1 keeps id2. Look whose it is.",
            "id2 is the id of another account by now: name2 keeps id3. Look whose it is.",
        ]);
        await bench.ApplyAsync(undo);
        State(bench).ShouldBe(state);
    }

    [Fact]
    public async Task A_stranger_who_takes_an_old_id_before_undo_is_applied_keeps_it_with_all_that_refers_to_it()
    {
        var bench = Chain(3);
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        bench.Target.Put(Bench.Person("id0", "stranger", "stranger@example.org"));
        var state = State(bench);

        var report = await bench.ApplyAsync(undo);

        (report.Applied, report.Refused.Count).ShouldBe((0, 1));
        report.Skipped.Select(note => note.Message).ShouldBe(
        [
            "It takes the id that name0 has, and change 1, by which that gives it up, was not made. Undo again.",
            "It takes the id that name1 has, and change 2, by which that gives it up, was not made. Undo again.",
        ]);
        State(bench).ShouldBe(state);
    }

    // Of the first to move, of one in the middle, of one again and again, and of each.
    [Theory]
    [InlineData(1, 3)]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(1, 0, 1, 2, 3)]
    public async Task A_reference_that_arrives_between_the_look_and_the_change_goes_along(int times, params int[] numbers)
    {
        var bench = Chain(4);
        var plan = await bench.PlanAsync();
        var late = new List<int>();
        void Arrive()
        {
            bench.Target.BeforeWritingTogether = Arrive;
            var next = Enumerable.Range(0, 4).LastOrDefault(number => bench.Target.Rows.GetValueOrDefault(Id(number))?["username"].AsText == $"name{number}", -1);
            if (numbers.Contains(next) && late.Count(number => number == next) < times)
            {
                bench.Target.Refer("printers", ["id"], ("id", $"late{late.Count}"), ("owner", $"id{next}"));
                late.Add(next);
            }
        }

        bench.Target.BeforeWritingTogether = Arrive;
        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        late.Count.ShouldBe(times * numbers.Length);
        late.Select((_, index) => bench.Target.Table("printers").Single(row => row["id"].AsText == $"late{index}")["owner"].AsText).ShouldBe(late.Select(number => $"id{number + 1}"));
        Numbers(bench).ShouldBe([0, 1, 2, 3]);
    }

    [Fact]
    public async Task Whoever_asks_about_one_gets_the_changes_ahead_of_it_and_none_behind_it()
    {
        var bench = Chain(4);
        var audit = await bench.AuditAsync();
        var plan = await bench.PlanAsync();

        var kept = new PlanFilter([], []).Of(plan, [audit.Findings.Single(finding => finding.Accounts.Any(account => account.System == "app" && account.Id.Equals(Id(1))))]);

        kept.Changes.Select(change => change.Label).ShouldBe(["name3", "name2", "name1"]);
        (await bench.ApplyAsync(kept)).IsComplete.ShouldBeTrue();
    }

    [Fact]
    public async Task Without_transactions_each_waits_for_the_next_plan()
    {
        var bench = Chain(2, new SystemFacts { TakesChosenId = true, AtomicPreconditions = false });

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldHaveSingleItem().Label.ShouldBe("name1");
        plan.NotPlanned.ShouldHaveSingleItem().Because.ShouldBe("Another account of app has the id id1, and is to take another itself: plan again when that is done.");
    }

    // The ids of a whole table that are each one too low.
    [Fact]
    [Trait("needs", "slow")]
    public void A_long_chain_is_planned_in_no_more_time_than_its_length()
    {
        const int length = 100_000;
        var bench = Chain(0);
        SystemPicture Picture(string name, int from) => new()
        {
            Config = bench.Topology.Systems[name],
            Facts = bench.Target.Facts,
            WritesTogether = true,
            Accounts = [.. Enumerable.Range(0, length).Select(number => Bench.Keyed(Bench.Person($"id{number + from}", $"name{number}")))],
        };
        var pictures = new Dictionary<string, SystemPicture> { ["people"] = Picture("people", 1), ["app"] = Picture("app", 0) };
        var mismatches = pictures["people"].Accounts.Zip(pictures["app"].Accounts, (source, target) => new Finding
        {
            Situation = Situation.IdMismatch,
            System = "app",
            Accounts = [],
            Sentence = "",
            Rule = Rule,
            Source = source,
            Target = target,
        }).Select(finding => (finding, RekeyPlanner.Decide(finding, pictures["people"], pictures["app"]))).ToList();

        var planned = RekeyPlanner.Untangle(mismatches, pictures).Select(pair => pair.Decision).Cast<Planned>().Select((one, index) => one.Change with { Number = index + 1 }).ToList();

        planned.Select(change => change.Label).ShouldBe(Enumerable.Range(0, length).Reverse().Select(number => $"name{number}"));
        new IdChains(planned, _ => Bench.People).Of(planned).ShouldHaveSingleItem().Count.ShouldBe(length);
    }

    /// <summary>
    /// name0 has the id before its own, and so on, up to the last, whose own is free; each owns a printer, follows the next, and is in the chess club and in one of its own.
    /// </summary>
    private static Bench Chain(int people, SystemFacts? facts = null)
    {
        var plain = new Bench(Rule).Topology;
        var app = plain.Systems["app"] with { References = [new ReferencePlace { Table = "printers", Fields = ["owner"], AccountFields = ["id"] }] };
        var bench = new Bench(Rule)
        {
            Topology = plain with { Systems = new Dictionary<string, SystemConfig> { ["people"] = plain.Systems["people"], ["app"] = app } },
            Target = new InMemorySystem(Bench.People) { Facts = facts ?? new SystemFacts { TakesChosenId = true, AtomicPreconditions = true } },
        };
        bench.Target.ForeignKeys.Add(new ReferencePlace { Table = "members", Fields = ["user"], AccountFields = ["id"], UniqueSets = [["user", "club"]], Enforced = true });
        Array.ForEach(["who", "whom"], field => bench.Target.ForeignKeys.Add(
            new ReferencePlace { Table = "follows", Fields = [field], AccountFields = ["id"], UniqueSets = [["who", "whom"]], Enforced = true }));
        foreach (var number in Enumerable.Range(0, people))
        {
            var has = $"id{number}";
            bench.Source.Put(Bench.Person($"id{number + 1}", $"name{number}", $"name{number}@example.org"));
            bench.Target.Put(Bench.Person(has, $"name{number}", $"name{number}@example.org"));
            bench.Target.Refer("printers", ["id"], ("id", $"printer{number}"), ("owner", has));
            bench.Target.Refer("members", ["user", "club"], ("user", has), ("club", "chess"), ("of", number));
            bench.Target.Refer("members", ["user", "club"], ("user", has), ("club", $"own{number}"), ("of", number));
            if (number > 0)
            {
                bench.Target.Refer("follows", ["who", "whom"], ("who", $"id{number - 1}"), ("whom", has), ("of", number - 1));
            }
        }

        return bench;
    }

    private static void ShouldBeRight(Bench bench, int people)
    {
        bench.Target.Rows.Count.ShouldBe(people);
        Enumerable.Range(0, people).ShouldAllBe(number => bench.Target.Rows[Id(number + 1)]["email"].AsText == $"name{number}@example.org");
        bench.Target.ReferringNow.ShouldBe(Enumerable.Range(0, people).SelectMany(number => new[]
        {
            $"members: club=chess, of={number}, user=id{number + 1}", $"members: club=own{number}, of={number}, user=id{number + 1}", $"printers: id=printer{number}, owner=id{number + 1}",
            $"follows: of={number}, who=id{number + 1}, whom=id{number + 2}",
        }).Where(row => row != $"follows: of={people - 1}, who=id{people}, whom=id{people + 1}").Order(StringComparer.Ordinal));
    }

    /// <summary>Whose account each printer's owner is, in the order of the printers, once every membership was seen to be of the same one: nothing changed hands.</summary>
    private static IReadOnlyList<int> Numbers(Bench bench)
    {
        int Index(Fields row) => int.Parse(row["id"].AsText!["printer".Length..], System.Globalization.CultureInfo.InvariantCulture);
        var printers = bench.Target.Table("printers").Where(row => row["id"].AsText!.StartsWith("printer", StringComparison.Ordinal)).OrderBy(Index).ToList();
        var owners = printers.ConvertAll(row => row["owner"].AsText);
        bench.Target.Table("members").ShouldAllBe(row => owners[(int)(long)row["of"].Raw!] == row["user"].AsText);
        bench.Target.Table("follows").ShouldAllBe(row => owners[(int)(long)row["of"].Raw!] == row["who"].AsText && owners[(int)(long)row["of"].Raw! + 1] == row["whom"].AsText);
        owners.Where(owner => !bench.Target.Rows.ContainsKey(new AccountId(owner!))).ShouldBeEmpty();
        owners.ShouldBeUnique();
        return [.. printers.Select(Index)];
    }

    private static AccountId Id(int number) => new($"id{number}");

    private static IReadOnlyList<string> State(Bench bench) => [.. bench.Target.Snapshot.Select(row => row.ToString()), .. bench.Target.ReferringNow];
}
