using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Tests.Identifiers;

public sealed class LoginNameTests
{
    /// <summary>CASES 11 (keycloak/keycloak#29549 = CVE-2021-3754, zitadel/zitadel#10782); example 1 of RFC 8265 section 3.5.</summary>
    [Fact]
    public void A_username_that_is_an_address_has_the_key_of_the_address()
    {
        LoginName.TryParse(" Juliet@Example.COM", out var login, out _).ShouldBeTrue();
        EmailAddress.TryParse("juliet@example.com", out var address, out _).ShouldBeTrue();
        login.IsEmailAddress.ShouldBeTrue();
        login.Key.ShouldBe(address.Key);
        login.UserName.ShouldBeNull();
    }

    [Fact]
    public void What_has_no_at_sign_is_a_username()
    {
        LoginName.TryParse("Juliet", out var login, out _).ShouldBeTrue();
        login.IsEmailAddress.ShouldBeFalse();
        login.Key.ShouldBe("juliet");
        login.Value.ShouldBe("Juliet");
        login.EmailAddress.ShouldBeNull();
    }

    [Theory]
    [InlineData("a@b", "email.single-label")]
    [InlineData("@juliet", "email.local-part")]
    [InlineData("juliet＠example.com", "username.at-sign")]
    [InlineData("ju liet", "username.disallowed-character")]
    [InlineData(null, "username.empty")]
    public void An_at_sign_without_a_valid_address_is_refused(string? text, string rule)
    {
        LoginName.TryParse(text, out _, out var refusal).ShouldBeFalse();
        refusal.Rule.ShouldBe(rule);
    }
}
