using System.Text.Json;
using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Tests.Identifiers;

public sealed class EmailAddressTests
{
    // The corpus's diagnoses that RFC 5321 calls a Mailbox; the others are comments, folding, literals and errors.
    private static readonly string[] Mailboxes =
        ["VALID", "DNSWARN_NO_RECORD", "DNSWARN_NO_MX_RECORD", "RFC5321_QUOTEDSTRING"];

    /// <summary>
    /// CASES 13: the corpus of isemail (Dominic Sayers; here from the npm package isemail 1.1.1, BSD licence beside it). We refuse
    /// besides what it calls valid: a domain of one label. We take blanks around the address, which it diagnoses.
    /// </summary>
    [Fact]
    public void The_isemail_corpus_is_taken_and_refused_as_RFC_5321_says()
    {
        var corpus = JsonSerializer.Deserialize<string[][]>(File.ReadAllText(Path.Combine(UnicodeFiles.DataFolder, "isemail.json")))!;
        corpus.Length.ShouldBe(174);
        foreach (var (text, diagnosis) in corpus.Select(row => (row[0], row[1])))
        {
            var trimmed = text.Trim();
            var expected = trimmed == text ? Mailboxes.Contains(diagnosis) && text != "test@io" : trimmed == "test@iana.org";
            EmailAddress.TryParse(text, out _, out var refusal).ShouldBe(expected, $"{JsonSerializer.Serialize(text)}: {diagnosis}, {refusal?.Rule}");
        }
    }

    /// <summary>CASES 9 and 10 (ory/kratos#3907; flora-pm/flora-server#561).</summary>
    [Theory]
    [InlineData("Ada@Example.COM", "ada@example.com")]
    [InlineData("  ada@example.com\n", "ada@example.com")]
    [InlineData("zoe\u0308@bu\u0308cher.example", "zoë@xn--bcher-kva.example")]
    [InlineData("ZOË@BÜCHER.example", "zoë@xn--bcher-kva.example")]
    [InlineData("zoë@xn--bcher-KVA.example", "zoë@xn--bcher-kva.example")]
    [InlineData("ada@Ｅｘａｍｐｌｅ。com", "ada@example.com")]
    [InlineData("ada@faß.de", "ada@xn--fa-hia.de")]
    [InlineData("\"ada\"@example.com", "ada@example.com")]
    [InlineData("\"a\\da.L\"@example.com", "ada.l@example.com")]
    [InlineData("\"Ada  L\"@example.com", "\"ada  l\"@example.com")]
    [InlineData("\"a..b\"@docomo.example", "\"a..b\"@docomo.example")]
    [InlineData("\"a\\\"\\\\\\ b\"@example.com", "\"a\\\"\\\\ b\"@example.com")]
    [InlineData("\"a@b\"@example.com", "\"a@b\"@example.com")]
    [InlineData("用户@例子.公司", "用户@xn--fsqu00a.xn--55qx5d")]
    [InlineData("ΝΙΚΟΣ@παράδειγμα.δοκιμή", "νικος@xn--hxajbheg2az3al.xn--jxalpdlp")]
    [InlineData("o'neil+news=x/y@example.co.uk", "o'neil+news=x/y@example.co.uk")]
    public void An_address_has_one_key(string text, string key) => Parse(text).Key.ShouldBe(key);

    /// <summary>RFC 6531 lets everything beyond ASCII stand before the at sign; what nobody can see or type is refused.</summary>
    [Theory]
    [InlineData("", "email.empty")]
    [InlineData(null, "email.empty")]
    [InlineData("ada", "email.at-sign")]
    [InlineData("ada@b@example.com", "email.at-sign")]
    [InlineData("@example.com", "email.local-part")]
    [InlineData("a b@example.com", "email.local-part")]
    [InlineData("a,b@example.com", "email.local-part")]
    [InlineData("a..b@example.com", "email.dots")]
    [InlineData(".a@example.com", "email.dots")]
    [InlineData("\"a@example.com", "email.quoted-string")]
    [InlineData("\"a\"b@example.com", "email.quoted-string")]
    [InlineData("\"a\\é\"@example.com", "email.quoted-string")]
    [InlineData("a\u0000b@example.com", "email.control")]
    [InlineData("a\u0378b@example.com", "email.unassigned")]
    [InlineData("a\u00A0b@example.com", "email.disallowed-character")]
    [InlineData("a\u200Bb@example.com", "email.disallowed-character")]
    [InlineData("a\u202Eb@example.com", "email.disallowed-character")]
    [InlineData("a\u200Cb@example.com", "email.disallowed-character")]
    [InlineData("a\uE000b@example.com", "email.disallowed-character")]
    [InlineData("ada@[192.0.2.1]", "email.address-literal")]
    [InlineData("ada@[IPv6:2001:db8::1]", "email.address-literal")]
    [InlineData("ada@192.0.2.1", "email.numeric-domain")]
    [InlineData("ada@localhost", "email.single-label")]
    [InlineData("ada@", "email.domain")]
    [InlineData("ada@example.com.", "email.domain")]
    [InlineData("ada@exa_mple.com", "email.domain")]
    [InlineData("ada@exa mple.com", "email.domain")]
    [InlineData("ada@-example.com", "email.domain")]
    [InlineData("ada@xn--a.com", "email.domain")]
    [InlineData("ada@אa.com", "email.domain")]
    [InlineData("Ada <ada@example.com>", "email.local-part")]
    public void What_is_no_address_is_refused_with_its_rule(string? text, string rule) => RuleOf(text).ShouldBe(rule);

    // An attribute's text is kept as UTF-8, which has no lone surrogates.
    [Fact]
    public void A_lone_surrogate_is_refused()
    {
        RuleOf("a\uDC00b@example.com").ShouldBe("email.surrogate");
        RuleOf("ada@example\uD800.com").ShouldBe("email.surrogate");
    }

    [Fact]
    public void At_most_64_octets_before_the_at_sign_and_254_in_all_are_taken()
    {
        var domain = $"{new string('a', 62)}.{new string('b', 63)}.{new string('c', 58)}.de";
        Parse($"{new string('l', 64)}@{domain}").Key.Length.ShouldBe(253);
        RuleOf($"{new string('l', 65)}@example.com").ShouldBe("email.local-part-too-long");
        RuleOf($"{new string('ë', 33)}@example.com").ShouldBe("email.local-part-too-long");
        Parse($"{new string('l', 64)}@a{domain}").Key.Length.ShouldBe(254);
        RuleOf($"{new string('l', 64)}@a.{domain}").ShouldBe("email.too-long");
        // Shorter than the limit as it is shown, longer as A-labels.
        RuleOf($"{new string('l', 64)}@{string.Concat(Enumerable.Repeat("ü9.", 18))}example.com").ShouldBe("email.too-long");
        RuleOf(new string('a', 1_000_000)).ShouldBe("email.too-long");
    }

    /// <summary>CASES 10 (better-auth/better-auth#4671; Kilo-Org/cloud PR 2603).</summary>
    [Theory]
    [InlineData("A.D.A+news@googlemail.com", "ada@gmail.com")]
    [InlineData("ada@gmail.com", "ada@gmail.com")]
    [InlineData("ada+x@outlook.com", "ada@outlook.com")]
    [InlineData("a.da@hotmail.com", "a.da@hotmail.com")]
    [InlineData("ada+x@me.com", "ada@icloud.com")]
    [InlineData("a_d-a@pm.me", "ada@proton.me")]
    [InlineData("a.da+x@example.com", "a.da+x@example.com")]
    [InlineData("+x@googlemail.com", "+x@gmail.com")]
    [InlineData("\"a b\"@gmail.com", "\"a b\"@gmail.com")]
    public void Two_addresses_of_one_mailbox_have_one_mailbox_key(string text, string mailbox) => Parse(text).Mailbox.ShouldBe(mailbox);

    [Fact]
    public void Lookalike_domains_have_one_skeleton() =>
        Parse("ada@раураl.com").Skeleton.ShouldBe(Parse("ada@paypal.com").Skeleton);

    [Fact]
    public void The_shown_value_keeps_the_case_and_the_domain_as_typed()
    {
        var address = Parse(" Zoe\u0308@Bücher.example ");
        address.Value.ShouldBe("Zo\u00EB@Bücher.example");
        address.LocalPart.ShouldBe("zo\u00EB");
        address.Domain.ShouldBe("xn--bcher-kva.example");
    }

    private static EmailAddress Parse(string text)
    {
        EmailAddress.TryParse(text, out var address, out var refusal).ShouldBeTrue(refusal?.Message);
        return address;
    }

    private static string RuleOf(string? text)
    {
        EmailAddress.TryParse(text, out _, out var refusal).ShouldBeFalse();
        refusal.Message.ShouldNotBeEmpty();
        return refusal.Rule;
    }
}
