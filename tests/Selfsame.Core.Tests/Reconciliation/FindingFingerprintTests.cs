using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

public sealed class FindingFingerprintTests
{
    private static readonly Finding Duplicate = new()
    {
        Situation = Situation.Duplicate,
        System = "app",
        Identifier = IdentifierKind.Username,
        Accounts = [new AccountReference("app", new AccountId("1"), "ada"), new AccountReference("app", new AccountId("2"), "Ada")],
        Evidence = [new Evidence("username", "ada", ["ada", "Ada"], Proof: false)],
        Sentence = "2 accounts of app have the username ada.",
    };

    [Fact]
    public void Other_words_and_another_order_are_the_same_finding()
        => FindingFingerprint.Of(Duplicate with { Sentence = "Zwei Konten.", Accounts = [.. Duplicate.Accounts.Reverse()] }).ShouldBe(FindingFingerprint.Of(Duplicate));

    [Fact]
    public void Another_account_kind_system_or_key_is_another_finding()
    {
        Finding[] others =
        [
            Duplicate with { Accounts = [.. Duplicate.Accounts, new AccountReference("app", new AccountId("3"), "ADA")] },
            Duplicate with { Situation = Situation.Ambiguous },
            Duplicate with { System = "auth" },
            Duplicate with { Identifier = IdentifierKind.Email },
            Duplicate with { Evidence = [new Evidence("username", "bob", [], Proof: false)] },
            Duplicate with { Differences = [new Difference("role", FieldValue.Null, FieldValue.Null)] },
        ];

        others.Append(Duplicate).Select(FindingFingerprint.Of).Distinct().Count().ShouldBe(others.Length + 1);
    }

    [Fact]
    public void Somebody_who_is_missing_still_under_another_address_is_the_same_finding()
    {
        var missing = Duplicate with { Situation = Situation.Missing };

        FindingFingerprint.Of(missing with { Evidence = [new Evidence("email", "ada@example.org", [], Proof: false)] }).ShouldBe(FindingFingerprint.Of(missing));
    }

    // "12 accounts have no uuid" becomes "13 accounts have no uuid": the same fault, told once.
    [Fact]
    public void A_fault_whose_count_changes_stays_the_same_finding()
    {
        var fault = new Finding { Fault = SystemFault.NoUuid, System = "app", Accounts = [], Sentence = "12 accounts of app have no 'uuid'." };

        FindingFingerprint.Of(fault with { Sentence = "13 accounts of app have no 'uuid'." }).ShouldBe(FindingFingerprint.Of(fault));
    }
}
