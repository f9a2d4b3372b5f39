using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>Each finding carries by what it was found: the rules that were asked, the keys, the values as they are written; of a fault what is wanted and what is there.</summary>
public sealed class EvidenceTests
{
    [Fact]
    public async Task Who_is_missing_or_an_orphan_comes_with_the_rules_that_were_asked_and_keys_that_nobody_has()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("u1", "Ann", "Ann@Example.org"));
        bench.Target.Put(Bench.Person("u9", email: "Gone@example.org"));

        var findings = (await bench.AuditAsync()).Findings;

        Told(findings.Single(finding => finding.Situation == Situation.Missing)).ShouldBe(["id u1: u1", "email ann@example.org: Ann@Example.org", "username ann: Ann"]);
        Told(findings.Single(finding => finding.Situation == Situation.Orphan)).ShouldBe(["id u9: u9", "email gone@example.org: Gone@example.org", "username : "]);
        findings.ShouldAllBe(finding => finding.Evidence.All(evidence => !evidence.Proof));
    }

    [Fact]
    public async Task A_key_that_no_rule_names_is_evidence_too_for_an_equal_one_would_have_cast_doubt()
    {
        var bench = new Bench(Bench.Repairing with { Correlate = [new CorrelationRule(IdentifierKind.Email)] });
        bench.Source.Put(Bench.Person("u1", "ann", "ann@example.org"));

        Told((await bench.AuditAsync()).Findings.ShouldHaveSingleItem()).ShouldBe(["email ann@example.org: ann@example.org", "username ann: ann"]);
    }

    [Fact]
    public async Task From_whom_a_person_told_somebody_apart_is_among_the_evidence()
    {
        var bench = new Bench();
        bench.Source.Put(Bench.Person("u1", "ann"));
        bench.Target.Put(Bench.Person("u2", "ann"));
        var apart = new PersonDecision(Verdict.Different, [new DecidedAccount("people", new AccountId("u1")), new DecidedAccount("app", new AccountId("u2"))], null, "sisters");
        bench.Topology = bench.Topology with { Decisions = new PersonDecisions([apart]) };

        Told((await bench.AuditAsync()).Findings.Single(finding => finding.Situation == Situation.Missing)).ShouldContain("decision sisters: app/u2");
    }

    [Fact]
    public async Task An_index_that_is_missing_or_weak_comes_with_the_fields_the_one_wanted_and_those_found()
    {
        Told((await World().AuditAsync()).Findings.ShouldHaveSingleItem()).ShouldBe(["wanted username nocase: username"]);

        var weak = new SystemIndex { Name = "plain", Fields = ["username"], Unique = false, Definition = "username" };
        Told((await World(weak).AuditAsync()).Findings.ShouldHaveSingleItem()).ShouldBe(["wanted username nocase: username", "found username: username"]);
    }

    [Fact]
    public async Task Duplicates_are_named_one_by_one_by_their_ids_and_the_first_of_many()
    {
        var world = new DuplicateWorld();
        world.Person("1", "ann");
        world.Person("2", "ann");
        world.Person("3", "bo");
        world.Person("4", "Bo");
        for (var id = 10; id < 22; id++)
        {
            world.Person($"{id}", "cy");
        }

        (await world.AuditAsync()).Findings.Where(finding => finding.Situation == Situation.Duplicate).Select(finding => finding.Sentence).ShouldBe(
            [
                "2 accounts of app have the username ann, with the ids 1, 2.",
                "2 accounts of app have the username bo: bo (id 3), Bo (id 4).",
                "12 accounts of app have the username cy, with the ids 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 and 2 more.",
            ]);
    }

    [Fact]
    public void Rules_in_conflict_come_with_both_rules()
    {
        var rule = Bench.Repairing;

        Told(RuleConflicts.Find([rule, rule with { Orphan = OrphanAction.DisableInTarget }]).ShouldHaveSingleItem())
            .ShouldBe(["rule 1 people to app: 'orphan' is deleteInTarget in one and disableInTarget in the other", "rule 2 people to app: 'orphan' is deleteInTarget in one and disableInTarget in the other"]);
    }

    [Theory]
    [InlineData(42L, "it is a number, not text. Let one text stand there.")]
    [InlineData(true, "it is true or false, not text. Let one text stand there.")]
    public async Task An_address_that_is_no_text_is_told_as_what_it_is(object mail, string told)
    {
        var bench = new Bench();
        bench.Source.Put([.. Bench.Person("u1", "ann").Where(field => field.Item1 != "email"), ("email", mail)]);
        bench.Target.Put(Bench.Person("u1", "ann"));

        var finding = (await bench.AuditAsync()).Findings.Single(finding => finding.Situation == Situation.NotCanonical);

        finding.Sentence.ShouldBe($"The email of u1 in people has no key: {told}");
    }

    [Fact]
    public void Whoever_has_a_name_of_megabytes_is_called_by_its_beginning_and_never_by_half_a_character()
    {
        Bench.Keyed(Bench.Person("u1", new string('a', 5_000_000))).Account.Label.ShouldBe(new string('a', 254) + "…");
        Bench.Keyed(Bench.Person("u1", new string('a', 253) + "😀b")).Account.Label.ShouldBe(new string('a', 253) + "…");
        Bench.Keyed(Bench.Person("u1", new string('a', 254))).Account.Label.ShouldBe(new string('a', 254));
    }

    private static IEnumerable<string> Told(Finding finding) => finding.Evidence.Select(evidence => $"{evidence.Rule} {evidence.Key}: {string.Join(", ", evidence.Values)}");

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
