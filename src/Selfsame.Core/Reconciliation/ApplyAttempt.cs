using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;

namespace Selfsame.Core.Reconciliation;

/// <summary>One attempt at a plan under one lease. Methods that answer false have lost the lease.</summary>
internal sealed partial class ApplyAttempt(
    Plan plan,
    ApplyLease lease,
    Topology topology,
    IReadOnlyDictionary<string, IConnectedSystem> systems,
    IJournal journal,
    TimeProvider clock,
    CrashPoints crashPoints,
    bool notify,
    Provisioner? provisioner,
    IProgress<int>? progress)
{
    // A write is given up well before the lease ends; the lease is renewed when less than this is left.
    private static readonly TimeSpan RenewBelow = TimeSpan.FromSeconds(30);

    // How often it is looked at while something takes long.
    private static readonly TimeSpan BetweenLooksAtLease = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);
    private const int MaximumThrottles = 5;

    // What to do where it has to go on later: an undo has no file.
    private readonly string again = plan.Undoes is { } run ? $"undo run {run:D} again" : "apply the same plan again";

    private readonly string salt = plan.Id.ToString("D");
    private readonly IdChains chains = ChainsOf(plan, topology);
    private readonly RowChanges rowChanges = new(systems, system => topology.Systems[system].References, topology.Decisions, ChainsOf(plan, topology), plan.Id.ToString("D"));
    private readonly Dictionary<int, JournalEntry> entries = [];
    private readonly Dictionary<int, string> pending = [];
    private int appliedNow;

    public ApplyLease Lease { get; private set; } = lease;

    private string Again => char.ToUpperInvariant(again[0]) + again[1..];

    public async Task<bool> BeginAsync(CancellationToken cancellation)
    {
        if (await journal.BeginAsync(Lease, plan, cancellation) is not { } run)
        {
            return false;
        }

        foreach (var (number, entry) in run.Entries)
        {
            entries[number] = entry;
        }

        return true;
    }

    /// <summary>Whether the change has no final outcome yet.</summary>
    public bool IsOpen(Change change) => !entries.TryGetValue(change.Number, out var entry) || entry.State == ChangeState.Intent;

    /// <summary>Makes a portion of the plan's changes.</summary>
    public async Task<bool> ApplyAsync(IReadOnlyList<Change> portion, CancellationToken cancellation)
    {
        if (!await KeepLeaseAsync(cancellation))
        {
            return false;
        }

        return await WhileKeepingLeaseAsync(portion[0] switch
        {
            { Action: ChangeAction.Schema } => ChangeSchemaAsync(portion[0], cancellation),
            { For: not null } => ProvisionAsync(portion, cancellation),
            { IsOfRows: true } => ChangeRowsAsync(portion, cancellation),
            _ => ChangeAccountsAsync(portion, cancellation),
        });
    }

    private async Task<bool> ChangeAccountsAsync(IReadOnlyList<Change> planned, CancellationToken cancellation)
    {
        var portion = await NumberAsync(planned, cancellation);
        var busy = await AnnounceAsync(portion, cancellation);
        var present = await ReadAsync(portion, cancellation);
        var passwords = await ReadPasswordsAsync(portion, cancellation);
        var refuted = await ReadRefutedAsync(portion, present, cancellation);
        var unwanted = await ReadUnwantedAsync(portion, present, cancellation);
        var referred = await ReadReferredAsync(portion, present, cancellation);
        var held = await HoldAddressesAsync([.. portion.Where(change => present.ContainsKey(change.Number))], cancellation);
        var own = portion.Select(change => change.System).Distinct().ToDictionary(system => system, WrittenIn);
        var outcomes = new List<JournalOutcome>();
        var ready = new List<(Change Change, Ready Ready)>();
        foreach (var change in portion)
        {
            switch (Readiness.Of(change, present.GetValueOrDefault(change.Number), entries.ContainsKey(change.Number), systems[change.System].Mapping, salt, own[change.System]))
            {
                case Ready when change.PasswordFrom is { } from && !passwords.ContainsKey(change.Number):
                    outcomes.Add(new JournalOutcome(change.Number, ChangeState.Skipped, null, $"Since the plan was made, the password in {from.System} changed. Plan again."));
                    break;
                case Ready when topology.Decisions.Forbids(change) is { } why:
                    outcomes.Add(new JournalOutcome(change.Number, ChangeState.Skipped, null, why));
                    break;
                case Ready when refuted.TryGetValue(change.Number, out var seen):
                    outcomes.Add(new JournalOutcome(change.Number, ChangeState.Skipped, null, seen));
                    break;
                case Ready when unwanted.TryGetValue(change.Number, out var seen) || referred.TryGetValue(change.Number, out seen):
                    outcomes.Add(new JournalOutcome(change.Number, ChangeState.Skipped, null, seen));
                    break;
                case Ready when held.TryGetValue(change.Number, out var outcome):
                    outcomes.AddRange(outcome is null ? [] : [outcome]);
                    break;
                case Ready when RowOf(change) is { } row && busy.Contains(row):
                    StillOpen(change, $"The service is at work on it. {Again}.");
                    break;
                case Ready go: ready.Add((change, go)); break;
                case AlreadyDone done: outcomes.Add(new JournalOutcome(change.Number, ChangeState.Applied, done.After, done.Message)); break;
                case NotReady not: outcomes.Add(new JournalOutcome(change.Number, ChangeState.Skipped, null, not.Why)); break;
            }
        }

        if (ready.Count > 0)
        {
            var intents = ready.ConvertAll(pair => IntentOf(pair.Change, pair.Ready.Before));
            if (!await journal.RecordIntentsAsync(Lease, plan.Id, intents, cancellation))
            {
                return false;
            }

            crashPoints.Reach(ApplyCrashPoints.IntentDurable);
            var (written, seen) = await WriteAsync(ready, passwords, cancellation);
            outcomes.AddRange(seen);

            // Somebody may have used a number meanwhile: the account has another then.
            portion = [.. portion.Select(change => written.GetValueOrDefault(change.Number, change))];
        }

        // Before the outcomes are durable: who takes the run up after a crash asks as well.
        await AskServiceAsync(portion, outcomes);
        return await RecordAsync(WithOwedMails(portion, outcomes));
    }

    public Task<bool> FinishAsync(CancellationToken cancellation)
        => pending.Count > 0 ? Task.FromResult(true) : journal.FinishAsync(Lease, plan.Id, cancellation);

    public ApplyReport Report(ApplyStop? stop) => new()
    {
        Run = plan.Id,
        Stop = stop,
        Applied = entries.Values.Count(entry => entry.State == ChangeState.Applied),
        AppliedNow = appliedNow,
        Notified = notified,
        Unverified = [.. Notes(ChangeState.Applied).Where(note => note.Message.Length > 0), .. NotMailed()],
        Skipped = Notes(ChangeState.Skipped),
        Refused = Notes(ChangeState.Refused),
        Pending = [.. plan.Changes.Where(IsOpen).Select(change => new ChangeNote(change, pending.GetValueOrDefault(change.Number, "It was not reached.")))],
    };

    private IReadOnlyList<ChangeNote> Notes(ChangeState state)
        => [.. plan.Changes
            .Where(change => entries.TryGetValue(change.Number, out var entry) && entry.State == state)
            .Select(change => new ChangeNote(change, entries[change.Number].Message ?? ""))];

    private async Task<Dictionary<int, Account>> ReadAsync(IReadOnlyList<Change> portion, CancellationToken cancellation)
    {
        var present = new Dictionary<int, Account>();
        foreach (var group in portion.GroupBy(change => change.System))
        {
            if (systems[group.Key] is not IReadsAccountsById system)
            {
                throw new ConnectorContractException(group.Key, "it takes changes and can't read single accounts.");
            }

            var accounts = await system.ReadFreshAsync(group.Key, [.. group.Select(change => change.Account)], cancellation);
            foreach (var change in group)
            {
                if (accounts.TryGetValue(change.Account, out var account))
                {
                    present.Add(change.Number, account);
                }
            }
        }

        return present;
    }

    /// <summary>Sends the changes one after the other, then reads all of them again: what is journaled is what was seen. With it the changes by number as they were sent.</summary>
    private async Task<(Dictionary<int, Change> Written, List<JournalOutcome> Seen)> WriteAsync(
        IReadOnlyList<(Change Change, Ready Ready)> ready, Dictionary<int, Fields> passwords, CancellationToken cancellation)
    {
        var written = new List<(Change Change, WriteOutcome Outcome)>();
        foreach (var (change, go) in ready)
        {
            if (!await WaitForTurnAsync(change, cancellation) || !await KeepLeaseAsync(CancellationToken.None))
            {
                break;
            }

            written.Add(await SendAsync(change, go, passwords.GetValueOrDefault(change.Number, Fields.Empty), cancellation));
            crashPoints.Reach(ApplyCrashPoints.ChangeLeft);
            progress?.Report(change.Number);
        }

        var after = await ReadAsync([.. written.Select(pair => pair.Change)], CancellationToken.None);
        return (written.ToDictionary(pair => pair.Change.Number, pair => pair.Change),
            [.. written.Select(pair => Conclude(pair.Change, pair.Outcome, after.GetValueOrDefault(pair.Change.Number))).OfType<JournalOutcome>()]);
    }

    private async Task<WriteOutcome> SendAsync(Change change, Fields precondition, Fields password)
    {
        if (await WaitOutPauseAsync(change) is { } left)
        {
            return new Throttled(left);
        }

        return await PatientlyAsync(change, async () =>
        {
            var outcome = await UnforeseenAnswers.WriteAsync(change.System, () => SendOnceAsync(change, precondition, password));
            // The service leaves it alone as well.
            await (outcome is Throttled { LimitIsOfAccount: false } throttled && provisioner is not null ? provisioner.PauseAsync(change.System, throttled.RetryAfter, CancellationToken.None) : Task.CompletedTask);
            return outcome;
        });
    }

    private Task<WriteOutcome> SendOnceAsync(Change change, Fields precondition, Fields password)
        // Once it has left, only its answer ends the wait: a change is not cancelled half-way.
        => (change.Action, systems[change.System]) switch
        {
            (ChangeAction.Create, ICreatesAccounts system) => system.CreateAsync(change.Account, change.After.With(password), CancellationToken.None),
            (ChangeAction.Update, IUpdatesAccounts system) => system.UpdateAsync(change.Account, change.After, precondition, CancellationToken.None),
            (ChangeAction.Delete, IDeletesAccounts system) when change.Reason == ChangeReason.OrphanDeleted => DeleteOrphanAsync(change, system, precondition),
            (ChangeAction.Delete, IDeletesAccounts system) => system.DeleteAsync(change.Account, precondition, CancellationToken.None),
            _ => Task.FromResult<WriteOutcome>(new Refused($"'{change.System}' can't {change.Action.ToString().ToLowerInvariant()} accounts.")),
        };

    /// <summary>Sends a change again for as long as its system asks for a little patience.</summary>
    private async Task<WriteOutcome> PatientlyAsync(Change change, Func<Task<WriteOutcome>> send)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (await KeepAnnouncedAsync(change) is { } stopped)
            {
                return stopped;
            }

            var outcome = await send();
            outcome.Checked(change.System, creating: change.Action == ChangeAction.Create);
            if (outcome is not Throttled throttled || attempt == MaximumThrottles || throttled.RetryAfter > LongestWait)
            {
                return outcome;
            }

            await Task.Delay(throttled.RetryAfter, clock, CancellationToken.None);
        }
    }

    /// <summary>Waits until the rate of the change's system has room for it; false where the work is to end.</summary>
    private Task<bool> WaitForTurnAsync(Change change, CancellationToken cancellation)
        => provisioner is null ? Task.FromResult(!cancellation.IsCancellationRequested) : provisioner.WaitForTurnAsync(change.System, cancellation);

    /// <summary>Waits until a pause is over for which the change's system asked the service; what is left of one that is too long, else null.</summary>
    private async Task<TimeSpan?> WaitOutPauseAsync(Change change)
    {
        var left = provisioner is null ? TimeSpan.Zero : await provisioner.PausedForAsync(change.System, CancellationToken.None);
        if (left > LongestWait)
        {
            return left;
        }

        await (left > TimeSpan.Zero ? Task.Delay(left, clock, CancellationToken.None) : Task.CompletedTask);
        return null;
    }

    /// <summary>What an answer and a look at the record come to; null where it is still open.</summary>
    private JournalOutcome? Conclude(Change change, WriteOutcome outcome, Account? after)
    {
        var seen = Readiness.IsDone(change, after, salt);
        if (outcome is Done || (outcome is Unknown && seen))
        {
            appliedNow++;
            return new JournalOutcome(
                change.Number, ChangeState.Applied, after?.Record, seen ? null : Readiness.OtherThanPlanned);
        }

        return NotDone(change, outcome);
    }

    private JournalOutcome? NotDone(Change change, WriteOutcome outcome)
    {
        switch (outcome)
        {
            case Drifted drifted:
                return new JournalOutcome(change.Number, ChangeState.Skipped, null, $"{drifted.Message} {(plan.Undoes is null ? "Plan" : "Undo")} again.");
            case AlreadyExists exists when change.Action != ChangeAction.Schema:
                return new JournalOutcome(change.Number, ChangeState.Refused, null, $"{exists.Message.TrimEnd('.')}. Look who holds that value there and settle it, then {(plan.Undoes is null ? "plan" : "undo")} again.");
            case AlreadyExists exists:
                return new JournalOutcome(change.Number, ChangeState.Refused, null, exists.Message);
            case Refused { LacksPermission: true } lacking:
                return StillOpen(change, $"{lacking.Message} Then {again}.");
            case Refused refused when change.Exchanged is not null:
                return new JournalOutcome(
                    change.Number,
                    ChangeState.Refused,
                    null,
                    $"{refused.Message} None of them has another id. While they exchange theirs one stands under a free id in the form of {change.Account}: if that is what is refused, exchange them in the application.");
            case Refused refused:
                return new JournalOutcome(change.Number, ChangeState.Refused, null, refused.Message);
            case Throttled:
                return StillOpen(change, $"The system asked to be called later. {Again}.");
            case Unavailable unavailable:
                return StillOpen(change, $"{unavailable.Message} {Again}.");
            case Unknown { Unforeseen: { } exception } unknown:
                return StillOpen(change, $"{unknown.Message} {exception.Message} {Again}: it looks first.");
            case Unknown unknown:
                return StillOpen(change, $"{unknown.Message} {Again}: it looks first.");
            default:
                throw new ConnectorContractException(change.System, $"the outcome {outcome.GetType().Name} is unknown.");
        }
    }

    private JournalOutcome? StillOpen(Change change, string why)
    {
        pending[change.Number] = why;
        return null;
    }

    private async Task<bool> RecordAsync(List<JournalOutcome> outcomes)
    {
        if (outcomes.Count == 0)
        {
            return true;
        }

        if (!await journal.RecordOutcomesAsync(Lease, plan.Id, outcomes, CancellationToken.None))
        {
            return false;
        }

        foreach (var outcome in outcomes)
        {
            var rows = outcome.Rows ?? entries.GetValueOrDefault(outcome.Number)?.Rows;
            entries[outcome.Number] = new JournalEntry(outcome.Number, outcome.State, null, outcome.After, outcome.Message, rows) { Mail = outcome.Mail };
        }

        crashPoints.Reach(ApplyCrashPoints.OutcomeDurable);
        return true;
    }

    /// <summary>
    /// Waits for work in which a single step may take hours, as a unique index on a large table does, or the search for references that no index leads to: the
    /// lease would run out meanwhile, and another apply begin.
    /// </summary>
    private async Task<bool> WhileKeepingLeaseAsync(Task<bool> work)
    {
        while (!work.IsCompleted)
        {
            using var ended = new CancellationTokenSource();
            await Task.WhenAny(work, Task.Delay(BetweenLooksAtLease, clock, ended.Token));
            ended.Cancel();
            if (!work.IsCompleted && !await KeepLeaseAsync(CancellationToken.None))
            {
                break;
            }
        }

        return await work;
    }

    // Two that renew the lease at the same time renew the same one.
    private async Task<bool> KeepLeaseAsync(CancellationToken cancellation)
    {
        if (Lease.Remaining(clock) >= RenewBelow)
        {
            return true;
        }

        if (await journal.RenewAsync(Lease, cancellation) is not { } renewed)
        {
            return false;
        }

        Lease = renewed;
        return true;
    }
}
