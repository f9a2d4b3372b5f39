using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Tests.Provisioning;

namespace Selfsame.Core.Tests.Reconciliation;

public sealed class ApplierTests
{
    [Fact]
    public async Task Applying_makes_the_changes_and_the_audit_is_clean()
    {
        var bench = Damaged();

        var report = await bench.ApplyAsync(await bench.PlanAsync());

        report.IsComplete.ShouldBeTrue();
        report.AppliedNow.ShouldBe(3);
        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    // With a portion of 200 slow creations nothing would be heard for minutes.
    [Fact]
    public async Task Progress_is_told_after_each_change()
    {
        var bench = Damaged();
        var told = new Told();

        await new Applier(bench.Topology, bench.Systems, bench.Journal, bench.Clock, CrashPoints.None).ApplyAsync(await bench.PlanAsync(), told, CancellationToken.None);

        told.Numbers.Distinct().ShouldBe([1, 2, 3]);
    }

    [Fact]
    public async Task What_a_permission_was_lacking_for_is_made_by_the_same_plan_once_it_is_granted()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        bench.Target.Fault = () => new Refused("An owner must run: GRANT …") { LacksPermission = true };
        var first = await bench.ApplyAsync(plan);
        first.Pending.Count.ShouldBe(3);
        first.Pending.ShouldAllBe(note => note.Message == "An owner must run: GRANT … Then apply the same plan again.");

        bench.Target.Fault = () => null;
        var second = await bench.ApplyAsync(plan);

        second.IsComplete.ShouldBeTrue();
        second.AppliedNow.ShouldBe(3);
    }

    [Fact]
    public async Task The_same_plan_again_changes_nothing()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        bench.Target.Remove("1");
        var writes = bench.Target.Writes;

        var report = await bench.ApplyAsync(plan);

        bench.Target.Writes.ShouldBe(writes);
        report.AppliedNow.ShouldBe(0);
        report.Applied.ShouldBe(3);
    }

    [Fact]
    public async Task A_change_that_nobody_foresaw_the_answer_to_says_so_and_the_others_are_made()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        var writes = 0;
        bench.Target.Fault = () => ++writes == 1 ? throw new InvalidOperationException("Cannot read incomplete UTF-16.") : null;

        var report = await bench.ApplyAsync(plan);

        report.AppliedNow.ShouldBe(2);
        var note = report.Pending.ShouldHaveSingleItem();
        note.Message.ShouldBe("'app' gave an answer that can't be read (InvalidOperationException). Nothing was concluded from it. Cannot read incomplete UTF-16. Apply the same plan again: it looks first.");
        bench.Target.Fault = () => null;
        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();
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
    public async Task A_crash_anywhere_and_the_same_plan_again_end_like_an_undisturbed_run(string point, int time)
    {
        var undisturbed = Damaged();
        await undisturbed.ApplyAsync(await undisturbed.PlanAsync());
        var bench = Damaged();
        var before = bench.Target.Snapshot;
        var plan = await bench.PlanAsync();

        await bench.CrashAsync(plan, point, time);
        var report = await bench.ApplyAsync(plan);

        report.IsComplete.ShouldBeTrue();
        bench.Target.Snapshot.ShouldBe(undisturbed.Target.Snapshot);
        await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2));
        bench.Target.Snapshot.ShouldBe(before);
    }

    [Fact]
    public async Task A_record_that_is_neither_before_nor_after_an_interrupted_change_is_left_alone()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        await bench.CrashAsync(plan, ApplyCrashPoints.IntentDurable);
        bench.Target.Put(Bench.Person("2", "bob", name: "Robert"));

        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Change.Account.ShouldBe(new AccountId("2"));
        report.AppliedNow.ShouldBe(2);
    }

    [Fact]
    public async Task An_account_that_changed_since_the_plan_is_skipped_alone()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        bench.Target.Put(Bench.Person("9", "gone", name: "Not gone at all"));

        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldContain("name");
        report.AppliedNow.ShouldBe(2);
        bench.Target.Rows.ContainsKey(new AccountId("9")).ShouldBeTrue();
    }

    [Fact]
    public async Task Noise_that_changed_since_the_plan_skips_nothing()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        bench.Target.Put([.. Bench.Person("9", "gone")[..^1], ("seen", 5L)]);

        (await bench.ApplyAsync(plan)).Skipped.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_secret_that_changed_since_the_plan_is_noticed_though_the_plan_does_not_hold_it()
    {
        var bench = new Bench();
        bench.Target.Put([.. Bench.Person("9", "gone"), ("password", "old")]);
        var plan = PlanCheck.Check(PlanJson.Write(await bench.PlanAsync()), bench.Topology, "rules", new GuardOverrides()).ShouldBeOfType<PlanAccepted>().Plan;
        PlanJson.Write(plan).ShouldNotContain("\"old\"");
        bench.Target.Put([.. Bench.Person("9", "gone"), ("password", "new")]);

        (await bench.ApplyAsync(plan)).Skipped.Single().Message.ShouldContain("password");
        bench.Target.Put([.. Bench.Person("9", "gone"), ("password", "old")]);
        (await bench.ApplyAsync(plan with { Id = plan.Id })).Applied.ShouldBe(0);
    }

    [Fact]
    public async Task A_lost_answer_is_settled_by_looking()
    {
        var bench = Damaged();
        bench.Target.Answer = () => new Unknown("The connection broke.");

        var report = await bench.ApplyAsync(await bench.PlanAsync());

        report.IsComplete.ShouldBeTrue();
        report.AppliedNow.ShouldBe(3);
    }

    [Fact]
    public async Task An_unreachable_system_leaves_the_changes_open_and_a_later_apply_makes_them()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        bench.Target.Fault = () => new Unavailable("Down.");

        (await bench.ApplyAsync(plan)).Pending.Count.ShouldBe(3);
        bench.Target.Fault = () => null;

        (await bench.ApplyAsync(plan)).IsComplete.ShouldBeTrue();
    }

    [Fact]
    public async Task Done_that_is_not_true_is_noticed()
    {
        var bench = Damaged();
        bench.Target.Fault = () => new Done();

        var report = await bench.ApplyAsync(await bench.PlanAsync());

        report.Unverified.Count.ShouldBe(3);
        report.IsComplete.ShouldBeFalse();
    }

    [Fact]
    public async Task Each_change_in_a_system_with_a_rate_takes_its_turn_and_who_stops_it_meanwhile_is_heard()
    {
        var bench = Damaged();
        bench.Topology = bench.Topology with
        {
            Systems = bench.Topology.Systems.ToDictionary(pair => pair.Key, pair => pair.Key == "app" ? pair.Value with { Pace = new ProvisioningPace(PerSecond: 2) } : pair.Value),
        };
        var (plan, rows) = (await bench.PlanAsync(), new InMemoryRows { TokenWait = TimeSpan.FromHours(1) });
        using (var stopped = new CancellationTokenSource(TimeSpan.FromMilliseconds(100)))
        {
            var result = await new Applier(bench.Topology, bench.Systems, bench.Journal, bench.Clock, CrashPoints.None, bench.NewProvisioner(rows)).ApplyAsync(plan, null, stopped.Token);
            result.ShouldBeOfType<ApplyReport>().Stop.ShouldBe(ApplyStop.Interrupted);
        }

        bench.Target.Writes.ShouldBe(0);
        rows.Tokens.ShouldBe([("app", 2.0, false)]);
        rows.TokenWait = TimeSpan.FromMilliseconds(1);

        (await bench.ApplyAsync(plan, provisioner: bench.NewProvisioner(rows))).Applied.ShouldBe(3);

        rows.Tokens.Count(token => token is { System: "app", PerSecond: 2, Taken: true }).ShouldBe(3);
    }

    [Fact]
    public async Task Only_one_apply_runs_at_a_time()
    {
        var bench = Damaged();
        bench.Journal.Held = true;

        var result = await new Applier(bench.Topology, bench.Systems, bench.Journal, bench.Clock, CrashPoints.None).ApplyAsync(await bench.PlanAsync(), null, CancellationToken.None);

        result.ShouldBeOfType<ApplyLocked>();
        bench.Target.Writes.ShouldBe(0);
    }

    [Fact]
    public async Task An_apply_that_lost_its_lease_stops_before_it_changes_anything_more()
    {
        var bench = Damaged();

        var report = await bench.ApplyAsync(await bench.PlanAsync(), new CrashPoints(name =>
        {
            if (name == ApplyCrashPoints.RunBegun)
            {
                bench.Journal.TakeOver();
            }
        }));

        report.Stop.ShouldBe(ApplyStop.LeaseLost);
        bench.Target.Writes.ShouldBe(0);
    }

    [Fact]
    public async Task Undo_leaves_alone_what_was_changed_since()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        bench.Target.Put(Bench.Person("1", "ann", name: "Married"));

        var undo = await bench.PlanUndoAsync(plan.Id, 2);

        undo.Undoes.ShouldBe(plan.Id);
        undo.NotPlanned.Single().Because.ShouldContain("name");
        undo.Changes.Count.ShouldBe(2);
    }

    // The look that follows a portion of writes comes after whoever wrote meanwhile.
    [Fact]
    public async Task Undo_takes_nobodys_write_for_its_own_that_came_before_the_look()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        bench.Target.Answer = () =>
        {
            if (bench.Target.Rows.ContainsKey(new AccountId("1")))
            {
                bench.Target.Put(Bench.Person("1", "anna"));
            }

            if (bench.Target.Rows[new AccountId("2")]["name"].AsText == "Bob")
            {
                bench.Target.Put(Bench.Person("2", "bob", name: "Robert"));
            }

            return new Done();
        };
        await bench.ApplyAsync(plan);

        var undo = await bench.PlanUndoAsync(plan.Id, 2);

        undo.NotPlanned.Select(left => left.Because).ShouldBe(
            ["The account was changed since: name.", "The account was changed since: username. Delete it yourself if it should go."], ignoreOrder: true);
        undo.Changes.Single().Account.ShouldBe(new AccountId("9"));
    }

    [Fact]
    public async Task Undo_leaves_alone_an_account_that_was_not_seen_when_it_was_made()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        bench.Target.Answer = () =>
        {
            bench.Target.Remove("1");
            return new Done();
        };
        await bench.ApplyAsync(plan);
        bench.Target.Put(Bench.Person("1", "ann"));

        var undo = await bench.PlanUndoAsync(plan.Id, 2);

        undo.NotPlanned.ShouldContain(left => left.Because.Contains("not seen when it was made", StringComparison.Ordinal));
        undo.Changes.Select(change => change.Account.ToString()).ShouldNotContain("1");
    }

    // Documents gain fields; what a deletion takes must all have stood in the plan.
    [Fact]
    public async Task An_account_with_a_value_more_than_when_its_deletion_was_planned_stays()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        bench.Target.Put([.. Bench.Person("9", "gone"), ("phone", "+64211234567")]);

        var report = await bench.ApplyAsync(plan);

        report.Skipped.Single().Message.ShouldBe("Since the plan was made, it changed: phone. Plan again.");
        bench.Target.Rows.Keys.ShouldContain(new AccountId("9"));
    }

    // The database would let them go with it (ON DELETE CASCADE).
    [Fact]
    public async Task Undo_leaves_alone_a_new_account_to_which_something_refers_by_now()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Target.ForeignKeys.Add(new ReferencePlace { Table = "posts", Fields = ["author"], AccountFields = ["id"], Enforced = true });
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        bench.Target.Refer("posts", ["id"], ("id", "p1"), ("author", "1"));

        var report = await bench.ApplyAsync(await bench.PlanUndoAsync(plan.Id, 2));

        report.Skipped.ShouldHaveSingleItem();
        bench.Target.Rows.ShouldHaveSingleItem();
        bench.Target.Table("posts").ShouldHaveSingleItem();
    }

    [Fact]
    public async Task Undo_leaves_alone_a_new_account_that_gained_a_value_since()
    {
        var bench = Damaged();
        var plan = await bench.PlanAsync();
        await bench.ApplyAsync(plan);
        bench.Target.Put([.. bench.Target.Rows[new AccountId("1")].Select(pair => (pair.Key, pair.Value.Raw)), ("phone", "+64211234567")]);

        (await bench.PlanUndoAsync(plan.Id, 2)).NotPlanned.Single().Because.ShouldContain("phone");
    }

    /// <summary>One missing, one drifted, one orphan.</summary>
    private static Bench Damaged()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Source.Put(Bench.Person("2", "bob", name: "Bob"));
        bench.Target.Put(Bench.Person("2", "bob", name: "Rob"));
        bench.Target.Put(Bench.Person("9", "gone"));
        return bench;
    }

    private sealed class Told : IProgress<int>
    {
        public List<int> Numbers { get; } = [];

        public void Report(int value) => Numbers.Add(value);
    }
}
