namespace Selfsame.Connectors.MongoDb;

/// <summary>The types of BSON by their byte (bsonspec.org, version 1.1).</summary>
internal enum BsonType : byte
{
    Double = 0x01,
    String = 0x02,
    Object = 0x03,
    Array = 0x04,
    BinData = 0x05,
    Undefined = 0x06,
    ObjectId = 0x07,
    Bool = 0x08,
    Date = 0x09,
    Null = 0x0A,
    Regex = 0x0B,
    DbPointer = 0x0C,
    JavaScript = 0x0D,
    Symbol = 0x0E,
    JavaScriptWithScope = 0x0F,
    Int = 0x10,
    Timestamp = 0x11,
    Long = 0x12,
    Decimal = 0x13,
    MaxKey = 0x7F,
    MinKey = 0xFF,
}

/// <summary>The types' names, as MongoDB's <c>$type</c> says them.</summary>
internal static class BsonTypeNames
{
    private static readonly Dictionary<BsonType, string> Names =
        Enum.GetValues<BsonType>().ToDictionary(type => type, type => char.ToLowerInvariant(type.ToString()[0]) + type.ToString()[1..]);

    private static readonly Dictionary<string, BsonType> Types = Names.ToDictionary(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal);

    public static string Name(this BsonType type) => Names[type];

    public static BsonType? Parse(string name) => Types.TryGetValue(name, out var type) ? type : null;
}
