namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>How those are read again about whom there may be a finding.</summary>
public sealed class UnconfirmedAccountsTests
{
    [Theory]
    [InlineData(100, 1)]
    [InlineData(101, 0)]
    public async Task Few_are_asked_about_and_many_are_read_in_bulk_where_each_takes_a_call(int drifted, int reads)
    {
        var bench = new Bench { Target = new InMemorySystem(Bench.People) { AsksOneByOne = true } };
        for (var number = 0; number < drifted; number++)
        {
            bench.Source.Put(Bench.Person($"{number}", $"user{number}", name: "Bob"));
            bench.Target.Put(Bench.Person($"{number}", $"user{number}", name: "Rob"));
        }

        (await bench.AuditAsync()).Findings.Count.ShouldBe(drifted);

        bench.Target.ReadsById.ShouldBe(reads);
    }
}
