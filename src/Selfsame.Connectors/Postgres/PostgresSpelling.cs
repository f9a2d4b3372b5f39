using System.Globalization;
using System.Text;
using Selfsame.Connectors.Rows;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.Postgres;

/// <summary>How values of other systems stand in the columns of a table: in the column's type, rounded to its scale or precision, as PostgreSQL reads them back.</summary>
internal sealed class PostgresSpelling
{
    private const int Header = 4;
    private const int NameBytes = 63;
    private const long TicksPerMicrosecond = TimeSpan.TicksPerMicrosecond;

    private readonly AccountMapping mapping;
    private readonly Dictionary<string, PostgresColumn> columns;

    /// <param name="mapping">Which columns are marks.</param>
    /// <param name="table">The accounts' table.</param>
    /// <param name="records">The further types of records, and their tables.</param>
    public PostgresSpelling(AccountMapping mapping, PostgresTable table, IReadOnlyList<(RecordConfig Record, PostgresTable Table)> records)
    {
        this.mapping = mapping;
        columns = table.Columns.Select(column => (column.Name, column))
            .Concat(records.SelectMany(pair => pair.Table.Columns.Select(column => (Name: pair.Record.InAccount(column.Name), column))))
            .ToDictionary(pair => pair.Name, pair => pair.column, StringComparer.Ordinal);
    }

    private enum Kind
    {
        Boolean,
        Whole,
        Number,
        Decimal,
        Text,
        Enumeration,
        Uuid,
        Day,
        Instant,
        Bytes,
        Other,
    }

    public Spelled Spell(ForeignValue foreign)
    {
        if (!columns.TryGetValue(foreign.Field, out var column))
        {
            return foreign.Value;
        }

        var (kind, value) = (KindOf(column), foreign.Value);
        if (TruthMark.IsOne(mapping, foreign.Field))
        {
            var (mark, problem) = TruthMark.In(mapping, foreign, FormOf(kind), column.NotNull);
            if (problem is not null && value.AsNative?.Type != column.TypeName)
            {
                return Spelled.Not(problem);
            }

            value = problem is null ? mark : value;
        }

        return value.IsNull || value.IsMissing ? FieldValue.Null
            : kind == Kind.Other ? (value.AsNative?.Type == column.TypeName ? value : Spelled.Not($"is of the type {column.TypeName}, into which only values of that type are written"))
            : Of(column, kind, value, foreign.Present) is var spelled && spelled.Problem is null && column.IsNative && spelled.Value.AsNative is null
                ? FieldValue.Native(column.TypeName, PostgresColumn.TextOf(spelled.Value)!)
            : spelled;
    }

    private static Kind KindOf(PostgresColumn column) => column switch
    {
        { Labels.Count: > 0 } => Kind.Enumeration,
        { IsCitext: true } => Kind.Text,
        _ => column.BaseTypeId switch
        {
            16 => Kind.Boolean,
            20 or 21 or 23 => Kind.Whole,
            // Of a domain the server writes what .NET writes otherwise.
            700 or 701 when !column.IsNative => Kind.Number,
            1700 => Kind.Decimal,
            1042 when column.IsNative => Kind.Other,
            19 or 25 or 1042 or 1043 => Kind.Text,
            2950 => Kind.Uuid,
            1082 => Kind.Day,
            1114 or 1184 => Kind.Instant,
            17 when !column.IsNative => Kind.Bytes,
            _ => Kind.Other,
        },
    };

    private static TruthForm FormOf(Kind kind) => kind switch
    {
        Kind.Boolean => TruthForm.Boolean,
        Kind.Whole or Kind.Number or Kind.Decimal => TruthForm.Number,
        Kind.Day or Kind.Instant => TruthForm.Instant,
        Kind.Text or Kind.Enumeration => TruthForm.Text,
        _ => TruthForm.None,
    };

    private static Spelled Of(PostgresColumn column, Kind kind, FieldValue value, FieldValue present) => kind switch
    {
        Kind.Boolean => ForeignValues.Boolean(value) is { } boolean ? FieldValue.Boolean(boolean) : Spelled.Not("takes yes and no"),
        Kind.Whole => Whole(column, value),
        Kind.Number => Number(column, value),
        Kind.Decimal => Decimal(column, value, present),
        Kind.Text => Text(column, value, present),
        Kind.Enumeration => ForeignValues.Text(value, present) is { AsText: { } label } && column.Labels.Contains(label)
            ? FieldValue.Native(column.TypeName, label) : Spelled.Not($"takes {string.Join(", ", column.Labels)}"),
        Kind.Uuid => ForeignValues.Uuid(value) is { } uuid ? FieldValue.Native(column.TypeName, uuid.ToString("D")) : Spelled.Not("takes uuids"),
        Kind.Day or Kind.Instant => InstantOf(column, value),
        _ => value.IsBytes ? value : Spelled.Not("takes bytes"),
    };

    private static Spelled Whole(PostgresColumn column, FieldValue value)
    {
        var (least, most) = column.BaseTypeId switch { 20 => (long.MinValue, long.MaxValue), 21 => (short.MinValue, short.MaxValue), _ => (int.MinValue, int.MaxValue) };
        return ForeignValues.Number(value) is { } number && decimal.IsInteger(number) && number >= least && number <= most
            ? FieldValue.Integer((long)number)
            : Spelled.Not(string.Create(CultureInfo.InvariantCulture, $"takes whole numbers from {least} to {most}"));
    }

    private static Spelled Number(PostgresColumn column, FieldValue value)
        => ForeignValues.Double(value) is not { } number ? Spelled.Not("takes numbers")
            : column.BaseTypeId == 701 ? FieldValue.Number(number)
            : double.IsFinite(number) && !float.IsFinite((float)number) ? Spelled.Not("is of single precision, which ends at 3.4e38")
            : FieldValue.Number((float)number);

    // pg_type's numeric holds precision and scale as numericvar.h (15 and later) has them; before, scales were not negative.
    private static Spelled Decimal(PostgresColumn column, FieldValue value, FieldValue present)
    {
        if (ForeignValues.Number(value) is not { } number)
        {
            return column.Modifier < Header && value.AsNative?.Type == column.TypeName ? value : Spelled.Not("takes decimal numbers of up to 28 digits here");
        }

        if (column.Modifier >= Header)
        {
            var (precision, scale) = ((column.Modifier - Header) >> 16 & 0xffff, ((column.Modifier - Header & 0x7ff) ^ 1024) - 1024);
            if (scale is < 0 or > 28)
            {
                return Spelled.Not($"is of a scale ({scale}) that Selfsame does not write");
            }

            number = decimal.Round(number, scale, MidpointRounding.AwayFromZero);
            if (ForeignValues.Digits(decimal.Truncate(number)) > precision - scale)
            {
                return Spelled.Not($"takes {precision - scale} digits before the point");
            }

            return FieldValue.Native(column.TypeName, number.ToString($"F{scale}", CultureInfo.InvariantCulture));
        }

        return present.AsNative?.Type == column.TypeName && ForeignValues.Number(present) == number ? present
            : FieldValue.Native(column.TypeName, number.ToString(CultureInfo.InvariantCulture));
    }

    private static Spelled Text(PostgresColumn column, FieldValue value, FieldValue present)
    {
        if (ForeignValues.Text(value, present)?.AsText is not { } text || text.Contains('\0', StringComparison.Ordinal))
        {
            return Spelled.Not("takes text, which holds no bytes and no zero character");
        }

        var length = column.BaseTypeId is 1042 or 1043 && column.Modifier >= Header ? column.Modifier - Header : int.MaxValue;
        var characters = text.EnumerateRunes().Count();
        if (column.BaseTypeId == 1042)
        {
            text = text.TrimEnd(' ');
            characters = text.EnumerateRunes().Count();
            text += new string(' ', length == int.MaxValue ? 0 : Math.Max(0, length - characters));
        }

        return characters > length ? Spelled.Not($"takes {length} characters at most")
            : column.BaseTypeId == 19 && Encoding.UTF8.GetByteCount(text) > NameBytes ? Spelled.Not($"takes {NameBytes} bytes at most")
            : FieldValue.Text(text);
    }

    // What no calendar of .NET holds is written as another column of the same type holds it.
    private static Spelled InstantOf(PostgresColumn column, FieldValue value)
    {
        if (Instant.Of(value) is not { } instant)
        {
            return value.AsNative?.Type == column.TypeName ? value : Spelled.Not("takes dates and times, written as 2024-05-01 or 2024-05-01T12:00:00Z");
        }

        if (column.BaseTypeId == 1082)
        {
            return FieldValue.Native(column.TypeName, instant.Utc.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        }

        var digits = column.Modifier is >= 0 and <= 6 ? column.Modifier : 6;
        var rounded = instant.RoundedTo(TicksPerMicrosecond * (long)Math.Pow(10, 6 - digits));
        return rounded is null ? Spelled.Not("takes no instant of the last moment of the year 9999")
            : FieldValue.Native(column.TypeName, rounded.In(column.BaseTypeId == 1184 ? InstantForm.SqlWithZone : InstantForm.Sql));
    }
}
