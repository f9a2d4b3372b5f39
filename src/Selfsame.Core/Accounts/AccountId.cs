using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Selfsame.Core.Accounts;

/// <summary>
/// An account's primary key within its system, as text: one part, or several for a composite key. A part that is a
/// uuid is held in its lower-case hyphenated form, so that two spellings of one uuid are one id. In JSON a text, or
/// an array of texts.
/// </summary>
[JsonConverter(typeof(AccountIdConverter))]
public sealed class AccountId : IEquatable<AccountId>
{
    public AccountId(params IReadOnlyList<string> parts)
    {
        if (parts.Count == 0)
        {
            throw new ArgumentException("An account's id has at least one part.", nameof(parts));
        }

        Parts = [.. parts.Select(part => Guid.TryParseExact(part, "D", out var uuid) ? uuid.ToString("D") : part)];
    }

    public IReadOnlyList<string> Parts { get; }

    /// <summary>The order in which findings and changes are listed: by the parts, ordinally.</summary>
    public static Comparer<AccountId> Order { get; } = Comparer<AccountId>.Create(Compare);

    /// <summary>The id that the <paramref name="fields"/> of a record make, in that order; null where one of them is null, or bytes, which no text names, in a field of texts or not.</summary>
    public static AccountId? FromRecord(Fields record, IReadOnlyList<string> fields)
    {
        var parts = fields.Select(record.ValueOrNull).ToList();
        return parts.Exists(part => part.IsNull || part.IsBytes || part.AsBrokenText is not null) ? null : new AccountId([.. parts.Select(part => part.ToString())]);
    }

    public bool Equals(AccountId? other) => other is not null && Parts.SequenceEqual(other.Parts, StringComparer.Ordinal);

    public override bool Equals(object? obj) => Equals(obj as AccountId);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var part in Parts)
        {
            hash.Add(part, StringComparer.Ordinal);
        }

        return hash.ToHashCode();
    }

    /// <summary>As text that <see cref="FromText"/> reads back: the one part, or a JSON array of several.</summary>
    public string ToText() => Parts.Count == 1 && !Parts[0].StartsWith('[') ? Parts[0] : JsonSerializer.Serialize(Parts);

    /// <summary>Reverses <see cref="ToText"/>.</summary>
    public static AccountId FromText(string text)
        => text.StartsWith('[') ? new AccountId(JsonSerializer.Deserialize<string[]>(text)!) : new AccountId(text);

    /// <summary>As <see cref="FromText"/>, for text that anybody may have written; false where it is no id.</summary>
    public static bool TryFromText(string? text, [NotNullWhen(true)] out AccountId? id)
    {
        id = null;
        try
        {
            id = text is null or "" || text.Contains('\0', StringComparison.Ordinal) ? null : FromText(text);
        }
        catch (Exception exception) when (exception is JsonException or ArgumentException)
        {
            return false;
        }

        // A list may hold null for a text.
        id = id is null || id.Parts.Contains(null!) ? null : id;
        return id is not null;
    }

    /// <summary>Whether it is a number, as systems count their records: two systems that count have equal ones by chance.</summary>
    public bool IsCounted => Parts is [{ Length: > 0 } part] && part.All(char.IsAsciiDigit);

    /// <summary>
    /// As text by which ids of two systems are compared, one of which may join the parts by slashes. Parts that hold a slash themselves are not joined: other
    /// parts would give the same text.
    /// </summary>
    public string ToComparableText() => Parts.Count > 1 && Parts.Any(part => part.Contains('/', StringComparison.Ordinal)) ? ToText() : ToString();

    /// <summary>For people: the parts, joined by a slash.</summary>
    public override string ToString() => string.Join('/', Parts);

    private static int Compare(AccountId left, AccountId right)
        => left.Parts.Zip(right.Parts, string.CompareOrdinal).FirstOrDefault(order => order != 0, left.Parts.Count.CompareTo(right.Parts.Count));
}

internal sealed class AccountIdConverter : JsonConverter<AccountId>
{
    public override AccountId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return new AccountId(reader.GetString()!);
        }

        var parts = JsonSerializer.Deserialize<string[]>(ref reader, options);
        return parts is { Length: > 0 } ? new AccountId(parts) : throw new JsonException("An account's id must be text or a list of texts.");
    }

    public override void Write(Utf8JsonWriter writer, AccountId value, JsonSerializerOptions options)
    {
        if (value.Parts.Count == 1)
        {
            writer.WriteStringValue(value.Parts[0]);
            return;
        }

        JsonSerializer.Serialize(writer, value.Parts, options);
    }
}
