using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Core.Reconciliation;
using Selfsame.Core.Tests.Reconciliation;

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
}
