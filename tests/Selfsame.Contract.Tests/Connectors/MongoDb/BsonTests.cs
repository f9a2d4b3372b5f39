using Selfsame.Connectors.MongoDb;
using Selfsame.Core.Accounts;
using Selfsame.Testing;

namespace Selfsame.Contract.Tests.Connectors.MongoDb;

/// <summary>BSON read and written straight from its bytes; no server.</summary>
public sealed class BsonTests
{
    // From the specification of BSON Decimal128 (its test vectors).
    [Theory]
    [InlineData("0", "00000000000000000000000000004030")]
    [InlineData("-0", "000000000000000000000000000040B0")]
    [InlineData("0.001234", "D2040000000000000000000000003430")]
    [InlineData("12345678901234567", "874B6B5D54DC2B000000000000004030")]
    [InlineData("NaN", "0000000000000000000000000000007C")]
    [InlineData("Infinity", "00000000000000000000000000000078")]
    [InlineData("-Infinity", "000000000000000000000000000000F8")]
    [InlineData("1.000000000000000000000000000000000E+6144", "000000000A5BC138938D44C64D31FE5F")]
    [InlineData("1E-6176", "01000000000000000000000000000000")]
    [InlineData("9.999999999999999999999999999999999E+6144", "FFFFFFFF638E8D37C087ADBE09EDFF5F")]
    [InlineData("1.00", "64000000000000000000000000003C30")]
    [InlineData("1E+3", "01000000000000000000000000004630")]
    public void A_decimal_has_the_bytes_of_the_specification(string text, string hex)
    {
        var bytes = Convert.FromHexString(hex);

        Decimal128Text.ToBytes(text).ShouldBe(bytes);
        Decimal128Text.ToText(bytes).ShouldBe(text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("1.2.3")]
    [InlineData("1E")]
    [InlineData("12345678901234567890123456789012345")]
    [InlineData("1E+7000")]
    [InlineData("x")]
    public void What_is_no_decimal_has_no_bytes(string text) => Decimal128Text.ToBytes(text).ShouldBeNull();

    [Fact]
    public void Random_documents_come_back_with_the_same_bytes()
    {
        var random = new SeededRandom(20261121);
        for (var round = 0; round < 3000; round++)
        {
            var value = RandomValue(random, depth: 0);

            BsonFields.ToBson(BsonFields.ToField(value)).ShouldBe(value, $"round {round}: {BsonFields.ToField(value)}");
        }
    }

    [Fact]
    public void Bytes_cut_short_anywhere_are_refused_and_never_read_beyond()
    {
        var whole = BsonDocument.Of(("text", "abc"), ("list", BsonValue.OfArray([(BsonValue)1, "x"])), ("regex", new BsonValue(BsonType.Regex, "a\0i\0"u8.ToArray()))).Bytes.ToArray();
        var refused = 0;
        for (var length = 0; length < whole.Length; length++)
        {
            var cut = whole[..length];
            if (length >= 5)
            {
                BitConverter.TryWriteBytes(cut, length);
                cut[^1] = 0;
            }

            try
            {
                // Cut between two elements, it is a shorter document.
                BsonFields.ToFields(new BsonDocument(cut)).Count.ShouldBeLessThan(3);
            }
            catch (BsonException)
            {
                refused++;
            }
        }

        refused.ShouldBeGreaterThan(whole.Length - 5);
    }

    [Fact]
    public void A_field_that_stands_twice_and_a_name_that_is_no_text_are_told()
    {
        Should.Throw<BsonException>(() => BsonFields.ToFields(BsonDocument.Of(("a", 1), ("a", 2)))).Message.ShouldContain("twice");
        Should.Throw<BsonException>(() => BsonFields.ToFields(new BsonWriter().Add([0xFF], 1).Build())).Message.ShouldContain("UTF-8");
    }

    [Theory]
    [InlineData("objectId", "xyz")]
    [InlineData("objectId", "64b7f0c2")]
    [InlineData("long", "many")]
    [InlineData("decimal", "1,5")]
    [InlineData("date", "yesterday")]
    [InlineData("object", "[1]")]
    [InlineData("object", "{")]
    [InlineData("regex", "base64:AAAA")]
    public void A_text_that_its_type_can_not_have_is_told(string type, string text)
        => Should.Throw<BsonException>(() => BsonFields.ToBson(FieldValue.Native(type, text)));

    [Fact]
    public void A_type_of_another_system_is_written_as_its_text()
        => BsonFields.ToBson(FieldValue.Native("citext", "Ann")).ShouldBe("Ann");

    private static BsonValue RandomValue(SeededRandom random, int depth) => random.NextInt32(depth < 4 ? 15 : 12) switch
    {
        0 => random.NextInt32(10) - 5,
        1 => (long)random.NextInt32(10) - 5,
        2 => BitConverter.ToInt64(RandomBytes(random, 8)),
        3 => BitConverter.ToDouble(RandomBytes(random, 8)),
        4 => RandomText(random),
        5 => random.NextInt32(2) == 0,
        6 => BsonValue.Null,
        7 => new BsonValue(BsonType.ObjectId, RandomBytes(random, 12)),
        8 => new BsonValue(BsonType.Date, RandomBytes(random, 8)),
        9 => new BsonValue(BsonType.Decimal, RandomBytes(random, 16)),
        10 => BsonValue.OfBinary((byte)random.NextInt32(6), RandomBytes(random, random.NextInt32(20))),
        11 => new BsonValue(random.NextInt32(2) == 0 ? BsonType.Timestamp : BsonType.Double, RandomBytes(random, 8)),
        12 => BsonValue.OfArray(Enumerable.Range(0, random.NextInt32(4)).Select(_ => RandomValue(random, depth + 1)).ToList()),
        _ => BsonDocument.Of([.. Enumerable.Range(0, random.NextInt32(4)).Select(number => (RandomName(random, number), RandomValue(random, depth + 1)))]),
    };

    private static string RandomName(SeededRandom random, int number)
        => random.NextInt32(4) switch { 0 => "$oid", 1 => "$date", 2 => "a.b", _ => $"f{number}" };

    private static string RandomText(SeededRandom random)
        => string.Concat(Enumerable.Range(0, random.NextInt32(6)).Select(_ => char.ConvertFromUtf32(random.NextInt32(2) == 0 ? random.NextInt32(128) : 0x1F600 + random.NextInt32(64))));

    private static byte[] RandomBytes(SeededRandom random, int count)
    {
        var bytes = new byte[count];
        random.Fill(bytes);
        return bytes;
    }
}
