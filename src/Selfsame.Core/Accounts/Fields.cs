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
    private readonly string[] names;
    private readonly FieldValue[] values;

    public Fields(IEnumerable<KeyValuePair<string, FieldValue>> values)
    {
        var sorted = values.ToArray();
        Array.Sort(sorted, static (one, other) => string.CompareOrdinal(one.Key, other.Key));
        names = Array.ConvertAll(sorted, pair => pair.Key);
        this.values = Array.ConvertAll(sorted, pair => pair.Value);
        for (var index = 1; index < names.Length; index++)
        {
            if (names[index] == names[index - 1])
            {
                throw new ArgumentException($"The field '{names[index]}' stands twice.", nameof(values));
            }
        }
    }

    /// <summary>A record whose names it shares with others; <paramref name="values"/> stand in the order in which the names were given.</summary>
    public Fields(FieldNames names, ReadOnlySpan<FieldValue> values)
    {
        this.names = names.Sorted;
        this.values = names.InOrder(values);
    }

    public static Fields Empty { get; } = new([]);

    public int Count => names.Length;

    public IEnumerable<string> Keys => names;

    public IEnumerable<FieldValue> Values => values;

    public FieldValue this[string key] => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"There is no field '{key}'.");

    public bool ContainsKey(string key) => IndexOf(key) >= 0;

    public bool TryGetValue(string key, out FieldValue value)
    {
        var index = IndexOf(key);
        value = index >= 0 ? values[index] : FieldValue.Null;
        return index >= 0;
    }

    /// <summary>The value of that name; null where the record lacks it, as documents do.</summary>
    public FieldValue ValueOrNull(string name) => TryGetValue(name, out var value) ? value : FieldValue.Null;

    /// <summary>The fields of those <paramref name="names"/>, a field that is not there as <see cref="FieldValue.Missing"/>: what an update of them can be taken back with.</summary>
    public Fields OrMissing(IEnumerable<string> names)
        => new(names.Distinct().Select(name => KeyValuePair.Create(name, TryGetValue(name, out var value) ? value : FieldValue.Missing)));

    /// <summary>Only the fields whose names are among <paramref name="names"/>.</summary>
    public Fields Only(IEnumerable<string> names) => new(names.Distinct().Where(ContainsKey).Select(name => KeyValuePair.Create(name, this[name])));

    /// <summary>All fields but those named.</summary>
    public Fields Without(IReadOnlySet<string> names) => new(this.Where(pair => !names.Contains(pair.Key)));

    /// <summary>These fields with <paramref name="changes"/> put over them.</summary>
    public Fields With(Fields changes)
        => new(this.Where(pair => !changes.ContainsKey(pair.Key)).Concat(changes));

    /// <summary>Secret values replaced by their digests under <paramref name="salt"/>.</summary>
    public Fields Redacted(string salt)
        => new(this.Select(pair => SecretFields.Looks(pair.Key) && !pair.Value.IsNull
            ? KeyValuePair.Create(pair.Key, pair.Value.Digest(salt))
            : pair));

    /// <summary>The names whose values in <paramref name="present"/> are not these; digests are compared as digests.</summary>
    public IReadOnlyList<string> DifferencesFrom(Fields present, string salt)
        => [.. this.Where(pair => !pair.Value.Matches(present.ValueOrNull(pair.Key), salt)).Select(pair => pair.Key)];

    /// <summary>As <see cref="DifferencesFrom"/>, where these are a whole record but for its <paramref name="noise"/>: a value that <paramref name="present"/> has besides is a difference too.</summary>
    public IReadOnlyList<string> DifferencesFromWhole(Fields present, IReadOnlySet<string> noise, string salt)
        => [.. DifferencesFrom(present, salt), .. present.Where(pair => pair.Value is { IsNull: false, IsMissing: false } && !ContainsKey(pair.Key) && !noise.Contains(pair.Key)).Select(pair => pair.Key)];

    public IEnumerator<KeyValuePair<string, FieldValue>> GetEnumerator()
    {
        for (var index = 0; index < names.Length; index++)
        {
            yield return KeyValuePair.Create(names[index], values[index]);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public bool Equals(Fields? other)
        => other is not null && names.AsSpan().SequenceEqual(other.names) && values.AsSpan().SequenceEqual(other.values);

    public override bool Equals(object? obj) => Equals(obj as Fields);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var (name, value) in this)
        {
            hash.Add(name, StringComparer.Ordinal);
            hash.Add(value);
        }

        return hash.ToHashCode();
    }

    public override string ToString() => string.Join(", ", this.Select(pair => $"{pair.Key}={(SecretFields.Looks(pair.Key) ? "•••" : pair.Value)}"));

    private int IndexOf(string name) => Array.BinarySearch(names, name, StringComparer.Ordinal);
}

/// <summary>The names of the fields that the records of one read have, sorted once for all of them.</summary>
public sealed class FieldNames
{
    private readonly int[] places;

    /// <param name="names">Different names in any order.</param>
    public FieldNames(IReadOnlyList<string> names)
    {
        Sorted = [.. names.Order(StringComparer.Ordinal)];
        places = [.. Sorted.Select(name => Enumerable.Range(0, names.Count).First(index => names[index] == name))];
        if (Sorted.Distinct(StringComparer.Ordinal).Count() != Sorted.Length)
        {
            throw new ArgumentException("A record has each field once.", nameof(names));
        }
    }

    internal string[] Sorted { get; }

    internal FieldValue[] InOrder(ReadOnlySpan<FieldValue> values)
    {
        var ordered = new FieldValue[places.Length];
        for (var index = 0; index < ordered.Length; index++)
        {
            ordered[index] = values[places[index]];
        }

        return ordered;
    }
}

/// <summary>Which fields hold secrets, going by their names: these never stand readable in a plan.</summary>
public static class SecretFields
{
    private static readonly string[] Words = ["password", "passwd", "user_pass", "pwd", "secret", "token", "hash", "salt", "otp"];

    // Each is two words, or would stand in other words by itself: a key is mostly none, nor a code, and a stamp is mostly a time.
    private static readonly string[] Joined =
    [
        "apikey", "authkey", "activationkey", "useractkey", "accesskey", "privatekey", "encryptionkey", "signingkey", "recoverykey", "backupkey", "resetkey", "confirmationkey", "confirmkey",
        "verificationkey", "verifykey", "rememberkey", "sessionkey", "masterkey", "authenticatorkey", "validationkey",
        "recoverycode", "backupcode", "scratchcode", "activationcode", "verificationcode", "confirmationcode", "resetcode", "accesscode", "authcode", "logincode",
        "recoveryphrase", "securityanswer", "securitystamp", "rememberdigest", "activationdigest", "resetdigest", "passcode", "passphrase", "credential",
    ];

    public static bool Looks(string field)
        => Array.Exists(Words, word => field.Contains(word, StringComparison.OrdinalIgnoreCase))
            || (FieldWords.Joined(field) is var joined && (joined == "pass" || Array.Exists(Joined, word => joined.Contains(word, StringComparison.Ordinal))))
            || FieldWords.Of(field).Any(word => word.Equals("pin", StringComparison.OrdinalIgnoreCase));
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
