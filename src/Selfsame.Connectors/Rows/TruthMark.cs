using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Rows;

/// <summary>In what a field says yes and no.</summary>
internal enum TruthForm
{
    Boolean,

    /// <summary>1 and 0.</summary>
    Number,

    /// <summary>When it became so, and null.</summary>
    Instant,

    /// <summary>Words that are known, or an instant.</summary>
    Text,

    /// <summary>A type that says neither.</summary>
    None,
}

/// <summary>
/// The values of <c>active</c> and <c>emailVerified</c>, which say yes or no whatever type holds them. What says the same already stays as it is.
/// </summary>
internal static class TruthMark
{
    private static readonly (string Yes, string No)[] Words = [("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("on", "off"), ("1", "0")];

    public static bool IsOne(AccountMapping mapping, string field)
        => mapping.Attributes.Any(pair => pair.Key is AccountMapping.Active or AccountMapping.EmailVerified && pair.Value.Field == field);

    /// <summary>The mark as a value of the field's kind, which its exact type may still have to spell.</summary>
    /// <param name="mapping">What the fields mean.</param>
    /// <param name="foreign">The mark of the other system.</param>
    /// <param name="form">The field's kind.</param>
    /// <param name="notNull">Whether the field must have a value.</param>
    public static Spelled In(AccountMapping mapping, ForeignValue foreign, TruthForm form, bool notNull)
    {
        var (value, present) = (foreign.Value, foreign.Present);
        var nothingStands = present.IsNull || present.IsMissing;
        if (value.IsNull || value.IsMissing)
        {
            // An address that nobody proved is not proved; whether an account of which nothing is said is active is not ours to say.
            if (mapping.Attributes.GetValueOrDefault(AccountMapping.EmailVerified)?.Field != foreign.Field || form is TruthForm.None || (form is TruthForm.Text && nothingStands))
            {
                return FieldValue.Null;
            }

            value = FieldValue.Boolean(false);
            foreign = foreign with { Value = value };
        }

        if (!nothingStands && present.IsTruthy == value.IsTruthy)
        {
            return present;
        }

        return form switch
        {
            TruthForm.Boolean => FieldValue.Boolean(value.IsTruthy),
            TruthForm.Number => value.Raw is long or double ? value : FieldValue.Integer(value.IsTruthy ? 1 : 0),
            TruthForm.Instant => InInstant(foreign, notNull),
            TruthForm.Text => InText(foreign, notNull),
            _ => Spelled.Not("is of a type that says neither yes nor no"),
        };
    }

    private static Spelled InInstant(ForeignValue foreign, bool notNull)
        => foreign.Value.IsTruthy ? Since(foreign)
            : notNull ? Spelled.Not("must hold an instant, so that it can't say no")
            : FieldValue.Null;

    // A text without a word is an instant's, or nobody's yet.
    private static Spelled InText(ForeignValue foreign, bool notNull)
    {
        var (value, word) = (foreign.Value, foreign.Present.ToString().Trim());
        if (foreign.Present.IsNull || foreign.Present.IsMissing || word.Length == 0)
        {
            return value.Raw is string ? value : FieldValue.Text(value.IsTruthy ? "true" : "false");
        }

        if (Array.Find(Words, pair => Same(pair.Yes, word) || Same(pair.No, word)) is { Yes: not null } words)
        {
            return FieldValue.Text(InCaseOf(word, value.IsTruthy ? words.Yes : words.No));
        }

        return Instant.Of(foreign.Present) is not null ? InInstant(foreign, notNull)
            : Spelled.Not($"holds '{word}', and which word says {(value.IsTruthy ? "yes" : "no")} there is not known");
    }

    private static FieldValue Since(ForeignValue foreign)
        => Instant.Of(foreign.Value) is not null ? foreign.Value
            : FieldValue.Native("timestamp with time zone", new Instant(foreign.Now.UtcDateTime, InstantForm.SqlWithZone).RoundedTo(TimeSpan.TicksPerSecond)!.In(InstantForm.SqlWithZone));

    private static string InCaseOf(string sample, string word)
        => !char.IsUpper(sample[0]) ? word
            : sample.Length > 1 && char.IsLower(sample[1]) ? char.ToUpperInvariant(word[0]) + word[1..]
            : word.ToUpperInvariant();

    private static bool Same(string word, string present) => string.Equals(word, present, StringComparison.OrdinalIgnoreCase);
}
