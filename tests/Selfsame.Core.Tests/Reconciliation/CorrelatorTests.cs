using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

public sealed class CorrelatorTests
{
    [Fact]
    public void Equal_ids_link_even_when_everything_else_differs()
    {
        var correlation = Correlate(Bench.Repairing, [Bench.Keyed(Bench.Person("1", "ann"))], [Bench.Keyed(Bench.Person("1", "anna"))]);

        var evidence = correlation.Links.Single().Evidence;
        evidence.Rule.ShouldBe("id");
        evidence.Proof.ShouldBeTrue();
    }

    [Fact]
    public void One_uuid_in_two_spellings_is_one_id()
    {
        var correlation = Correlate(
            Bench.Repairing,
            [Bench.Keyed(Bench.Person("3b039300-6f9d-49c8-bd77-fd81e1c2a0ea"))],
            [Bench.Keyed(Bench.Person("3B039300-6F9D-49C8-BD77-FD81E1C2A0EA"))]);

        correlation.Links.Count.ShouldBe(1);
    }

    [Fact]
    public void An_email_that_both_sides_verified_links_in_any_spelling()
    {
        var correlation = Correlate(
            Bench.Repairing,
            [Bench.Keyed(Bench.Person("1", email: "Ann@Example.org"))],
            [Bench.Keyed(Bench.Person("2", email: " ann@example.ORG"))]);

        var link = correlation.Links.Single();
        link.Evidence.Rule.ShouldBe("email");
        link.Evidence.Key.ShouldBe("ann@example.org");
        link.Evidence.Proof.ShouldBeTrue();
    }

    // ory/polis#4067, langfuse/langfuse#13528 (CASES 26)
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void An_email_that_is_not_verified_on_both_sides_is_never_proof(bool here, bool there)
    {
        var correlation = Correlate(
            Bench.Repairing,
            [Bench.Keyed(Bench.Person("1", email: "ann@example.org", verified: here))],
            [Bench.Keyed(Bench.Person("2", email: "ann@example.org", verified: there))]);

        correlation.Links.ShouldBeEmpty();
        correlation.OnlyInSource.ShouldBeEmpty();
        correlation.Ambiguous.Single().Evidence.Single().Proof.ShouldBeFalse();
    }

    [Fact]
    public void Trusting_emails_makes_an_unverified_one_proof()
    {
        var correlation = Correlate(
            Bench.Repairing with { TrustEmail = true },
            [Bench.Keyed(Bench.Person("1", email: "ann@example.org", verified: false))],
            [Bench.Keyed(Bench.Person("2", email: "ann@example.org", verified: false))]);

        correlation.Links.Count.ShouldBe(1);
    }

    [Fact]
    public void One_that_matches_two_decides_nothing()
    {
        var correlation = Correlate(
            Bench.Repairing,
            [Bench.Keyed(Bench.Person("1", email: "ann@example.org"))],
            [Bench.Keyed(Bench.Person("2", email: "ann@example.org")), Bench.Keyed(Bench.Person("3", email: "ANN@example.org"))]);

        correlation.Links.ShouldBeEmpty();
        correlation.Ambiguous.Single().Targets.Count.ShouldBe(2);
    }

    [Fact]
    public void An_earlier_rule_wins_and_the_account_that_a_later_one_would_take_is_ambiguous_not_an_orphan()
    {
        var correlation = Correlate(
            Bench.Repairing,
            [Bench.Keyed(Bench.Person("1", email: "ann@example.org"))],
            [Bench.Keyed(Bench.Person("1", email: "other@example.org")), Bench.Keyed(Bench.Person("2", email: "ann@example.org"))]);

        correlation.Links.Single().Target.Account.Id.ShouldBe(new AccountId("1"));
        correlation.OnlyInTarget.ShouldBeEmpty();
        correlation.Ambiguous.Single().Targets.Single().Account.Id.ShouldBe(new AccountId("2"));
    }

    [Fact]
    public void An_identifier_that_no_rule_names_still_casts_doubt()
    {
        var correlation = Correlate(
            Bench.Repairing with { Correlate = [CorrelationRule.ById] },
            [Bench.Keyed(Bench.Person("1", "ann"))],
            [Bench.Keyed(Bench.Person("2", "Ann"))]);

        correlation.OnlyInSource.ShouldBeEmpty();
        correlation.OnlyInTarget.ShouldBeEmpty();
        correlation.Ambiguous.Count.ShouldBe(1);
    }

    [Fact]
    public void Accounts_that_share_nothing_stand_alone()
    {
        var correlation = Correlate(Bench.Repairing, [Bench.Keyed(Bench.Person("1", "ann"))], [Bench.Keyed(Bench.Person("2", "bob"))]);

        correlation.OnlyInSource.Count.ShouldBe(1);
        correlation.OnlyInTarget.Count.ShouldBe(1);
        correlation.Ambiguous.ShouldBeEmpty();
    }

    // What a person decided about two accounts says nothing of a third: a living person's account was taken for an orphan.
    [Fact]
    public void Two_told_apart_in_one_system_still_cast_doubt_on_a_third_account()
    {
        var correlation = Correlate(
            Bench.Repairing with { Correlate = [new CorrelationRule(IdentifierKind.Email)] },
            [Bench.Keyed(Bench.Person("7", email: "fam@example.org", verified: false)), Bench.Keyed(Bench.Person("9", email: "fam@example.org", verified: false))],
            [Bench.Keyed(Bench.Person("x", email: "fam@example.org", verified: false))],
            Different(("people", "7"), ("people", "9")));

        correlation.OnlyInSource.ShouldBeEmpty();
        correlation.OnlyInTarget.ShouldBeEmpty();
        correlation.Ambiguous.Single().Sources.Count.ShouldBe(2);
    }

    [Fact]
    public void One_told_apart_from_an_account_of_the_other_system_still_casts_doubt_on_another()
    {
        var correlation = Correlate(
            Bench.Repairing with { Correlate = [CorrelationRule.ById] },
            [Bench.Keyed(Bench.Person("7", "ann"))],
            [Bench.Keyed(Bench.Person("x", "Ann")), Bench.Keyed(Bench.Person("y", "ANN"))],
            Different(("people", "7"), ("app", "x")));

        correlation.OnlyInSource.ShouldBeEmpty();
        correlation.Ambiguous.Single().Targets.Select(account => account.Account.Id.ToString()).ShouldBe(["y"]);
    }

    [Fact]
    public void Two_told_apart_cast_no_doubt_on_each_other()
    {
        var correlation = Correlate(
            Bench.Repairing with { Correlate = [CorrelationRule.ById] },
            [Bench.Keyed(Bench.Person("7", "ann"))],
            [Bench.Keyed(Bench.Person("x", "Ann"))],
            Different(("people", "7"), ("app", "x")));

        correlation.Ambiguous.ShouldBeEmpty();
        correlation.OnlyInSource.Count.ShouldBe(1);
        correlation.OnlyInTarget.Count.ShouldBe(1);
    }

    // Father and son: the son is not his father, so neither is he whom the father is over there.
    [Fact]
    public void Who_is_told_apart_from_a_linked_account_is_not_its_partner_either()
    {
        var correlation = Correlate(
            Bench.Repairing,
            [Bench.Keyed(Bench.Person("7", "father", "fam@example.org")), Bench.Keyed(Bench.Person("9", "son", "fam@example.org"))],
            [Bench.Keyed(Bench.Person("7", "father", "fam@example.org"))],
            Different(("people", "7"), ("people", "9")));

        correlation.Links.Single().Source.Account.Id.ShouldBe(new AccountId("7"));
        correlation.OnlyInSource.Single().Account.Id.ShouldBe(new AccountId("9"));
    }

    private static PersonDecisions Different(params (string System, string Id)[] accounts)
        => new([new PersonDecision(Verdict.Different, [.. accounts.Select(account => new DecidedAccount(account.System, new AccountId(account.Id)))], null, "two people")]);

    private static Correlation Correlate(ReconcileRule rule, KeyedAccount[] sources, KeyedAccount[] targets, PersonDecisions? decisions = null)
        => Correlator.Correlate(rule, sources, targets, decisions);
}
