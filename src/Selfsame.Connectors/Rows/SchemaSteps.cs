using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Rows;

/// <summary>What systems answer alike to steps that change their shape.</summary>
internal static class SchemaSteps
{
    /// <summary>A column is not dropped with values in it: whoever takes back their own has made them null before.</summary>
    public static Refused StillHolds(string table, string column)
        => new($"The column {column} of {table} holds values that others wrote since; it was left. Drop it yourself if they may go.");

    /// <summary>
    /// What is to be said of a drop while the index of that name is this one: null where it is the one that the step means and goes; Done where it is the one already that a
    /// later step makes in its place, as after an answer that was lost; else it is somebody's and stays.
    /// </summary>
    /// <param name="steps">The steps of the change.</param>
    /// <param name="drop">The one among them that drops the index.</param>
    /// <param name="present">The definition of the index that has the name now.</param>
    /// <param name="means">Whether that index is what a definition describes.</param>
    public static WriteOutcome? NotDropped(IReadOnlyList<SchemaStep> steps, SchemaStep drop, string present, Func<string, bool> means)
    {
        // Plans of old versions may not say which it was.
        if (drop.Definition.Length == 0 || means(drop.Definition))
        {
            return null;
        }

        var later = steps.SkipWhile(step => step != drop).FirstOrDefault(step => step.Action == SchemaAction.CreateIndex && step.Name == drop.Name);
        return later is not null && means(later.Definition)
            ? new Done()
            : new Drifted($"The index {drop.Name} is another one now, and it was left: {present}.");
    }
}
