using Selfsame.Core.Accounts;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>What a value says, whatever type its system holds it in.</summary>
public sealed class FieldValueTests
{
    public static TheoryData<string, string> TextsThatSayNo => new()
    {
        { "", "" }, { "", " " }, { "", "f" }, { "", "F" }, { "", "no" }, { "", "N" }, { "", "off" }, { "", "False" }, { "", " false " },
        { "", "0" }, { "", "0.0" }, { "", "-0" }, { "long", "0" }, { "numeric", "0.00" }, { "decimal", "0E-6176" }, { "bit", "0" }, { "bit varying", "000" },
        { "public.flag", "false" }, { "public.answer", "No" },
    };

    public static TheoryData<string, string> TextsThatSayYes => new()
    {
        { "", "t" }, { "", "yes" }, { "", "true" }, { "", "1" }, { "", "on" }, { "", "2024-05-01T00:00:00Z" }, { "", "nobody" }, { "long", "1" }, { "numeric", "0.5" },
        { "bit", "1" }, { "public.flag", "true" }, { "date", "2024-05-01T00:00:00.000Z" }, { "uuid", "00000000-0000-0000-0000-000000000000" },
    };

    [Theory]
    [MemberData(nameof(TextsThatSayNo))]
    public void An_unverified_mark_is_one_in_any_type_and_spelling(string type, string text) => IsTruthy(Value(type, text)).ShouldBeFalse();

    [Theory]
    [MemberData(nameof(TextsThatSayYes))]
    public void Any_other_text_says_yes(string type, string text) => IsTruthy(Value(type, text)).ShouldBeTrue();

    [Fact]
    public void Numbers_booleans_and_what_is_not_there_say_what_they_are()
    {
        new[] { FieldValue.Integer(2), FieldValue.Number(0.5), FieldValue.Boolean(true), FieldValue.Text("\ud800") }.ShouldAllBe(value => IsTruthy(value));
        new[] { FieldValue.Integer(0), FieldValue.Number(0), FieldValue.Boolean(false), FieldValue.Null, FieldValue.Missing, FieldValue.Bytes([1]) }.ShouldAllBe(value => !IsTruthy(value));
    }

    [Fact]
    public void Numbers_are_ordered_by_size_whatever_type_holds_them_and_come_before_words()
    {
        FieldValue[] ordered =
        [
            FieldValue.Null, FieldValue.Native("numeric", "-1.5"), FieldValue.Text("2"), FieldValue.Native("long", "9"), FieldValue.Integer(10), FieldValue.Number(10.5),
            FieldValue.Native("numeric", "1e3"), FieldValue.Text("10a"), FieldValue.Text("1a"), FieldValue.Native("date", "2024-05-01T00:00:00.000Z"), FieldValue.Boolean(false), FieldValue.Boolean(true),
        ];

        foreach (var (left, one) in ordered.Index())
        {
            foreach (var (right, other) in ordered.Index())
            {
                Math.Sign(one.CompareTo(other)).ShouldBe(left.CompareTo(right), $"{one} and {other}");
            }
        }
    }

    [Fact]
    public void Bytes_are_no_id_because_their_text_names_nobody()
        => AccountId.FromRecord(new Fields([new("id", FieldValue.Bytes(new byte[16]))]), ["id"]).ShouldBeNull();

    // Both ways to ask, which must agree.
    private static bool IsTruthy(FieldValue value)
    {
        var rows = new FieldRows(1);
        rows.Add(value);
        rows.IsTruthy(rows[0, 0]).ShouldBe(value.IsTruthy);
        return value.IsTruthy;
    }

    private static FieldValue Value(string type, string text) => type.Length == 0 ? FieldValue.Text(text) : FieldValue.Native(type, text);
}
