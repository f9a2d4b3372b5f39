using Selfsame.Store.Passwords;

namespace Selfsame.Contract.Tests.Passwords;

public sealed class PasswordPolicyTests
{
    private static readonly PasswordPolicy Policy = new(PasswordSamples.Shipped);

    [Theory]
    [InlineData("correct horse")]
    [InlineData("x7#kQ0!z")]
    [InlineData("        x")]
    [InlineData("qzmvkhwd")]
    [InlineData("пароль от дома")]
    [InlineData("私の合言葉はこれです")]
    [InlineData("😀😁😂🤣😃😄😅😆")]
    public void A_password_of_eight_characters_of_any_kind_is_allowed(string password) => Policy.Check(password).ShouldBeNull();

    [Fact]
    public void Up_to_1024_characters_are_allowed_and_no_more()
    {
        Policy.Check(new string('x', 64)).ShouldBeNull();
        Policy.Check(new string('x', 1_024)).ShouldBeNull();
        Policy.Check(string.Concat(Enumerable.Repeat("😀", 1_024))).ShouldBeNull();
        Policy.Check(new string('x', 1_025))!.Rule.ShouldBe("password.too-long");
        Policy.Check(new string('x', 10_000_000))!.Rule.ShouldBe("password.too-long");
        // 820 characters and 2,460 octets when composed, but 4,100 octets as typed, which is what the check of a sign-in sees.
        Policy.Check(string.Concat(Enumerable.Repeat("e\u0323\u0302", 820)))!.Rule.ShouldBe("password.too-long");
    }

    [Theory]
    [InlineData(null, "password.missing")]
    [InlineData("", "password.missing")]
    [InlineData("zq7xw0#", "password.too-short")]
    [InlineData("😀😁😂🤣", "password.too-short")]
    [InlineData("e\u0301e\u0301e\u0301e\u0301", "password.too-short")]
    [InlineData("correct\0horse", "password.control-character")]
    [InlineData("correct\thorse", "password.control-character")]
    [InlineData("correct horse\n", "password.control-character")]
    [InlineData("correct\u0085horse", "password.control-character")]
    public void A_refusal_names_its_rule_and_says_what_to_do(string? password, string rule)
    {
        var refusal = Policy.Check(password).ShouldNotBeNull();
        refusal.Rule.ShouldBe(rule);
        refusal.Message.ShouldEndWith(".");
        if (!string.IsNullOrEmpty(password))
        {
            refusal.Message.ShouldNotContain(password);
        }
    }

    [Fact]
    public void Half_a_character_is_refused()
    {
        // Not as data of a theory: an attribute cannot carry a lone surrogate.
        foreach (var password in new[] { "correct \uD83D horse", "correct horse \uDE00", "correct horse\uD83D", "\uDE00\uD83D correct horse" })
        {
            Policy.Check(password)!.Rule.ShouldBe("password.lone-surrogate");
        }
    }

    [Theory]
    [InlineData("password")]
    [InlineData("PassWord")]
    [InlineData("12345678")]
    [InlineData("qwertyuiop")]
    [InlineData("1234567890")]
    [InlineData("iloveyou")]
    [InlineData("trustno1")]
    [InlineData("BASEBALL")]
    [InlineData("sunshine")]
    [InlineData("password1")]
    public void One_of_the_commonest_is_refused_in_any_case(string password) =>
        Policy.Check(password)!.Rule.ShouldBe("password.common");

    [Fact]
    public void The_list_holds_ten_thousand_that_are_long_enough_and_every_one_is_refused()
    {
        using var stream = typeof(PasswordPolicy).Assembly.GetManifestResourceStream("Selfsame.Store.Passwords.CommonPasswords.txt")!;
        using var reader = new StreamReader(stream);
        var list = reader.ReadToEnd().TrimEnd('\n').Split('\n');
        list.Length.ShouldBe(10_000);
        list.Distinct(StringComparer.OrdinalIgnoreCase).Count().ShouldBe(10_000);
        list.Select(password => Policy.Check(password)?.Rule).ShouldAllBe(rule => rule == "password.common");
    }

    [Theory]
    [InlineData("asa.lindgren", "asa.lindgren")]
    [InlineData("Asa.Lindgren", "aSA.lINDGREN")]
    [InlineData("\u00C5sa Lindgren", "A\u030Asa Lindgren")]
    [InlineData("asa@example.org", "ASA@example.org")]
    [InlineData("asa.lindgren", " asa.lindgren ")]
    public void The_username_or_address_itself_is_refused_in_any_case(string password, string related)
    {
        Policy.Check(password, null, related)!.Rule.ShouldBe("password.same-as-identifier");
        Policy.Check(password, related, null)!.Rule.ShouldBe("password.same-as-identifier");
        Policy.Check(password + "x", null, related).ShouldBeNull();
    }

    [Fact]
    public void A_related_value_that_is_no_text_is_passed_over() => Policy.Check("correct horse", "\uD83D", "").ShouldBeNull();
}
