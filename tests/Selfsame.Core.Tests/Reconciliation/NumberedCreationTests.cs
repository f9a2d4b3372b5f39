using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Missing people get accounts in systems that number these themselves, each once.</summary>
public sealed class NumberedCreationTests
{
    private static readonly ReconcileRule Rule = Bench.Repairing with { Correlate = [new CorrelationRule(IdentifierKind.Email)] };

    private static readonly SystemFacts Numbering = new() { TakesChosenId = false, GivesNumbers = true, AtomicPreconditions = true };

    [Fact]
    public async Task Whoever_is_missing_gets_an_account_under_the_next_number_and_nobody_twice()
    {
        var bench = World();
        var before = bench.Target.Snapshot;

        var (plan, problem) = PlanJson.Read(PlanJson.Write(await bench.PlanAsync()));
        problem.ShouldBeNull();
        plan!.Changes.ShouldAllBe(change => change.Numbered && !change.After.ContainsKey("id"));
        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        Names(bench).ShouldBe(["7 old", "8 ann", "9 bob", "10 cy"]);
        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
        (await bench.PlanAsync(2)).Changes.ShouldBeEmpty();
        (await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 3))).IsComplete.ShouldBeTrue();
        bench.Target.Snapshot.ShouldBe(before);
    }

    [Fact]
    public async Task Whoever_of_the_target_is_missing_in_a_source_that_numbers_gets_an_account_there()
    {
        var bench = new Bench(Rule with { Orphan = OrphanAction.CreateInSource }) { Source = new InMemorySystem(Bench.People) { Facts = Numbering } };
        bench.Source.Put(Person("3", "old"));
        bench.Target.Put(Person("x", "old"));
        bench.Target.Put(Person("y", "ann"));
        var plan = await bench.PlanAsync();

        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();

        bench.Source.Rows.Keys.ShouldBe([new AccountId("3"), new AccountId("4")]);
        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    public static TheoryData<string, int> EveryCrash
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var name in ApplyCrashPoints.All)
            {
                foreach (var time in name == ApplyCrashPoints.ChangeLeft ? [1, 2, 3] : new[] { 1 })
                {
                    data.Add(name, time);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(EveryCrash))]
    public async Task A_crash_anywhere_and_the_same_plan_again_make_each_account_once(string point, int time)
    {
        var bench = World();
        var before = bench.Target.Snapshot;
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, point, time);
        bench.Target.ForgetNumbers();

        var report = await bench.ApplyAsync(plan);

        report.IsComplete.ShouldBeTrue();
        Names(bench).Order().ShouldBe(["10 cy", "7 old", "8 ann", "9 bob"]);
        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
        (await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2))).IsComplete.ShouldBeTrue();
        bench.Target.Snapshot.ShouldBe(before);
    }

    [Fact]
    public async Task A_lost_answer_is_settled_by_the_number_that_was_taken_before()
    {
        var bench = World();
        bench.Target.Answer = () => new Unknown("The connection broke.");

        var report = await bench.ApplyAsync(await bench.PlanAsync());

        report.IsComplete.ShouldBeTrue();
        Names(bench).ShouldBe(["7 old", "8 ann", "9 bob", "10 cy"]);
    }

    [Fact]
    public async Task Whoever_a_trigger_changed_is_known_by_the_number_after_a_lost_answer_and_undo_says_why_they_stay()
    {
        var bench = World();
        bench.Target.Answer = () =>
        {
            var row = bench.Target.Rows.Last();
            bench.Target.Put(row.Value.With(new Fields([KeyValuePair.Create("name", FieldValue.Text("by a trigger"))])));
            return new Unknown("The connection broke.");
        };
        var plan = await bench.PlanAsync();
        (await bench.ApplyAsync(plan)).Pending.Count.ShouldBe(3);
        bench.Target.Answer = () => new Done();

        var report = await bench.ApplyAsync(plan);

        report.Unverified.Select(note => note.Message).Distinct().ShouldBe(["The system said that it was done, but the account is not as planned."]);
        (report.Applied, report.Skipped.Count, report.Pending.Count).ShouldBe((3, 0, 0));
        Names(bench).ShouldBe(["7 old", "8 ann", "9 bob", "10 cy"]);
        (await bench.PlanUndoAsync(plan.Id, 2)).NotPlanned.Select(left => left.Because).ShouldAllBe(why => why.StartsWith("The account was changed since: name."));
    }

    [Fact]
    public async Task A_stranger_under_the_number_of_a_lost_answer_is_told_by_apply_and_by_undo()
    {
        var bench = World();
        bench.Target.Answer = () => new Unavailable("The connection broke.");
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        bench.Target.Answer = () => new Done();
        foreach (var made in bench.Target.Rows.Keys.Where(id => id.ToString() != "7").ToList())
        {
            bench.Target.Put(Person(made.ToString(), $"stranger{made}"));
        }

        var report = await bench.ApplyAsync(plan);

        report.Skipped.Count.ShouldBe(3);
        var undo = await bench.PlanUndoAsync(plan.Id, 2);
        undo.Changes.ShouldBeEmpty();
        undo.NotPlanned.Select(left => left.Because).ShouldContain("Whoever has the number 8 that it was to get is not as planned. Look at that account, and delete it yourself if the run made it.");
    }

    [Fact]
    public async Task A_number_that_somebody_uses_meanwhile_stays_theirs_and_the_next_is_taken()
    {
        var bench = World();
        var before = bench.Target.Snapshot;
        var plan = await bench.PlanAsync();
        bench.Target.Fault = () =>
        {
            bench.Target.Fault = () => null;
            bench.Target.Put(Person("8", "stranger"));
            return null;
        };

        (await bench.ApplyAsync(plan, notify: true)).IsComplete.ShouldBeTrue();

        Names(bench).ShouldBe(["7 old", "8 stranger", "11 ann", "9 bob", "10 cy"]);
        bench.Target.Mailed.ShouldBe(["11", "9", "10"]);
        await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2));
        bench.Target.Snapshot.ShouldBe([before[0], bench.Target.Rows[new AccountId("8")]]);
    }

    [Fact]
    public async Task After_a_crash_a_number_that_is_somebodys_by_then_is_not_taken_for_ours()
    {
        var bench = World();
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, ApplyCrashPoints.IntentDurable);
        bench.Target.Put(Person("9", "stranger"));

        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldBe("The number 9 that it was to get is another account's by now, or it was made and has changed since: look at that one. Plan again.");
        Names(bench).ShouldBe(["7 old", "9 stranger", "8 ann", "10 cy"]);
        (await bench.PlanUndoAsync(plan.Id, 2)).Changes.Select(change => change.Account.ToString()).ShouldBe(["10", "8"]);
    }

    [Fact]
    public async Task Undo_leaves_a_numbered_account_alone_that_was_changed_since()
    {
        var bench = World();
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        bench.Target.Put([.. bench.Target.Rows[new AccountId("9")].Select(pair => (pair.Key, pair.Key == "name" ? "Robert" : pair.Value.Raw))]);

        var undo = await bench.PlanUndoAsync(plan.Id, 2);

        undo.NotPlanned.Single().Because.ShouldBe("The account was changed since: name. Delete it yourself if it should go.");
        undo.Changes.Select(change => change.Account.ToString()).ShouldBe(["10", "8"]);
    }

    [Fact]
    public async Task Whoever_could_not_be_known_again_afterwards_gets_no_account_and_the_plan_says_why()
    {
        (await BecauseAsync(Rule with { Correlate = [CorrelationRule.ById, new CorrelationRule(IdentifierKind.Email)] })).ShouldBe(
            "app numbers its accounts itself, so the account would have another id than in people: take 'id' out of 'correlate'.");
        (await BecauseAsync(Rule, verified: false)).ShouldBe(
            "app numbers its accounts itself, and nothing would tell the next plan whose this one is: its e-mail must be verified on both sides (map 'emailVerified' in both), or the rule say 'trustEmail: true'.");
        (await BecauseAsync(Rule with { Correlate = [new CorrelationRule(IdentifierKind.Phone)] })).ShouldBe(
            "app numbers its accounts itself, and nothing would tell the next plan whose this one is: name under 'correlate' an identifier that both systems map and that it has.");
        (await BecauseAsync(Rule with { TrustEmail = true }, verified: false)).ShouldBeNull();

        static async Task<string?> BecauseAsync(ReconcileRule rule, bool verified = true)
        {
            var bench = new Bench(rule) { Target = new InMemorySystem(Bench.People) { Facts = Numbering } };
            bench.Source.Put(Bench.Person("a", "ann", "ann@example.org", verified));
            return (await bench.PlanAsync()).NotPlanned.SingleOrDefault()?.Because;
        }
    }

    [Fact]
    public async Task A_field_that_must_have_a_value_and_gets_none_is_named_before_anything_is_sent()
    {
        var facts = Numbering with { FieldsWithoutDefault = new HashSet<string> { "id", "username", "staff", "joined" } };
        var without = new Bench(Rule) { Target = new InMemorySystem(Bench.People) { Facts = facts } };
        without.Source.Put(Person("a", "ann"));
        (await without.PlanAsync()).NotPlanned.Single().Because.ShouldBe("app wants a value in joined, staff and has no default for it: say under 'defaults' of 'app' what a new account gets there.");

        var plain = without.Topology;
        var app = plain.Systems["app"] with { Defaults = new Dictionary<string, string> { ["staff"] = "false", ["joined"] = "now", ["name"] = "nobody" } };
        var with = new Bench(Rule)
        {
            Topology = plain with { Systems = new Dictionary<string, SystemConfig> { ["people"] = plain.Systems["people"], ["app"] = app } },
            Target = new InMemorySystem(Bench.People) { Facts = facts },
        };
        with.Source.Put(Person("a", "ann"));
        var after = (await with.PlanAsync()).Changes.Single().After;

        after["staff"].ShouldBe(FieldValue.Text("false"));
        after["joined"].ShouldBe(FieldValue.Text("1970-01-01T00:00:00Z"));
        after["name"].ShouldBe(FieldValue.Null);
    }

    /// <summary>Three who are missing, and one who is not.</summary>
    private static Bench World()
    {
        var bench = new Bench(Rule) { Target = new InMemorySystem(Bench.People) { Facts = Numbering } };
        foreach (var (id, name) in new[] { ("a", "ann"), ("b", "bob"), ("c", "cy"), ("o", "old") })
        {
            bench.Source.Put(Person(id, name));
        }

        bench.Target.Put(Person("7", "old"));
        return bench;
    }

    private static (string, object?)[] Person(string id, string name) => Bench.Person(id, name, $"{name}@example.org");

    private static IEnumerable<string> Names(Bench bench) => bench.Target.Rows.Select(pair => $"{pair.Key} {pair.Value["username"]}");
}
