using System.Text.Json;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Store.Runs;

namespace Selfsame.Store.Provisioning;

/// <summary>The provisioning rows in our own database.</summary>
/// <param name="database">Ours.</param>
/// <param name="clock">Leases are taken and judged by it.</param>
/// <param name="holder">Whose claims these are.</param>
public sealed class ProvisioningRows(Database database, TimeProvider clock, LeaseHolder holder) : IProvisioningRows
{
    private const string Columns = "user_uuid, system, state, epoch, target_id, attempts, not_before, problem";

    /// <summary>
    /// Notes, in the sign-up's own transaction, that the user is to be provisioned into each of <paramref name="systems"/>.
    /// Doing it twice changes nothing.
    /// </summary>
    public static async Task InsertPending(Transaction transaction, Guid userUuid, IReadOnlyList<string> systems, DateTimeOffset now)
    {
        foreach (var system in systems)
        {
            await transaction.ExecuteAsync(
                """
                INSERT INTO provisioning (user_uuid, system, state, epoch, attempts, not_before, created_at, updated_at)
                VALUES (@userUuid, @system, 'Pending', 0, 0, @now, @now, @now) ON CONFLICT (user_uuid, system) DO NOTHING
                """,
                new { userUuid, system, now });
        }
    }

    public async Task<IReadOnlyList<ClaimedRow>> ClaimAsync(int most, TimeSpan lease, CancellationToken cancellation)
    {
        var taken = clock.GetTimestamp();
        var now = Now();
        var rows = await database.TransactAsync(
            transaction => transaction.QueryAsync<Row>(
                $"""
                UPDATE provisioning SET epoch = epoch + 1, leased_until = @until, claim_machine = @Machine, claim_process = @ProcessId, updated_at = @now
                WHERE (user_uuid, system) IN (
                  SELECT user_uuid, system FROM provisioning
                  WHERE state IN ('Pending', 'Intent', 'Compensating') AND not_before <= @now AND (leased_until IS NULL OR leased_until <= @now)
                  ORDER BY not_before, user_uuid, system LIMIT @most{(transaction.Dialect == Dialect.PostgreSql ? " FOR UPDATE SKIP LOCKED" : "")})
                RETURNING {Columns}
                """,
                new { now, until = now + lease, most, holder.Machine, holder.ProcessId }),
            cancellation);
        return rows.ConvertAll(row => new ClaimedRow(row.ToDomain(), taken, lease));
    }

    /// <summary>
    /// Ends the claims of processes of this machine that no longer run; how many rows those were. Where a call may have left,
    /// the row waits as long as a call takes: it may still arrive.
    /// </summary>
    public Task<int> ReleaseDeadAsync(CancellationToken cancellation)
        => database.TransactAsync(
            async transaction =>
            {
                var now = Now();
                var holders = await transaction.QueryAsync<HolderRow>(
                    "SELECT DISTINCT claim_machine, claim_process FROM provisioning WHERE leased_until > @now AND claim_machine = @Machine",
                    new { now, holder.Machine });
                var released = 0;
                foreach (var dead in holders.Where(row => new LeaseHolder(row.ClaimMachine, (int)row.ClaimProcess).IsGone(holder)))
                {
                    released += await transaction.ExecuteAsync(
                        """
                        UPDATE provisioning SET leased_until = CASE WHEN state = 'Pending' OR leased_until <= @arrived THEN @now ELSE @arrived END
                        WHERE leased_until > @now AND claim_machine = @ClaimMachine AND claim_process = @ClaimProcess
                        """,
                        new { now, arrived = now + Provisioner.CallTimeout, dead.ClaimMachine, dead.ClaimProcess });
                }

                return released;
            },
            cancellation);

    public Task<bool> SaveAsync(ProvisioningRow row, bool release, CancellationToken cancellation)
        => database.TransactAsync(
            async transaction => await SaveAsync(transaction, row, release) && await ForgetPurgedAsync(transaction, row),
            // Writing the same row under the same epoch again changes nothing: a lost commit answer is settled that way.
            _ => Task.FromResult(new Settled<bool>(false, false)),
            cancellation);

    private async Task<bool> SaveAsync(Transaction transaction, ProvisioningRow row, bool release)
        => await transaction.ExecuteAsync(
            $"""
            UPDATE provisioning SET state = @state, target_id = @targetId, attempts = @Attempts, not_before = @NotBefore,
              problem = @Problem, updated_at = @now{(release ? ", leased_until = NULL" : "")}
            WHERE user_uuid = @User AND system = @System AND epoch = @Epoch
            """,
            new
            {
                state = row.State.ToString(),
                targetId = row.TargetId is null ? null : JsonSerializer.Serialize(row.TargetId),
                row.Attempts,
                row.NotBefore,
                row.Problem,
                now = Now(),
                row.User,
                row.System,
                row.Epoch,
            }) == 1;

    /// <summary>The row of a purged user stayed only until nothing of them is left in the other system.</summary>
    private static async Task<bool> ForgetPurgedAsync(Transaction transaction, ProvisioningRow row)
    {
        if (row.State == ProvisioningState.Compensated)
        {
            await transaction.ExecuteAsync(
                """
                DELETE FROM provisioning WHERE user_uuid = @User AND system = @System AND epoch = @Epoch
                  AND NOT EXISTS (SELECT 1 FROM users u WHERE u.uuid = @User)
                """,
                new { row.User, row.System, row.Epoch });
        }

        return true;
    }

    /// <summary>The rows of one user, by system.</summary>
    public Task<IReadOnlyList<ProvisioningRow>> OfUserAsync(Guid user, CancellationToken cancellation)
        => database.ReadAsync<IReadOnlyList<ProvisioningRow>>(
            async transaction => (await transaction.QueryAsync<Row>(
                $"SELECT {Columns} FROM provisioning WHERE user_uuid = @user ORDER BY system", new { user })).ConvertAll(row => row.ToDomain()),
            cancellation);

    /// <summary>Takes a row out of its conflict to look again; false when it is in none.</summary>
    public Task<bool> RetryAsync(Guid user, string system, CancellationToken cancellation)
        => database.TransactAsync(
            async transaction =>
            {
                var row = await transaction.QueryFirstOrDefaultAsync<Row>(
                    $"SELECT {Columns} FROM provisioning WHERE user_uuid = @user AND system = @system", new { user, system });
                if (row?.ToDomain() is not { State: ProvisioningState.Conflict } conflict)
                {
                    return false;
                }

                var next = ProvisioningMachine.Next(conflict, new RetryAsked(), Now(), 0);
                return await transaction.ExecuteAsync(
                    """
                    UPDATE provisioning SET state = @state, attempts = 0, problem = NULL, not_before = @NotBefore, epoch = epoch + 1, updated_at = @now
                    WHERE user_uuid = @user AND system = @system AND epoch = @Epoch
                    """,
                    new { state = next.State.ToString(), next.NotBefore, now = Now(), user, system, next.Epoch }) == 1;
            },
            cancellation);

    private DateTimeOffset Now()
    {
        var now = clock.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    private sealed record HolderRow
    {
        public string ClaimMachine { get; init; } = "";

        public long ClaimProcess { get; init; }
    }

    private sealed record Row
    {
        public Guid UserUuid { get; init; }

        public string System { get; init; } = "";

        public string State { get; init; } = "";

        public long Epoch { get; init; }

        public string? TargetId { get; init; }

        public long Attempts { get; init; }

        public DateTimeOffset NotBefore { get; init; }

        public string? Problem { get; init; }

        public ProvisioningRow ToDomain() => new()
        {
            User = UserUuid,
            System = System,
            State = Enum.Parse<ProvisioningState>(State),
            Epoch = Epoch,
            TargetId = TargetId is null ? null : JsonSerializer.Deserialize<AccountId>(TargetId),
            Attempts = (int)Attempts,
            NotBefore = NotBefore,
            Problem = Problem,
        };
    }
}
