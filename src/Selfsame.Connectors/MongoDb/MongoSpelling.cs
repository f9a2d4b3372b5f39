using System.Globalization;
using Selfsame.Connectors.Rows;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>
/// How values of other systems stand in documents, which have no schema: in the type that the field has in most of the newest documents, or in the account's own
/// where others have it too. A field that is in none of them takes a value in the nearest type of BSON.
/// </summary>
internal sealed class MongoSpelling
{
    private const string Uuid = "uuid";
    private const string Decimal = "decimal";
    private const int ExactDigits = 15;

    private readonly AccountMapping mapping;
    private readonly Dictionary<string, List<string>> types;

    /// <param name="mapping">Which fields are marks.</param>
    /// <param name="sample">Values by the fields of accounts.</param>
    public MongoSpelling(AccountMapping mapping, IEnumerable<KeyValuePair<string, FieldValue>> sample)
    {
        this.mapping = mapping;
        types = sample.Where(pair => TypeOf(pair.Value) is not null)
            .GroupBy(pair => pair.Key, StringComparer.Ordinal)
            .ToDictionary(
                field => field.Key,
                field => field.GroupBy(pair => TypeOf(pair.Value)!).OrderByDescending(same => same.Count()).ThenBy(same => same.Key, StringComparer.Ordinal).Select(same => same.Key).ToList(),
                StringComparer.Ordinal);
    }

    public Spelled Spell(ForeignValue foreign)
    {
        var (value, present) = (foreign.Value, foreign.Present);
        var type = TypeFor(foreign);
        if (TruthMark.IsOne(mapping, foreign.Field))
        {
            var (mark, problem) = TruthMark.In(mapping, foreign, FormOf(type ?? TypeOf(value)), notNull: false);
            if (problem is not null)
            {
                return Spelled.Not(problem);
            }

            value = mark;
        }

        return value.IsNull || value.IsMissing ? FieldValue.Null
            : value == present && TypeOf(present) == type ? present
            : type is null ? Nearest(value)
            : Of(type, value, present);
    }

    // The account's own type where others have it too: one document that a program wrote wrongly is no rule.
    private string? TypeFor(ForeignValue foreign)
    {
        var (seen, own) = (types.GetValueOrDefault(foreign.Field), TypeOf(foreign.Present));
        return seen is null ? own : own is not null && seen.Contains(own) ? own : seen[0];
    }

    private static string? TypeOf(FieldValue value)
        => value.IsMissing ? null : value.AsNative?.Type ?? value.Raw switch { null => null, string => "string", bool => "bool", double => "double", byte[] => "binData", _ => "int" };

    private static TruthForm FormOf(string? type) => type switch
    {
        "bool" => TruthForm.Boolean,
        "int" or "long" or "double" or Decimal => TruthForm.Number,
        "date" or "timestamp with time zone" or "timestamp without time zone" => TruthForm.Instant,
        "string" => TruthForm.Text,
        _ => TruthForm.None,
    };

    private static Spelled Of(string type, FieldValue value, FieldValue present) => type switch
    {
        "string" => ForeignValues.Text(value, present) is { } text ? text : Spelled.Not("holds texts"),
        "bool" => ForeignValues.Boolean(value) is { } boolean ? FieldValue.Boolean(boolean) : Spelled.Not("holds booleans"),
        "int" or "long" or "double" or Decimal => Number(type, value, present),
        "date" => Instant.Of(value) is { } instant ? DateOf(instant) : Spelled.Not("holds dates, written as 2024-05-01 or 2024-05-01T12:00:00Z"),
        Uuid => ForeignValues.Uuid(value) is { } uuid ? FieldValue.Native(Uuid, uuid.ToString("D")) : Spelled.Not("holds uuids"),
        "objectId" => value.ToString() is { Length: 24 } hex && hex.All(char.IsAsciiHexDigit) ? FieldValue.Native(type, hex.ToLowerInvariant()) : Spelled.Not("holds ObjectIds"),
        _ => TypeOf(value) == type ? value : Spelled.Not($"holds values of the type {type}, which are written only from that type"),
    };

    private static Spelled Number(string type, FieldValue value, FieldValue present)
    {
        if (type == Decimal)
        {
            return ForeignValues.Number(value) is { } exact
                ? ForeignValues.Number(present) == exact && TypeOf(present) == type ? present : DecimalOf(exact)
                : TypeOf(value) == type ? value : Spelled.Not("holds decimal numbers, of which up to 28 digits are written");
        }

        if (ForeignValues.Number(value) is not { } number)
        {
            return value.Raw is double ? value : Spelled.Not("holds numbers");
        }

        var isWhole = decimal.IsInteger(number) && number is >= long.MinValue and <= long.MaxValue;
        return type == "double" || !isWhole
            ? value.Raw is double || ForeignValues.Digits(number) <= ExactDigits ? FieldValue.Number((double)number) : Spelled.Not($"holds floating-point numbers, which keep {ExactDigits} digits")
            : type == "long" && number is >= int.MinValue and <= int.MaxValue ? FieldValue.Native(type, number.ToString("F0", CultureInfo.InvariantCulture))
            : FieldValue.Integer((long)number);
    }

    private static FieldValue Nearest(FieldValue value)
    {
        if (value.AsNative is not { } native)
        {
            return value;
        }

        return Instant.Of(value) is { } instant ? DateOf(instant)
            : native.Type == "numeric" && ForeignValues.Number(value) is { } number ? DecimalOf(number)
            // PostgreSQL has a type of that name too, and dates before Christ.
            : native.Type == Uuid || (BsonTypeNames.Parse(native.Type) is not null && (native.Type != "date" || long.TryParse(native.Text, CultureInfo.InvariantCulture, out _))) ? value
            : FieldValue.Text(native.Text);
    }

    private static FieldValue DecimalOf(decimal number)
        => FieldValue.Native(Decimal, Decimal128Text.ToText(Decimal128Text.ToBytes(number.ToString(CultureInfo.InvariantCulture)))!);

    // BSON keeps milliseconds.
    private static FieldValue DateOf(Instant instant)
        => BsonFields.ToField(BsonValue.OfDate(new DateTimeOffset(instant.Utc).ToUnixTimeMilliseconds()));
}
