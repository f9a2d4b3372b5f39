using System.Text;

namespace Selfsame.Core.Identifiers.Unicode;

/// <summary>Punycode (RFC 3492), without the <c>xn--</c> prefix.</summary>
internal static class Punycode
{
    private const int Base = 36;
    private const int MinimumThreshold = 1;
    private const int MaximumThreshold = 26;
    private const int InitialBias = 72;
    private const int InitialCodePoint = 128;

    /// <summary>Encodes a label of at most 1,000 code points (section 6.3).</summary>
    public static string Encode(ReadOnlySpan<int> label)
    {
        var output = new StringBuilder();
        foreach (var codePoint in label)
        {
            if (codePoint < InitialCodePoint)
            {
                output.Append((char)codePoint);
            }
        }

        var basic = output.Length;
        if (basic > 0)
        {
            output.Append('-');
        }

        int next = InitialCodePoint, delta = 0, bias = InitialBias, handled = basic;
        while (handled < label.Length)
        {
            var smallest = Smallest(label, next);
            delta = checked(delta + (smallest - next) * (handled + 1));
            next = smallest;
            foreach (var codePoint in label)
            {
                delta += codePoint < next ? 1 : 0;
                if (codePoint == next)
                {
                    AppendInteger(output, delta, bias);
                    bias = Adapt(delta, handled + 1, handled == basic);
                    delta = 0;
                    handled++;
                }
            }

            delta++;
            next++;
        }

        return output.ToString();
    }

    /// <summary>Decodes (section 6.2).</summary>
    /// <returns>Whether the text is Punycode; false on a digit that is none, on overflow, and on surrogates.</returns>
    public static bool TryDecode(ReadOnlySpan<char> encoded, out int[] label)
    {
        label = [];
        if (encoded.ContainsAnyExceptInRange('\0', '\x7F'))
        {
            return false;
        }

        var delimiter = encoded.LastIndexOf('-');
        var output = new List<int>(encoded.Length);
        for (var index = 0; index < delimiter; index++)
        {
            output.Add(encoded[index]);
        }

        long next = InitialCodePoint, position = 0;
        var bias = InitialBias;
        for (var at = delimiter > 0 ? delimiter + 1 : 0; at < encoded.Length;)
        {
            var start = position;
            if (!TryReadInteger(encoded, ref at, bias, ref position))
            {
                return false;
            }

            bias = Adapt((int)(position - start), output.Count + 1, start == 0);
            next += position / (output.Count + 1);
            position %= output.Count + 1;
            if (next > 0x10FFFF || next is >= 0xD800 and <= 0xDFFF)
            {
                return false;
            }

            output.Insert((int)position++, (int)next);
        }

        label = [.. output];
        return true;
    }

    private static int Smallest(ReadOnlySpan<int> label, int from)
    {
        var smallest = int.MaxValue;
        foreach (var codePoint in label)
        {
            smallest = codePoint >= from && codePoint < smallest ? codePoint : smallest;
        }

        return smallest;
    }

    private static void AppendInteger(StringBuilder output, int value, int bias)
    {
        for (var place = Base; ; place += Base)
        {
            var threshold = Threshold(place, bias);
            if (value < threshold)
            {
                output.Append(Digit(value));
                return;
            }

            output.Append(Digit(threshold + (value - threshold) % (Base - threshold)));
            value = (value - threshold) / (Base - threshold);
        }
    }

    private static bool TryReadInteger(ReadOnlySpan<char> encoded, ref int at, int bias, ref long value)
    {
        long weight = 1;
        for (var place = Base; ; place += Base)
        {
            var digit = at < encoded.Length ? DigitValue(encoded[at++]) : -1;
            if (digit < 0 || digit * weight > int.MaxValue - value)
            {
                return false;
            }

            value += digit * weight;
            var threshold = Threshold(place, bias);
            if (digit < threshold)
            {
                return true;
            }

            weight *= Base - threshold;
            if (weight > int.MaxValue)
            {
                return false;
            }
        }
    }

    private static int Threshold(int place, int bias) => Math.Clamp(place - bias, MinimumThreshold, MaximumThreshold);

    /// <summary>Bias adaptation (section 6.1), with damp 700 and skew 38.</summary>
    private static int Adapt(int delta, int count, bool first)
    {
        delta = first ? delta / 700 : delta / 2;
        delta += delta / count;
        var place = 0;
        for (; delta > (Base - MinimumThreshold) * MaximumThreshold / 2; place += Base)
        {
            delta /= Base - MinimumThreshold;
        }

        return place + (Base - MinimumThreshold + 1) * delta / (delta + 38);
    }

    private static char Digit(int value) => (char)(value < 26 ? 'a' + value : '0' + value - 26);

    private static int DigitValue(char digit) => digit switch
    {
        >= 'a' and <= 'z' => digit - 'a',
        >= 'A' and <= 'Z' => digit - 'A',
        >= '0' and <= '9' => digit - '0' + 26,
        _ => -1,
    };
}
