using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>Plans the reverse of a run from what is there now and the journal's before-images. Pure.</summary>
public static class UndoPlanner
{
    /// <param name="run">The run to take back.</param>
    /// <param name="present">The changed accounts and rows as they are now.</param>
    /// <param name="topology">The present config.</param>
    /// <param name="accounts">How many accounts each system has now.</param>
    /// <param name="stamp">What names the new plan.</param>
    /// <param name="earlier">The runs that took it back already (<see cref="TakenBack.By"/>): what is there by now may be another run's.</param>
    public static Plan Plan(
        RunRecord run,
        PresentState present,
        Topology topology,
        IReadOnlyDictionary<string, long> accounts,
        PlanStamp stamp,
        IReadOnlyList<RunRecord>? earlier = null)
    {
        earlier ??= [];
        var changes = new List<Change>();
        var notPlanned = new List<NotPlanned>();
        var chains = new IdChains(run.Plan.Changes, system => topology.Systems[system].Mapping);
        foreach (var change in earlier.Any(TakenBack.Wholly) ? [] : run.Plan.Changes.Reverse())
        {
            if (earlier.Any(undo => TakenBack.TookBack(undo, change)))
            {
                continue;
            }

            foreach (var decision in Decide(change, run.Entries.GetValueOrDefault(change.Number), present, topology, chains))
            {
                switch (decision)
                {
                    case Planned planned:
                        changes.Add(planned.Change with { Number = changes.Count + 1 });
                        present.Make(planned.Change);
                        break;
                    case LeftAlone left: notPlanned.Add(new NotPlanned(nameof(ChangeReason.Undo), change.System, $"Change {change.Number}, {change.Label}.", left.Because)); break;
                }
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

    private static List<Decision> Decide(Change change, JournalEntry? entry, PresentState present, Topology topology, IdChains chains)
    {
        // Under the number that it was to get somebody stands who is not as planned.
        if (entry is { State: ChangeState.Skipped, Rows: [var numbered] } && change.Numbered && present.Account(change.System, AccountOf(change, entry, topology.Systems[change.System].Mapping)) is not null)
        {
            return [new LeftAlone($"Whoever has the number {string.Join(", ", numbered.Key.Values)} that it was to get is not as planned. Look at that account, and delete it yourself if the run made it.")];
        }

        if (entry is not null && change.Action == ChangeAction.Schema)
        {
            return UndoSchema(change, entry, present.Indexes(change.System));
        }

        // What was not made as a whole may have left rows behind, where its system has no transactions.
        if (entry is null || (entry.State is ChangeState.Skipped or ChangeState.Refused && (entry.Rows is null || !change.IsOfRows)))
        {
            return [];
        }

        // One that was cut off is judged as when it is gone on with: what is as before was not made, what is as after was.
        if (entry.State == ChangeState.Intent && change.Action == ChangeAction.Create)
        {
            return UndoUnknownCreate(change, entry, present, topology.Systems[change.System]);
        }

        if (change.IsOfRows && entry.Rows is { } rows)
        {
            var mapping = topology.Systems[change.System].Mapping;
            return change.Exchanged is not null ? UndoExchange(change, rows, present, mapping)
                : chains.IsLink(change) ? UndoLink(change, rows, present, mapping, chains.Ahead(change)?.Effects ?? [])
                : entry.State == ChangeState.Intent && present.IsUnmade(change.System, rows) ? []
                : (StrangerUnderNewId(change, present, mapping) ?? StrangerUnderLosersId(change, rows, present, mapping)) is { } stranger ? [stranger]
                : UndoRows(change, rows, present);
        }

        var account = present.Account(change.System, AccountOf(change, entry, topology.Systems[change.System].Mapping));
        var decision = change.Action switch
        {
            ChangeAction.Create => UndoCreate(change, entry, account, topology.Systems[change.System], present.WritesTogether(change.System)),
            ChangeAction.Update => UndoUpdate(change, entry, account),
            _ => UndoDelete(change, entry, account, topology.Systems[change.System].Mapping),
        };
        return decision is null ? [] : change.Action == ChangeAction.Delete && decision is Planned && change.Effects.Count > 0 ? [decision, StaysAway(change)] : [decision];
    }

    /// <summary>What its system let go along with an account is in no journal.</summary>
    private static LeftAlone StaysAway(Change change) => new($"The account comes back. What went with it stays away, for no journal has it: {string.Join(' ', change.Effects)}");

    /// <summary>Why an id is not taken back from whoever has it now: nothing by which the account that took it was known is theirs. Null where it is that account, or nobody has the id.</summary>
    private static LeftAlone? StrangerUnderNewId(Change change, PresentState present, AccountMapping mapping)
    {
        if (change.Action != ChangeAction.Rekey || present.Account(change.System, AccountId.FromRecord(change.After, mapping.Id)!) is not { } account)
        {
            return null;
        }

        var known = new Fields(change.Precondition.Where(pair => !mapping.Id.Contains(pair.Key) && !pair.Value.IsNull && !pair.Value.IsMissing));
        return known.Count > 0 && known.DifferencesFrom(account.Record, "").Count == known.Count
            ? new LeftAlone($"{account.Id} is the id of another account by now: what the run changed of {change.Label} stays. Look whose it is.")
            : null;
    }

    /// <summary>Why a merge is not taken back where a duplicate's id is another account's by now: what referred to the duplicate would be that one's. Null where nobody else has such an id.</summary>
    private static LeftAlone? StrangerUnderLosersId(Change change, IReadOnlyList<RowWrite> rows, PresentState present, AccountMapping mapping)
        => change.Action == ChangeAction.Merge
            && rows.FirstOrDefault(row => row.Table == present.AccountsTable(change.System) && row.Action == RowAction.Delete && IsAnothers(row, present.Row(change.System, row.Table, row.Key), mapping)) is { } gone
            ? new LeftAlone($"{string.Join(", ", gone.Key.Values)} is the id of another account by now: the merge into {change.Label} stays, for what referred to the duplicate would be that account's. Look whose it is.")
            : null;

    /// <summary>Whether who has the id of a removed account is neither that account nor known by anything by which it was.</summary>
    private static bool IsAnothers(RowWrite gone, Fields? account, AccountMapping mapping)
        => account is not null && !gone.Reversed().IsMade(account)
            && new Fields(gone.Before.Only(mapping.Identifiers.Values.Except(mapping.Id)).Where(pair => !pair.Value.IsNull)) is var known && known.DifferencesFrom(account, "").Count == known.Count;

    /// <summary>Row by row, the last first: what is as the change left it goes back; what is as it was is back; anything else is somebody's later work.</summary>
    private static List<Decision> UndoRows(Change change, IReadOnlyList<RowWrite> rows, PresentState present)
    {
        var reversed = new List<RowWrite>();
        var conflicts = new List<Decision>();
        foreach (var row in rows.Reverse())
        {
            if (row.IsMade(present.Row(change.System, row.Table, row.KeyAfter)))
            {
                reversed.Add(row.Reversed());
                present.Make(change.System, row.Reversed());
            }
            else if (!row.Reversed().IsMade(present.Row(change.System, row.Table, row.Key)))
            {
                conflicts.Add(new LeftAlone($"The row {string.Join(", ", row.KeyAfter.Values)} of {row.Table} was changed since; it stays as it is."));
            }
        }

        return reversed.Count == 0
            ? conflicts
            : [new Planned(Reverse(change) with { Action = ChangeAction.Restore, Rows = reversed }), .. conflicts];
    }

    /// <summary>
    /// Only the accounts tell whether ids were exchanged: what refers to two of them looks the same before and after. They are exchanged back with all that refers
    /// to them by then: what came since would be somebody else's if it stayed.
    /// </summary>
    private static List<Decision> UndoExchange(Change change, IReadOnlyList<RowWrite> rows, PresentState present, AccountMapping mapping)
    {
        var table = present.AccountsTable(change.System);
        var traces = new ExchangeTraces(change, rows, table, mapping, id => present.Account(change.System, id));
        if (traces.IsUnmade)
        {
            return [];
        }

        if (!traces.AreAllKnown)
        {
            return [new LeftAlone($"The accounts are not those to which the run gave these ids any more: {traces.Changed}. Exchange them in the application if they should go back.")];
        }

        var back = ExchangedBack(change, mapping, (id, relied) => present.Account(change.System, AccountId.FromRecord(id, mapping.Id)!)!.Record.OrMissing(relied.Keys));

        TakeBack(change, rows, present, mapping);
        return traces.Changed.Length == 0 ? [new Planned(back)]
            : [new Planned(back), new LeftAlone($"The accounts exchange their ids back. What somebody changed since stays: {traces.Changed}.")];
    }

    /// <summary>
    /// An account whose old id another took takes it back when that one has given it back, with all that refers to it by then: what came since would be the other's if it stayed.
    /// </summary>
    private static List<Decision> UndoLink(Change change, IReadOnlyList<RowWrite> rows, PresentState present, AccountMapping mapping, IReadOnlyList<string> effects)
    {
        Account? PresentAccount(AccountId id) => present.Account(change.System, id);
        if (rows.Count == 0 || IdChains.Likeness(change, mapping, PresentAccount, "") < 0)
        {
            return [];
        }

        var id = IdChains.IdAfter(change, mapping);
        if (PresentAccount(id) is not { } account)
        {
            return [new LeftAlone("The account is gone.")];
        }

        if (StrangerUnderNewId(change, present, mapping) is { } stranger)
        {
            return [stranger];
        }

        if (PresentAccount(change.Account) is not null)
        {
            return [new LeftAlone($"{change.Account} is the id of another account by now: {change.Label} keeps {id}. Look whose it is.")];
        }

        var back = Reverse(change) with
        {
            Account = id,
            Before = change.After,
            After = change.Before,
            Precondition = account.Record.OrMissing(change.Precondition.Keys),
            Effects = effects,
            References = change.References,
        };
        TakeBack(change, rows, present, mapping);
        return [new Planned(back)];
    }

    /// <summary>Makes the reverse of accounts' new ids here: what of the run came before is judged by what this leaves.</summary>
    private static void TakeBack(Change change, IReadOnlyList<RowWrite> rows, PresentState present, AccountMapping mapping)
    {
        foreach (var row in rows.Reverse())
        {
            if (ExchangeTraces.IsOfAccount(row, present.AccountsTable(change.System), mapping))
            {
                present.Make(change.System, row.Reversed() with { After = row.Key });
            }
            else if (row.IsMade(present.Row(change.System, row.Table, row.KeyAfter)))
            {
                present.Make(change.System, row.Reversed());
            }
        }
    }

    /// <param name="change">The exchange.</param>
    /// <param name="mapping">What the accounts' fields mean.</param>
    /// <param name="reliedUpon">What the account that has an id now holds of the fields on which the exchange relied.</param>
    private static Change ExchangedBack(Change change, AccountMapping mapping, Func<Fields, Fields, Fields> reliedUpon) => Reverse(change) with
    {
        Account = AccountId.FromRecord(change.After, mapping.Id)!,
        Before = change.After,
        After = change.Before,
        Precondition = reliedUpon(change.After, change.Precondition),
        Effects = change.Effects,
        References = change.References,

        // Whoever gave the first its id is now the one whose id that takes.
        Exchanged = [.. change.Exchanged!.Reverse().Select(other => new ExchangedAccount(
            AccountId.FromRecord(other.After, mapping.Id)!, other.Label, other.After, other.Before, reliedUpon(other.After, other.Precondition)))],
    };

    private static List<Decision> UndoSchema(Change change, JournalEntry entry, Fields indexes)
    {
        var (steps, conflicts) = SchemaUndo.Of(change, entry, indexes);
        Decision[] planned = steps.Count == 0 ? [] :
        [
            new Planned(Reverse(change) with
            {
                Action = ChangeAction.Schema,
                Steps = steps,
                Effects =
                [
                    .. steps.Where(step => step.Action == SchemaAction.CreateIndex)
                        .Select(step => $"The index {step.Name} comes back only if it holds no two accounts to be equal by then; a full one holds so whoever has an empty value."),
                    .. steps.Where(step => step.Action == SchemaAction.DropField)
                        .Select(step => $"The field {step.Name} goes only if nothing stands in it by then: a value that somebody wrote since the run keeps it."),
                ],
            }),
        ];
        return [.. planned, .. conflicts.Select(conflict => new LeftAlone(conflict))];
    }

    private static List<Decision> UndoUnknownCreate(Change change, JournalEntry entry, PresentState present, SystemConfig system)
    {
        // Its id is not known yet.
        if (change.For is not null || (change.Numbered && entry.Rows is null))
        {
            return [new LeftAlone("Whether the account was made is not known. Look for it, and delete it yourself if it was.")];
        }

        if (present.Account(change.System, AccountOf(change, entry, system.Mapping)) is not { } account)
        {
            return [];
        }

        return NotAsSent(change.After.Without(system.Mapping.NoiseFields), account.Record).Count > 0
            ? [new LeftAlone("Whether the account was made is not known: the one under its id is not as it was sent. Look at it, and delete it yourself if it should go.")]
            : UndoCreate(change, entry with { After = account.Record }, account, system, present.WritesTogether(change.System)) is { } decision ? [decision] : [];
    }

    private static Decision? UndoCreate(Change change, JournalEntry entry, Account? present, SystemConfig system, bool writesTogether)
    {
        var mapping = system.Mapping;
        // An image of the id alone is one of an account that the system did not show.
        if (entry.After is null ? present is not null || change.For is not null || change.Numbered : entry.After.Keys.All(mapping.Id.Contains) && !change.After.Keys.All(mapping.Id.Contains))
        {
            return new LeftAlone("The account was not seen when it was made. Look at it, and delete it yourself if it should go.");
        }

        if (present is null)
        {
            return null;
        }

        // What was sent must stand there as it was sent: the image was made a moment after the account, and may show somebody else's write. A system that gives
        // ids itself is asked for the image at once, and may have spelled what it was sent.
        var made = entry.After!.Without(mapping.NoiseFields);
        var effects = change.Effects.Where(Creation.IsOfUndo).ToList();
        var overwritten = change.For is null ? NotAsSent(change.After.Without(mapping.NoiseFields), present.Record) : [];
        return overwritten.Concat(made.DifferencesFromWhole(present.Record, mapping.NoiseFields, "")).Distinct().ToList() is { Count: > 0 } changed
            ? new LeftAlone($"The account was changed since: {string.Join(", ", changed)}. Delete it yourself if it should go.")
            : new Planned(Reverse(change) with
            {
                Action = ChangeAction.Delete,
                Account = present.Id,
                Before = present.Record,
                Precondition = made,
                // What goes with the account is in no journal.
                Reversible = effects.Count == 0,
                Effects = effects,
                // Guarded: what the account made since stays, and so does the account. With records of its own it goes with these, by itself as guarded.
                References = writesTogether && system.Records.Count == 0 && system.UserCode is null ? [] : null,
            });
    }

    // What is as it was before needs nothing: somebody, or an earlier undo, put it back.
    private static Decision? UndoUpdate(Change change, JournalEntry entry, Account? present)
    {
        if (present is null)
        {
            return new LeftAlone("The account is gone.");
        }

        if (entry.Before!.OrMissing(change.After.Keys).DifferencesFrom(present.Record, "").Count == 0)
        {
            return null;
        }

        // Compared with what was sent, not with what was seen afterwards: by then somebody else may have written.
        var changed = NotAsSent(change.After, present.Record);
        if (changed.Count > 0)
        {
            return new LeftAlone($"The account was changed since: {string.Join(", ", changed)}.");
        }

        return new Planned(Reverse(change) with
        {
            Action = ChangeAction.Update,
            Before = present.Record.Only(change.After.Keys),
            After = entry.Before!.OrMissing(change.After.Keys),
            Precondition = present.Record.Only(change.After.Keys),
        });
    }

    private static List<string> NotAsSent(Fields sent, Fields present)
        => [.. sent.Where(pair => !pair.Value.SameFactAs(present.ValueOrNull(pair.Key))).Select(pair => pair.Key)];

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

    /// <summary>The id of the account that a change was about: where the system gave it, the journal has it.</summary>
    internal static AccountId AccountOf(Change change, JournalEntry? entry, AccountMapping mapping)
        => (change.For is not null || change.Numbered) && (entry?.After ?? (change.Numbered && entry?.Rows is [var row] ? row.Key : null)) is { } made ? AccountId.FromRecord(made, mapping.Id)! : change.Account;

    private static Change Reverse(Change change) => change with
    {
        Reason = ChangeReason.Undo,
        Sentence = $"Takes back change {change.Number}: {change.Sentence}",
        Before = Fields.Empty,
        After = Fields.Empty,
        Precondition = Fields.Empty,
        Reversible = true,
        Effects = [],
        Losers = null,
        References = null,
        Rows = null,
        Steps = null,
        PasswordFrom = null,
        For = null,
        From = null,
        Numbered = false,
        Exchanged = null,
        Follows = null,
        TakesAlong = null,
    };
}
