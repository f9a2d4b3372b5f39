namespace Selfsame.Core.Accounts;

/// <summary>A value of one system that is to stand in a field of another.</summary>
/// <param name="Field">The field.</param>
/// <param name="Value">The value, as the system has it from which it comes.</param>
/// <param name="Present">What stands in the field now; null where nothing does, or where the account is yet to be made.</param>
/// <param name="Now">The instant that a field of instants takes for a bare yes.</param>
public readonly record struct ForeignValue(string Field, FieldValue Value, FieldValue Present = default, DateTimeOffset Now = default);

/// <summary>How a system writes a value down.</summary>
/// <param name="Value">The value, exactly as it will be read back. Where nothing of it would be another fact than what stands there, it is what stands there.</param>
/// <param name="Problem">Why the field can't hold it, as what follows "the field" in a sentence; null where it can.</param>
public readonly record struct Spelled(FieldValue Value, string? Problem = null)
{
    public static implicit operator Spelled(FieldValue value) => new(value);

    /// <summary>There is no way to write it there.</summary>
    public static Spelled Not(string problem) => new(FieldValue.Null, problem);
}
