using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Tests.Identifiers;

public sealed class VisibleTextTests
{
    [Theory]
    [InlineData("Ada Lovelace")]
    [InlineData("Zoë\u00A0d’Été-Ångström Jr.")]
    [InlineData("李\u3000明")]
    [InlineData("\u8FBB\U000E0101 Ken")]
    [InlineData("\u1820\u180B\u1828")]
    [InlineData("\u0645\u06CC\u200C\u062E\u0648\u0627\u0647\u0645")]
    [InlineData("\u0D28\u0D4D\u200D")]
    [InlineData("\u05D0\u05D1\u05D2 (Abg) 12")]
    [InlineData("\u0639\u0644\u064A Smith")]
    [InlineData("\u2764\uFE0F cats 🐈")]
    public void Names_of_any_script_and_both_directions_are_taken(string text) => VisibleText.Refuse(text).ShouldBeNull();

    [Theory]
    [InlineData("\u0378", "U+0378")]
    [InlineData("a\uFFFF", "U+FFFF")]
    [InlineData("\uFDD0", "U+FDD0")]
    [InlineData("\U0001FFFE", "U+1FFFE")]
    [InlineData("\U00031350", "U+31350", false)]
    [InlineData("\U0002EBF0", "U+2EBF0")]
    [InlineData("\uE000", "U+E000")]
    [InlineData("\U00100000", "U+100000")]
    [InlineData("a\u200Db", "U+200D")]
    [InlineData("a\u200Cb", "U+200C")]
    [InlineData("a\u200Bb", "U+200B")]
    [InlineData("a\u200Eb", "U+200E")]
    [InlineData("a\u200Fb", "U+200F")]
    [InlineData("a\u061Cb", "U+061C")]
    [InlineData("a\u202Eb", "U+202E")]
    [InlineData("a\u2066b", "U+2066")]
    [InlineData("a\u00ADb", "U+00AD")]
    [InlineData("a\uFEFFb", "U+FEFF")]
    [InlineData("a\u3164b", "U+3164")]
    [InlineData("a\u115Fb", "U+115F")]
    [InlineData("a\uFFF9b", "U+FFF9")]
    [InlineData("\uFE0Fa", "U+FE0F")]
    [InlineData("a\uFE0F\uFE0F", "U+FE0F")]
    [InlineData("a\U000E0041b", "U+E0041")]
    [InlineData("a\u0007b", "U+0007")]
    [InlineData("a\u0085b", "U+0085")]
    [InlineData("a\u2028b", "U+2028")]
    [InlineData("a\nb", "U+000A")]
    public void What_nobody_sees_or_is_no_character_everywhere_is_refused_by_name(string text, string told, bool refused = true)
    {
        var refusal = VisibleText.Refuse(text);

        (refusal is not null).ShouldBe(refused);
        refusal?.Message.ShouldContain(told);
        refusal?.Message.ShouldEndWith(".");
    }

    [Fact]
    public void Half_a_character_is_refused() => VisibleText.Refuse("a" + '\ud800' + "b")!.Message.ShouldContain("half a character");
}
