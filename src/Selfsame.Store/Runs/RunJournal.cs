using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Selfsame.Core.Accounts;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;

namespace Selfsame.Store.Runs;

/// <summary>The journal of runs in a database of ours. Plans and images are encrypted: they hold people's records.</summary>
public sealed class RunJournal(Database database, SecretKeys secrets, TimeProvider clock, LeaseHolder holder) : IJournal
{
    private const string LeaseName = "apply";
    internal const string Purpose = "runs";
    private const int RowsPerStatement = 25;
    private static readonly TimeSpan LeaseDuration = TimeSpan.FromSeconds(60);

    public Task<LeaseAnswer> AcquireAsync(CancellationToken cancellation)
    {
        var taken = clock.GetTimestamp();
        return database.TransactAsync<LeaseAnswer>(
            async transaction =>
            {
                var now = Now();
                await transaction.ExecuteAsync(
                    """
                    INSERT INTO apply_leases (name, epoch, machine, process_id, expires_at) VALUES (@LeaseName, 0, '', 0, @now)
                    ON CONFLICT (name) DO NOTHING
                    """,
                    new { LeaseName, now });
                var row = await transaction.QueryFirstOrDefaultAsync<LeaseRow>(
                    $"SELECT epoch, machine, process_id, expires_at FROM apply_leases WHERE name = @LeaseName{ForUpdate(transaction)}", new { LeaseName });
                var previous = new LeaseHolder(row!.Machine, (int)row.ProcessId);
                if (row.ExpiresAt > now && !previous.IsGone(holder))
                {
                    return new LeaseHeld(previous.ToString(), row.ExpiresAt);
                }

                await transaction.ExecuteAsync(
                    """
                    UPDATE apply_leases SET epoch = @epoch, machine = @Machine, process_id = @ProcessId, expires_at = @expires
                    WHERE name = @LeaseName
                    """,
                    new { epoch = row.Epoch + 1, holder.Machine, holder.ProcessId, expires = now + LeaseDuration, LeaseName });
                return new LeaseGranted(new ApplyLease(row.Epoch + 1, taken, LeaseDuration));
            },
            cancellation);
    }

    public async Task<ApplyLease?> RenewAsync(ApplyLease lease, CancellationToken cancellation)
    {
        var taken = clock.GetTimestamp();
        var renewed = await WithLeaseAsync(lease, transaction => transaction.ExecuteAsync(
            "UPDATE apply_leases SET expires_at = @expires WHERE name = @LeaseName", new { expires = Now() + LeaseDuration, LeaseName }), cancellation);
        return renewed ? lease with { Taken = taken } : null;
    }

    public Task ReleaseAsync(ApplyLease lease, CancellationToken cancellation)
        => WithLeaseAsync(lease, transaction => transaction.ExecuteAsync(
            "UPDATE apply_leases SET expires_at = @now WHERE name = @LeaseName", new { now = Now(), LeaseName }), cancellation);

    public async Task<RunRecord?> BeginAsync(ApplyLease lease, Plan plan, CancellationToken cancellation)
    {
        var (isNew, now) = (false, Now());
        var begun = await WithLeaseAsync(
            lease,
            async transaction => isNew = await transaction.ExecuteAsync(
                """
                INSERT INTO runs (id, plan, undoes, holder, changes, started_at)
                VALUES (@Id, @sealed, @Undoes, @holder, @changes, @now) ON CONFLICT (id) DO NOTHING
                """,
                new
                {
                    plan.Id,
                    @sealed = secrets.Protect(Purpose, PlanJson.Write(plan)),
                    plan.Undoes,
                    holder = holder.ToString(),
                    changes = plan.Changes.Count,
                    now,
                }) > 0,
            cancellation);
        return !begun ? null
            : isNew ? new RunRecord { Plan = plan, Started = now, Finished = null, Entries = EntriesOf([]) }
            : await ReadAsync(plan.Id, cancellation);
    }

    public Task<bool> RecordIntentsAsync(ApplyLease lease, Guid run, IReadOnlyList<JournalIntent> intents, CancellationToken cancellation)
    {
        var statements = Inserts(
            "INSERT INTO run_changes (run_id, number, state, before_image, row_images, intended_at)",
            """
            ON CONFLICT (run_id, number) DO UPDATE SET before_image = excluded.before_image, row_images = excluded.row_images WHERE run_changes.state = 'Intent'
            """,
            [.. intents.Select(intent => (SqlValue[])[run, intent.Number, nameof(ChangeState.Intent), Seal(intent.Before), Seal(intent.Rows), Now()])]);
        return WithLeaseAsync(lease, transaction => transaction.BatchAsync(statements), cancellation);
    }

    public Task<bool> RecordLateRowsAsync(ApplyLease lease, Guid run, IReadOnlyList<JournalIntent> rows, CancellationToken cancellation)
        => WithLeaseAsync(
            lease,
            async transaction =>
            {
                foreach (var late in rows)
                {
                    await transaction.ExecuteAsync(
                        "UPDATE run_changes SET row_images = @rows WHERE run_id = @run AND number = @Number AND state = 'Applied'",
                        new { run, late.Number, rows = Seal(late.Rows) });
                }
            },
            cancellation);

    public Task<bool> RecordOutcomesAsync(ApplyLease lease, Guid run, IReadOnlyList<JournalOutcome> outcomes, CancellationToken cancellation)
    {
        var statements = Inserts(
            "INSERT INTO run_changes (run_id, number, state, after_image, row_images, message, concluded_at)",
            """
            ON CONFLICT (run_id, number) DO UPDATE SET state = excluded.state, after_image = excluded.after_image,
              row_images = coalesce(excluded.row_images, run_changes.row_images), message = excluded.message, concluded_at = excluded.concluded_at
            """,
            [.. outcomes.SelectMany(outcome => RowsOf(run, outcome))]);
        return WithLeaseAsync(lease, transaction => transaction.BatchAsync(statements), cancellation);
    }

    public Task<bool> FinishAsync(ApplyLease lease, Guid run, CancellationToken cancellation)
        => WithLeaseAsync(
            lease,
            transaction => transaction.ExecuteAsync(
                """
                UPDATE runs SET finished_at = coalesce(finished_at, @now)
                WHERE id = @run OR id = (SELECT undoes FROM runs WHERE id = @run) OR undoes = (SELECT undoes FROM runs WHERE id = @run)
                """,
                new { run, now = Now() }),
            cancellation);

    public Task<IReadOnlyList<RunSummary>> ListAsync(CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<RunSummary>>(
            async transaction => await transaction.QueryAsync<RunSummary>(
                """
                SELECT r.id, r.started_at AS started, r.finished_at AS finished, r.undoes, r.holder, r.changes,
                  (SELECT count(*) FROM run_changes c WHERE c.run_id = r.id AND c.number > 0 AND c.state = 'Applied') AS applied,
                  (SELECT count(*) FROM run_changes c WHERE c.run_id = r.id AND c.number > 0 AND c.state = 'Skipped') AS skipped,
                  (SELECT count(*) FROM run_changes c WHERE c.run_id = r.id AND c.number > 0 AND c.state = 'Refused') AS refused
                FROM runs r ORDER BY r.started_at DESC, r.id
                """),
            cancellation);

    public Task<RunRecord?> ReadAsync(Guid run, CancellationToken cancellation)
        => database.ReadAsync(
            async transaction =>
            {
                var row = await transaction.QueryFirstOrDefaultAsync<RunRow>(
                    "SELECT plan, started_at, finished_at FROM runs WHERE id = @run", new { run });
                if (row is null)
                {
                    return null;
                }

                var (plan, problem) = PlanJson.Read(Unprotected(row.Plan));
                var changes = await transaction.QueryAsync<ChangeRow>(
                    "SELECT number, state, before_image, after_image, row_images, message FROM run_changes WHERE run_id = @run", new { run });
                return new RunRecord
                {
                    Plan = plan ?? throw new InvalidOperationException($"The journaled plan of run {run} can't be read: {problem}"),
                    Started = row.StartedAt,
                    Finished = row.FinishedAt,
                    Entries = EntriesOf(changes),
                };
            },
            cancellation);

    /// <summary>Does <paramref name="work"/> in a transaction that holds the lease's row; false when another holds it by now.</summary>
    private Task<bool> WithLeaseAsync(ApplyLease lease, Func<Transaction, Task> work, CancellationToken cancellation)
        => database.TransactAsync(
            async transaction =>
            {
                var epoch = await transaction.ScalarAsync<long>(
                    $"SELECT epoch FROM apply_leases WHERE name = @LeaseName{ForUpdate(transaction)}", new { LeaseName });
                if (epoch != lease.Epoch)
                {
                    return false;
                }

                await work(transaction);
                return true;
            },
            // Every statement under a lease may be done twice: a lost commit answer is settled by doing it again.
            _ => Task.FromResult(new Settled<bool>(false, false)),
            cancellation);

    /// <summary>The rows' insertion in few statements of two texts, so that both stay prepared: as many rows as fit together, the rest one by one.</summary>
    private static List<Statement> Inserts(string into, string onConflict, IReadOnlyList<SqlValue[]> rows)
    {
        var whole = rows.Count - (rows.Count % RowsPerStatement);
        return [.. rows.Take(whole).Chunk(RowsPerStatement).Concat(rows.Skip(whole).Chunk(1)).Select(some =>
        {
            var number = 0;
            var values = string.Join(", ", some.Select(row => $"({string.Join(", ", row.Select(_ => string.Create(CultureInfo.InvariantCulture, $"${++number}")))})"));
            return new Statement($"{into} VALUES {values} {onConflict}", [.. some.SelectMany(row => row)]);
        })];
    }

    private static string ForUpdate(Transaction transaction) => transaction.Dialect == Dialect.PostgreSql ? " FOR UPDATE" : "";

    private DateTimeOffset Now()
    {
        var now = clock.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    /// <summary>A change's row, and where its account's owner is to be mailed that mail's, under the number with a minus: intended while it is owed, applied once it was taken.</summary>
    private IEnumerable<SqlValue[]> RowsOf(Guid run, JournalOutcome outcome)
    {
        yield return [run, outcome.Number, outcome.State.ToString(), Seal(outcome.After), Seal(outcome.Rows), outcome.Message, Now()];
        if (outcome.Mail is { } mail)
        {
            yield return [run, -outcome.Number, (mail.Taken ? ChangeState.Applied : ChangeState.Intent).ToString(), Seal<Fields>(null), Seal<Fields>(null), mail.Problem, Now()];
        }
    }

    private Dictionary<int, JournalEntry> EntriesOf(IReadOnlyList<ChangeRow> rows)
    {
        var mails = rows.Where(row => row.Number < 0).ToDictionary(row => -row.Number, row => new OwedMail(row.State == nameof(ChangeState.Applied), row.Message));
        return rows.Where(row => row.Number > 0).ToDictionary(row => (int)row.Number, row => EntryOf(row) with { Mail = mails.GetValueOrDefault(row.Number) });
    }

    private JournalEntry EntryOf(ChangeRow row)
        => new((int)row.Number, Enum.Parse<ChangeState>(row.State), Open<Fields>(row.BeforeImage), Open<Fields>(row.AfterImage), row.Message, Open<IReadOnlyList<RowWrite>>(row.RowImages));

    private byte[]? Seal<T>(T? image)
        where T : class
        => image is null ? null : secrets.Protect(Purpose, JsonSerializer.Serialize(image, PlanJson.Options));

    private T? Open<T>(byte[]? image)
        where T : class
        => image is null ? null : JsonSerializer.Deserialize<T>(Unprotected(image), PlanJson.Options);

    private string Unprotected(byte[] data)
    {
        try
        {
            return secrets.Unprotect(Purpose, data);
        }
        catch (CryptographicException)
        {
            throw new ForeignSecretException();
        }
    }

    private sealed record LeaseRow
    {
        public long Epoch { get; init; }

        public string Machine { get; init; } = "";

        public long ProcessId { get; init; }

        public DateTimeOffset ExpiresAt { get; init; }
    }

    private sealed record RunRow
    {
        public byte[] Plan { get; init; } = [];

        public DateTimeOffset StartedAt { get; init; }

        public DateTimeOffset? FinishedAt { get; init; }
    }

    private sealed record ChangeRow
    {
        public long Number { get; init; }

        public string State { get; init; } = "";

        public byte[]? BeforeImage { get; init; }

        public byte[]? AfterImage { get; init; }

        public byte[]? RowImages { get; init; }

        public string? Message { get; init; }
    }
}
