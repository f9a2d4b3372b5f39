using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Tests.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Provisioning;

/// <summary>The service looks at what a plan changed: its source may have changed since the plan was made.</summary>
public sealed class AskedAfterPlanTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_account_that_a_plan_changed_is_looked_at_by_the_service_also_where_something_refers_to_it(bool isReferredTo)
    {
        var bench = new Bench();
        var rows = new InMemoryRows();
        rows.Only = InMemoryRows.New(new ProvisioningKey("people", new AccountId("1"), "app")) with { State = ProvisioningState.Linked, TargetId = new AccountId("1") };
        bench.Source.Put(Bench.Person("1", "ann", "ann@example.org"));
        bench.Target.Put(Bench.Person("1", "ann ", "ann@example.org"));
        var app = bench.Topology.Systems["app"] with { Unique = [IdentifierKind.Username] };
        bench.Topology = bench.Topology with { Systems = new Dictionary<string, SystemConfig> { ["people"] = bench.Topology.Systems["people"], ["app"] = app } };
        if (isReferredTo)
        {
            bench.Target.ForeignKeys.Add(new ReferencePlace { Table = "signatures", Fields = ["author"], AccountFields = ["username"] });
            bench.Target.Refer("signatures", ["id"], ("id", "s1"), ("author", "ann "));
        }

        var plan = await bench.PlanAsync();
        plan.Changes.Single(change => change.Action == ChangeAction.Update).IsOfRows.ShouldBe(isReferredTo);

        (await bench.ApplyAsync(plan, provisioner: bench.NewProvisioner(rows))).Skipped.ShouldBeEmpty();

        rows.Only.Asked.ShouldBe(1);
    }

    // The sources were read a last time when it was there.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_account_that_a_plan_made_of_who_went_meanwhile_is_disabled_also_where_the_apply_died(bool dies)
    {
        var (bench, rows) = (new Bench(), new InMemoryRows());
        rows.Only = InMemoryRows.New(new ProvisioningKey("people", new AccountId("1"), "app"));
        bench.Source.Put(Bench.Person("1", "ann", "ann@example.org"));
        var plan = await bench.PlanAsync();
        var provisioner = bench.NewProvisioner(rows);
        var crashPoints = new CrashPoints(name =>
        {
            if (name == ApplyCrashPoints.IntentDurable)
            {
                (rows.Only.State, rows.Only.TargetId).ShouldBe((ProvisioningState.Intent, new AccountId("1")));
                bench.Source.Remove("1");
            }

            _ = dies && name == ApplyCrashPoints.ChangeLeft ? throw new Crash() : 0;
        });
        var applying = bench.ApplyAsync(plan, crashPoints, provisioner: provisioner);
        await (dies ? (Task)Should.ThrowAsync<Crash>(applying) : applying);
        bench.Target.Snapshot.Single()["active"].ShouldBe(FieldValue.Boolean(true));

        await provisioner.RunOnceAsync(CancellationToken.None);

        bench.Target.Snapshot.Single()["active"].ShouldBe(FieldValue.Boolean(false));
        rows.Only.State.ShouldBe(ProvisioningState.Compensated);
        rows.Only.Asked.ShouldBe(dies ? 0 : 1);
    }

    [Fact]
    public async Task Whose_row_somebody_works_on_is_left_for_the_next_apply_of_the_plan()
    {
        var (bench, rows) = (new Bench(), new InMemoryRows { KeepsLeases = true });
        rows.Only = InMemoryRows.New(new ProvisioningKey("people", new AccountId("1"), "app"));
        bench.Source.Put(Bench.Person("1", "ann", "ann@example.org"));
        var plan = await bench.PlanAsync();
        await rows.ClaimAsync(rows.Only.Key, TimeSpan.FromMinutes(2), CancellationToken.None);

        var report = await bench.ApplyAsync(plan, provisioner: bench.NewProvisioner(rows));

        report.Pending.ShouldHaveSingleItem().Message.ShouldContain("The service is at work on it.");
        bench.Target.Snapshot.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_creation_whose_turn_comes_late_is_announced_again_and_not_made_where_its_row_is_gone()
    {
        var clock = new ManualClock();
        var (bench, rows) = (new Bench(clock: clock), new InMemoryRows());
        rows.Only = InMemoryRows.New(new ProvisioningKey("people", new AccountId("1"), "app"));
        bench.Source.Put(Bench.Person("1", "ann", "ann@example.org"));
        var plan = await bench.PlanAsync();
        var crashPoints = new CrashPoints(name =>
        {
            if (name == ApplyCrashPoints.IntentDurable)
            {
                // It sleeps, and the user is purged.
                clock.Advance(TimeSpan.FromSeconds(11));
                rows.Forget(new ProvisioningKey("people", new AccountId("1"), "app"));
            }
        });

        var report = await bench.ApplyAsync(plan, crashPoints, provisioner: bench.NewProvisioner(rows));

        report.Skipped.ShouldHaveSingleItem().Message.ShouldBe("It is gone from people. Plan again.");
        bench.Target.Snapshot.ShouldBeEmpty();
    }
}
