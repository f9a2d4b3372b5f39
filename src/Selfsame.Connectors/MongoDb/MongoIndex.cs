using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.MongoDb;

/// <summary>An index as <c>listIndexes</c> tells it, or as <c>createIndexes</c> is asked for it.</summary>
internal sealed class MongoIndex
{
    private const string PartialFilter = "partialFilterExpression";

    // What the server adds by itself, or what changes nothing about what the index holds.
    private static readonly HashSet<string> Ignored = ["v", "ns", "background", "name", "textIndexVersion", "2dsphereIndexVersion"];

    // What the server takes where a collation does not say (docs reference/collation); it completes every collation with them.
    private static readonly Dictionary<string, string> CollationDefaults = new(StringComparer.Ordinal)
    {
        ["caseLevel"] = "false",
        ["caseFirst"] = "\"off\"",
        ["strength"] = "3",
        ["numericOrdering"] = "false",
        ["alternate"] = "\"non-ignorable\"",
        ["maxVariable"] = "\"punct\"",
        ["normalization"] = "false",
        ["backwards"] = "false",
    };

    private readonly BsonDocument specification;

    public MongoIndex(BsonDocument specification)
    {
        this.specification = specification;
        Fields = [.. specification.Document("key").Select(element => element.Name)];
    }

    /// <summary>
    /// The canonical index for a field: unique, blind to case as ICU's English collation of strength 2 is, and over texts that are not empty: several records
    /// may be without a value.
    /// </summary>
    public static MongoIndex Canonical(string field) => new(BsonDocument.Of(
        ("key", BsonDocument.Of((field, 1))),
        ("name", $"{field}_1"),
        ("unique", true),
        (PartialFilter, HasValue(field)),
        ("collation", BsonDocument.Of(("locale", "en"), ("strength", 2)))));

    /// <summary>A unique index on a field whose values have one spelling.</summary>
    public static MongoIndex Plain(string field) => new(BsonDocument.Of(("key", BsonDocument.Of((field, 1))), ("name", $"{field}_1"), ("unique", true)));

    /// <summary>The index that a definition describes; <see cref="BsonException"/> when it describes none.</summary>
    public static MongoIndex Read(string definition)
    {
        var index = new MongoIndex(BsonJson.Read(definition).AsDocument);
        return index.Fields.Count > 0 && index.Name.Length > 0 ? index : throw new BsonException("An index needs a key and a name.");
    }

    public string Name => specification.Text("name");

    public IReadOnlyList<string> Fields { get; }

    public bool IsId => Fields is [MongoCollection.Id] && Name == "_id_";

    public bool Unique => IsId || specification.Flag("unique");

    /// <summary>What <c>createIndexes</c> takes.</summary>
    public BsonDocument Specification => Copy(name => name is not ("v" or "ns" or "background"));

    /// <summary>Whether two make the same index but for its name.</summary>
    public bool IsSameAs(MongoIndex other)
        => KeyText == other.KeyText && Unique == other.Unique && CollationText == other.CollationText && OptionsText == other.OptionsText;

    /// <summary>
    /// Whether it keeps a field as the canonical index does. One over those only that have the field, or have it as text, does too:
    /// a record without the identifier is no account's double.
    /// </summary>
    public bool KeepsUnique(string field)
    {
        var plain = Canonical(field);
        var direction = specification.Document("key").Number(field);
        return Fields.SequenceEqual([field]) && direction is 1 or -1 && Unique && CollationText == plain.CollationText
            && (!specification.Flag("hidden") && (Predicate is null || Covering(field).Contains(Predicate)));
    }

    /// <summary>What its collation holds to be one that the canonical index tells apart (reference/collation); null where there is nothing, or it does not keep the field unique.</summary>
    public string? JoinsMore(string field)
    {
        var collation = specification.Document("collation");
        if (!Fields.SequenceEqual([field]) || !Unique || specification.Flag("hidden") || collation.IsEmpty)
        {
            return null;
        }

        var told = Told(collation).ToHashSet(StringComparer.Ordinal);
        return Strength(collation) == 1 ? $"its collation {CollationName} ignores accents"
            : told.Contains("alternate=\"shifted\"") && Strength(collation) < 4 ? $"its collation {CollationName} ignores blanks and punctuation"
            : told.Contains("numericOrdering=true") ? $"its collation {CollationName} takes 01 for 1"
            : null;
    }

    /// <summary>
    /// Whether it takes one document only that lacks the field or has it null, which are equal to a unique index (core/index-unique), or else one whose text is empty.
    /// One of another condition takes one of those that it covers.
    /// </summary>
    public bool HoldsOnce(string field, bool isNull)
        => Fields.SequenceEqual([field]) && Unique && !Coverage.Document(field).Any(condition => LeavesOut(condition, isNull ? BsonType.Null : BsonType.String));

    /// <summary>Whether a document that lacks the field is one without a value to it; a sparse one does not hold such documents, however many there are.</summary>
    public bool HoldsAbsent(string field) => Coverage.Document(field).IsEmpty;

    public SystemIndex ToSystemIndex() => new()
    {
        Name = Name,
        Fields = Fields,
        Unique = Unique,
        Collation = CollationName,
        Predicate = Predicate,
        OfConstraint = IsId,
        Definition = TextOf(Specification),
    };

    private string? Predicate => Coverage.IsEmpty ? null : TextOf(Coverage);

    // "en/2", with whatever else it says that is not the default.
    private string? CollationName
    {
        get
        {
            var collation = specification.Document("collation");
            var further = Told(collation).Where(option => !option.StartsWith("strength", StringComparison.Ordinal) && !option.StartsWith("locale", StringComparison.Ordinal));
            return collation.IsEmpty ? null : string.Join(' ', [$"{collation.Text("locale")}/{Strength(collation)}", .. further]);
        }
    }

    private string KeyText => TextOf(BsonDocument.Of([.. specification.Document("key").Select(Normal)]));

    private string CollationText => string.Join(' ', Told(specification.Document("collation")));

    private string OptionsText => TextOf(Copy(name => name is not ("key" or "unique" or "collation") && !Ignored.Contains(name)));

    private static long Strength(BsonDocument collation) => collation.Find("strength")?.AsNumber ?? 3;

    private static IEnumerable<string> Told(BsonDocument collation)
        => collation.Where(element => element.Name != "version")
            .Select(element => (element.Name, Text: BsonJson.TryWrite(BsonValue.OfArray([Normal(element).Value]))?.Trim('[', ']') ?? ""))
            .Where(option => CollationDefaults.GetValueOrDefault(option.Name) != option.Text)
            .Select(option => $"{option.Name}={option.Text}")
            .Order(StringComparer.Ordinal);

    private static string[] Covering(string field) =>
    [
        TextOf(Exists(field)),
        TextOf(BsonDocument.Of((field, BsonDocument.Of(("$type", "string"))))),
        TextOf(HasValue(field)),
    ];

    // Nothing is less than null, or than the empty text, of its type; and a condition compares within one type.
    private static bool LeavesOut(BsonElement condition, BsonType blank) => condition.Name switch
    {
        "$gt" => true,
        "$type" when condition.Value.Type == BsonType.Array => !condition.Value.AsDocument.Any(type => IsOf(type.Value, blank)),
        "$type" => !IsOf(condition.Value, blank),
        _ => false,
    };

    private static bool IsOf(BsonValue type, BsonType blank) => type.AsText is { } name ? BsonTypeNames.Parse(name) == blank : type.AsNumber == (long)blank;

    /// <summary>The condition of a text that is not empty. A search for a value implies it, so that the server may use the index for that.</summary>
    public static BsonDocument HasValue(string field) => BsonDocument.Of((field, BsonDocument.Of(("$gt", ""))));

    public BsonDocument PartialFilterExpression => specification.Document(PartialFilter);

    /// <summary>The condition of the documents that it holds; empty for all. A sparse index holds those that have the field.</summary>
    public BsonDocument Coverage => IsPartial ? PartialFilterExpression : specification.Flag("sparse") ? Exists(Fields[0]) : BsonDocument.Empty;

    /// <summary>Under which it compares, for a command.</summary>
    public BsonDocument Collation => specification.Document("collation") is { IsEmpty: false } collation ? collation : BsonDocument.Of(("locale", "simple"));

    public bool IsPartial => !PartialFilterExpression.IsEmpty;

    /// <summary>Whether it holds every document that has one of the fields: it is not partial, or only for those that have it.</summary>
    public bool HoldsAllThatHave(IReadOnlyList<string> fields) => !IsPartial || fields.Any(field => Predicate == TextOf(Exists(field)));

    private static BsonDocument Exists(string field) => BsonDocument.Of((field, BsonDocument.Of(("$exists", true))));

    private static string TextOf(BsonDocument document)
        => BsonJson.TryWrite(document) ?? throw new BsonException("An index holds a value that has no exact JSON; make it again by hand.");

    private BsonDocument Copy(Func<string, bool> wanted)
        => BsonDocument.Of([.. specification.Where(element => wanted(element.Name)).Select(element => (element.Name, element.Value))]);

    // A shell writes 1 as a double, a driver as an int: the same index.
    private static (string Name, BsonValue Value) Normal(BsonElement element)
        => (element.Name, element.Value.AsNumber is { } number ? (int)number : element.Value);
}
