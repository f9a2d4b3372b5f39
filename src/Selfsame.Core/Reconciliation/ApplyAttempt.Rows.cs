using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation;

/// <summary>The part of an attempt that changes several rows as one.</summary>
internal sealed partial class ApplyAttempt
{
    // Somebody may write a reference between the look and the transaction; then it is looked at again.
    private const int MaximumLooks = 4;
    private const int Sweeps = 2;
    private const int SweepPortion = 200;

    private async Task<bool> ChangeRowsAsync(IReadOnlyList<Change> portion, CancellationToken cancellation)
    {
        var held = await HoldAddressesAsync([.. portion.Where(change => !entries.ContainsKey(change.Number))], cancellation);
        var open = portion.Where(change => !held.ContainsKey(change.Number)).ToList();
        var outcomes = held.Values.OfType<JournalOutcome>().ToList();
        var taken = new Dictionary<int, AlreadyExists>();
        var looks = new Dictionary<int, int>();
        while ((open = WithoutThoseBehind(open, outcomes)).Count > 0)
        {
            var prepared = await rowChanges.PrepareAsync(open, EarlierRows, WrittenIn, cancellation);
            foreach (var hindered in prepared.Where(change => change.Hindrance is not null))
            {
                outcomes.Add(await WithoutRestAsync(hindered.Change, new JournalOutcome(hindered.Change.Number, ChangeState.Skipped, null, hindered.Hindrance)));
            }

            // What still comes to the same is not sent again.
            bool IsRefused(PreparedChange change) => change.Hindrance is null && taken.ContainsKey(change.Change.Number) && change.Rows.SequenceEqual(EarlierRows(change.Change));
            foreach (var refused in prepared.Where(IsRefused))
            {
                outcomes.Add(await WithoutRestAsync(refused.Change, NotDone(refused.Change, taken[refused.Change.Number])!));
            }

            var (ready, behind) = WithTheirChains(prepared, change => change.Hindrance is null && !IsRefused(change));
            if (ready.Count > 0)
            {
                if (!await RecordIntentsAsync(ready, cancellation))
                {
                    return false;
                }

                crashPoints.Reach(ApplyCrashPoints.IntentDurable);
            }

            var (concluded, again) = await WriteRowsAsync(ready, taken, looks, cancellation);
            outcomes.AddRange(concluded);
            open = [.. again.Concat(behind).OrderBy(change => change.Number)];
        }

        // Before the outcomes are durable: who takes the run up after a crash asks as well.
        await AskServiceAsync(portion, outcomes);
        return await RecordAsync(outcomes);
    }

    private async Task<bool> RecordIntentsAsync(IReadOnlyList<PreparedChange> ready, CancellationToken cancellation)
    {
        var intents = ready.Select(change => new JournalIntent(change.Change.Number, null, change.Rows)).ToList();
        if (!await journal.RecordIntentsAsync(Lease, plan.Id, intents, cancellation))
        {
            return false;
        }

        foreach (var intent in intents)
        {
            entries[intent.Number] = new JournalEntry(intent.Number, ChangeState.Intent, null, null, null, intent.Rows);
        }

        return true;
    }

    private async Task<(List<JournalOutcome> Concluded, List<Change> Again)> WriteRowsAsync(
        List<PreparedChange> ready, Dictionary<int, AlreadyExists> taken, Dictionary<int, int> looks, CancellationToken cancellation)
    {
        var (concluded, done, again, sent) = (new List<JournalOutcome>(), new List<Change>(), new List<Change>(), 0);
        var notMade = ready.Select(prepared => prepared.Change.Number).ToHashSet();

        // Undo takes back the last of the plan first: what has a row in common with a change that is looked at again waits for that.
        var waiting = new List<PreparedChange>();
        foreach (var wave in rowChanges.Waves(ready))
        {
            var freed = wave.ToLookup(prepared => (chains.Ahead(prepared.Change) is not { } ahead || !notMade.Contains(ahead.Number)) && !rowChanges.IsBehind(prepared, waiting));
            again.AddRange(freed[false].Select(prepared => prepared.Change));
            waiting.AddRange(freed[false]);
            foreach (var (change, outcome) in await WriteWaveAsync([.. freed[true]], cancellation))
            {
                looks[change.Number] = looks.GetValueOrDefault(change.Number) + 1;
                var isLastLook = looks[change.Number] == MaximumLooks;
                switch (outcome)
                {
                    case Done:
                        done.Add(change);
                        notMade.Remove(change.Number);
                        break;
                    case Drifted when !isLastLook:
                        again.Add(change);
                        waiting.Add(ready.First(prepared => prepared.Change.Number == change.Number));
                        break;
                    // What another change made a moment ago may have taken the place of a row that was to move there: now it stands there already, and goes.
                    case AlreadyExists exists when !isLastLook:
                        taken[change.Number] = exists;
                        again.Add(change);
                        waiting.Add(ready.First(prepared => prepared.Change.Number == change.Number));
                        break;
                    default:
                        if (NotDone(change, outcome) is { } end)
                        {
                            concluded.Add(await WithoutRestAsync(change, end));
                        }

                        break;
                }
            }

            // Waves are not in the plan's order: so many are behind it.
            sent += freed[true].Count();
            progress?.Report(ready[0].Change.Number - 1 + sent);
        }

        var unseen = await rowChanges.UnseenAsync(done, CancellationToken.None);
        appliedNow += done.Count;
        var since = ready.ToDictionary(prepared => prepared.Change.Number, prepared => prepared.Since);
        concluded.AddRange(done.Select(change => new JournalOutcome(
            change.Number, ChangeState.Applied, null, since[change.Number] ?? (unseen.Contains(change.Number) ? "The system said that it was done, but the accounts are not as planned." : null))));
        return (concluded, again);
    }

    /// <summary>
    /// Makes changes that have no account and no row in common at the same time. They may still stand in each other's way: one takes a name that another
    /// gives up. Each that was not made is therefore sent again alone, in the plan's order, and what comes then is its outcome.
    /// </summary>
    private async Task<IReadOnlyList<(Change Change, WriteOutcome Outcome)>> WriteWaveAsync(IReadOnlyList<PreparedChange> wave, CancellationToken cancellation)
    {
        if (wave.Count == 0)
        {
            return [];
        }

        var outcomes = new WriteOutcome?[wave.Count];
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(wave.Count, rowChanges.AtOnce(wave[0]))).Select(_ => WorkAsync()));
        for (var index = 0; wave.Count > 1 && index < wave.Count; index++)
        {
            if (outcomes[index] is not (null or Done or Drifted) && await MayGoOnAsync(wave[index].Change, cancellation))
            {
                outcomes[index] = await WriteOneAsync(wave[index]);
            }
        }

        return [.. wave.Zip(outcomes).Where(pair => pair.Second is not null).Select(pair => (pair.First.Change, pair.Second!))];

        async Task WorkAsync()
        {
            try
            {
                for (var index = Interlocked.Increment(ref next); index < wave.Count && await MayGoOnAsync(wave[index].Change, cancellation); index = Interlocked.Increment(ref next))
                {
                    outcomes[index] = await WriteOneAsync(wave[index]);
                }
            }
            catch
            {
                // The others end what they are at and take no more.
                Interlocked.Exchange(ref next, wave.Count);
                throw;
            }
        }
    }

    private async Task<bool> MayGoOnAsync(Change change, CancellationToken cancellation) => await WaitForTurnAsync(change, cancellation) && await KeepLeaseAsync(CancellationToken.None);

    private async Task<WriteOutcome> WriteOneAsync(PreparedChange prepared)
    {
        var outcome = await PatientlyAsync(prepared.Change, () => rowChanges.WriteAsync(prepared));
        crashPoints.Reach(ApplyCrashPoints.ChangeLeft);
        return outcome;
    }

    /// <summary>
    /// A change that ends without being made leaves nothing half-made: where its system has no transactions, what was written by then is put
    /// back, the last first. What can't be put back is journaled, so that undo takes it back.
    /// </summary>
    private async Task<JournalOutcome> WithoutRestAsync(Change change, JournalOutcome outcome)
    {
        // What stands stays in the journal: undo needs it.
        if (EarlierRows(change) is not { Count: > 0 } journaled || await rowChanges.StandsAsync(change, journaled, CancellationToken.None))
        {
            return outcome;
        }

        foreach (var row in (await rowChanges.LeftBehindAsync(change, journaled, CancellationToken.None)).Reverse())
        {
            await PatientlyAsync(change, () => rowChanges.PutBackAsync(change, row));
            crashPoints.Reach(ApplyCrashPoints.ChangeLeft);
        }

        var rest = await rowChanges.LeftBehindAsync(change, journaled, CancellationToken.None);
        return outcome with
        {
            Rows = rest,
            Message = rest.Count == 0 ? outcome.Message : $"{outcome.Message} {Terms.Count(rest.Count, "row")} that had been written could not be put back: undo takes them back.",
        };
    }

    /// <summary>
    /// Looks twice, a minimum age apart, for references that arrived at accounts which were merged away or took another id: where the
    /// system does not guard them, whoever still held the old id may have written it.
    /// </summary>
    public Task<bool> SweepAsync(CancellationToken cancellation) => WhileKeepingLeaseAsync(SweepAllAsync(cancellation));

    private async Task<bool> SweepAllAsync(CancellationToken cancellation)
    {
        var changes = new List<Change>();

        // The old ids of those who exchanged theirs are somebody's again.
        foreach (var change in plan.Changes.Where(change => change is { Action: ChangeAction.Merge or ChangeAction.Rekey, Exchanged: null } && entries.GetValueOrDefault(change.Number)?.State == ChangeState.Applied))
        {
            if (await rowChanges.HasUnguardedPlacesAsync(change.System, cancellation))
            {
                changes.Add(change);
            }
        }

        for (var sweep = 1; sweep <= Sweeps && changes.Count > 0; sweep++)
        {
            if (!await WaitAsync(topology.MinimumAge, cancellation))
            {
                return false;
            }

            foreach (var portion in changes.Chunk(SweepPortion))
            {
                if (!await SweepAsync(portion, cancellation))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Waits; false when the apply was asked to stop.</summary>
    private async Task<bool> WaitAsync(TimeSpan age, CancellationToken cancellation)
    {
        try
        {
            await Task.Delay(age, clock, cancellation);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> SweepAsync(IReadOnlyList<Change> changes, CancellationToken cancellation)
    {
        if (!await KeepLeaseAsync(cancellation))
        {
            return false;
        }

        var late = await rowChanges.LateReferencesAsync([.. changes.Select(change => (change, EarlierRows(change)))], cancellation);
        if (late.Count == 0)
        {
            return true;
        }

        var rows = late.Select(change => new JournalIntent(change.Change.Number, null, [.. EarlierRows(change.Change), .. change.Rows])).ToList();
        if (!await journal.RecordLateRowsAsync(Lease, plan.Id, rows, cancellation))
        {
            return false;
        }

        foreach (var (change, row) in late.Zip(rows))
        {
            // What could not be moved now is found again by the next sweep; the last one leaves it in the report.
            var outcome = change.Rows.Count == 0 ? new Done() : await PatientlyAsync(change.Change, () => rowChanges.WriteAsync(change));
            entries[row.Number] = entries[row.Number] with
            {
                Rows = row.Rows,
                Message = outcome is Done ? change.Hindrance : $"References that arrived late were not all moved ({outcome.GetType().Name}). Audit again.",
            };
        }

        return true;
    }

    /// <summary>What this plan has written to the accounts of a system by now, or may have.</summary>
    private OwnWrites WrittenIn(string system)
        => new(systems[system] is IWritesTogether together ? together.AccountsTable : "", systems[system].Mapping, () => plan.Changes.Where(change => change.System == system && change.IsOfRows).SelectMany(EarlierRows));

    private IReadOnlyList<RowWrite> EarlierRows(Change change) => entries.GetValueOrDefault(change.Number)?.Rows ?? [];
}
