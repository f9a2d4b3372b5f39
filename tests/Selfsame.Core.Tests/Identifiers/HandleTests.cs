using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Tests.Identifiers;

public sealed class HandleTests
{
    [Theory]
    [InlineData("ada", "ada")]
    [InlineData(" Ada-L ", "ada-l")]
    [InlineData("007", "007")]
    [InlineData("abcdefghijklmnopqr", "abcdefghijklmnopqr")]
    public void A_handle_has_one_key(string text, string key)
    {
        Handle.TryParse(text, out var handle, out var refusal).ShouldBeTrue(refusal?.Message);
        handle.Key.ShouldBe(key);
        handle.Value.ShouldBe(text.Trim());
    }

    [Theory]
    [InlineData(null, "handle.empty")]
    [InlineData("ad", "handle.too-short")]
    [InlineData("abcdefghijklmnopqrs", "handle.too-long")]
    [InlineData("-ada", "handle.hyphen")]
    [InlineData("ada-", "handle.hyphen")]
    [InlineData("ada_l", "handle.disallowed-character")]
    [InlineData("ada.example.com", "handle.disallowed-character")]
    [InlineData("@ada", "handle.disallowed-character")]
    [InlineData("adá", "handle.disallowed-character")]
    [InlineData("\u212Aada", "handle.disallowed-character")]
    public void What_a_PDS_would_not_take_is_refused_with_its_rule(string? text, string rule)
    {
        Handle.TryParse(text, out _, out var refusal).ShouldBeFalse();
        refusal.Rule.ShouldBe(rule);
    }

    // An attribute's text is kept as UTF-8, which has no lone surrogates.
    [Fact]
    public void A_lone_surrogate_is_refused()
    {
        Handle.TryParse("ada\uD83D", out _, out var refusal).ShouldBeFalse();
        refusal.Rule.ShouldBe("handle.surrogate");
    }
}
