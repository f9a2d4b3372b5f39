using System.Text.RegularExpressions;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Tests.Identifiers;

public sealed class DomainNameTests
{
    /// <summary>IdnaTestV2.txt 15.0.0: source; toUnicode; its status; toAsciiN; its status; toAsciiT; its status.</summary>
    [Fact]
    public void All_of_the_published_test_of_UTS_46_passes()
    {
        var rows = 0;
        foreach (var row in UnicodeFiles.TestRows("IdnaTestV2.txt"))
        {
            var source = Unescape(row[0]);
            if (CodePoints.IndexOfLoneSurrogate(source) >= 0)
            {
                continue;
            }

            var toUnicode = row[1].Length == 0 ? source : Unescape(row[1]);
            var expected = row[3].Length == 0 ? toUnicode : Unescape(row[3]);
            var status = row[4].Length == 0 ? row[2] : row[4];
            // The root dot is valid in DNS and no part of a domain in mail (RFC 5321 section 2.3.5): we refuse it.
            if (expected.EndsWith('.'))
            {
                status = "root";
            }

            var valid = DomainName.TryToAscii(source, out var ascii);
            valid.ShouldBe(status is "" or "[]", row[0]);
            if (valid)
            {
                ascii.ShouldBe(expected, row[0]);
                DomainName.ToUnicode(ascii).ShouldBe(toUnicode, row[0]);
            }

            rows++;
        }

        rows.ShouldBeGreaterThan(6_000);
    }

    /// <summary>RFC 3492 section 7.1, the samples without the ones that are not of one label's characters.</summary>
    [Theory]
    [InlineData("ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn")]
    [InlineData("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye")]
    [InlineData("他們爲什麽不說中文", "ihqwctvzc91f659drss3x8bo0yb")]
    [InlineData("Pročprostěnemluvíčesky", "Proprostnemluvesky-uyb24dma41a")]
    [InlineData("למההםפשוטלאמדבריםעברית", "4dbcagdahymbxekheh6e0a7fei0b")]
    [InlineData("यहलोगहिन्दीक्योंनहींबोलसकतेहैं", "i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd")]
    [InlineData("なぜみんな日本語を話してくれないのか", "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa")]
    [InlineData("почемужеонинеговорятпорусски", "b1abfaaepdrnnbgefbadotcwatmq2g4l")]
    [InlineData("PorquénopuedensimplementehablarenEspañol", "PorqunopuedensimplementehablarenEspaol-fmd56a")]
    [InlineData("TạisaohọkhôngthểchỉnóitiếngViệt", "TisaohkhngthchnitingVit-kjcr8268qyxafd2f1b9g")]
    [InlineData("3年B組金八先生", "3B-ww4c5e180e575a65lsy2b")]
    [InlineData("安室奈美恵-with-SUPER-MONKEYS", "-with-SUPER-MONKEYS-pc58ag80a8qai00g7n9n")]
    [InlineData("Hello-Another-Way-それぞれの場所", "Hello-Another-Way--fc4qua05auwb3674vfr0b")]
    [InlineData("ひとつ屋根の下2", "2-u9tlzr9756bt3uc0v")]
    [InlineData("MajiでKoiする5秒前", "MajiKoi5-783gue6qz075azm5e")]
    [InlineData("パフィーdeルンバ", "de-jg4avhby1noc0d")]
    [InlineData("そのスピードで", "d9juau41awczczp")]
    public void The_samples_of_RFC_3492_encode_and_decode(string text, string encoded)
    {
        Punycode.Encode(CodePoints.Of(text)).ShouldBe(encoded);
        Punycode.TryDecode(encoded, out var label).ShouldBeTrue();
        CodePoints.ToText(label).ShouldBe(text);
    }

    [Theory]
    [InlineData("999999999999")]
    [InlineData("a_b")]
    [InlineData("é")]
    [InlineData("ab-c!")]
    [InlineData("99999999")]
    public void What_is_no_Punycode_is_not_decoded(string encoded) => Punycode.TryDecode(encoded, out _).ShouldBeFalse();

    /// <summary>RFC 5893: sections 3.2 to 3.4 and 4.3 (a leading digit, a mark at the end, mixed digits).</summary>
    [Theory]
    [InlineData("\u05D0\u05D1", true)]
    [InlineData("\u05D0\u05D1\u05B0", true)]
    [InlineData("\u0627\u0628\u06F1", true)]
    [InlineData("\u0627\u06611", false)]
    [InlineData("1\u05D0", false)]
    [InlineData("\u05D0a", false)]
    [InlineData("a\u05D0", false)]
    [InlineData("\u05D0-", false)]
    [InlineData("\u0661", false)]
    [InlineData("abc1", true)]
    [InlineData("abc-", false)]
    public void The_Bidi_Rule_holds(string label, bool expected) => BidiRule.IsSatisfied(CodePoints.Of(label)).ShouldBe(expected);

    [Theory]
    [InlineData("Example.COM", "example.com")]
    [InlineData("BÜCHER.example", "xn--bcher-kva.example")]
    [InlineData("xn--BCHER-kva.example", "xn--bcher-kva.example")]
    [InlineData("faß.de", "xn--fa-hia.de")]
    [InlineData("日本語。ＪＰ", "xn--wgv71a119e.jp")]
    public void A_domain_has_one_form_in_A_labels(string text, string expected)
    {
        DomainName.TryToAscii(text, out var ascii).ShouldBeTrue();
        ascii.ShouldBe(expected);
    }

    private static string Unescape(string text) =>
        Regex.Replace(text, @"\\u([0-9A-F]{4})", match => ((char)Convert.ToInt32(match.Groups[1].Value, 16)).ToString());
}
