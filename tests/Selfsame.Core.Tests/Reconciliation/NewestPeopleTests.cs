using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

public sealed class NewestPeopleTests
{
    private static readonly AccountMapping Dated = Bench.People with
    {
        Attributes = new Dictionary<string, AttributeMapping>(Bench.People.Attributes) { [NewestPeople.CreatedAt] = new("made", Noise: true) },
    };

    [Fact]
    public async Task The_newest_come_first_each_with_what_is_missing_where_and_nobody_else()
    {
        var bench = new Bench(people: Dated);
        foreach (var (id, made) in new[] { ("1", 40L), ("2", 10L), ("3", 30L), ("4", 20L) })
        {
            bench.Source.Put([.. Bench.Person(id, $"person{id}"), ("made", made)]);
        }

        bench.Target.Put(Bench.Person("3", "person3"));

        var newest = await FindAsync(bench, 3);

        newest.Select(newcomer => newcomer.Account.Id.ToString()).ShouldBe(["1", "3", "4"]);
        newest.Select(newcomer => newcomer.Person.IsComplete).ShouldBe([false, true, false]);
        newest[0].Person.MissingIn.ShouldBe(["app"]);
        (await FindAsync(bench, 9)).Count.ShouldBe(4);
    }

    [Fact]
    public async Task Who_is_active_and_not_reached_from_outside_is_a_finding()
    {
        var bench = new Bench(people: Dated);
        foreach (var (id, active) in new[] { ("1", true), ("2", false) })
        {
            bench.Source.Put([.. Bench.Person(id, $"person{id}").Where(field => field.Item1 != "active"), ("active", active), ("made", 1L)]);
            bench.Target.Put([.. Bench.Person(id, $"person{id}").Where(field => field.Item1 != "active"), ("active", active)]);
        }

        (await FindAsync(bench, 9)).ShouldAllBe(newcomer => newcomer.Person.IsComplete);
        bench.Target.Unreached = account => $"{account.Label} leads to nobody.";

        var newest = await FindAsync(bench, 9);
        var finding = newest.SelectMany(newcomer => newcomer.Person.Findings).ShouldHaveSingleItem();

        (finding.Kind, finding.System, finding.Accounts.Single().Id).ShouldBe((nameof(SystemFault.UnreachedAccount), "app", new AccountId("1")));
        finding.Sentence.ShouldBe("person1 is active in app and is not reached: person1 leads to nobody.");
        finding.Evidence.ShouldNotBeEmpty();
    }

    // As the config of an identity provider, a collection without such a field, and a PDS: the ends are never compared with each other.
    [Theory]
    [InlineData(true, true, false, true, false)]
    [InlineData(true, true, true, true, true)]
    [InlineData(true, false, false, true, true)]
    [InlineData(false, true, false, true, true)]
    [InlineData(true, true, false, false, true)]
    public async Task Who_is_active_and_disabled_at_the_end_of_the_chain_is_not_complete(bool active, bool verified, bool activeAtTheEnd, bool says, bool complete)
    {
        static AccountMapping Without(string attribute)
            => Bench.People with { Attributes = Bench.People.Attributes.Where(pair => pair.Key != attribute).ToDictionary(pair => pair.Key, pair => pair.Value) };
        static (string, object?)[] Person(bool active, bool verified)
            => [.. Bench.Person("1", "ann").Where(field => field.Item1 is not ("active" or "verified")), ("active", active), ("verified", verified), ("made", 1L)];
        var systems = new Dictionary<string, InMemorySystem>
        {
            ["people"] = new(Dated),
            ["app"] = new(Without(AccountMapping.Active)),
            ["pds"] = new(says ? Bench.People : Without(AccountMapping.Active)),
        };
        systems["people"].Put(Person(active, verified));
        systems["app"].Put(Person(true, verified));
        systems["pds"].Put(Person(activeAtTheEnd, verified));
        var rule = new ReconcileRule { Source = "people", Target = "app", Correlate = [CorrelationRule.ById], Missing = MissingAction.CreateInTarget };
        var topology = new Bench().Topology with
        {
            Systems = systems.ToDictionary(pair => pair.Key, pair => new SystemConfig { Name = pair.Key, Connector = "memory", Settings = new Dictionary<string, string>(), Mapping = pair.Value.Mapping }),
            Rules = [rule, rule with { Source = "app", Target = "pds", When = AccountMapping.EmailVerified }],
        };

        var person = (await new NewestPeople(topology, systems.ToDictionary(pair => pair.Key, IConnectedSystem (pair) => pair.Value), IdentifierKeys.TryKey)
            .FindAsync(topology.Systems["people"], 9, CancellationToken.None)).Single().Person;

        person.IsComplete.ShouldBe(complete);
        if (!complete)
        {
            var finding = person.Findings.ShouldHaveSingleItem();
            (finding.Kind, finding.System, finding.Accounts.Single().Id).ShouldBe((nameof(SystemFault.InactiveAccount), "pds", new AccountId("1")));
            finding.Sentence.ShouldBe("ann is not active in pds, and ann is in people: app does not say who is active, so nothing carries it on.");
        }
    }

    [Fact]
    public void People_come_from_the_systems_that_are_no_rules_target()
        => NewestPeople.Origins(new Bench().Topology, null).Select(system => system.Name).ShouldBe(["people"]);

    [Fact]
    public async Task A_system_that_does_not_say_who_is_newest_says_what_to_map()
        => (await Should.ThrowAsync<InvalidOperationException>(FindAsync(new Bench(), 3))).Message.ShouldContain("map 'createdAt'");

    private static Task<IReadOnlyList<Newcomer>> FindAsync(Bench bench, int count)
        => new NewestPeople(bench.Topology, bench.Systems, IdentifierKeys.TryKey).FindAsync(bench.Topology.Systems["people"], count, CancellationToken.None);
}
