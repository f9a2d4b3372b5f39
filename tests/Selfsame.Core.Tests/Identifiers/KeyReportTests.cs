using System.Buffers;
using System.Text;
using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Tests.Identifiers;

public sealed class KeyReportTests
{
    [Theory]
    [InlineData("username", "раypal", """{"input":"раypal","key":"раypal","skeleton":"paypal"}""")]
    [InlineData("username", " Ada@Example.com", """{"input":" Ada@Example.com","key":"ada@example.com","skeleton":"ada@exarnple.corn","mailbox":"ada@example.com"}""")]
    [InlineData("email", "A.da+x@googlemail.com\r", """{"input":"A.da+x@googlemail.com","key":"a.da+x@googlemail.com","skeleton":"a.da+x@googlernail.corn","mailbox":"ada@gmail.com"}""")]
    [InlineData("phone", "0064 21 1234567", """{"input":"0064 21 1234567","key":"+64211234567"}""")]
    [InlineData("handle", "Ada", """{"input":"Ada","key":"ada"}""")]
    public void A_value_is_answered_with_its_keys(string kind, string line, string expected) =>
        Report(kind, Encoding.UTF8.GetBytes(line)).ShouldBe((true, expected));

    [Theory]
    [InlineData("username", "a b", """{"input":"a b","error":{"rule":"username.disallowed-character","message":"A username has no blank inside (U+0020); leave it out or use a hyphen or a dot."}}""")]
    [InlineData("email", "", """{"input":"","error":{"rule":"email.empty","message":"Enter an e-mail address."}}""")]
    [InlineData("phone", "1", """{"input":"1","error":{"rule":"phone.no-country-code","message":"Enter the phone number with its country code, as in +64 21 123 4567; the country is not guessed."}}""")]
    [InlineData("handle", "a\"\u0001", """{"input":"a\"\u0001","error":{"rule":"handle.disallowed-character","message":"A handle has only the letters a to z, digits and hyphens; leave out U+0022."}}""")]
    public void A_refused_value_is_answered_with_the_rule_and_a_sentence(string kind, string line, string expected) =>
        Report(kind, Encoding.UTF8.GetBytes(line)).ShouldBe((false, expected));

    [Theory]
    [InlineData("username")]
    [InlineData("email")]
    [InlineData("phone")]
    [InlineData("handle")]
    public void A_line_that_is_no_UTF_8_is_refused_and_not_repaired(string kind)
    {
        var (accepted, report) = Report(kind, [(byte)'a', 0xC3, 0x28, 0xED, 0xA0, 0x80]);
        accepted.ShouldBeFalse();
        report.ShouldStartWith("{\"input\":\"a\uFFFD(");
        report.ShouldContain($"\"rule\":\"{kind}.utf8\"");
    }

    [Fact]
    public void An_unknown_kind_is_not_a_kind() => KeyReport.TryParseKind("name", out _).ShouldBeFalse();

    private static (bool Accepted, string Report) Report(string kind, byte[] line)
    {
        KeyReport.TryParseKind(kind, out var known).ShouldBeTrue();
        var output = new ArrayBufferWriter<byte>();
        var accepted = KeyReport.Write(known, line, output);
        return (accepted, Encoding.UTF8.GetString(output.WrittenSpan));
    }
}
