using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Rows;

/// <summary>What SQL systems answer alike to steps that change their shape.</summary>
internal static class SchemaSteps
{
    /// <summary>A column is not dropped with values in it: whoever takes back their own has made them null before.</summary>
    public static Refused StillHolds(string table, string column)
        => new($"The column {column} of {table} holds values that others wrote since; it was left. Drop it yourself if they may go.");
}
