using System.Globalization;
using System.Text.RegularExpressions;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Rows;

/// <summary>
/// An instant, or a day, as systems write it down: ISO 8601 (RFC 3339, section 5.6) with a T or a blank, with or without a zone and a fraction of up to seven digits. Without
/// a zone it is held to be UTC. What no calendar of .NET holds (infinity, years before Christ) is none.
/// </summary>
/// <param name="Utc">When.</param>
/// <param name="Form">How it stood there.</param>
internal sealed partial record Instant(DateTime Utc, InstantForm Form)
{
    // PostgreSQL's names, and BSON's.
    private static readonly HashSet<string> Types = ["timestamp with time zone", "timestamp without time zone", "date"];

    /// <summary>The instant that a value of a system's own type or a text is; null where it is none.</summary>
    public static Instant? Of(FieldValue value)
        => value.AsNative is { } native ? (Types.Contains(native.Type) ? Parse(native.Text) : null)
            : value.AsText is { } text ? Parse(text) : null;

    /// <summary>As <see cref="Of(FieldValue)"/>, where a text is one only with a time of day: a text of digits and dashes may be anything.</summary>
    public static Instant? Certain(FieldValue value) => Of(value) is { } instant && (instant.Form.HasTime || value.AsNative is not null) ? instant : null;

    /// <summary>Rounded to a unit of so many ticks of 100 ns, half a unit up; null beyond the calendar.</summary>
    public Instant? RoundedTo(long ticks)
    {
        var rest = Utc.Ticks % ticks;
        var rounded = Utc.Ticks - rest + (2 * rest >= ticks ? ticks : 0);
        return rounded > DateTime.MaxValue.Ticks ? null : this with { Utc = new DateTime(rounded, DateTimeKind.Utc) };
    }

    /// <summary>Its text in another form; a form that would lose a part of it is widened.</summary>
    public string In(InstantForm form)
    {
        if (!form.HasTime)
        {
            return Utc.TimeOfDay == TimeSpan.Zero ? Utc.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) : In(InstantForm.Sql);
        }

        var local = Local(form.Offset);
        var digits = Math.Max(form.FractionDigits, Needed(local));
        var fraction = digits == 0 ? "" : "." + local.ToString("fffffff", CultureInfo.InvariantCulture)[..digits];
        return local.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) + form.Separator + local.ToString("HH:mm:ss", CultureInfo.InvariantCulture) + fraction + form.Zone;
    }

    private static Instant? Parse(string text)
    {
        if (text.Length is < 10 or > 40 || Written().Match(text) is not { Success: true } match)
        {
            return null;
        }

        int Number(string group) => match.Groups[group] is { Success: true } found ? int.Parse(found.ValueSpan, CultureInfo.InvariantCulture) : 0;
        var (year, month, day) = (Number("year"), Number("month"), Number("day"));
        var time = new TimeSpan(Number("hour"), Number("minute"), Number("second"));
        if (year == 0 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || Number("hour") > 23 || Number("minute") > 59 || Number("second") > 59)
        {
            return null;
        }

        var zone = match.Groups["zone"].Value;
        var fraction = match.Groups["fraction"].Value;
        var offset = OffsetOf(zone);
        var ticks = new DateTime(year, month, day, 0, 0, 0, DateTimeKind.Utc).Ticks + time.Ticks + (fraction.Length == 0 ? 0 : long.Parse(fraction.PadRight(7, '0'), CultureInfo.InvariantCulture)) - offset.Ticks;
        return ticks < 0 || ticks > DateTime.MaxValue.Ticks ? null
            : new Instant(new DateTime(ticks, DateTimeKind.Utc), new InstantForm(match.Groups["separator"].Value, fraction.Length, offset, zone));
    }

    private static TimeSpan OffsetOf(string zone)
    {
        if (zone.Length < 3)
        {
            return TimeSpan.Zero;
        }

        var digits = zone[1..].Replace(":", "", StringComparison.Ordinal).PadRight(4, '0');
        var minutes = (int.Parse(digits.AsSpan(0, 2), CultureInfo.InvariantCulture) * 60) + int.Parse(digits.AsSpan(2), CultureInfo.InvariantCulture);
        return TimeSpan.FromMinutes(zone[0] == '-' ? -minutes : minutes);
    }

    // At the ends of the calendar a zone's own day does not exist: UTC does.
    private DateTime Local(TimeSpan offset)
        => Utc.Ticks + offset.Ticks is var ticks && ticks >= 0 && ticks <= DateTime.MaxValue.Ticks ? new DateTime(ticks, DateTimeKind.Unspecified) : Utc;

    private static int Needed(DateTime time) => time.ToString("fffffff", CultureInfo.InvariantCulture).TrimEnd('0').Length;

    [GeneratedRegex(
        @"\A(?<year>[0-9]{4})-(?<month>[0-9]{2})-(?<day>[0-9]{2})((?<separator>[T ])(?<hour>[0-9]{2}):(?<minute>[0-9]{2})(:(?<second>[0-9]{2})(\.(?<fraction>[0-9]{1,7}))?)?(?<zone>Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex Written();
}

/// <summary>How an instant is written.</summary>
/// <param name="Separator">Between day and time; empty where there is no time.</param>
/// <param name="FractionDigits">How many digits the seconds have behind the point, at least.</param>
/// <param name="Offset">The zone's distance from UTC.</param>
/// <param name="Zone">The zone as it is written; may be empty.</param>
internal sealed record InstantForm(string Separator, int FractionDigits, TimeSpan Offset, string Zone)
{
    /// <summary>As SQLite's <c>datetime()</c> writes it.</summary>
    public static InstantForm Sql { get; } = new(" ", 0, TimeSpan.Zero, "");

    /// <summary>As PostgreSQL writes a <c>timestamptz</c> in a session of UTC.</summary>
    public static InstantForm SqlWithZone { get; } = Sql with { Zone = "+00" };

    public static InstantForm Day { get; } = Sql with { Separator = "" };

    public bool HasTime => Separator.Length > 0;
}
