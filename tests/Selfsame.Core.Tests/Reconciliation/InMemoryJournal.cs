using Selfsame.Core.Reconciliation;

namespace Selfsame.Core.Tests.Reconciliation;

/// <summary>A journal that forgets nothing as long as the test runs.</summary>
internal sealed class InMemoryJournal(TimeProvider clock) : IJournal
{
    private readonly Dictionary<Guid, Dictionary<int, JournalEntry>> entries = [];
    private readonly Dictionary<Guid, (Plan Plan, DateTimeOffset? Finished)> runs = [];
    private long epoch;

    /// <summary>Whether the lease is somebody's; a crash leaves it so, and the test gives it back.</summary>
    public bool Held { get; set; }

    /// <summary>Lets another apply take the lease now.</summary>
    public void TakeOver() => epoch++;

    public Task<LeaseAnswer> AcquireAsync(CancellationToken cancellation)
    {
        if (Held)
        {
            return Task.FromResult<LeaseAnswer>(new LeaseHeld("another", clock.GetUtcNow()));
        }

        Held = true;
        return Task.FromResult<LeaseAnswer>(new LeaseGranted(new ApplyLease(++epoch, clock.GetTimestamp(), TimeSpan.FromMinutes(1))));
    }

    public Task<ApplyLease?> RenewAsync(ApplyLease lease, CancellationToken cancellation)
        // Where it ran out, another may have had it meanwhile: the worst case.
        => Task.FromResult(lease.Epoch == epoch && lease.Remaining(clock) > TimeSpan.Zero ? lease with { Taken = clock.GetTimestamp() } : null);

    public Task ReleaseAsync(ApplyLease lease, CancellationToken cancellation)
    {
        Held = Held && lease.Epoch != epoch;
        return Task.CompletedTask;
    }

    public async Task<RunRecord?> BeginAsync(ApplyLease lease, Plan plan, CancellationToken cancellation)
    {
        if (lease.Epoch != epoch)
        {
            return null;
        }

        if (runs.TryAdd(plan.Id, (plan, null)))
        {
            entries.Add(plan.Id, []);
        }

        return await ReadAsync(plan.Id, cancellation);
    }

    public Task<bool> RecordIntentsAsync(ApplyLease lease, Guid run, IReadOnlyList<JournalIntent> intents, CancellationToken cancellation)
        => Guarded(lease, () =>
        {
            foreach (var intent in intents)
            {
                entries[run][intent.Number] = new JournalEntry(intent.Number, ChangeState.Intent, intent.Before, null, null, intent.Rows);
            }
        });

    public Task<bool> RecordLateRowsAsync(ApplyLease lease, Guid run, IReadOnlyList<JournalIntent> rows, CancellationToken cancellation)
        => Guarded(lease, () =>
        {
            foreach (var late in rows)
            {
                entries[run][late.Number] = entries[run][late.Number] with { Rows = late.Rows };
            }
        });

    public Task<bool> RecordOutcomesAsync(ApplyLease lease, Guid run, IReadOnlyList<JournalOutcome> outcomes, CancellationToken cancellation)
        => Guarded(lease, () =>
        {
            foreach (var outcome in outcomes)
            {
                var intent = entries[run].GetValueOrDefault(outcome.Number);
                entries[run][outcome.Number] = new JournalEntry(outcome.Number, outcome.State, intent?.Before, outcome.After, outcome.Message, outcome.Rows ?? intent?.Rows) { Mail = outcome.Mail ?? intent?.Mail };
            }
        });

    public Task<bool> FinishAsync(ApplyLease lease, Guid run, CancellationToken cancellation)
        => Guarded(lease, () =>
        {
            var undone = runs[run].Plan.Undoes;
            foreach (var (id, (plan, finished)) in runs.Where(pair => pair.Key == run || (undone is not null && (pair.Key == undone || pair.Value.Plan.Undoes == undone))).ToList())
            {
                runs[id] = (plan, finished ?? clock.GetUtcNow());
            }
        });

    public Task<IReadOnlyList<RunSummary>> ListAsync(CancellationToken cancellation)
        => Task.FromResult<IReadOnlyList<RunSummary>>([.. runs.Reverse().Select(pair => new RunSummary
        {
            Id = pair.Key,
            Started = clock.GetUtcNow(),
            Finished = pair.Value.Finished,
            Undoes = pair.Value.Plan.Undoes,
            Holder = "test",
            Changes = pair.Value.Plan.Changes.Count,
            Applied = Count(pair.Key, ChangeState.Applied),
            Skipped = Count(pair.Key, ChangeState.Skipped),
            Refused = Count(pair.Key, ChangeState.Refused),
        })]);

    private int Count(Guid run, ChangeState state) => entries[run].Values.Count(entry => entry.State == state);

    public Task<RunRecord?> ReadAsync(Guid run, CancellationToken cancellation)
        => Task.FromResult(runs.TryGetValue(run, out var known)
            ? new RunRecord { Plan = known.Plan, Started = clock.GetUtcNow(), Finished = known.Finished, Entries = new Dictionary<int, JournalEntry>(entries[run]) }
            : null);

    private Task<bool> Guarded(ApplyLease lease, Action write)
    {
        // As above: the worst case.
        if (lease.Epoch != epoch || lease.Remaining(clock) <= TimeSpan.Zero)
        {
            return Task.FromResult(false);
        }

        write();
        return Task.FromResult(true);
    }
}
