using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Plans the reverse of a run from what is there now and the journal's before-images. Pure.</summary>
public static class UndoPlanner
{
    /// <param name="run">The run to take back.</param>
    /// <param name="present">Each changed account as it is now, by system and id; one that is not there is gone.</param>
    /// <param name="topology">The present config.</param>
    /// <param name="accounts">How many accounts each system has now.</param>
    /// <param name="stamp">What names the new plan.</param>
    public static Plan Plan(
        RunRecord run,
        IReadOnlyDictionary<(string System, AccountId Id), Account> present,
        Topology topology,
        IReadOnlyDictionary<string, long> accounts,
        PlanStamp stamp)
    {
        var changes = new List<Change>();
        var notPlanned = new List<NotPlanned>();
        foreach (var change in run.Plan.Changes.Reverse())
        {
            switch (Decide(change, run.Entries.GetValueOrDefault(change.Number), present.GetValueOrDefault((change.System, change.Account)), topology))
            {
                case Planned planned: changes.Add(planned.Change with { Number = changes.Count + 1 }); break;
                case LeftAlone left: notPlanned.Add(new NotPlanned(nameof(ChangeReason.Undo), change.System, $"Change {change.Number}, {change.Label}.", left.Because)); break;
            }
        }

        return new Plan
        {
            Id = stamp.Id,
            Created = stamp.Created,
            Tool = stamp.Tool,
            KeyRules = stamp.KeyRules,
            Config = topology.Fingerprint,
            Undoes = run.Plan.Id,
            Accounts = accounts,
            Changes = changes,
            NotPlanned = notPlanned,
        };
    }

    private static Decision? Decide(Change change, JournalEntry? entry, Account? present, Topology topology)
    {
        if (entry is null or { State: ChangeState.Skipped or ChangeState.Refused })
        {
            return null;
        }

        if (entry.State == ChangeState.Intent)
        {
            return new LeftAlone("Whether it was made is not known. Apply the run's plan again, then undo.");
        }

        return change.Action switch
        {
            ChangeAction.Create => UndoCreate(change, entry, present, topology.Systems[change.System].Mapping),
            ChangeAction.Update => UndoUpdate(change, entry, present),
            _ => UndoDelete(change, entry, present, topology.Systems[change.System].Mapping),
        };
    }

    private static Decision? UndoCreate(Change change, JournalEntry entry, Account? present, AccountMapping mapping)
    {
        if (present is null)
        {
            return null;
        }

        var made = entry.After!.Without(mapping.NoiseFields);
        return made.DifferencesFrom(present.Record, "") is { Count: > 0 } changed
            ? new LeftAlone($"The account was changed since: {string.Join(", ", changed)}. Delete it yourself if it should go.")
            : new Planned(Reverse(change) with { Action = ChangeAction.Delete, Before = present.Record, Precondition = made });
    }

    // What is as it was before needs nothing: somebody, or an earlier undo, put it back.
    private static Decision? UndoUpdate(Change change, JournalEntry entry, Account? present)
    {
        if (present is null)
        {
            return new LeftAlone("The account is gone.");
        }

        if (entry.Before!.Only(change.After.Keys).DifferencesFrom(present.Record, "").Count == 0)
        {
            return null;
        }

        var changed = entry.After!.Only(change.After.Keys).DifferencesFrom(present.Record, "");
        if (changed.Count > 0)
        {
            return new LeftAlone($"The account was changed since: {string.Join(", ", changed)}.");
        }

        return new Planned(Reverse(change) with
        {
            Action = ChangeAction.Update,
            Before = present.Record.Only(change.After.Keys),
            After = entry.Before!.Only(change.After.Keys),
            Precondition = present.Record.Only(change.After.Keys),
        });
    }

    private static Decision? UndoDelete(Change change, JournalEntry entry, Account? present, AccountMapping mapping)
    {
        if (present is null)
        {
            return new Planned(Reverse(change) with { Action = ChangeAction.Create, After = entry.Before! });
        }

        return entry.Before!.Without(mapping.NoiseFields).DifferencesFrom(present.Record, "").Count == 0
            ? null
            : new LeftAlone("Another account with this id is there.");
    }

    private static Change Reverse(Change change) => change with
    {
        Reason = ChangeReason.Undo,
        Sentence = $"Takes back change {change.Number}: {change.Sentence}",
        Before = Fields.Empty,
        After = Fields.Empty,
        Precondition = Fields.Empty,
        Reversible = true,
        Effects = [],
    };
}
