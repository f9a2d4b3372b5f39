using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Selfsame.Core.Accounts;

/// <summary>
/// Named values of one record, in the ordinal order of their names, equal when all names and values are. Immutable.
/// </summary>
[JsonConverter(typeof(FieldsConverter))]
[SuppressMessage("Naming", "CA1710", Justification = "The domain's word for a record's values.")]
public sealed class Fields : IReadOnlyDictionary<string, FieldValue>, IEquatable<Fields>
{
    private readonly SortedDictionary<string, FieldValue> values;

    public Fields(IEnumerable<KeyValuePair<string, FieldValue>> values)
    {
        this.values = new SortedDictionary<string, FieldValue>(StringComparer.Ordinal);
        foreach (var (name, value) in values)
        {
            this.values.Add(name, value);
        }
    }

    public static Fields Empty { get; } = new([]);

    public int Count => values.Count;

    public IEnumerable<string> Keys => values.Keys;

    public IEnumerable<FieldValue> Values => values.Values;

    public FieldValue this[string key] => values[key];

    public bool ContainsKey(string key) => values.ContainsKey(key);

    public bool TryGetValue(string key, out FieldValue value) => values.TryGetValue(key, out value);

    /// <summary>The value of that name; null where the record lacks it, as documents do.</summary>
    public FieldValue ValueOrNull(string name) => values.TryGetValue(name, out var value) ? value : FieldValue.Null;

    /// <summary>The fields of those <paramref name="names"/>, a field that is not there as <see cref="FieldValue.Missing"/>: what an update of them can be taken back with.</summary>
    public Fields OrMissing(IEnumerable<string> names)
        => new(names.Distinct().Select(name => KeyValuePair.Create(name, values.TryGetValue(name, out var value) ? value : FieldValue.Missing)));

    /// <summary>Only the fields whose names are among <paramref name="names"/>.</summary>
    public Fields Only(IEnumerable<string> names) => new(names.Distinct().Where(ContainsKey).Select(name => KeyValuePair.Create(name, values[name])));

    /// <summary>All fields but those named.</summary>
    public Fields Without(IReadOnlySet<string> names) => new(values.Where(pair => !names.Contains(pair.Key)));

    /// <summary>These fields with <paramref name="changes"/> put over them.</summary>
    public Fields With(Fields changes)
        => new(values.Where(pair => !changes.ContainsKey(pair.Key)).Concat(changes));

    /// <summary>Secret values replaced by their digests under <paramref name="salt"/>.</summary>
    public Fields Redacted(string salt)
        => new(values.Select(pair => SecretFields.Looks(pair.Key) && !pair.Value.IsNull
            ? KeyValuePair.Create(pair.Key, pair.Value.Digest(salt))
            : pair));

    /// <summary>The names whose values in <paramref name="present"/> are not these; digests are compared as digests.</summary>
    public IReadOnlyList<string> DifferencesFrom(Fields present, string salt)
        => [.. values.Where(pair => !pair.Value.Matches(present.ValueOrNull(pair.Key), salt)).Select(pair => pair.Key)];

    public IEnumerator<KeyValuePair<string, FieldValue>> GetEnumerator() => values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => values.GetEnumerator();

    public bool Equals(Fields? other)
        => other is not null && Count == other.Count
            && values.All(pair => other.values.TryGetValue(pair.Key, out var value) && value == pair.Value);

    public override bool Equals(object? obj) => Equals(obj as Fields);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var (name, value) in values)
        {
            hash.Add(name, StringComparer.Ordinal);
            hash.Add(value);
        }

        return hash.ToHashCode();
    }

    public override string ToString() => string.Join(", ", values.Select(pair => $"{pair.Key}={(SecretFields.Looks(pair.Key) ? "•••" : pair.Value)}"));
}

/// <summary>Which fields hold secrets, going by their names: these never stand readable in a plan.</summary>
public static class SecretFields
{
    private static readonly string[] Words = ["password", "passwd", "user_pass", "pwd", "secret", "token", "hash", "salt", "otp"];

    public static bool Looks(string field) => Array.Exists(Words, word => field.Contains(word, StringComparison.OrdinalIgnoreCase));
}

internal sealed class FieldsConverter : JsonConverter<Fields>
{
    public override Fields Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("Fields must be an object.");
        }

        var values = new Dictionary<string, FieldValue>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (!values.TryAdd(name, FieldValue.Read(ref reader)))
            {
                throw new JsonException($"The field '{name}' stands twice.");
            }
        }

        return new Fields(values);
    }

    public override void Write(Utf8JsonWriter writer, Fields value, JsonSerializerOptions options)
    {
        writer.WriteStartObject();
        foreach (var (name, field) in value)
        {
            writer.WritePropertyName(name);
            field.Write(writer);
        }

        writer.WriteEndObject();
    }
}
