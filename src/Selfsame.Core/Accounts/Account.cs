using System.Collections.ObjectModel;

namespace Selfsame.Core.Accounts;

/// <summary>One record in one connected system.</summary>
public sealed record Account
{
    public required AccountId Id { get; init; }

    /// <summary>The raw identifiers; one that is null, empty or nothing but blanks in the record is not here.</summary>
    public required IReadOnlyDictionary<IdentifierKind, string> Identifiers { get; init; }

    /// <summary>Why the value of an identifier is none, where it is no text (<see cref="IdentifierForms.NotText(IdentifierKind, FieldValue)"/>).</summary>
    public IReadOnlyDictionary<IdentifierKind, string> NotText { get; init; } = ReadOnlyDictionary<IdentifierKind, string>.Empty;

    /// <summary>What the config maps, by the config's names.</summary>
    public required Fields Attributes { get; init; }

    /// <summary>The whole record by the system's own field names: the before-image of any change.</summary>
    public required Fields Record { get; init; }

    /// <summary>How a person recognises it: the username, the e-mail or the id; cut where it is longer than any of these can be.</summary>
    public string Label
        => ShownText.Short(
            Identifiers.GetValueOrDefault(IdentifierKind.Username)
                ?? Identifiers.GetValueOrDefault(IdentifierKind.Email)
                ?? Id.ToString(),
            LongestLabel);

    // Of an address (RFC 5321, section 4.5.3.1).
    private const int LongestLabel = 254;
}

/// <summary>Where an attribute stands in a record.</summary>
/// <param name="Field">The system's field.</param>
/// <param name="Noise">It changes by itself (a last sign-in): neither drift nor precondition.</param>
public sealed record AttributeMapping(string Field, bool Noise = false);

/// <summary>Which fields of a system's records are the id, the identifiers and the attributes.</summary>
public sealed record AccountMapping
{
    /// <summary>The attribute that says whether the e-mail is proved; a boolean, or an instant that may be null.</summary>
    public const string EmailVerified = "emailVerified";

    /// <summary>The attribute that disabling sets to false.</summary>
    public const string Active = "active";

    /// <summary>What the config calls <see cref="PasswordHash"/>, among the attributes.</summary>
    public const string PasswordHashName = "passwordHash";

    public required IReadOnlyList<string> Id { get; init; }

    public required IReadOnlyDictionary<IdentifierKind, string> Identifiers { get; init; }

    public IReadOnlyDictionary<string, AttributeMapping> Attributes { get; init; } = new Dictionary<string, AttributeMapping>();

    /// <summary>
    /// The field that holds the password's hash or takes one at a creation; null where none is mapped. It is no attribute: a hash is carried
    /// to accounts that are created, and compared and shown nowhere.
    /// </summary>
    public string? PasswordHash { get; init; }

    /// <summary>Every field that is mapped; one that is mapped twice stands here twice.</summary>
    public IEnumerable<string> MappedFields
        => [.. Id, .. Identifiers.Values, .. Attributes.Values.Select(attribute => attribute.Field), .. PasswordHash is null ? [] : new[] { PasswordHash }];

    /// <summary>The fields that change by themselves.</summary>
    public IReadOnlySet<string> NoiseFields
        => Attributes.Values.Where(attribute => attribute.Noise).Select(attribute => attribute.Field).ToHashSet(StringComparer.Ordinal);

    /// <summary>Whether setting these fields leaves an account disabled.</summary>
    public bool LeavesDisabled(Fields set)
        => Attributes.GetValueOrDefault(Active) is { } active && set.TryGetValue(active.Field, out var value) && !value.IsTruthy;

    /// <summary>Whether setting these fields gives an account an address, says whether that is proved, or whether the account is active.</summary>
    public bool BringsAddress(Fields set)
    {
        string?[] telling = [Identifiers.GetValueOrDefault(IdentifierKind.Email), Attributes.GetValueOrDefault(EmailVerified)?.Field, Attributes.GetValueOrDefault(Active)?.Field];
        return set.Keys.Any(telling.Contains);
    }

    /// <summary>The account that a record is; null when its id is null or bytes.</summary>
    public Account? ToAccount(Fields record)
    {
        if (AccountId.FromRecord(record, Id) is not { } id)
        {
            return null;
        }

        var identifiers = Identifiers
            .Select(pair => KeyValuePair.Create(pair.Key, IdentifierText(record.ValueOrNull(pair.Value))))
            .Where(pair => !IdentifierForms.IsBlank(pair.Value))
            .ToDictionary(pair => pair.Key, pair => pair.Value);
        return new Account
        {
            Id = id,
            Identifiers = identifiers,
            NotText = NotText(record),
            Attributes = new Fields(Attributes.Select(pair => KeyValuePair.Create(pair.Key, record.ValueOrNull(pair.Value.Field)))),
            Record = record,
        };
    }

    /// <summary>The account with null for identifiers that are nothing but blanks: nothing refers to anybody by them.</summary>
    public Account WithoutBlanks(Account account)
    {
        var blank = Identifiers.Values.Where(field => !Id.Contains(field) && account.Record.ValueOrNull(field) is { IsNull: false } value && IdentifierForms.IsBlank(value.ToString())).ToList();
        return blank.Count == 0 ? account : account with { Record = account.Record.With(new Fields(blank.Select(field => KeyValuePair.Create(field, FieldValue.Null)))) };
    }

    private IReadOnlyDictionary<IdentifierKind, string> NotText(Fields record)
    {
        Dictionary<IdentifierKind, string>? none = null;
        foreach (var (kind, field) in Identifiers)
        {
            if (IdentifierForms.NotText(kind, record.ValueOrNull(field)) is { } why)
            {
                (none ??= []).Add(kind, why);
            }
        }

        return none ?? (IReadOnlyDictionary<IdentifierKind, string>)ReadOnlyDictionary<IdentifierKind, string>.Empty;
    }

    // An identifier that is not text (a number in an e-mail column) is shown as it reads, and has no key.
    private static string IdentifierText(FieldValue value) => value.IsNull ? "" : value.ToString();
}
