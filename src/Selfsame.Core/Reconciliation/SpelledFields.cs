using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>
/// The fields that a change sets, each value as its system will read it back. A value that a field can't hold is never sent: the change is left alone.
/// </summary>
/// <param name="system">The system that is changed.</param>
/// <param name="origin">The system whose values they are.</param>
/// <param name="now">When the plan is made: what a field of instants takes for a bare yes.</param>
internal sealed class SpelledFields(SystemPicture system, string origin, DateTimeOffset now)
{
    private const int LongestShown = 60;

    private readonly Dictionary<string, FieldValue> fields = new(StringComparer.Ordinal);

    /// <summary>Why the change can't be made, of the first value that has no place; null where all have.</summary>
    public LeftAlone? Problem { get; private set; }

    public bool Has(string field) => fields.ContainsKey(field);

    /// <summary>Sets the field to a value of the other system; a field that can't take null keeps what it has, or gets its own default.</summary>
    public void Add(string field, FieldValue value, FieldValue present = default)
    {
        var (spelled, problem) = system.Facts.Spell(new ForeignValue(field, value, present, now));
        if (problem is null)
        {
            if (!Drift.CanNotTakeNull(system, field, spelled))
            {
                fields[field] = spelled;
            }
        }
        else
        {
            var shown = SecretFields.Looks(field) ? "another value" : $"'{ShownText.Short(value.ToString(), LongestShown)}'";
            Problem ??= new LeftAlone(
                $"{field} of {system.Config.Name} {problem}, and {origin} has {shown}: correct it there, map the attribute to another field, or take it out of the config.");
        }
    }

    /// <summary>Sets the field to a value that is not to be spelled.</summary>
    public void AddAsIs(string field, FieldValue value) => fields[field] = value;

    public Fields ToFields() => new(fields);
}
