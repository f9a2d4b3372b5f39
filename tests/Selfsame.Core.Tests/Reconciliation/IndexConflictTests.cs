using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Two definitions of a unique index on one identifier that can't both hold: a person says which; no plan drops either.</summary>
public sealed class IndexConflictTests
{
    private static readonly SystemIndex Canonical = new() { Name = "by_name", Fields = ["username"], Unique = true, Collation = "nocase", Definition = "username nocase" };

    [Fact]
    public async Task A_stricter_unique_index_besides_the_canonical_one_is_a_finding_that_no_plan_touches()
    {
        var world = World(Canonical, Canonical with { Name = "blunt", Collation = "blunt" });

        var finding = (await world.AuditAsync()).Findings.ShouldHaveSingleItem();
        var plan = await world.PlanAsync();

        finding.Fault.ShouldBe(SystemFault.IndexesInConflict);
        finding.Sentence.ShouldContain("'blunt' on the username: its collation ignores accents");
        finding.Sentence.ShouldContain("Drop 'blunt', or take username out of 'unique'");
        plan.Changes.ShouldBeEmpty();
        plan.NotPlanned.ShouldHaveSingleItem().Finding.ShouldBe("IndexesInConflict");
    }

    [Fact]
    public async Task A_stricter_index_on_another_expression_is_told_in_place_of_the_canonical_one_that_is_missing()
    {
        var world = World(Canonical with { Name = "blunt", Fields = ["unaccent(username)"], Collation = "blunt" });

        (await world.AuditAsync()).Findings.ShouldHaveSingleItem().Fault.ShouldBe(SystemFault.IndexesInConflict);
        (await world.PlanAsync()).Changes.ShouldBeEmpty();
    }

    [Fact]
    public async Task Where_only_the_stricter_one_is_there_on_the_same_field_the_plan_makes_ours_in_its_place()
    {
        var world = World(Canonical with { Name = "blunt", Collation = "blunt" });

        (await world.AuditAsync()).Findings.ShouldHaveSingleItem().Fault.ShouldBe(SystemFault.WeakIndex);
        (await world.PlanAsync()).Changes.ShouldHaveSingleItem().Steps!.Select(step => $"{step.Action} {step.Name}").ShouldBe(["DropIndex blunt", "CreateIndex username_unique"]);
    }

    [Fact]
    public async Task An_index_on_another_field_that_has_the_name_of_ours_is_a_finding_and_is_not_dropped()
    {
        var world = World(Canonical with { Name = "username_unique", Fields = ["email"] });

        var finding = (await world.AuditAsync()).Findings.ShouldHaveSingleItem();

        finding.Fault.ShouldBe(SystemFault.IndexesInConflict);
        finding.Sentence.ShouldContain("is called 'username_unique', and app has another index of that name, on email");
        (await world.PlanAsync()).Changes.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_looser_unique_index_besides_the_canonical_one_is_none()
    {
        var world = World(Canonical, Canonical with { Name = "exact", Collation = null });

        (await world.AuditAsync()).Findings.ShouldBeEmpty();
    }

    private static DuplicateWorld World(params SystemIndex[] indexes)
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        foreach (var index in indexes)
        {
            world.System.Index(index);
        }

        return world;
    }
}
