using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>What takes a change of a system's shape back, from the indexes that stand there now: only what the run made goes, and only what it dropped comes back. Pure.</summary>
/// <param name="Steps">The steps, in order.</param>
/// <param name="Conflicts">What stays because somebody made it since, one sentence each.</param>
internal sealed record SchemaUndo(IReadOnlyList<SchemaStep> Steps, IReadOnlyList<string> Conflicts)
{
    /// <param name="change">The change.</param>
    /// <param name="entry">What the journal has of it: as images, the indexes before and after.</param>
    /// <param name="present">The definitions of the system's indexes now, by name.</param>
    public static SchemaUndo Of(Change change, JournalEntry entry, Fields present)
        => entry.State is ChangeState.Applied or ChangeState.Intent ? OfMade(change, entry, present) : new SchemaUndo([.. LeftOut(change, entry, present)], []);

    private static SchemaUndo OfMade(Change change, JournalEntry entry, Fields present)
    {
        var (steps, conflicts) = (new List<SchemaStep>(), new List<string>());
        foreach (var step in change.Steps!.Reverse())
        {
            var (now, before) = (present.ValueOrNull(step.Name).AsText, DefinitionBefore(change, entry, step.Name));
            switch (step.Action)
            {
                case SchemaAction.CreateIndex or SchemaAction.DropIndex when now == before:
                    break;
                case SchemaAction.CreateIndex when now is not null && DefinitionAfter(entry, step) is { } made:
                    // Without an image of it the connector compares with what was asked for.
                    if (entry.After is null || now == made)
                    {
                        steps.Add(new SchemaStep(SchemaAction.DropIndex, step.Name, made));
                    }
                    else
                    {
                        conflicts.Add(IsAnother(step.Name, now));
                    }

                    break;
                case SchemaAction.DropIndex when before is not null:
                    if (now is null || steps.Exists(drop => drop.Action == SchemaAction.DropIndex && drop.Name == step.Name))
                    {
                        steps.Add(new SchemaStep(SchemaAction.CreateIndex, step.Name, before));
                    }
                    else
                    {
                        conflicts.Add(IsAnother(step.Name, now));
                    }

                    break;
                case SchemaAction.CreateIndex or SchemaAction.DropIndex:
                    break;
                default:
                    steps.Add(step.Reversed());
                    break;
            }
        }

        return new SchemaUndo(steps, [.. conflicts.Distinct()]);
    }

    /// <summary>What a change that was not made has dropped, and could not make again.</summary>
    private static IEnumerable<SchemaStep> LeftOut(Change change, JournalEntry entry, Fields present)
        => change.Steps!.Where(step => step.Action == SchemaAction.DropIndex && entry.Before?.ContainsKey(step.Name) == true && !present.ContainsKey(step.Name))
            .Select(step => new SchemaStep(SchemaAction.CreateIndex, step.Name, entry.Before![step.Name].AsText!));

    // A run of an old version has no images: its plan says what it dropped.
    private static string? DefinitionBefore(Change change, JournalEntry entry, string index)
        => entry.Before is { } image ? image.ValueOrNull(index).AsText
            : change.Steps!.FirstOrDefault(step => step.Action == SchemaAction.DropIndex && step.Name == index)?.Definition;

    // Null where it was there already, under another name.
    private static string? DefinitionAfter(JournalEntry entry, SchemaStep made) => entry.After is { } image ? image.ValueOrNull(made.Name).AsText : made.Definition;

    private static string IsAnother(string index, string definition) => $"The index {index} is another one by now, and stays: {definition}.";
}
