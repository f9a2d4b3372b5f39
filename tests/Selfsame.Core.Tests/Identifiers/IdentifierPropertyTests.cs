using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Selfsame.Core.Accounts;
using Selfsame.Core.Identifiers;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Tests.Identifiers;

/// <summary>What holds of every key, on text made of characters that have gone wrong before, against the oracle.</summary>
public sealed class IdentifierPropertyTests
{
    private static readonly UnicodeOracle Oracle = UnicodeOracle.Instance;

    private static readonly Gen<int> Point = Gen.Frequency(
        (12, Gen.Elements("abcIKSxyz019._-'+".Select(unit => (int)unit).ToArray())),
        (6, Gen.Elements(CodePoints.Of("ßſŉİıÅÄëéÇΣσςΩώϓΐǅǆĲ"))),
        (4, Gen.Elements(CodePoints.Of("раеоСүЁйїᏣꮳ𐐀𐐨"))),
        (4, Gen.Elements(CodePoints.Of("אבצ\u05F3\u05F4\u05B0بیل٠١۰۱"))),
        (4, Gen.Elements(CodePoints.Of("\u0300\u0301\u0308\u030A\u0323\u0327\u0345\u0307\u3099\u309A\u093C"))),
        (4, Gen.Elements(CodePoints.Of("ＡａＫ！｡ｶﾞﾊﾟ￥ｱア・カ日"))),
        (3, Gen.Elements(CodePoints.Of("한ᄒ\u1161\u11AB각가"))),
        (2, Gen.Elements(CodePoints.Of("क\u094D\u200C\u200D\u00B7\u0375l"))),
        (2, Gen.Elements(CodePoints.Of("\u212A\u2126\u212B\u1FBB\u037E\u0374\u2F868\u0958"))),
        (1, Gen.Elements(CodePoints.Of(" \u00A0\u3000\u200B\u00AD\u0000@²ﬁ♚\u0378\uE000"))),
        (1, Gen.Choose(0, 0x323AF).Where(point => point is < 0xD800 or > 0xDFFF)));

    private static readonly Gen<string> Text = Gen.Choose(1, 9).SelectMany(length => Point.ArrayOf(length)).Select(points => UnicodeOracle.Text(points));

    private static readonly Gen<Func<string, string>> Variation = Gen.Elements<Func<string, string>>(
        text => text,
        text => $" \u3000{text}\n",
        Oracle.Nfd,
        Oracle.Nfc,
        Oracle.Lower,
        Oracle.Width,
        Oracle.Nfkc,
        Oracle.Skeleton,
        text => text.ToUpperInvariant(),
        text => string.Concat(text.Select(unit => unit is > '!' and < '~' ? (char)(unit + 0xFEE0) : unit)),
        text => text.Replace("\u0301", "", StringComparison.Ordinal),
        text => text + "\u0301",
        text => text.Length > 1 ? text[..1] + text[2..] : text);

    // Variations of one text meet in one key often, unrelated texts hardly ever.
    private static readonly Gen<(string One, string Other)> Pair = Text.SelectMany(text =>
        Gen.OneOf(Variation.SelectMany(first => Variation.Select(second => second(WellFormed(first(text))))), Text)
            .Select(other => (text, WellFormed(other))));

    [Fact]
    public void Two_usernames_have_one_key_exactly_when_the_oracle_says_so() => Check(Pair, pair =>
    {
        var (one, other) = (UserNameKey(pair.One), UserNameKey(pair.Other));
        return one == Oracle.UserNameKey(pair.One) && (one is not null && one == other) ==
            (Oracle.UserNameKey(pair.One) is { } expected && expected == Oracle.UserNameKey(pair.Other));
    });

    [Fact]
    public void The_key_of_a_username_is_its_own_key() => Check(Text, text =>
        UserNameKey(text) is not { } key || (UserNameKey(key) == key && UserNameKey(Oracle.Nfd(key)) == key));

    [Fact]
    public void The_short_cut_for_ASCII_keys_as_the_rules_do()
    {
        var unit = Gen.Frequency(
            (20, Gen.Elements("abcXYZ019".ToArray())), (4, Gen.Elements("@..-".ToArray())), (3, Gen.Elements("+_'\"!#~/ (),:;<>[]\\\t\0\x7f".ToArray())), (1, Gen.Elements("éſ\u212A".ToArray())));
        var part = Gen.Choose(0, 70).SelectMany(length => Gen.Choose(0, 12).SelectMany(shorter => unit.ArrayOf(length > 60 ? length : shorter))).Select(units => new string(units));
        var text = Gen.OneOf(
            part,
            from local in part from label in part from end in Gen.Elements("org", "example.org", "1", "xn--a", "a-b.c") select $"{local}@{label}.{end}",
            from digits in Gen.Elements("0123456789".ToArray()).ArrayOf(11) from sign in Gen.Elements("+", "+0", "00", "+1-") select sign + new string(digits));
        var taken = 0;
        Prop.ForAll(Arb.From(text), raw => IdentifierKinds.All.All(kind =>
        {
            var utf8 = Encoding.UTF8.GetBytes(raw);
            var key = new byte[utf8.Length];
            if (!IdentifierKeys.TryKeyAscii(kind, utf8, key))
            {
                return true;
            }

            taken++;
            return IdentifierKeys.TryKey(kind, raw, out var expected, out _) && Encoding.UTF8.GetString(key) == expected;
        })).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
        taken.ShouldBeGreaterThan(1000);
    }

    /// <summary>CASES 12: a key without one of the characters would be a key that somebody else can have.</summary>
    [Fact]
    public void A_username_without_one_of_its_characters_has_another_key() => Check(Text, text =>
    {
        var shown = Oracle.Nfd(Oracle.Trim(text));
        return UserNameKey(shown) is not { } key || Enumerable.Range(0, CodePoints.Count(shown)).All(index =>
            UserNameKey(UnicodeOracle.Text(UnicodeOracle.Points(shown).Where((_, at) => at != index))) != key);
    });

    [Fact]
    public void The_skeleton_is_the_one_of_the_oracle() => Check(Text, text =>
        !UserName.TryParse(text, out var userName, out _) || userName.Skeleton == Oracle.Skeleton(userName.Key));

    [Fact]
    public void Lower_case_and_forms_C_and_D_are_the_oracles() => Check(Text, text =>
        LowerCase.Map(text) == Oracle.Lower(text) && Normalization.ToNfc(text) == Oracle.Nfc(text)
        && Normalization.ToNfd(text) == Oracle.Nfd(text));

    [Fact]
    public void Two_addresses_have_one_key_exactly_when_the_oracle_says_so()
    {
        string[][] domains =
        [
            ["example.com", "EXAMPLE.com", "Ｅxample。com"],
            ["bücher.example", "bu\u0308cher.example", "BÜCHER.EXAMPLE", "xn--bcher-kva.example", "XN--BCHER-KVA.example"],
            ["straße.example", "STRAßE.example"],
            ["strasse.example"],
        ];
        var domain = Gen.Choose(0, domains.Length - 1).SelectMany(at => Gen.Elements(domains[at]).Select(name => (at, name)));
        Check(Pair.SelectMany(_ => domain, (pair, at) => (pair, at)).SelectMany(_ => domain, (left, right) => (left.pair, left.at, right)), sample =>
        {
            var one = EmailKey($"{sample.pair.One}@{sample.Item2.name}");
            var other = EmailKey($"{sample.pair.Other}@{sample.right.name}");
            var oneExpected = Local(sample.pair.One);
            var otherExpected = Local(sample.pair.Other);
            return (one is null) == (oneExpected is null) && (other is null) == (otherExpected is null)
                && (one is null || other is null || (one == other) == (oneExpected == otherExpected && sample.Item2.at == sample.right.at));
        });
    }

    [Fact]
    public void The_key_of_an_address_is_its_own_key_and_so_is_the_mailbox_key() => Check(Text, text =>
        !EmailAddress.TryParse($"{text}@googlemail.com", out var address, out _)
        || (EmailKey(address.Key) == address.Key && Oracle.Nfc(address.Mailbox) == address.Mailbox
            && MailboxProviders.MailboxOf(address.Mailbox[..^"@gmail.com".Length], "gmail.com") == address.Mailbox));

    [Fact]
    public void Every_text_is_taken_or_refused_with_a_rule_and_a_sentence() => Check(AnyUnits, text =>
        IsAnswered("username", UserName.TryParse(text, out _, out var userName), userName)
        && IsAnswered("email", EmailAddress.TryParse($"{text}@example.com", out _, out var email), email)
        && IsAnswered("email", EmailAddress.TryParse($"ada@{text}.com", out _, out var domain), domain)
        && IsAnswered("phone", PhoneNumber.TryParse($"+{text}1234567", out _, out var phone), phone)
        && IsAnswered("handle", Handle.TryParse(text, out _, out var handle), handle)
        && IsAnswered("code", UserCode.TryParse(text, out _, out var code), code));

    // UTF-16 units of every kind, surrogates without a partner among them.
    private static Gen<string> AnyUnits => Gen.Choose(0, 8).SelectMany(length =>
        Gen.OneOf(Gen.Choose(0, 0xFFFF), Gen.Choose(0xD800, 0xDFFF), Gen.Choose(0, 0x7F)).ArrayOf(length))
        .Select(units => string.Concat(units.Select(unit => (char)unit)));

    private static bool IsAnswered(string kind, bool taken, Refusal? refusal) =>
        taken ? refusal is null : refusal is not null && refusal.Rule.StartsWith($"{kind}.", StringComparison.Ordinal) && refusal.Message.EndsWith('.');

    private static string? UserNameKey(string text) => UserName.TryParse(text, out var userName, out _) ? userName.Key : null;

    private static string? EmailKey(string text) => EmailAddress.TryParse(text, out var address, out _) ? address.Key : null;

    /// <summary>The key of an unquoted local part of the alphabet above, by RFC 5321's grammar; null when it is refused.</summary>
    private static string? Local(string text)
    {
        // Only the blanks before it are at an end of the address.
        var local = Oracle.Nfc(Oracle.Trim($"{text}@")[..^1]);
        var points = UnicodeOracle.Points(local);
        var allowed = points.Select((point, at) => point switch
        {
            '.' => at > 0 && at + 1 < points.Length && points[at + 1] != '.',
            < 0x80 => char.IsAsciiLetterOrDigit((char)point) || "!#$%&'*+-/=?^_`{|}~".Contains((char)point),
            0x200C or 0x200D => Oracle.IsAllowed(points, at),
            _ => Oracle.Category[point] is not (null or "Cc" or "Cs" or "Co" or "Zs" or "Zl" or "Zp") && !Oracle.Has(point, "Default_Ignorable_Code_Point"),
        });
        var key = Oracle.Nfc(Oracle.Lower(local));
        return points.Length > 0 && allowed.All(yes => yes) && System.Text.Encoding.UTF8.GetByteCount(key) <= 64 ? key : null;
    }

    private static string WellFormed(string text) => CodePoints.IndexOfLoneSurrogate(text) < 0 ? text : "a";

    private static void Check<T>(Gen<T> samples, Func<T, bool> holds) =>
        Prop.ForAll(samples.ToArbitrary(), holds).Check(Config.QuickThrowOnFailure.WithMaxTest(1_500).WithQuietOnSuccess(true));
}
