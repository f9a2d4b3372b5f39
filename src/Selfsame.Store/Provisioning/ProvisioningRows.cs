using System.Security.Cryptography;
using System.Text.Json;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Store.Requests;
using Selfsame.Store.Runs;

namespace Selfsame.Store.Provisioning;

/// <summary>The provisioning rows in our own database.</summary>
/// <param name="database">Ours.</param>
/// <param name="secrets">Seals the passwords of accounts that we made.</param>
/// <param name="clock">Leases are taken and judged by it.</param>
/// <param name="holder">Whose claims these are.</param>
public sealed partial class ProvisioningRows(Database database, SecretKeys secrets, TimeProvider clock, LeaseHolder holder) : IProvisioningRows
{
    /// <summary>The limit's name; its subject is the system.</summary>
    private const string DisablingLimit = "disablings";

    /// <summary>Likewise, for the accounts of purged users.</summary>
    private const string DeletionLimit = "deletions";

    private static readonly TimeSpan GuardWindow = TimeSpan.FromHours(1);

    public async Task<IReadOnlyList<ClaimedRow>> ClaimAsync(ProvisioningClaim claim, CancellationToken cancellation)
    {
        var taken = clock.GetTimestamp();
        var now = Now();
        var rows = claim.PerSecond is { } perSecond
            ? await database.TransactAsync(
                async transaction =>
                {
                    var pace = new SystemPace(transaction, claim.System, now);
                    var most = Math.Min(claim.Most, await pace.RowsAsync(perSecond));
                    var claimed = await ClaimLanesAsync(claim, most, (lane, some) => transaction.BatchAsync<StoredRow>([ProvisioningTable.Claim(database.Dialect, holder, claim, lane, some, now)]));
                    await pace.TakeAsync(claimed.Count);
                    return claimed;
                },
                cancellation)
            // Each lane's rows are claimed by themselves, in one round trip: nothing else depends on them.
            : await ClaimLanesAsync(claim, claim.Most, (lane, some) => database.TransactAsync([ProvisioningTable.Claim(database.Dialect, holder, claim, lane, some, now)], Transaction.Row<StoredRow>, cancellation));
        return await OpenAsync(rows, claim, taken, now, cancellation);
    }

    public Task<ClaimedRow?> ClaimAsync(ProvisioningKey key, TimeSpan lease, CancellationToken cancellation)
    {
        var taken = clock.GetTimestamp();
        return database.TransactAsync(
            async transaction =>
            {
                var now = Now();
                await ProvisioningTable.InsertAsync(transaction, key, ProvisioningLane.Backfill, anew: false, correlationId: null, now);
                var claimed = await transaction.QueryFirstOrDefaultAsync<StoredRow>(
                    $"""
                    UPDATE provisioning SET epoch = epoch + 1, leased_until = @until, claim_machine = @Machine, claim_process = @ProcessId, updated_at = @now
                    WHERE {ProvisioningTable.IsKey} AND (leased_until IS NULL OR leased_until <= @now)
                    RETURNING {StoredRow.Columns}
                    """,
                    ProvisioningTable.Parameters(key, new { now, until = now + lease, holder.Machine, holder.ProcessId }));
                if (claimed?.ToDomain(secrets) is not { } row)
                {
                    return null;
                }

                // What may still arrive is looked at before its time.
                if (row.State is ProvisioningState.Conflict or ProvisioningState.Compensated || row is { State: ProvisioningState.Compensating, DueBecause: not null } or { DueBecause: UpdateUnanswered.Late })
                {
                    row = ProvisioningMachine.Next(row, new LookAgain("A plan is applied."), now, 0);
                    await ProvisioningTable.UpdateAsync(transaction, secrets, row, release: false, now);
                }

                return new ClaimedRow(row, taken, lease);
            },
            cancellation);
    }

    public async Task<bool> SaveAsync(ProvisioningRow row, bool release, IReadOnlyList<string> followers, CancellationToken cancellation)
    {
        var written = Writable(row);
        return (followers.Count == 0 && row.State != ProvisioningState.Compensated && await SaveUndisturbedAsync(written, release, cancellation))
            || await SaveLockedAsync(written, release, followers, cancellation);
    }

    public async Task<ReleasedRow> ReleaseAsync(ProvisioningRow row, ProvisioningClaim next, CancellationToken cancellation)
    {
        if (row.State == ProvisioningState.Compensated)
        {
            return new ReleasedRow(await SaveAsync(row, release: true, [], cancellation), []);
        }

        var (written, taken, now) = (Writable(row), clock.GetTimestamp(), Now());
        var lane = next.Backfill > 0 ? ProvisioningLane.Backfill : ProvisioningLane.Interactive;
        List<StoredRow?> rows = [];
        try
        {
            // The claim waits for nobody's row, so that two who give back and take at once do not block each other. It returns rows; the writing returns a number.
            rows = await database.TransactAsync<StoredRow?>(
                [.. ProvisioningTable.SaveUndisturbed(database.Dialect, secrets, written, release: true, now), ProvisioningTable.Claim(database.Dialect, holder, next, lane, next.Most, now)],
                reader => reader.FieldCount == 1 ? null : Transaction.Row<StoredRow>(reader),
                cancellation);
        }
        catch (CommitUnknownException)
        {
            // What was taken, if anything, is due again when its lease ends: nothing of it has left.
        }

        var saved = rows.Contains(null) || await SaveLockedAsync(written, release: true, [], cancellation);
        return new ReleasedRow(saved, await OpenAsync(rows.OfType<StoredRow>(), next, taken, now, cancellation));
    }

    private static ProvisioningRow Writable(ProvisioningRow row)
        => row with { Problem = row.Problem is { } problem ? StoredText.Of(problem) : null, Note = row.Note is { } note ? StoredText.Of(note) : null };

    /// <summary>
    /// Writes the row in one round trip where nobody claimed it or asked about it since it was read; false where somebody did, or where it is not known
    /// whether it was written.
    /// </summary>
    private async Task<bool> SaveUndisturbedAsync(ProvisioningRow row, bool release, CancellationToken cancellation)
    {
        try
        {
            return (await database.TransactAsync(ProvisioningTable.SaveUndisturbed(database.Dialect, secrets, row, release, Now()), _ => true, cancellation)).Count > 0;
        }
        catch (CommitUnknownException)
        {
            return false;
        }
    }

    private Task<bool> SaveLockedAsync(ProvisioningRow row, bool release, IReadOnlyList<string> followers, CancellationToken cancellation)
        => database.TransactAsync(
            transaction => SaveAsync(transaction, row, release, followers),
            // Writing the same row under the same epoch again changes nothing: a lost commit answer is settled that way.
            _ => Task.FromResult(new Settled<bool>(false, false)),
            cancellation);

    public Task<DisablingAnswer> SaveDisablingAsync(ProvisioningRow row, int mostPerHour, CancellationToken cancellation)
        => database.TransactAsync<DisablingAnswer>(
            async transaction =>
            {
                var now = Now();
                var present = await ProvisioningTable.ReadForUpdateAsync(transaction, row.Key);
                if (present is null || present.Epoch != row.Epoch || (row.Deleting && !present.Forget))
                {
                    return new DisablingLost();
                }

                // After a lost commit answer: it was counted with the state that it has.
                if (row.Deleting ? present.Deleting : present.State == nameof(ProvisioningState.Compensating) && !DueReason.IsAwaited(present.DueBecause))
                {
                    return new DisablingCounted();
                }

                var limit = new RateLimit(row.Deleting ? DeletionLimit : DisablingLimit, mostPerHour, GuardWindow);
                if (await SlidingLimits.CountAsync(transaction, limit, row.Key.System, now) is { } wait)
                {
                    transaction.RollBack = true;
                    return new DisablingGuarded(wait);
                }

                await ProvisioningTable.UpdateAsync(transaction, secrets, row, release: false, now);
                return new DisablingCounted();
            },
            _ => Task.FromResult(default(Settled<DisablingAnswer>)),
            cancellation);

    public Task PauseAsync(string system, TimeSpan pause, CancellationToken cancellation)
        => database.TransactAsync(transaction => new SystemPace(transaction, system, Now()).PauseAsync(pause), cancellation);

    public Task<TimeSpan> PausedForAsync(string system, CancellationToken cancellation)
        => database.ReadAsync(transaction => new SystemPace(transaction, system, Now()).PausedForAsync(), cancellation);

    public Task<TimeSpan> TakeTokenAsync(string system, double perSecond, CancellationToken cancellation)
        => database.TransactAsync(
            transaction => new SystemPace(transaction, system, Now()).TakeOneAsync(perSecond),
            // After a lost commit answer another is taken: at worst it is slower by one.
            _ => Task.FromResult(default(Settled<TimeSpan>)),
            cancellation);

    /// <summary>Takes a row out of its conflict to look again; false when it is in none.</summary>
    public Task<bool> RetryAsync(ProvisioningKey key, CancellationToken cancellation) => RetryAsync(key, correlationId: null, cancellation);

    /// <param name="key">The row.</param>
    /// <param name="correlationId">Leads to the request that asks.</param>
    /// <param name="cancellation">Gives up.</param>
    public Task<bool> RetryAsync(ProvisioningKey key, string? correlationId, CancellationToken cancellation)
        => database.TransactAsync(
            async transaction =>
            {
                var row = await ProvisioningTable.ReadForUpdateAsync(transaction, key);
                if (row is not { State: nameof(ProvisioningState.Conflict) })
                {
                    return false;
                }

                await ProvisioningTable.AskAsync(transaction, row, LookAgain.OfRetry, ProvisioningLane.Interactive, correlationId, Now());
                return true;
            },
            cancellation);

    private async Task<bool> SaveAsync(Transaction transaction, ProvisioningRow row, bool release, IReadOnlyList<string> followers)
    {
        var now = Now();
        var present = await ProvisioningTable.ReadForUpdateAsync(transaction, row.Key);
        if (present is null || present.Epoch != row.Epoch)
        {
            return false;
        }

        // Somebody asked while the row was worked on: what was read may be older than the change, and who asked may have disabled the account.
        var asked = present.Asked != row.Asked;
        var next = asked && release ? ProvisioningMachine.Next(row, DueReason.Meanwhile(present.DueBecause), now, 0) : row;
        // What was asked that must not be forgotten stands until the row is given back.
        var keeps = asked && !release && row.State is ProvisioningState.Linked or ProvisioningState.Intent && DueReason.IsKept(present.DueBecause);
        var saved = next with { Disabled = row.Disabled || (asked && present.Disabled), DueBecause = keeps ? DueReason.AfterAsking(next.DueBecause, present.DueBecause!) : next.DueBecause };
        await ProvisioningTable.UpdateAsync(transaction, secrets, saved, release, now);
        if (ProvisioningTable.HasNews(present, saved))
        {
            await ProvisioningTable.NoteAsync(transaction, row.Key, saved.State, saved.Problem ?? saved.Note, row.CorrelationId, now);
        }

        await (saved.State == ProvisioningState.Compensated ? new ProvisioningAddresses(transaction, row.Key, row.CorrelationId, now).GiveUpAsync() : Task.CompletedTask);
        var ends = saved.State == ProvisioningState.Compensated && present.Forget;
        if (row.TargetId is { } account && followers.Count > 0)
        {
            await TellAsync(transaction, row, account, followers, ends, now);
        }

        // An update that may still arrive would enable what is nobody's; nothing does where the account was deleted.
        if (ends && (saved.DueBecause is null || saved.Deleting))
        {
            await ProvisioningTable.ForgetAsync(transaction, row.Key);
        }

        return true;
    }

    /// <summary>Has the account's own rows looked at, which one in conflict is made no more of; they end with that of a purged user if the account is gone by then.</summary>
    private static async Task TellAsync(Transaction transaction, ProvisioningRow row, AccountId account, IReadOnlyList<string> followers, bool ends, DateTimeOffset now)
    {
        if (!ends && row.State != ProvisioningState.Conflict)
        {
            await InsertPending(transaction, row.Key.System, account, followers, now, row.CorrelationId, row.Lane);
        }

        foreach (var follower in (await ProvisioningTable.ReadForUpdateAsync(transaction, row.Key.System, account)).Where(other => followers.Contains(other.System)))
        {
            await ProvisioningTable.AskAsync(transaction, follower, LookAgain.OfChain, row.Lane, row.CorrelationId, now);
            if (ends && row.Deleting)
            {
                await ProvisioningTable.ForgetLaterAsync(transaction, follower.Key);
            }
        }
    }

    /// <summary>The backfill's share, then people who wait, then more of the backfill.</summary>
    private static async Task<List<StoredRow>> ClaimLanesAsync(ProvisioningClaim claim, int most, Func<ProvisioningLane, int, Task<List<StoredRow>>> claimSome)
    {
        var rows = new List<StoredRow>();
        foreach (var (lane, some) in new[] { (ProvisioningLane.Backfill, claim.BackfillOf(most)), (ProvisioningLane.Interactive, most), (ProvisioningLane.Backfill, most) })
        {
            if (Math.Min(some, most - rows.Count) is > 0 and var wanted)
            {
                rows.AddRange(await claimSome(lane, wanted));
            }
        }

        return rows;
    }

    private async Task<IReadOnlyList<ClaimedRow>> OpenAsync(IEnumerable<StoredRow> rows, ProvisioningClaim claim, long taken, DateTimeOffset now, CancellationToken cancellation)
    {
        var opened = new List<ClaimedRow>();
        foreach (var row in rows)
        {
            if (await OpenAsync(row, now, cancellation) is { } open)
            {
                opened.Add(new ClaimedRow(open, taken, claim.Lease));
            }
        }

        return opened;
    }

    /// <summary>The claimed row; null, and given back with its problem, where it can't be opened: it must not hold up the others of its lane.</summary>
    private async Task<ProvisioningRow?> OpenAsync(StoredRow row, DateTimeOffset now, CancellationToken cancellation)
    {
        try
        {
            return row.ToDomain(secrets);
        }
        catch (Exception exception) when (exception is CryptographicException or JsonException or ArgumentException or FormatException or InvalidOperationException)
        {
            var problem = exception is CryptographicException
                ? "What was to be sent is protected with another secret than this server has. Start it with that one as the previous secret."
                : $"What stands in the row can't be read by this version ({exception.GetType().Name}). Was it written by a later one?";
            await database.TransactAsync(transaction => ProvisioningTable.PutBackUnopenedAsync(transaction, row, problem, now), cancellation);
            return null;
        }
    }

    private DateTimeOffset Now()
    {
        var now = clock.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }
}
