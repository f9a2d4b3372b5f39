namespace Selfsame.Core.Identifiers;

/// <summary>Which rules made a key.</summary>
public static class KeyRules
{
    /// <summary>
    /// The number of the rules and the Unicode version of the tables, stored with each key: keys of another version are not
    /// comparable, and changing it means that every stored identifier is keyed anew.
    /// </summary>
    public const string Version = "1/unicode-15.0.0";
}
