using Selfsame.Databases;

namespace Selfsame.Store.Requests;

/// <summary>
/// One creating call that may arrive again (draft-ietf-httpapi-idempotency-key-header).
/// </summary>
/// <param name="Caller">Who calls: a token's or session's uuid, <c>public</c>, or <c>form</c>.</param>
/// <param name="Route">What is called, as <c>POST /api/v1/sign-ups</c>.</param>
/// <param name="Key">The caller's key, or the form's token.</param>
/// <param name="Payload">The request's content; only its keyed hash is stored.</param>
public sealed record IdempotentCall(string Caller, string Route, string Key, string Payload);

/// <summary>What the claim of an <see cref="IdempotentCall"/> found.</summary>
public enum IdempotencyClaim
{
    /// <summary>First of its kind: do the work and store the answer in this transaction.</summary>
    First,

    /// <summary>The same call was answered before: the stored answer is the answer.</summary>
    Replay,

    /// <summary>The key was used for another payload.</summary>
    OtherPayload,
}

/// <summary>Promise 2: the record is inserted first, in the transaction whose answer it will hold.</summary>
internal static class IdempotencyRecords
{
    /// <summary>How long a repeat waits for the first call that is still under way.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    /// <summary>How long an answer is kept.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    private const string Purpose = "idempotency";

    public static byte[] Fingerprint(SecretKeys secrets, IdempotentCall call) => secrets.Hash(Purpose, Fingerprinted(call));

    /// <summary>
    /// Claims the call. In PostgreSQL the insert waits for an uncommitted one of the same key, at most
    /// <see cref="LongestWait"/> (then <see cref="LockTimeoutException"/>); SQLite's writers come one after the other.
    /// </summary>
    public static async Task<(IdempotencyClaim Claim, string? Answer)> ClaimAsync(
        Transaction transaction, SecretKeys secrets, string tenant, IdempotentCall call, DateTimeOffset now)
    {
        var parameters = new { tenant, caller = call.Caller, route = call.Route, key = call.Key, fingerprint = Fingerprint(secrets, call), now, expired = now - Lifetime };
        const string same = "tenant = @tenant AND caller = @caller AND route = @route AND key = @key";
        var (wait, waitAsBefore) = transaction.Dialect == Dialect.PostgreSql
            ? ($"SET LOCAL lock_timeout = '{(int)LongestWait.TotalMilliseconds}ms';", "SET LOCAL lock_timeout TO DEFAULT;")
            : ("", "");
        var inserted = await transaction.ExecuteAsync(
            $"""
            {wait}
            DELETE FROM idempotency_records WHERE {same} AND created_at <= @expired;
            INSERT INTO idempotency_records (tenant, caller, route, key, fingerprint, created_at)
            VALUES (@tenant, @caller, @route, @key, @fingerprint, @now) ON CONFLICT DO NOTHING;
            {waitAsBefore}
            """,
            parameters);
        var row = await transaction.QueryFirstOrDefaultAsync<Record>(
            $"SELECT fingerprint, answer FROM idempotency_records WHERE {same}", parameters);
        return row switch
        {
            null => throw new TransientDatabaseException("The idempotency record vanished while it was claimed."),
            { Answer: null } when inserted > 0 => (IdempotencyClaim.First, null),
            { Answer: null } => throw new TransientDatabaseException("The idempotency record has no answer yet."),
            _ => Compare(secrets, call, row),
        };
    }

    /// <summary>
    /// For <see cref="Database.TryTransactAsync"/>: goes on only where the call is the first of its kind, and waits for another as long as <see cref="ClaimAsync"/> does. The
    /// statements after these wait as long as ever, for whom they wait for is no repeat.
    /// </summary>
    public static IReadOnlyList<Statement> RequireFirst(Database database, string tenant, IdempotentCall call, byte[] fingerprint, DateTimeOffset now)
        =>
        [
            WaitFor(LongestWait),
            AllOrNothing.Of(
                [
                    new StatementPart(
                        "claimed",
                        new Statement(
                            """
                            INSERT INTO idempotency_records AS r (tenant, caller, route, key, fingerprint, created_at) VALUES ($1, $2, $3, $4, $5, $6)
                            ON CONFLICT (tenant, caller, route, key) DO UPDATE SET fingerprint = excluded.fingerprint, created_at = excluded.created_at, answer = NULL
                            WHERE r.created_at <= $7 RETURNING 1
                            """,
                            tenant, call.Caller, call.Route, call.Key, fingerprint, now, now - Lifetime),
                        Rows: 1),
                ],
                answer: null),
            WaitFor(database.LockTimeout),
        ];

    /// <summary>SET LOCAL warns where no transaction was begun. The value is never null: there is no row to read.</summary>
    private static Statement WaitFor(TimeSpan longest)
        => new($"SELECT 1 WHERE set_config('lock_timeout', '{(int)longest.TotalMilliseconds}', true) IS NULL");

    /// <summary>What is stored for the call, without claiming it; null when nothing is.</summary>
    public static async Task<(IdempotencyClaim Claim, string? Answer)?> PeekAsync(
        Transaction transaction, SecretKeys secrets, string tenant, IdempotentCall call, DateTimeOffset now)
    {
        var row = await transaction.QueryFirstOrDefaultAsync<Record>(
            """
            SELECT fingerprint, answer FROM idempotency_records
            WHERE tenant = @tenant AND caller = @caller AND route = @route AND key = @key AND created_at > @expired AND answer IS NOT NULL
            """,
            new { tenant, caller = call.Caller, route = call.Route, key = call.Key, expired = now - Lifetime });
        return row is null ? null : Compare(secrets, call, row);
    }

    /// <summary>Stores the answer of a call that was claimed.</summary>
    public static Statement StoreAnswer(string tenant, IdempotentCall call, string answer)
        => new(
            "UPDATE idempotency_records SET answer = $5 WHERE tenant = $1 AND caller = $2 AND route = $3 AND key = $4",
            tenant, call.Caller, call.Route, call.Key, answer);

    private static string Fingerprinted(IdempotentCall call) => $"{call.Route}\n{call.Payload}";

    // A call of before the secret's change is known again while both secrets are there.
    private static (IdempotencyClaim Claim, string? Answer) Compare(SecretKeys secrets, IdempotentCall call, Record row)
        => secrets.IsHash(Purpose, Fingerprinted(call), row.Fingerprint) ? (IdempotencyClaim.Replay, row.Answer) : (IdempotencyClaim.OtherPayload, null);

    private sealed class Record
    {
        public byte[] Fingerprint { get; init; } = [];

        public string? Answer { get; init; }
    }
}
