using System.Globalization;
using System.Text.RegularExpressions;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Rows;

/// <summary>What the values of one system are in the types of another. Null where a value is nothing of that type, or would lose a part of itself.</summary>
internal static partial class ForeignValues
{
    // System.Decimal holds each number of so many digits exactly.
    private const int MostDigits = 28;

    // "1", "on" and so on are PostgreSQL's and YAML's; any prefix of them is not.
    private static readonly string[] Yes = ["true", "t", "yes", "y", "on", "1"];
    private static readonly string[] No = ["false", "f", "no", "n", "off", "0"];

    /// <summary>The boolean that it is, or says in so many words.</summary>
    public static bool? Boolean(FieldValue value) => value.Raw switch
    {
        bool boolean => boolean,
        long and (0 or 1) and var number => number == 1,
        double and (0 or 1) and var number => number == 1,
        string text when Yes.Contains(text.Trim(), StringComparer.OrdinalIgnoreCase) => true,
        string text when No.Contains(text.Trim(), StringComparer.OrdinalIgnoreCase) => false,
        _ => null,
    };

    /// <summary>The number that it is, or writes down in digits; false is 0 and true is 1.</summary>
    public static decimal? Number(FieldValue value) => value.Raw switch
    {
        bool boolean => boolean ? 1 : 0,
        long number => number,
        double number => double.IsFinite(number) && Parse(number.ToString("R", CultureInfo.InvariantCulture)) is { } exact && (double)exact == number ? exact : null,
        string text when value.AsNative?.Type is not ("bit" or "bit varying" or "uuid") => Parse(text),
        _ => null,
    };

    /// <summary>The nearest floating-point number.</summary>
    public static double? Double(FieldValue value) => value.Raw switch
    {
        double number => number,
        string text when IsNumber(text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) => number,
        _ => Number(value) is { } exact ? (double)exact : null,
    };

    public static Guid? Uuid(FieldValue value) => value.Raw is string text && Guid.TryParseExact(text, "D", out var uuid) ? uuid : null;

    /// <summary>The value in a field of texts: as it stands there, where that is the same fact; an instant in the form of the one that stands there.</summary>
    public static FieldValue? Text(FieldValue value, FieldValue present)
    {
        if (value.Raw is byte[] || WordOf(value) is not { } text)
        {
            return null;
        }

        if ((present.AsText ?? present.AsNative?.Text) is not { } there)
        {
            return FieldValue.Text(text);
        }

        var (stands, isText) = (FieldValue.Text(there), value.AsText is not null);
        if (Instant.Certain(value) is { } instant && Instant.Of(stands) is { } old)
        {
            return FieldValue.Text(instant.Utc == old.Utc ? there : instant.In(old.Form));
        }

        var same = !isText && ((Number(value) is { } number && number == Number(stands)) || (value.Raw is bool boolean && boolean == Boolean(stands)) || (Uuid(value) is { } uuid && uuid == Uuid(stands)));
        return FieldValue.Text(same ? there : text);
    }

    /// <summary>How many digits a number has, but for zeros before and behind.</summary>
    public static int Digits(decimal number)
        => number.ToString(CultureInfo.InvariantCulture) is var text && text.Contains('.', StringComparison.Ordinal)
            ? text.TrimEnd('0').Replace(".", "", StringComparison.Ordinal).TrimStart('-', '0').Length
            : text.Trim('-', '0').Length;

    private static string? WordOf(FieldValue value) => value.Raw switch
    {
        null => null,
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    private static bool IsNumber(string text) => text.Length < 400 && Written().IsMatch(text);

    private static decimal? Parse(string text)
    {
        if (!IsNumber(text))
        {
            return null;
        }

        var exponentAt = text.AsSpan().IndexOfAny('e', 'E');
        var mantissa = exponentAt < 0 ? text : text[..exponentAt];
        var exponent = exponentAt < 0 ? 0 : int.Parse(text.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var digits = mantissa.Replace(".", "", StringComparison.Ordinal).TrimStart('+', '-', '0').Length;
        var scale = (mantissa.Contains('.', StringComparison.Ordinal) ? mantissa.Length - mantissa.IndexOf('.', StringComparison.Ordinal) - 1 : 0) - exponent;
        return digits <= MostDigits && scale <= MostDigits && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number == 0 ? decimal.Abs(number) : number
            : null;
    }

    [GeneratedRegex(@"\A[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?\z", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex Written();
}
