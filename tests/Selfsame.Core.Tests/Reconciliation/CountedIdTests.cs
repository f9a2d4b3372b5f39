using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Two systems that count their records have equal ids by chance: these say something only where the rule names the id.</summary>
public sealed class CountedIdTests
{
    private static readonly ReconcileRule ByUsername = Bench.Repairing with { Correlate = [new CorrelationRule(IdentifierKind.Username)], Orphan = OrphanAction.Report };

    [Fact]
    public async Task An_equal_number_hides_neither_who_is_missing_nor_who_is_an_orphan()
    {
        var bench = new Bench(ByUsername);
        bench.Source.Put(Bench.Person("3", "newone"));
        bench.Target.Put(Bench.Person("3", "leftover"));

        var audit = await bench.AuditAsync();

        audit.Findings.Select(finding => $"{finding.Situation} {finding.Accounts[0].Label}").ShouldBe(["Missing newone", "Orphan leftover"], ignoreOrder: true);
    }

    [Fact]
    public async Task Nobody_is_made_under_a_number_that_is_somebody_elses()
    {
        var bench = new Bench(ByUsername);
        bench.Source.Put(Bench.Person("3", "newone"));
        bench.Source.Put(Bench.Person("4", "other"));
        bench.Target.Put(Bench.Person("3", "leftover"));

        var plan = await bench.PlanAsync();

        plan.Changes.Single().Account.ShouldBe(new AccountId("4"));
        plan.NotPlanned.ShouldContain(left => left.Because.StartsWith("leftover has the id 3 in app and is somebody else"));
    }

    [Fact]
    public async Task Whoever_is_looked_up_is_not_shown_with_a_stranger_of_that_number()
    {
        var bench = new Bench(ByUsername);
        bench.Source.Put(Bench.Person("3", "newone"));
        bench.Target.Put(Bench.Person("3", "leftover"));

        var person = await new PersonLookup(bench.Topology, bench.Systems, IdentifierKeys.TryKey).FindAsync("newone", CancellationToken.None);

        person.Accounts["people"].Count.ShouldBe(1);
        person.Accounts["app"].ShouldBeEmpty();
        person.IsComplete.ShouldBeFalse();
    }

    // A PDS finds who is disabled neither by handle nor by address.
    [Theory]
    [InlineData("ann")]
    [InlineData("did:plc:1")]
    public async Task Whoever_is_looked_up_is_found_by_what_our_store_links_too(string who)
    {
        var links = new KnownLinks(
            new Dictionary<(string, string), IReadOnlyDictionary<AccountId, AccountId>> { [("people", "app")] = new Dictionary<AccountId, AccountId> { [new AccountId("1")] = new("did:plc:1") } });
        var topology = new Bench(ByUsername with { Correlate = [new CorrelationRule(null, "did")] }).Topology;
        var bench = new Bench { Topology = topology with { Decisions = PersonDecisions.None.With(links) } };
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Target.Put(Bench.Person("did:plc:1"));

        var person = await new PersonLookup(bench.Topology, bench.Systems, IdentifierKeys.TryKey).FindAsync(who, CancellationToken.None);

        person.Accounts["people"].Count.ShouldBe(1);
        person.Accounts["app"].Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("3")]
    [InlineData("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea")]
    public async Task Where_the_rule_names_the_id_or_it_is_no_number_an_equal_one_is_no_chance(string id)
    {
        var bench = new Bench(ByUsername with { Correlate = id.Length > 1 ? ByUsername.Correlate : [.. ByUsername.Correlate, CorrelationRule.ById] });
        bench.Source.Put(Bench.Person(id, "newone"));
        bench.Target.Put(Bench.Person(id, "leftover"));

        var audit = await bench.AuditAsync();

        audit.Findings.ShouldNotContain(finding => finding.Situation == Situation.Missing || finding.Situation == Situation.Orphan);
        audit.Findings.ShouldNotBeEmpty();
    }
}
