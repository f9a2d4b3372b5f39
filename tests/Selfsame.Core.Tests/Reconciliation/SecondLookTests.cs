using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Testing;

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

    // All these tests pass without any wait: an age of zero is none.
    [Fact]
    public async Task The_second_look_comes_no_earlier_than_the_minimum_age_and_who_came_until_then_is_no_orphan()
    {
        var age = TimeSpan.FromMinutes(5);
        var clock = new VirtualClock(DateTimeOffset.UnixEpoch);
        var bench = new Bench(clock: clock);
        bench.Topology = bench.Topology with { MinimumAge = age };
        bench.Target.Put(Bench.Person("1", "ann"));
        bench.Target.Put(Bench.Person("2", "bob"));
        var looks = new List<TimeSpan>();
        bench.Source.BeforeRead = _ => looks.Add(clock.Elapsed);
        bench.Source.AfterBulkRead = () => clock.CreateTimer(_ => bench.Source.Put(Bench.Person("1", "ann")), null, age - TimeSpan.FromTicks(1), Timeout.InfiniteTimeSpan);

        var audit = bench.AuditAsync();
        while (!audit.IsCompleted)
        {
            clock.FireNext();
            await Task.Yield();
        }

        looks.ShouldNotBeEmpty();
        looks.ShouldAllBe(at => at >= age);
        (await audit).Findings.Single(finding => finding.Situation == Situation.Orphan).Target!.Account.Id.ShouldBe(new AccountId("2"));
    }

    // One whom the second look finds by an address that proves nothing may be the same person: that is ambiguous, and no orphan.
    [Fact]
    public async Task Whoever_is_somebodys_on_a_guess_at_the_second_look_is_no_orphan()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("7", "ann", "ann@example.org", verified: false));
        bench.Target.Put(Bench.Person("1", "anna", "ann@example.org", verified: false));
        bench.Source.HiddenFromBulkReads.Add("7");

        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_account_is_found_by_its_key_where_the_system_folds_the_case_of_ascii_only()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("7", "åsa"));
        bench.Target.Put(Bench.Person("1", "ÅSA"));
        bench.Source.HiddenFromBulkReads.Add("7");

        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    // Somebody signs up and is provisioned while the audit runs: the account over there is nobody's by the links that were read before.
    [Fact]
    public async Task An_account_that_the_service_made_during_the_audit_is_no_orphan()
    {
        var links = new Dictionary<AccountId, AccountId>();
        var bench = Linked(new KnownLinks(
            new Dictionary<(string, string), IReadOnlyDictionary<AccountId, AccountId>>(),
            _ => Task.FromResult(new KnownLinks(new Dictionary<(string, string), IReadOnlyDictionary<AccountId, AccountId>> { [("people", "app")] = links }))));
        bench.Source.AfterBulkRead = () =>
        {
            bench.Source.Put(Bench.Person("7"));
            bench.Target.Put(Bench.Person("did:plc:7"));
            links.Add(new AccountId("7"), new AccountId("did:plc:7"));
        };

        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task Of_a_rule_by_link_too_whoever_is_really_gone_is_an_orphan()
    {
        var bench = Linked(KnownLinks.None);
        bench.Target.Put(Bench.Person("did:plc:7"));

        (await bench.AuditAsync()).Findings.Single().Situation.ShouldBe(Situation.Orphan);
    }

    // No index leads from an id to whoever holds it in an attribute: the source is read through.
    [Fact]
    public async Task Whose_id_an_account_of_the_source_holds_by_now_is_no_orphan()
    {
        var people = Bench.People with { Attributes = new Dictionary<string, AttributeMapping>(Bench.People.Attributes) { ["did"] = new("did") } };
        var bench = Linked(KnownLinks.None, people);
        bench.Source.Put([.. Bench.Person("7"), ("did", "did:plc:7")]);
        bench.Target.Put(Bench.Person("did:plc:7"));
        bench.Source.HiddenFromBulkReads.Add("7");
        bench.Source.AfterBulkRead = () => bench.Source.HiddenFromBulkReads.Clear();

        (await bench.AuditAsync()).Findings.ShouldBeEmpty();
    }

    // The son is another than his father by decision: the father's account, which has their address too, makes nobody doubt that the son is missing.
    [Fact]
    public async Task Who_is_told_apart_from_a_linked_account_is_missing_at_the_second_look_too()
    {
        var bench = new Bench();
        var apart = new PersonDecision(Verdict.Different, [new DecidedAccount("people", new AccountId("7")), new DecidedAccount("people", new AccountId("9"))], null, "father and son");
        bench = new Bench { Topology = bench.Topology with { Decisions = new PersonDecisions([apart]) } };
        bench.Source.Put(Bench.Person("7", "father", "fam@example.org"));
        bench.Source.Put(Bench.Person("9", "son", "fam@example.org"));
        bench.Target.Put(Bench.Person("7", "father", "fam@example.org"));

        (await bench.AuditAsync()).Findings.Single(finding => finding.Situation == Situation.Missing).Accounts.Single().Id.ShouldBe(new AccountId("9"));
    }

    private static Bench Linked(KnownLinks links, AccountMapping? people = null)
    {
        var bench = new Bench(Bench.Repairing with { Correlate = [new CorrelationRule(null, "did")] }, people: people);
        return new Bench(bench.Topology.Rules[0], people: people) { Topology = bench.Topology with { Decisions = PersonDecisions.None.With(links) } };
    }
}
