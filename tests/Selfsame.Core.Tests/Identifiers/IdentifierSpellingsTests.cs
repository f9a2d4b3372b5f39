using Selfsame.Core.Accounts;

namespace Selfsame.Core.Tests.Identifiers;

public sealed class IdentifierSpellingsTests
{
    [Theory]
    [InlineData("ann", "ann")]
    [InlineData("Ann", "ann")]
    [InlineData("two words", null)]
    [InlineData("lone \uD800", null)]
    public void Where_nothing_else_could_be_meant_the_text_and_its_key_are_all(string text, string? key)
        => IdentifierSpellings.Of(text, key).ShouldBe(new[] { text, key ?? text }.Distinct());

    [Fact]
    public void Both_normalization_forms_are_asked_for()
        => IdentifierSpellings.Of("Rene\u0301", "ren\u00E9").ShouldBe(["Rene\u0301", "Ren\u00E9", "ren\u00E9", "rene\u0301"], ignoreOrder: true);

    [Theory]
    [InlineData("C@b\u00FCcher.example")]
    [InlineData("c@XN--bcher-kva.example")]
    public void An_address_is_asked_for_with_its_domain_in_both_forms(string text)
    {
        var spellings = IdentifierSpellings.Of(text, "c@xn--bcher-kva.example").ToList();

        foreach (var wanted in new[] { text, "c@xn--bcher-kva.example", "c@b\u00FCcher.example", "c@bu\u0308cher.example" })
        {
            spellings.ShouldContain(wanted);
        }
    }
}
