using System.Text.Json;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;

namespace Selfsame.Store.Provisioning;

/// <summary>The provisioning rows in our own database.</summary>
public sealed class ProvisioningRows(Database database, TimeProvider clock) : IProvisioningRows
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
                UPDATE provisioning SET epoch = epoch + 1, leased_until = @until, updated_at = @now
                WHERE (user_uuid, system) IN (
                  SELECT user_uuid, system FROM provisioning
                  WHERE state IN ('Pending', 'Intent', 'Compensating') AND not_before <= @now AND (leased_until IS NULL OR leased_until <= @now)
                  ORDER BY not_before, user_uuid, system LIMIT @most{(transaction.Dialect == Dialect.PostgreSql ? " FOR UPDATE SKIP LOCKED" : "")})
                RETURNING {Columns}
                """,
                new { now, until = now + lease, most }),
            cancellation);
        return rows.ConvertAll(row => new ClaimedRow(row.ToDomain(), taken, lease));
    }

    public Task<bool> SaveAsync(ProvisioningRow row, bool release, CancellationToken cancellation)
        => database.TransactAsync(
            async transaction => await transaction.ExecuteAsync(
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
                }) == 1,
            // Writing the same row under the same epoch again changes nothing: a lost commit answer is settled that way.
            _ => Task.FromResult(new Settled<bool>(false, false)),
            cancellation);

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
