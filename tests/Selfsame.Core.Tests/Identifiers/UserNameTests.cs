using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Tests.Identifiers;

public sealed class UserNameTests
{
    /// <summary>RFC 8265 section 3.5, the first table; its example 1 holds an at sign and is in <see cref="LoginNameTests"/>.</summary>
    [Theory]
    [InlineData("fussball", "fussball")]
    [InlineData("fußball", "fußball")]
    [InlineData("π", "π")]
    [InlineData("Σ", "σ")]
    [InlineData("σ", "σ")]
    [InlineData("ς", "ς")]
    public void The_examples_of_RFC_8265_are_taken(string text, string key) => Key(text).ShouldBe(key);

    /// <summary>RFC 8265 section 3.5, the second table.</summary>
    [Theory]
    [InlineData("foo bar", "username.disallowed-character")]
    [InlineData("", "username.empty")]
    [InlineData("henry\u2163", "username.disallowed-character")]
    [InlineData("\u265A", "username.disallowed-character")]
    public void The_counter_examples_of_RFC_8265_are_refused(string text, string rule) => RuleOf(text).ShouldBe(rule);

    /// <summary>CASES 9 (ory/kratos#3907, #3810, #1329; keycloak/keycloak#9405), beyond ASCII too.</summary>
    [Theory]
    [InlineData("Dobbeltop", "dobbeltop")]
    [InlineData("ÅSE", "åse")]
    [InlineData("ΝΙΚΟΣ", "νικος")]
    [InlineData("ЁЖИК", "ёжик")]
    [InlineData("ᏣᎳᎩ", "ꮳꮃꭹ")]
    [InlineData("𐐀𐐁", "𐐨𐐩")]
    public void Letter_case_makes_no_second_user(string one, string other) => Key(one).ShouldBe(Key(other));

    /// <summary>CASES 10 (wasp-lang/wasp#4698).</summary>
    [Theory]
    [InlineData("zoë", "zoe\u0308")]
    [InlineData("Ångström", "\u212Bngstro\u0308m")]
    [InlineData("한글", "\u1112\u1161\u11AB\u1100\u1173\u11AF")]
    [InlineData("q\u0323\u0307", "q\u0307\u0323")]
    [InlineData("juliet", "Ｊｕｌｉｅｔ")]
    [InlineData("ガ", "ｶﾞ")]
    [InlineData("kevin", "\u212Aevin")]
    [InlineData("dora", "\u3000 dora\t\r\n\u00A0")]
    public void Normal_form_width_and_blanks_around_make_no_second_user(string one, string other) => Key(one).ShouldBe(Key(other));

    /// <summary>CASES 12 (midPoint keyed <c>Сою́з 7к</c> as <c>7</c>).</summary>
    [Fact]
    public void No_letter_is_thrown_away()
    {
        RuleOf("Сою́з 7к").ShouldBe("username.disallowed-character");
        Key("Сою́з7к").ShouldBe("сою́з7к");
        Key("союз7к").ShouldNotBe(Key("сою́з7к"));
        Key("İzmir").ShouldBe("i\u0307zmir");
        Key("fußball").ShouldNotBe(Key("fussball"));
    }

    [Theory]
    [InlineData("a\u0000b", "username.control", "U+0000")]
    [InlineData("a\tb", "username.control", "U+0009")]
    [InlineData("a\u0085b", "username.control", "U+0085")]
    [InlineData("a\u0378b", "username.unassigned", "U+0378")]
    [InlineData("a\U0001FAE8", "username.disallowed-character", "U+1FAE8")]
    [InlineData("a\U0002EBF0", "username.unassigned", "U+2EBF0")]
    [InlineData("a\uE000", "username.disallowed-character", "U+E000")]
    [InlineData("a\uFFFE", "username.disallowed-character", "U+FFFE")]
    [InlineData("a\u200Bb", "username.disallowed-character", "U+200B")]
    [InlineData("a\uFEFF", "username.disallowed-character", "U+FEFF")]
    [InlineData("a\u202Eb", "username.disallowed-character", "U+202E")]
    [InlineData("a\u3000b", "username.disallowed-character", "U+0020")]
    [InlineData("ﬁona", "username.disallowed-character", "U+FB01")]
    [InlineData("x²", "username.disallowed-character", "U+00B2")]
    [InlineData("\u1100", "username.disallowed-character", "U+1100")]
    [InlineData("a\u200Cb", "username.misplaced-character", "U+200C")]
    [InlineData("a\u00B7b", "username.misplaced-character", "U+00B7")]
    public void A_refused_character_is_named(string text, string rule, string name)
    {
        UserName.TryParse(text, out _, out var refusal).ShouldBeFalse();
        refusal.Rule.ShouldBe(rule);
        refusal.Message.ShouldContain(name);
    }

    [Theory]
    [InlineData("a@b", "username.at-sign")]
    [InlineData("a\uFF20b", "username.at-sign")]
    [InlineData("אבa", "username.mixed-direction")]
    [InlineData("aאב", "username.mixed-direction")]
    [InlineData("אב+", "username.mixed-direction")]
    [InlineData("1אב", "username.mixed-direction")]
    [InlineData("٠١٢", "username.mixed-direction")]
    [InlineData(" \u3000\t", "username.empty")]
    [InlineData(null, "username.empty")]
    public void What_cannot_be_a_username_is_refused_with_its_rule(string? text, string rule) => RuleOf(text).ShouldBe(rule);

    // An attribute's text is kept as UTF-8, which has no lone surrogates.
    [Fact]
    public void A_lone_surrogate_is_refused()
    {
        foreach (var text in (string[])["a\uD800", "\uDC00\uD800", "\uD800a", "\uDC00"])
        {
            RuleOf(text).ShouldBe("username.surrogate");
        }
    }

    /// <summary>RFC 5892 appendix A.1 to A.9, each satisfied.</summary>
    [Theory]
    [InlineData("क\u094D\u200Cष")]
    [InlineData("क\u094D\u200Dष")]
    [InlineData("بی\u200Cبی")]
    [InlineData("l\u00B7l")]
    [InlineData("\u0375α")]
    [InlineData("אב\u05F3")]
    [InlineData("צה\u05F4ל")]
    [InlineData("ア\u30FBイ")]
    [InlineData("ب٠١٢")]
    [InlineData("ب۰۱۲")]
    public void A_character_that_needs_a_context_is_taken_in_it(string text) => Key(text).ShouldBe(text);

    [Theory]
    [InlineData("ب\u200C1")]
    [InlineData("\u0375a")]
    [InlineData("a\u30FBb")]
    [InlineData("ب٠۰")]
    [InlineData("\u05F3א")]
    public void A_character_that_needs_a_context_is_refused_without_it(string text) =>
        RuleOf(text).ShouldBe("username.misplaced-character");

    [Fact]
    public void At_most_64_characters_and_255_octets_are_taken()
    {
        Key(new string('A', 64)).Length.ShouldBe(64);
        RuleOf(new string('a', 65)).ShouldBe("username.too-long");
        Key(string.Concat(Enumerable.Repeat("𠀀", 63))).Length.ShouldBe(126);
        RuleOf(string.Concat(Enumerable.Repeat("𠀀", 64))).ShouldBe("username.too-long");
        RuleOf(new string('İ', 33)).ShouldBe("username.too-long");
        RuleOf(new string('a', 1_000_000)).ShouldBe("username.too-long");
        Key(string.Concat(Enumerable.Repeat("\u03B1\u0313\u0301\u0345", 64))).Length.ShouldBe(64);
    }

    [Fact]
    public void The_shown_value_keeps_the_case_and_loses_the_blanks()
    {
        UserName.TryParse("  Zoe\u0308 ", out var userName, out _).ShouldBeTrue();
        userName.Value.ShouldBe("Zo\u00EB");
        userName.Key.ShouldBe("zo\u00EB");
    }

    /// <summary>CASES 10 (bytebase/bytebase#18943).</summary>
    [Theory]
    [InlineData("раypal", "paypal")]
    [InlineData("admın", "admin")]
    [InlineData("rnartin", "martin")]
    [InlineData("goog1e", "google")]
    public void Lookalikes_have_one_skeleton_and_different_keys(string one, string other)
    {
        UserName.TryParse(one, out var first, out _).ShouldBeTrue();
        UserName.TryParse(other, out var second, out _).ShouldBeTrue();
        first.Skeleton.ShouldBe(second.Skeleton);
        first.Key.ShouldNotBe(second.Key);
    }

    [Fact]
    public void An_ordinary_username_costs_one_small_object()
    {
        const int Rounds = 1_000;
        for (var round = 0; round < 50; round++)
        {
            UserName.TryParse("dobbeltop", out _, out _).ShouldBeTrue();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var round = 0; round < Rounds; round++)
        {
            _ = UserName.TryParse("dobbeltop", out _, out _);
        }

        ((GC.GetAllocatedBytesForCurrentThread() - before) / Rounds).ShouldBeLessThanOrEqualTo(40);
    }

    private static string Key(string text)
    {
        UserName.TryParse(text, out var userName, out var refusal).ShouldBeTrue(refusal?.Message);
        return userName.Key;
    }

    private static string RuleOf(string? text)
    {
        UserName.TryParse(text, out _, out var refusal).ShouldBeFalse();
        return refusal.Rule;
    }
}
