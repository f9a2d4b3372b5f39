using Selfsame.Core.Identifiers;

namespace Selfsame.Core.Tests.Identifiers;

public sealed class UserCodeTests
{
    [Theory]
    [InlineData("ac", 2025, 2, "^ac25([bdfghjkmnprstvxz][aeiou]){2}[bdfghjkmnprstvxz]$")]
    [InlineData("x", 2109, 1, "^x09[bdfghjkmnprstvxz][aeiou][bdfghjkmnprstvxz]$")]
    [InlineData("abcdef", 2026, 4, "^abcdef26([bdfghjkmnprstvxz][aeiou]){4}[bdfghjkmnprstvxz]$")]
    public void A_code_is_prefix_year_syllables_and_a_closing_consonant(string prefix, int year, int syllables, string pattern)
    {
        for (var round = 0; round < 100; round++)
        {
            var code = UserCode.Create(prefix, year, syllables, RandomSource.System);
            code.Key.ShouldMatch(pattern);
            code.Value.ShouldBe(code.Key);
            UserCode.TryParse(code.Key, out var parsed, out _).ShouldBeTrue();
            parsed.ShouldBe(code);
            Handle.TryParse(code.Key, out var handle, out _).ShouldBeTrue();
            handle.Key.ShouldBe(code.Key);
        }
    }

    [Fact]
    public void The_space_is_as_large_as_it_says()
    {
        UserCode.SpaceSize(1).ShouldBe(1_280);
        UserCode.SpaceSize(2).ShouldBe(102_400);
        UserCode.SpaceSize(4).ShouldBe(655_360_000);
        var codes = new HashSet<string>();
        for (var draw = 0; codes.Count < UserCode.SpaceSize(1) && draw < 100_000; draw++)
        {
            codes.Add(UserCode.Create("ac", 2026, 1, RandomSource.System).Key);
        }

        codes.Count.ShouldBe(1_280);
    }

    [Theory]
    [InlineData("AC25 XA-DEH", "ac25xadeh")]
    [InlineData(" ac25xadeh\t", "ac25xadeh")]
    [InlineData("ac25wylec", null)]
    [InlineData("ac25welec", "ac25welec")]
    public void Case_blanks_and_hyphens_make_no_other_code(string text, string? key) =>
        (UserCode.TryParse(text, out var code, out _) ? code.Key : null).ShouldBe(key);

    [Theory]
    [InlineData("", "code.empty")]
    [InlineData("ac25", "code.form")]
    [InlineData("25xadeh", "code.form")]
    [InlineData("ac2xadeh", "code.form")]
    [InlineData("ac25xade", "code.form")]
    [InlineData("ac25axedh", "code.form")]
    [InlineData("ac25xad\u00E9h", "code.form")]
    [InlineData("\u212Ac25xadeh", "code.form")]
    [InlineData("abcdefg25xadeh", "code.form")]
    [InlineData("ac25xadexadexadexadeh", "code.form")]
    public void What_is_no_code_is_refused_with_its_rule(string text, string rule)
    {
        UserCode.TryParse(text, out _, out var refusal).ShouldBeFalse();
        refusal.Rule.ShouldBe(rule);
    }

    [Theory]
    [InlineData("", 2026, 2)]
    [InlineData("AC", 2026, 2)]
    [InlineData("a1", 2026, 2)]
    [InlineData("abcdefg", 2026, 2)]
    [InlineData("ac", -1, 2)]
    [InlineData("ac", 2026, 0)]
    [InlineData("ac", 2026, 5)]
    public void A_code_that_could_not_be_a_handle_is_not_made(string prefix, int year, int syllables) =>
        Should.Throw<ArgumentException>(() => UserCode.Create(prefix, year, syllables, RandomSource.System));
}
