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

    [Fact]
    public void People_come_from_the_systems_that_are_no_rules_target()
        => NewestPeople.Origins(new Bench().Topology, null).Select(system => system.Name).ShouldBe(["people"]);

    [Fact]
    public async Task A_system_that_does_not_say_who_is_newest_says_what_to_map()
        => (await Should.ThrowAsync<InvalidOperationException>(FindAsync(new Bench(), 3))).Message.ShouldContain("map 'createdAt'");

    private static Task<IReadOnlyList<Newcomer>> FindAsync(Bench bench, int count)
        => new NewestPeople(bench.Topology, bench.Systems, IdentifierKeys.TryKey).FindAsync(bench.Topology.Systems["people"], count, CancellationToken.None);
}
