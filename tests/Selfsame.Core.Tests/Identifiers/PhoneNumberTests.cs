using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Tests.Identifiers;

public sealed class PhoneNumberTests
{
    [Theory]
    [InlineData("+64 21 123 4567", "+64211234567")]
    [InlineData(" 0064-21.123 4567 ", "+64211234567")]
    [InlineData("00 64 (21) 123\u20114567", "+64211234567")]
    [InlineData("(+64) 21 123 4567", "+64211234567")]
    [InlineData("＋６４ ２１ １２３ ４５６７", "+64211234567")]
    [InlineData("+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧", "+966501234567")]
    [InlineData("+91 ९८७६५ ४३२१०", "+919876543210")]
    [InlineData("+\U0001D7CF\U0001D7D0\U0001D7D9\U0001D7FF1234567", "+12191234567")]
    [InlineData("+2901234", "+2901234")]
    [InlineData("+123456789012345", "+123456789012345")]
    public void A_number_has_one_key(string text, string key)
    {
        PhoneNumber.TryParse(text, out var number, out var refusal).ShouldBeTrue(refusal?.Message);
        number.Key.ShouldBe(key);
        number.Value.ShouldBe(text.Trim());
    }

    [Theory]
    [InlineData("", "phone.empty")]
    [InlineData("021 123 4567", "phone.no-country-code")]
    [InlineData("64211234567", "phone.no-country-code")]
    [InlineData("()", "phone.no-country-code")]
    [InlineData("+044 20 7946 0958", "phone.country-code")]
    [InlineData("+44 (0)20 7946 0958", "phone.trunk-zero")]
    [InlineData("+44 ( 0 ) 20 7946 0958", "phone.trunk-zero")]
    [InlineData("+44 (0-) 20 7946 0958", "phone.trunk-zero")]
    [InlineData("\uFF0B44\uFF08\uFF10\uFF0920 7946 0958", "phone.trunk-zero")]
    [InlineData("+123456", "phone.too-short")]
    [InlineData("+1234567890123456", "phone.too-long")]
    [InlineData("+64 21 123 4567 x12", "phone.disallowed-character")]
    [InlineData("64+21123456", "phone.disallowed-character")]
    [InlineData("++64211234567", "phone.disallowed-character")]
    [InlineData("+64²¹1234567", "phone.disallowed-character")]
    [InlineData("+64\u202D211234567", "phone.disallowed-character")]
    public void What_is_no_international_number_is_refused_with_its_rule(string text, string rule)
    {
        PhoneNumber.TryParse(text, out _, out var refusal).ShouldBeFalse();
        refusal.Rule.ShouldBe(rule);
    }

    // An attribute's text is kept as UTF-8, which has no lone surrogates.
    [Fact]
    public void A_lone_surrogate_is_refused()
    {
        PhoneNumber.TryParse("+6421123456\uD800", out _, out var refusal).ShouldBeFalse();
        refusal.Rule.ShouldBe("phone.surrogate");
    }

    [Fact]
    public void A_number_without_its_country_is_told_that_nothing_is_guessed()
    {
        PhoneNumber.TryParse("021 123 4567", out _, out var refusal).ShouldBeFalse();
        refusal.Message.ShouldContain("the country is not guessed");
    }
}
