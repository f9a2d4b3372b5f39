using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Nobody is missing or an orphan at first sight.</summary>
public sealed class SecondLookTests
{
    // A record edited during the scan is not seen (CASES 20: Atlassian CWD-6330): a second look finds it.
    [Fact]
    public async Task An_account_that_the_bulk_read_missed_makes_nobody_an_orphan()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Target.Put(Bench.Person("1", "ann"));
        bench.Source.HiddenFromBulkReads.Add("1");

        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    // A lagging replica makes live rows look orphaned (CASES 21: e2b-dev/infra#2247): the primary is asked by the address too.
    [Fact]
    public async Task An_account_under_another_id_is_found_by_its_address()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("7", "ann", "ann@example.org"));
        bench.Target.Put(Bench.Person("1", "anna", "Ann@example.org"));
        bench.Source.HiddenFromBulkReads.Add("7");

        (await bench.AuditAsync()).Findings.ShouldNotContain(finding => finding.Situation == Situation.Orphan);
    }

    [Fact]
    public async Task What_is_gone_at_the_second_look_is_not_missing_elsewhere()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("1", "ann"));
        bench.Source.AfterBulkRead = () => bench.Source.Remove("1");

        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task Who_is_really_gone_is_an_orphan()
    {
        var bench = new Bench();
        bench.Target.Put(Bench.Person("1", "ann"));

        (await bench.AuditAsync()).Findings.Single().Situation.ShouldBe(Situation.Orphan);
    }
}
