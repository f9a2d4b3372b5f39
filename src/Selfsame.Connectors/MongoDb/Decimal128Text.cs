using System.Buffers.Binary;
using System.Globalization;

namespace Selfsame.Connectors.MongoDb;

/// <summary>IEEE 754-2008 decimal128 (binary integer significand) as text and back, as MongoDB's BSON Decimal128 specification says.</summary>
internal static class Decimal128Text
{
    private const int Bias = 6176;
    private const int LargestExponent = 12287;
    private const int MostDigits = 34;
    private const ulong SignBit = 1UL << 63;
    private const ulong InfinityBits = 0x7800000000000000;
    private const ulong NanBits = 0x7C00000000000000;

    /// <summary>The text of 16 bytes; null where the encoding is one that no text gives back.</summary>
    public static string? ToText(ReadOnlySpan<byte> bytes)
    {
        var low = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        var high = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        var sign = (high & SignBit) != 0 ? "-" : "";
        var text = (high & ~SignBit) switch
        {
            NanBits => "NaN",
            InfinityBits => sign + "Infinity",
            >= 0x6000000000000000 => null,
            _ => sign + Finite(new UInt128(high & 0x1FFFFFFFFFFFF, low), (int)((high >> 49) & 0x3FFF) - Bias),
        };
        return text is not null && ToBytes(text) is { } again && again.AsSpan().SequenceEqual(bytes) ? text : null;
    }

    /// <summary>The 16 bytes of a text; null when it is none.</summary>
    public static byte[]? ToBytes(string text)
    {
        var negative = text.StartsWith('-');
        var number = negative ? text[1..] : text;
        var sign = negative ? SignBit : 0;
        switch (number)
        {
            case "NaN": return Bytes(NanBits | sign, 0);
            case "Infinity": return Bytes(InfinityBits | sign, 0);
        }

        var exponentAt = number.IndexOf('E', StringComparison.Ordinal);
        var exponent = 0;
        if (exponentAt >= 0 && !int.TryParse(number.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
        {
            return null;
        }

        var mantissa = exponentAt >= 0 ? number[..exponentAt] : number;
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var digits = point < 0 ? mantissa : mantissa.Remove(point, 1);
        exponent = exponent - (point < 0 ? 0 : mantissa.Length - point - 1) + Bias;
        return exponent is < 0 or > LargestExponent || digits.TrimStart('0').Length > MostDigits
            || !UInt128.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var coefficient)
            ? null
            : Bytes(sign | ((ulong)exponent << 49) | (ulong)(coefficient >> 64), (ulong)coefficient);
    }

    private static string Finite(UInt128 coefficient, int exponent)
    {
        var digits = coefficient.ToString(CultureInfo.InvariantCulture);
        var scientific = exponent + digits.Length - 1;
        if (exponent > 0 || scientific < -6)
        {
            var mantissa = digits.Length == 1 ? digits : $"{digits[0]}.{digits[1..]}";
            return $"{mantissa}E{(scientific < 0 ? "" : "+")}{scientific.ToString(CultureInfo.InvariantCulture)}";
        }

        if (exponent == 0)
        {
            return digits;
        }

        var padded = digits.PadLeft(1 - exponent, '0');
        return $"{padded[..^-exponent]}.{padded[^-exponent..]}";
    }

    private static byte[] Bytes(ulong high, ulong low)
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, low);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), high);
        return bytes;
    }
}
