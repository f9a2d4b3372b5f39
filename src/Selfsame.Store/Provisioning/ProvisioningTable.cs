using System.Text.Json;
using Dapper;
using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Store.Runs;

namespace Selfsame.Store.Provisioning;

/// <summary>The statements on single rows of <c>provisioning</c>.</summary>
internal static class ProvisioningTable
{
    /// <summary>The condition of one row, by the parameters of <see cref="Parameters"/>.</summary>
    public const string IsKey = "source = @source AND source_id = @account AND system = @system";

    /// <summary>So many events of a row are kept.</summary>
    private const int MostEvents = 30;

    /// <summary>A row that was claimed no more often than this has no more than a few of them, and is spared the look for old ones.</summary>
    private const int YoungEpoch = 3;

    private static readonly TimeSpan SealedDelay = TimeSpan.FromMinutes(1);

    /// <summary>The key's parameters with others.</summary>
    public static DynamicParameters Parameters(ProvisioningKey key, object? others = null)
    {
        var parameters = new DynamicParameters(others);
        parameters.Add("source", key.Source);
        parameters.Add("account", key.Account.ToText());
        parameters.Add("system", key.System);
        return parameters;
    }

    /// <summary>Makes the row where there is none; whether it wrote one.</summary>
    /// <param name="transaction">The caller's.</param>
    /// <param name="key">The row.</param>
    /// <param name="lane">Where it waits.</param>
    /// <param name="anew">Whether the account is there anew: a row of who was purged and is back is no longer to be forgotten.</param>
    /// <param name="correlationId">Leads to what wants the row; null where nothing does.</param>
    /// <param name="now">The present instant.</param>
    public static async Task<bool> InsertAsync(Transaction transaction, ProvisioningKey key, ProvisioningLane lane, bool anew, string? correlationId, DateTimeOffset now)
    {
        var state = await transaction.ScalarAsync<string>(
            $"""
            INSERT INTO provisioning (source, source_id, system, state, epoch, asked, lane, disabled, attempts, not_before, forget, correlation_id, created_at, updated_at)
            VALUES (@source, @account, @system, 'Pending', 0, 0, @lane, @no, 0, @now, @no, @correlationId, @now, @now)
            ON CONFLICT (source, source_id, system) DO {(anew ? "UPDATE SET forget = @no, asked = provisioning.asked + 1, correlation_id = excluded.correlation_id WHERE provisioning.forget" : "NOTHING")}
            RETURNING state
            """,
            Parameters(key, new { lane = lane.ToString(), now, no = false, correlationId }));
        if (state == nameof(ProvisioningState.Conflict))
        {
            // Kept by the purge: what stood in the way was about who was gone.
            await AskAsync(transaction, (await ReadForUpdateAsync(transaction, key))!, "The account is there again.", lane, correlationId, now);
        }
        else if (state is not null)
        {
            await NoteAsync(transaction, key, Enum.Parse<ProvisioningState>(state), null, correlationId, now);
        }

        return state is not null;
    }

    /// <summary>The row of an account that no row was made for, for a batch; returns a row unless there was one.</summary>
    public static Statement InsertNew(ProvisioningKey key, ProvisioningLane lane, string? correlationId, DateTimeOffset now) => new(
        """
        INSERT INTO provisioning (source, source_id, system, state, epoch, asked, lane, disabled, attempts, not_before, forget, created_at, updated_at, correlation_id)
        VALUES ($1, $2, $3, 'Pending', 0, 0, $4, $5, 0, $6, $5, $6, $6, $7) ON CONFLICT (source, source_id, system) DO NOTHING RETURNING state
        """,
        key.Source, key.Account.ToText(), key.System, lane.ToString(), false, now, correlationId);

    /// <summary>Lends so many of a lane's due rows, for a batch.</summary>
    public static Statement Claim(Dialect dialect, LeaseHolder holder, ProvisioningClaim claim, ProvisioningLane lane, int most, DateTimeOffset now) => new(
        $"""
        UPDATE provisioning SET epoch = epoch + 1, leased_until = $1, claim_machine = $2, claim_process = $3, updated_at = $4
        WHERE (source, source_id, system) IN (
          SELECT source, source_id, system FROM provisioning
          WHERE system = $5 AND lane = $6 AND not_before <= $4 AND (leased_until IS NULL OR leased_until <= $4)
            AND (state IN ('Pending', 'Intent', 'Compensating') OR due_because IS NOT NULL) AND {SystemPace.NotPaused("$5", "$4", "$7")}
             AND {SystemPace.NotPaused("provisioning.source", "$4", "$7")}
          ORDER BY not_before, source, source_id LIMIT $8{(dialect == Dialect.PostgreSql ? " FOR UPDATE SKIP LOCKED" : "")})
        RETURNING {StoredRow.Columns}
        """,
        now + claim.Lease, holder.Machine, (long)holder.ProcessId, now, claim.System, lane.ToString(), SystemPace.LatestPause(now), (long)most);

    /// <summary>Lends a row that the caller has locked, and that is nobody's, under the next epoch.</summary>
    public static Task LendAsync(Transaction transaction, ProvisioningKey key, LeaseHolder holder, DateTimeOffset until)
        => transaction.ExecuteAsync(
            $"UPDATE provisioning SET epoch = epoch + 1, leased_until = @until, claim_machine = @Machine, claim_process = @ProcessId WHERE {IsKey}",
            Parameters(key, new { until, holder.Machine, holder.ProcessId }));

    /// <summary>Ends a loan without writing anything else; none where another holds the row by now.</summary>
    public static Task<int> GiveBackAsync(Transaction transaction, ProvisioningKey key, long epoch)
        => transaction.ExecuteAsync($"UPDATE provisioning SET leased_until = NULL WHERE {IsKey} AND epoch = @epoch", Parameters(key, new { epoch }));

    /// <summary>The rows of an account, locked, in the order of their systems, so that two who take them do not block each other.</summary>
    public static Task<List<StoredRow>> ReadForUpdateAsync(Transaction transaction, string source, AccountId account)
        => transaction.BatchAsync<StoredRow>([SelectForUpdate(transaction.Dialect, source, account)]);

    /// <summary>As above, for the caller's batch.</summary>
    public static Statement SelectForUpdate(Dialect dialect, string source, AccountId account)
        => new($"SELECT {StoredRow.Columns} FROM provisioning WHERE source = $1 AND source_id = $2 ORDER BY system{ForUpdate(dialect)}", source, account.ToText());

    public static async Task<bool> ExistsAsync(Transaction transaction, ProvisioningKey key)
        => await transaction.ScalarAsync<long>($"SELECT count(*) FROM provisioning WHERE {IsKey}", Parameters(key)) > 0;

    public static Task<StoredRow?> ReadForUpdateAsync(Transaction transaction, ProvisioningKey key)
        => transaction.QueryFirstOrDefaultAsync<StoredRow>(
            $"SELECT {StoredRow.Columns} FROM provisioning WHERE {IsKey}{ForUpdate(transaction)}", Parameters(key));

    /// <summary>The rows, locked, whose account in the system is this.</summary>
    public static Task<List<StoredRow>> ReadOfTargetForUpdateAsync(Transaction transaction, string system, string target)
        => transaction.QueryAsync<StoredRow>(
            $"SELECT {StoredRow.Columns} FROM provisioning WHERE system = @system AND target_id = @target ORDER BY source, source_id{ForUpdate(transaction)}",
            new { system, target });

    /// <summary>Writes a row that the caller has locked and whose epoch it has compared. Whoever asked meanwhile said in which lane it waits.</summary>
    public static Task UpdateAsync(Transaction transaction, SecretKeys secrets, ProvisioningRow row, bool release, DateTimeOffset now)
        => transaction.ExecuteAsync(
            $"""
            UPDATE provisioning SET state = @state, due_because = @DueBecause, target_id = @target, creation = @creation, disabled = @Disabled, deleting = @Deleting, attempts = @Attempts,
              not_before = @NotBefore, problem = @Problem, note = @Note, lane = CASE WHEN asked = @Asked THEN @lane ELSE lane END, updated_at = @now{(release ? ", leased_until = NULL" : "")}
            WHERE {IsKey}
            """,
            Parameters(row.Key, new
            {
                state = row.State.ToString(),
                row.DueBecause,
                target = row.TargetId?.ToText(),
                creation = row.Intended is null ? null : StoredRow.Seal(secrets, row.Intended),
                row.Disabled,
                row.Deleting,
                row.Attempts,
                row.NotBefore,
                row.Problem,
                row.Note,
                row.Asked,
                lane = row.Lane.ToString(),
                now,
            }));

    /// <summary>
    /// Writes a row with a line in its history, and returns a row, where it is still under this epoch and nobody asked about it. The first statement
    /// locks what the second writes.
    /// </summary>
    public static IReadOnlyList<Statement> SaveUndisturbed(Dialect dialect, SecretKeys secrets, ProvisioningRow row, bool release, DateTimeOffset now)
    {
        const string isUndisturbed = "source = $1 AND source_id = $2 AND system = $3 AND epoch = $4 AND asked = $5";
        var (account, state) = (row.Key.Account.ToText(), row.State.ToString());
        return
        [
            new Statement(
                $"""
                INSERT INTO provisioning_events (source, source_id, system, at, state, what, correlation_id)
                SELECT source, source_id, system, $6, $7, coalesce($8, $9), correlation_id FROM (SELECT * FROM provisioning WHERE {isUndisturbed}{ForUpdate(dialect)}) before
                WHERE state <> $7 OR coalesce(problem, '') <> coalesce($8, '') OR coalesce(note, '') <> coalesce($9, '') OR (due_because IS NOT NULL AND $10)
                """,
                row.Key.Source, account, row.Key.System, row.Epoch, row.Asked, now, state, row.Problem, row.Note, row.DueBecause is null),
            new Statement(
                $"""
                UPDATE provisioning SET state = $6, due_because = $7, target_id = $8, creation = $9, disabled = $10, attempts = $11,
                  not_before = $12, problem = $13, note = $14, updated_at = $15, deleting = $16, lane = $17{(release ? ", leased_until = NULL" : "")}
                WHERE {isUndisturbed} RETURNING 1
                """,
                row.Key.Source, account, row.Key.System, row.Epoch, row.Asked, state, row.DueBecause, row.TargetId?.ToText(),
                row.Intended is null ? null : StoredRow.Seal(secrets, row.Intended), row.Disabled, row.Attempts, row.NotBefore, row.Problem, row.Note, now, row.Deleting, row.Lane.ToString()),
            .. row.Epoch > YoungEpoch ? [TakeOldestEvents(row.Key)] : Array.Empty<Statement>(),
        ];
    }

    /// <summary>Gives a claimed row back that can't be opened, for a server that can, or for later; who lost it meanwhile changes nothing.</summary>
    public static async Task PutBackUnopenedAsync(Transaction transaction, StoredRow row, string problem, DateTimeOffset now)
    {
        var given = await transaction.ExecuteAsync(
            $"""
            UPDATE provisioning SET leased_until = NULL, attempts = attempts + 1, not_before = @later, problem = @problem, updated_at = @now
            WHERE {IsKey} AND epoch = @Epoch
            """,
            Parameters(row.Key, new { later = now + SealedDelay, problem, now, row.Epoch }));
        if (given > 0 && row.Problem != problem && Enum.TryParse<ProvisioningState>(row.State, out var state))
        {
            await NoteAsync(transaction, row.Key, state, problem, row.CorrelationId, now);
        }
    }

    /// <summary>Has a locked row looked at again. What a holder of the row writes at its end stands over all but the count.</summary>
    /// <param name="transaction">The caller's.</param>
    /// <param name="stored">The row.</param>
    /// <param name="reason">Why, for people.</param>
    /// <param name="lane">Where a settled row waits.</param>
    /// <param name="correlationId">Leads to what asks; null where nothing does.</param>
    /// <param name="now">The present instant.</param>
    public static Task AskAsync(Transaction transaction, StoredRow stored, string reason, ProvisioningLane lane, string? correlationId, DateTimeOffset now)
        => transaction.BatchAsync(Ask(stored, reason, lane, correlationId, now));

    /// <summary>As above, for the caller's batch.</summary>
    public static IReadOnlyList<Statement> Ask(StoredRow stored, string reason, ProvisioningLane lane, string? correlationId, DateTimeOffset now)
    {
        var row = stored.ToDomain(null);
        var next = ProvisioningMachine.Next(row, new LookAgain(reason), now, 0);
        var settled = row.State is ProvisioningState.Conflict or ProvisioningState.Compensated || row is { State: ProvisioningState.Linked, DueBecause: null or UpdateUnanswered.Late };
        return
        [
            new Statement(
                """
                UPDATE provisioning SET state = $4, asked = asked + 1, due_because = $5, lane = $6, attempts = $7, not_before = $8, problem = $9, updated_at = $10,
                  correlation_id = $11
                WHERE source = $1 AND source_id = $2 AND system = $3
                """,
                row.Key.Source, row.Key.Account.ToText(), row.Key.System, next.State.ToString(), next.DueBecause,
                (settled || lane == ProvisioningLane.Interactive ? lane : row.Lane).ToString(), next.Attempts, next.NotBefore, next.Problem, now, correlationId),
            .. settled ? Note(row.Key, next.State, reason, correlationId, now) : [],
        ];
    }

    /// <summary>Keeps, of a row that the caller has locked, that it is the service that disabled the account.</summary>
    public static Task DisabledByUsAsync(Transaction transaction, ProvisioningKey key)
        => transaction.ExecuteAsync($"UPDATE provisioning SET disabled = @yes WHERE {IsKey}", Parameters(key, new { yes = true }));

    /// <summary>Whether what is written is worth a line in the row's history.</summary>
    public static bool HasNews(StoredRow before, ProvisioningRow after)
        => before.State != after.State.ToString() || before.Problem != after.Problem || before.Note != after.Note
            || (before.DueBecause is not null && after.DueBecause is null);

    /// <summary>Adds a line to the row's history and takes the oldest away.</summary>
    public static Task NoteAsync(Transaction transaction, ProvisioningKey key, ProvisioningState state, string? what, string? correlationId, DateTimeOffset now)
        => transaction.BatchAsync(Note(key, state, what, correlationId, now));

    private static Statement[] Note(ProvisioningKey key, ProvisioningState state, string? what, string? correlationId, DateTimeOffset now)
        => [Event(key, state, what, correlationId, now), TakeOldestEvents(key)];

    /// <summary>A line of the row's history, for the batch that inserts the row.</summary>
    public static Statement Event(ProvisioningKey key, ProvisioningState state, string? what, string? correlationId, DateTimeOffset now) => new(
        "INSERT INTO provisioning_events (source, source_id, system, at, state, what, correlation_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        key.Source, key.Account.ToText(), key.System, now, state.ToString(), what, correlationId);

    private static Statement TakeOldestEvents(ProvisioningKey key) => new(
        $"""
        DELETE FROM provisioning_events WHERE source = $1 AND source_id = $2 AND system = $3
          AND id <= (SELECT id FROM provisioning_events WHERE source = $1 AND source_id = $2 AND system = $3 ORDER BY id DESC LIMIT 1 OFFSET {MostEvents})
        """,
        key.Source, key.Account.ToText(), key.System);

    public static Task ForgetAsync(Transaction transaction, ProvisioningKey key)
        => transaction.ExecuteAsync(
            $"DELETE FROM provisioning_events WHERE {IsKey}; DELETE FROM provisioning WHERE {IsKey};", Parameters(key));

    /// <summary>Has a row forgotten when it is compensated; it is worked on now, or is to be.</summary>
    public static Task ForgetLaterAsync(Transaction transaction, ProvisioningKey key)
        => transaction.ExecuteAsync($"UPDATE provisioning SET forget = @yes WHERE {IsKey}", Parameters(key, new { yes = true }));

    /// <summary>Tells whoever works on a row that what it read is too old; when the row is due stays as it is.</summary>
    public static Task DisturbAsync(Transaction transaction, ProvisioningKey key)
        => transaction.ExecuteAsync($"UPDATE provisioning SET asked = asked + 1 WHERE {IsKey}", Parameters(key));

    /// <summary>Forgets what was sent, where it is no longer needed to know the account again.</summary>
    public static Task ForgetSentAsync(Transaction transaction, ProvisioningKey key)
        => transaction.ExecuteAsync($"UPDATE provisioning SET creation = NULL WHERE {IsKey} AND target_id IS NOT NULL", Parameters(key));

    private static string ForUpdate(Transaction transaction) => ForUpdate(transaction.Dialect);

    private static string ForUpdate(Dialect dialect) => dialect == Dialect.PostgreSql ? " FOR UPDATE" : "";
}

/// <summary>A row as the database has it.</summary>
internal record StoredRow
{
    public const string Columns
        = "source, source_id, system, state, epoch, asked, due_because, lane, target_id, creation, disabled, deleting, attempts, not_before, leased_until, problem, note, forget, correlation_id";

    /// <summary>What <see cref="Creation"/> is sealed for.</summary>
    public const string Purpose = "provisioning";

    public string Source { get; init; } = "";

    public string SourceId { get; init; } = "";

    public string System { get; init; } = "";

    public string State { get; init; } = "";

    public long Epoch { get; init; }

    public long Asked { get; init; }

    public string? DueBecause { get; init; }

    public string Lane { get; init; } = "";

    public string? TargetId { get; init; }

    public byte[]? Creation { get; init; }

    public bool Disabled { get; init; }

    public long Attempts { get; init; }

    public DateTimeOffset NotBefore { get; init; }

    public DateTimeOffset? LeasedUntil { get; init; }

    public string? Problem { get; init; }

    public string? Note { get; init; }

    public bool Forget { get; init; }

    public bool Deleting { get; init; }

    public string? CorrelationId { get; init; }

    public ProvisioningKey Key => new(Source, AccountId.FromText(SourceId), System);

    /// <param name="secrets">Opens what is sealed; without them that stays closed, and the row must not be written back.</param>
    public ProvisioningRow ToDomain(SecretKeys? secrets) => new()
    {
        Key = Key,
        State = Enum.Parse<ProvisioningState>(State),
        Epoch = Epoch,
        Asked = Asked,
        DueBecause = DueBecause,
        Lane = Enum.Parse<ProvisioningLane>(Lane),
        TargetId = TargetId is null ? null : AccountId.FromText(TargetId),
        Intended = Creation is null ? null : secrets is null ? Closed : JsonSerializer.Deserialize<IntendedAccount>(secrets.Unprotect(Purpose, Creation)),
        Disabled = Disabled,
        Purged = Forget,
        Deleting = Deleting,
        Attempts = (int)Attempts,
        NotBefore = NotBefore,
        Problem = Problem,
        Note = Note,
        CorrelationId = CorrelationId,
    };

    public static byte[] Seal(SecretKeys secrets, IntendedAccount account) => secrets.Protect(Purpose, JsonSerializer.Serialize(account));

    /// <summary>Says that something is there, and nothing of it.</summary>
    private static IntendedAccount Closed { get; } = new(Fields.Empty, "");
}
