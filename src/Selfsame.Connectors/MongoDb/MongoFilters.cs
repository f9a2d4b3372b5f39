using System.Globalization;
using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>Which documents are meant.</summary>
internal static class MongoFilters
{
    // Types whose text tells one id from another, and from which the id is found again.
    private static readonly HashSet<string> IdTypes = ["objectId", "long", "uuid", "decimal"];

    /// <summary>Whether a value can be a part of an account's id: its text names it alone.</summary>
    public static bool CanBeId(FieldValue value) => value.AsNative is { } native ? IdTypes.Contains(native.Type) : value.Raw is string or long or double;

    /// <summary>The documents that may bear one of these ids: an id reads as text and may be stored as ObjectId, text, number or uuid.</summary>
    public static BsonDocument ByIds(AccountMapping mapping, IReadOnlyList<AccountId> ids)
    {
        var fitting = ids.Where(id => id.Parts.Count == mapping.Id.Count).ToList();
        return mapping.Id.Count == 1
            ? BsonDocument.Of((mapping.Id[0], In(fitting.SelectMany(id => Candidates(id.Parts[0])))))
            : AnyOf(fitting.Select(id => Each(mapping.Id.Zip(id.Parts, (field, part) => (field, In(Candidates(part)))))));
    }

    /// <summary>The documents whose fields hold these values, an ObjectId or a uuid also as its text.</summary>
    public static BsonDocument Holding(IReadOnlyList<string> fields, IEnumerable<IReadOnlyList<FieldValue>> values)
        => fields.Count == 1
            ? BsonDocument.Of((fields[0], In(values.SelectMany(value => Variants(value[0])))))
            : AnyOf(values.Select(value => Each(fields.Zip(value, (field, part) => (field, In(Variants(part)))))));

    /// <summary>The one document with the key of a row.</summary>
    public static BsonDocument ByKey(Fields key) => Each(key.Select(pair => (pair.Key, BsonDocument.Of(("$eq", BsonFields.ToBson(pair.Value))))));

    /// <summary>
    /// Exactly this document, and only while these fields are what they are in it: equal in value and type, a field that is
    /// missing still missing. An expression, because in a query null means missing too, 5 means 5.0, and a value means every array with it.
    /// </summary>
    /// <param name="document">The document as it was read.</param>
    /// <param name="fields">The fields that must be as they are in it.</param>
    /// <param name="asAWhole">Whether no field may have been added either: what goes with the document was all looked at.</param>
    public static BsonDocument Unchanged(BsonDocument document, IEnumerable<string> fields, bool asAWhole = false)
    {
        var conditions = fields.Where(field => field != MongoCollection.Id).Distinct().SelectMany(field => Same(field, document.Find(field))).ToList();
        if (asAWhole)
        {
            conditions.Add(Equal(BsonDocument.Of(("$size", BsonDocument.Of(("$objectToArray", "$$ROOT")))), document.Count()));
        }

        var filter = BsonDocument.Of((MongoCollection.Id, document.Find(MongoCollection.Id)!.Value));
        return conditions.Count == 0 ? filter : filter.With(("$expr", BsonDocument.Of(("$and", BsonValue.OfArray(conditions)))));
    }

    /// <summary>The forms in which another document may hold the same id.</summary>
    public static IEnumerable<BsonValue> Variants(FieldValue value)
    {
        yield return BsonFields.ToBson(value);
        if (value.AsNative is { Type: "objectId" or "uuid" } native)
        {
            yield return native.Text;
        }
        else if (Whole(value) is { } whole)
        {
            // The number under one type and the text of it under another mean one id; a number in a query means every type of number.
            yield return whole;
            yield return whole.ToString(CultureInfo.InvariantCulture);
        }
        else if (value.AsText is { Length: 24 } hex && hex.All(char.IsAsciiHexDigitLower))
        {
            yield return BsonFields.ToBson(FieldValue.Native("objectId", hex));
        }
        else if (value.AsText is { } text && Guid.TryParseExact(text, "D", out var uuid))
        {
            yield return BsonFields.OfUuid(uuid);
        }
    }

    // Only as it would be written itself: "007" is another id than 7.
    private static long? Whole(FieldValue value)
        => long.TryParse(value.ToString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
            && value.ToString() == whole.ToString(CultureInfo.InvariantCulture) && (value.AsNative?.Type ?? "long") is "long" or "decimal" ? whole : null;

    private static IEnumerable<BsonValue> Candidates(string part)
    {
        foreach (var variant in Variants(FieldValue.Text(part)))
        {
            yield return variant;
        }

        if (Guid.TryParseExact(part, "D", out _))
        {
            yield return part.ToUpperInvariant();
        }

        // A number in a query means every type of number.
        if (long.TryParse(part, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
        {
            yield return whole;
        }
        else if (double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            yield return number;
            if (Decimal128Text.ToBytes(part) is { } bytes)
            {
                yield return new BsonValue(BsonType.Decimal, bytes);
            }
        }
    }

    private static IEnumerable<BsonDocument> Same(string field, BsonValue? value)
    {
        // A name with a point or a dollar is no path.
        BsonValue path = field.Contains('.', StringComparison.Ordinal) || field.StartsWith('$')
            ? BsonDocument.Of(("$getField", BsonDocument.Of(("field", Literal(field)), ("input", "$$ROOT"))))
            : $"${field}";
        yield return Equal(BsonDocument.Of(("$type", path)), value is { } typed ? typed.Type.Name() : "missing");
        if (value is { } present)
        {
            yield return Equal(path, Literal(present));
        }
    }

    private static BsonDocument Equal(BsonValue left, BsonValue right) => BsonDocument.Of(("$eq", BsonValue.OfArray([left, right])));

    private static BsonDocument Literal(BsonValue value) => BsonDocument.Of(("$literal", value));

    private static BsonDocument In(IEnumerable<BsonValue> values) => BsonDocument.Of(("$in", BsonValue.OfArray(values.Distinct())));

    private static BsonDocument Each(IEnumerable<(string Field, BsonDocument Condition)> conditions)
        => BsonDocument.Of([.. conditions.Select(condition => (condition.Field, (BsonValue)condition.Condition))]);

    // An empty $or is an error; nothing at all matches an empty $in.
    private static BsonDocument AnyOf(IEnumerable<BsonDocument> filters)
        => filters.ToList() is { Count: > 0 } any ? BsonDocument.Of(("$or", BsonValue.OfArray(any))) : BsonDocument.Of((MongoCollection.Id, In([])));
}
