using Selfsame.Connectors.Rows;
using Selfsame.Core.Accounts;
using Selfsame.Core.Discovery;
using Selfsame.Core.Reconciliation;

namespace Selfsame.Connectors.Sqlite;

/// <summary>
/// How values of other systems stand in the columns of a table: by the declared type, and as the column's affinity (sqlite.org/datatype3.html, section 3)
/// leaves them.
/// </summary>
internal sealed class SqliteSpelling
{
    // A REAL gives back so many digits of a decimal number.
    private const int MostDigits = 15;

    private readonly AccountMapping mapping;
    private readonly Dictionary<string, SqliteColumn> columns;

    /// <param name="mapping">Which columns are marks.</param>
    /// <param name="table">The columns of the accounts' table.</param>
    /// <param name="records">The further types of records, and the columns of their tables.</param>
    public SqliteSpelling(AccountMapping mapping, IReadOnlyList<SqliteColumn> table, IReadOnlyList<(RecordConfig Record, IReadOnlyList<SqliteColumn> Columns)> records)
    {
        this.mapping = mapping;
        columns = table.Select(column => (column.Name, column))
            .Concat(records.SelectMany(pair => pair.Columns.Select(column => (Name: pair.Record.InAccount(column.Name), column))))
            .ToDictionary(pair => pair.Name, pair => pair.column, StringComparer.Ordinal);
    }

    private enum Kind
    {
        Boolean,
        Whole,
        Real,
        Decimal,
        Text,
        Instant,
        Any,
    }

    private enum Affinity
    {
        Integer,
        Text,
        None,
        Real,
        Numeric,
    }

    public Spelled Spell(ForeignValue foreign)
    {
        if (!columns.TryGetValue(foreign.Field, out var column))
        {
            return foreign.Value;
        }

        var affinity = AffinityOf(column.Type);
        var (kind, value) = (KindOf(column.Type, affinity, foreign.Present), foreign.Value);
        if (TruthMark.IsOne(mapping, foreign.Field))
        {
            var (mark, problem) = TruthMark.In(mapping, foreign, FormOf(kind, foreign), column.NotNull);
            if (problem is not null)
            {
                return Spelled.Not(problem);
            }

            value = mark;
        }

        return value.IsNull || value.IsMissing ? FieldValue.Null
            : value == foreign.Present || value.IsBytes ? value
            : Of(kind, value, foreign.Present, column.Type) is var spelled && spelled.Problem is null ? Kept(spelled.Value, affinity)
            : spelled;
    }

    private static Affinity AffinityOf(string declared)
    {
        bool Has(params ReadOnlySpan<string> words)
        {
            foreach (var word in words)
            {
                if (declared.Contains(word, StringComparison.OrdinalIgnoreCase))
                {
                    return true;
                }
            }

            return false;
        }

        return Has("INT") ? Affinity.Integer
            : Has("CHAR", "CLOB", "TEXT") ? Affinity.Text
            : declared.Length == 0 || Has("BLOB") ? Affinity.None
            : Has("REAL", "FLOA", "DOUB") ? Affinity.Real
            : Affinity.Numeric;
    }

    private static Kind KindOf(string declared, Affinity affinity, FieldValue present) => (CatalogTypes.Of(declared), affinity) switch
    {
        (CatalogType.Boolean, _) => Kind.Boolean,
        (CatalogType.Instant, _) => Kind.Instant,
        (_, Affinity.Integer) => Kind.Whole,
        (_, Affinity.Real) => Kind.Real,
        (CatalogType.Text or CatalogType.Uuid, _) or (_, Affinity.Text) => Kind.Text,
        (_, Affinity.None) => present.Raw switch { string => Kind.Text, long or double => Kind.Decimal, _ => Kind.Any },
        _ when declared.Contains("JSON", StringComparison.OrdinalIgnoreCase) => Kind.Text,
        _ => Kind.Decimal,
    };

    // What stands there says more than the declared type: any column may hold any type.
    private static TruthForm FormOf(Kind kind, ForeignValue foreign) => (kind, foreign.Present.Raw) switch
    {
        (Kind.Boolean or Kind.Whole or Kind.Real or Kind.Decimal, not string) => TruthForm.Number,
        (Kind.Instant, long or double) => TruthForm.Number,
        (Kind.Instant, _) => TruthForm.Instant,
        (Kind.Any, not string) when foreign.Value.Raw is not string => TruthForm.Number,
        _ => TruthForm.Text,
    };

    private static Spelled Of(Kind kind, FieldValue value, FieldValue present, string declared)
    {
        switch (kind)
        {
            case Kind.Boolean when ForeignValues.Boolean(value) is { } boolean: return FieldValue.Integer(boolean ? 1 : 0);
            case Kind.Boolean when present.AsText is null: return Spelled.Not("takes yes and no");
            case Kind.Whole when present.AsText is null:
                return ForeignValues.Number(value) is { } whole && decimal.IsInteger(whole) && whole is >= long.MinValue and <= long.MaxValue
                    ? FieldValue.Integer((long)whole) : Spelled.Not("takes whole numbers");
            case Kind.Real when present.AsText is null:
                return ForeignValues.Double(value) is { } real && !double.IsNaN(real) ? FieldValue.Number(real) : Spelled.Not("takes numbers");
            case Kind.Decimal when present.AsText is null:
                return Decimal(value) is { } number ? number : Spelled.Not($"takes numbers, of which SQLite keeps {MostDigits} digits");
            case Kind.Instant when present.Raw is long or double:
                return value.Raw is long or double ? value : Spelled.Not("holds instants as numbers, and from when they count is not known");
            case Kind.Instant:
                return InstantOf(value, present, declared);
            case Kind.Any when value.Raw is double and double.NaN: return Spelled.Not("takes no NaN, which SQLite does not keep");
            case Kind.Any when value.AsNative is null or { Type: "long" or "numeric" or "decimal" }:
                return value.Raw is bool ? Decimal(value)!.Value : value.AsNative is not null && Decimal(value) is { } exact ? exact : FieldValue.From(value.Raw);
            default:
                return ForeignValues.Text(value, present) is { } text ? text : Spelled.Not("takes text");
        }
    }

    private static Spelled InstantOf(FieldValue value, FieldValue present, string declared)
    {
        if (Instant.Of(value) is not { } instant)
        {
            return Spelled.Not("takes dates and times, written as 2024-05-01 or 2024-05-01T12:00:00Z");
        }

        var day = declared.Equals("date", StringComparison.OrdinalIgnoreCase);
        if (Instant.Of(present) is { } old && (day ? instant.Utc.Date == old.Utc : instant.Utc == old.Utc))
        {
            return present;
        }

        return FieldValue.Text(day ? (instant with { Utc = instant.Utc.Date }).In(InstantForm.Day) : instant.In(Instant.Of(present)?.Form ?? InstantForm.Sql));
    }

    private static FieldValue? Decimal(FieldValue value)
        => value.Raw is double floating ? (double.IsNaN(floating) ? null : value)
            : ForeignValues.Number(value) is not { } number ? null
            : decimal.IsInteger(number) && number is >= long.MinValue and <= long.MaxValue ? FieldValue.Integer((long)number)
            : ForeignValues.Digits(number) <= MostDigits ? FieldValue.Number((double)number)
            : null;

    // Digits in a column that is not one of texts become a number; a whole number with a point loses it where the column prefers integers.
    private static FieldValue Kept(FieldValue value, Affinity affinity) => (affinity, value.Raw) switch
    {
        (Affinity.Numeric or Affinity.Integer, string) => Decimal(value) ?? (ForeignValues.Double(value) is { } nearest ? FieldValue.Number(nearest) : value),
        (Affinity.Numeric or Affinity.Integer, double number) when double.IsInteger(number) && Math.Abs(number) < 1L << 51 => FieldValue.Integer((long)number),
        (Affinity.Real, long number) => FieldValue.Number(number),
        _ => value,
    };
}
