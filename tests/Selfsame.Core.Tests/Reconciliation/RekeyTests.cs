using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Accounts that take the right id, and what refers to them.</summary>
public sealed class RekeyTests
{
    private static readonly ReconcileRule Rule = Bench.Repairing with { IdMismatch = IdMismatchAction.RekeyTarget };

    [Fact]
    public async Task A_reference_to_the_old_id_that_arrives_late_is_swept()
    {
        var bench = World();
        bench.Target.Refer("printers", ["id"], ("id", "early"), ("owner", "old"));
        var plan = await bench.PlanAsync();
        bench.Target.Answer = () =>
        {
            bench.Target.Answer = () => new Done();
            bench.Target.Refer("printers", ["id"], ("id", "late"), ("owner", "old"));
            return new Done();
        };

        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        bench.Target.ReferringNow.ShouldBe(["printers: id=early, owner=right", "printers: id=late, owner=right"]);
        (await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2))).IsComplete.ShouldBeTrue();
        bench.Target.ReferringNow.ShouldBe(["printers: id=early, owner=old", "printers: id=late, owner=old"]);
    }

    // Who stays of two has another id by the time of the sweep.
    [Fact]
    public async Task A_reference_to_a_duplicate_that_arrives_late_goes_to_whom_it_was_merged_into_under_the_new_id()
    {
        var bench = World();
        bench.Topology = bench.Topology with
        {
            Systems = bench.Topology.Systems.ToDictionary(pair => pair.Key, pair => pair.Key == "app" ? pair.Value with { Duplicates = DuplicatesAction.Merge, Unique = [IdentifierKind.Username] } : pair.Value),
        };
        bench.Target.Put(Bench.Person("zweit", "Ann"));
        bench.Target.Refer("printers", ["id"], ("id", "early"), ("owner", "zweit"));
        var people = bench.Target.Snapshot;
        var plan = await bench.PlanAsync();
        plan.Changes.Select(change => change.Action).ShouldBe([ChangeAction.Merge, ChangeAction.Schema, ChangeAction.Rekey]);
        await bench.CrashAsync(plan, ApplyCrashPoints.OutcomeDurable, 3);
        bench.Target.Refer("printers", ["id"], ("id", "late"), ("owner", "zweit"));

        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        bench.Target.ReferringNow.ShouldBe(["printers: id=early, owner=right", "printers: id=late, owner=right"]);
        (await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2))).IsComplete.ShouldBeTrue();
        bench.Target.ReferringNow.ShouldBe(["printers: id=early, owner=zweit", "printers: id=late, owner=zweit"]);
        bench.Target.Snapshot.ShouldBe(people);
    }

    [Fact]
    public async Task What_refers_to_an_old_id_that_is_somebodys_again_stays_theirs()
    {
        var bench = World();
        var plan = await bench.PlanAsync();
        bench.Target.Answer = () =>
        {
            bench.Target.Answer = () => new Done();
            bench.Target.Put(Bench.Person("old", "newcomer", "newcomer@example.org"));
            bench.Target.Refer("printers", ["id"], ("id", "theirs"), ("owner", "old"));
            return new Done();
        };

        await bench.ApplyAsync(plan);

        bench.Target.ReferringNow.ShouldBe(["printers: id=theirs, owner=old"]);
    }

    // Nothing was written before the crash; whoever has the id by now is a stranger.
    [Theory]
    [InlineData("ann@example.org")]
    [InlineData("new@example.org")]
    public async Task Whoever_took_the_id_between_a_crash_and_the_same_plan_again_keeps_it_and_is_referred_to_by_nothing_of_others(string email)
    {
        var bench = World();
        bench.Target.Refer("printers", ["id"], ("id", "early"), ("owner", "old"));
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, ApplyCrashPoints.IntentDurable);
        bench.Target.Put(Bench.Person("old", "ann", email));
        bench.Target.Put(Bench.Person("right", "newcomer", "newcomer@example.org"));
        var state = State(bench);

        var report = await bench.ApplyAsync(plan);

        (report.Applied, report.IsComplete).ShouldBe((0, false));
        State(bench).ShouldBe(state);
        (await bench.Journal.ReadAsync(plan.Id, CancellationToken.None))!.Entries[1].Rows.ShouldBeEmpty();
        (await bench.PlanUndoAsync(plan.Id, 2)).Changes.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("ann", "new@example.org", true)]
    [InlineData("anna", "ann@example.org", true)]
    [InlineData("newcomer", "newcomer@example.org", false)]
    public async Task Undo_takes_the_id_back_from_the_account_that_took_it_and_from_no_stranger(string username, string email, bool ours)
    {
        var bench = World();
        bench.Target.Refer("printers", ["id"], ("id", "early"), ("owner", "old"));
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        bench.Target.Put(Bench.Person("right", username, email));
        var state = State(bench);

        var undo = await bench.PlanUndoAsync(plan.Id, 2);

        undo.NotPlanned.Select(note => note.Because).ShouldBe(ours ? [] : ["right is the id of another account by now: what the run changed of ann stays. Look whose it is."]);
        await bench.ApplyAsync(undo);
        State(bench).SequenceEqual(state).ShouldBe(!ours);
        bench.Target.Rows.ContainsKey(new AccountId("old")).ShouldBe(ours);
    }

    [Fact]
    public async Task Where_ids_can_not_change_the_plan_says_so()
    {
        var bench = World(new SystemFacts { TakesChosenId = true, AtomicPreconditions = false, CanChangeIds = false });

        var plan = await bench.PlanAsync();

        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.Single().Because.ShouldContain("can't change an account's id without transactions");
    }

    private static Bench World(SystemFacts? facts = null)
    {
        var plain = new Bench(Rule).Topology;
        var app = plain.Systems["app"] with { References = [new ReferencePlace { Table = "printers", Fields = ["owner"], AccountFields = ["id"] }] };
        var bench = new Bench(Rule)
        {
            Topology = plain with
            {
                Systems = new Dictionary<string, SystemConfig> { ["people"] = plain.Systems["people"], ["app"] = app },
                MinimumAge = TimeSpan.FromMilliseconds(1),
            },
            Target = new InMemorySystem(Bench.People) { Facts = facts ?? new SystemFacts { TakesChosenId = true, AtomicPreconditions = true } },
        };
        bench.Source.Put(Bench.Person("right", "ann", "ann@example.org"));
        bench.Target.Put(Bench.Person("old", "ann", "ann@example.org"));
        return bench;
    }

    private static IReadOnlyList<string> State(Bench bench) => [.. bench.Target.Snapshot.Select(row => row.ToString()), .. bench.Target.ReferringNow];
}
