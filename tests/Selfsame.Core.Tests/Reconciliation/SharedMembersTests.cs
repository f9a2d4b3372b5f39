using FsCheck;
using FsCheck.Fluent;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Which duplicates are decided as one, and at what cost.</summary>
public sealed class SharedMembersTests
{
    private const int Many = 20_000;

    [Fact]
    public void The_groups_and_their_order_are_those_of_comparing_all_with_all()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(1000), Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue - 1)), seed =>
        {
            var random = new SeededRandom(seed);
            var people = 1 + random.NextInt32(30);
            var sets = Enumerable.Range(0, random.NextInt32(25)).Select(_ => Enumerable.Range(0, 1 + random.NextInt32(4)).Select(_ => random.NextInt32(people)).ToList()).ToList();

            Text(SharedMembers.Group<int>(sets)).ShouldBe(Text(CompareAll(sets)), $"seed {seed}");
        }));

    [Theory]
    [InlineData(0)] // All apart.
    [InlineData(1)] // Each with the one before: one long group.
    [InlineData(Many / 2)] // Two halves, joined pair by pair.
    public void The_cost_grows_with_the_number_of_members_and_not_with_its_square(int apart)
    {
        var compared = new StrongBox();
        var sets = Enumerable.Range(0, Many).Select(set => new[] { new Counted(set, compared), new Counted(apart == 0 ? set + Many : Math.Abs(set - apart), compared) }).ToList();

        var groups = SharedMembers.Group<Counted>(sets);

        groups.Sum(group => group.Count).ShouldBe(Many);
        compared.Value.ShouldBeLessThan(10L * Many);
    }

    [Fact]
    [Trait("needs", "slow")]
    public async Task Twenty_thousand_duplicates_are_planned()
    {
        var bench = new Bench();
        for (var number = 0; number < Many; number++)
        {
            bench.Target.Put(Bench.Person($"{2 * number}", $"user{number}"));
            bench.Target.Put(Bench.Person($"{(2 * number) + 1}", $"User{number}"));
        }

        var topology = bench.Topology with
        {
            Rules = [],
            Systems = new Dictionary<string, SystemConfig>
            {
                ["people"] = bench.Topology.Systems["people"],
                ["app"] = bench.Topology.Systems["app"] with { Duplicates = DuplicatesAction.Merge },
            },
        };
        bench = new Bench { Topology = topology, Target = bench.Target };

        var plan = await bench.PlanAsync();

        plan.Changes.Count(change => change.Action == ChangeAction.Merge).ShouldBe(Many);
    }

    private static List<List<int>> CompareAll(List<List<int>> sets)
    {
        var groups = new List<(HashSet<int> Members, List<int> Sets)>();
        for (var set = 0; set < sets.Count; set++)
        {
            var members = sets[set].ToHashSet();
            var touched = groups.Where(group => group.Members.Overlaps(members)).ToList();
            touched.ForEach(group => members.UnionWith(group.Members));
            groups = [.. groups.Where(group => !touched.Contains(group)), (members, [.. touched.SelectMany(group => group.Sets), set])];
        }

        return groups.ConvertAll(group => group.Sets);
    }

    private static string Text(IEnumerable<IReadOnlyList<int>> groups) => string.Join(" | ", groups.Select(group => string.Join(' ', group)));

    private sealed class StrongBox
    {
        public long Value { get; set; }
    }

    /// <summary>A number that counts how often it is compared.</summary>
    private sealed class Counted(int number, StrongBox compared) : IEquatable<Counted>
    {
        private readonly int value = number;

        public bool Equals(Counted? other)
        {
            compared.Value++;
            return other?.value == value;
        }

        public override bool Equals(object? obj) => Equals(obj as Counted);

        public override int GetHashCode() => value;
    }
}
