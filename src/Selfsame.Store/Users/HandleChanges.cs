using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Provisioning;
using Selfsame.Store.Requests;
using Selfsame.Store.Runs;

namespace Selfsame.Store.Users;

/// <summary>A change of a handle that is on loan to who carries it into the other system.</summary>
public sealed record HandleChange
{
    internal const string Columns = "c.user_id, u.uuid, u.tenant, u.user_code, c.handle, c.actor, c.correlation_id, c.epoch, c.attempts, c.problem";

    public long UserId { get; init; }

    public Guid Uuid { get; init; }

    public string Tenant { get; init; } = "";

    /// <summary>What the user wants; null gives the handle up.</summary>
    public string? Handle { get; init; }

    public string UserCode { get; init; } = "";

    public string Actor { get; init; } = "";

    public string? CorrelationId { get; init; }

    /// <summary>Grows with every loan; the change is written only for whoever holds its epoch.</summary>
    public long Epoch { get; init; }

    /// <summary>Earlier attempts that came to nothing yet. What one of them sent may still arrive.</summary>
    public long Attempts { get; init; }

    /// <summary>Why it waited; null at first, and when the user asks again.</summary>
    public string? Problem { get; init; }
}

/// <summary>How a user's change of handle stands.</summary>
/// <param name="Handle">What was asked for; null gives the handle up.</param>
/// <param name="IsRefused">Whether it came to nothing.</param>
/// <param name="Problem">Why it was refused.</param>
public sealed record HandleChangeState(string? Handle, bool IsRefused, string? Problem);

/// <summary>
/// Changes of handles that another system must take first. Begun, the old handle and the new one are both the user's; the change is carried out
/// by whoever has it on loan, and ends by a flip to the new one or by giving it back. Nothing of it is lost by a crash.
/// </summary>
public sealed class HandleChanges(StoreContext context)
{
    /// <summary>Why a change waits that was refused while an earlier request may have been on its way: refused once more after that, it is refused for good.</summary>
    public const string RefusedTooEarly = "It was refused, and an earlier request may still arrive: both handles are held until that is settled.";

    /// <summary>No attempt takes longer; after that another node may try.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(60);

    /// <summary>One attempt more, of a change whose holder never gave it back.</summary>
    private const string OfTheDead = "CASE WHEN handle_changes.leased_until IS NULL THEN 0 ELSE 1 END";

    private static readonly TimeSpan FirstDelay = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromHours(1);

    /// <summary>Nothing tells the change that its account is there.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Reserves the handle beside the present one and lends the change to the caller; or the result that it comes to without. The same request again takes
    /// up the change that is under way, unless somebody has it.
    /// </summary>
    public async Task<(HandleChange? Change, UserChangeResult? Result)> BeginAsync(
        string tenant, Guid uuid, string? handle, long? version, Actor actor, CancellationToken cancellation)
    {
        var begun = await BeginOnceAsync(tenant, uuid, handle, version, actor, cancellation);
        if (begun.Result is UserChangeResult.Taken)
        {
            await IdentifierConflicts.RecordHandleAsync(context, tenant, handle!, actor, cancellation);
        }

        return begun;
    }

    private Task<(HandleChange? Change, UserChangeResult? Result)> BeginOnceAsync(
        string tenant, Guid uuid, string? handle, long? version, Actor actor, CancellationToken cancellation)
        => context.Database.TransactAsync<(HandleChange?, UserChangeResult?)>(
            async transaction =>
            {
                var now = context.Now();
                var user = await UserReader.FindForUpdateAsync(transaction, tenant, uuid);
                if (user is null || (version is not null && version != user.Version))
                {
                    return (null, user is null ? new UserChangeResult.NotFound() : new UserChangeResult.VersionMismatch(user));
                }

                var underWay = await transaction.QueryFirstOrDefaultAsync<ChangeRow>(
                    "SELECT handle, refused, leased_until FROM handle_changes WHERE user_id = @id", new { id = user.Id });
                if (underWay is { Refused: false } && underWay.Handle != handle)
                {
                    return (null, Waiting());
                }

                if (underWay is { Refused: false, LeasedUntil: { } until } && until > now)
                {
                    return (null, new UserChangeResult.Pending());
                }

                var limit = context.Tenant(tenant).HandleChangeLimit;
                if (await RateLimits.CountAsync(transaction, tenant, limit, uuid.ToString("D"), now) is { Allowed: false } full)
                {
                    transaction.RollBack = true;
                    return (null, new UserChangeResult.TooMany(full));
                }

                await transaction.ExecuteAsync(
                    $"""
                    INSERT INTO handle_changes (user_id, handle, actor, correlation_id, epoch, attempts, not_before, leased_until, refused, created_at)
                    VALUES (@id, @handle, @Name, @CorrelationId, 1, 0, @now, @until, @no, @now)
                    ON CONFLICT (user_id) DO UPDATE SET handle = excluded.handle, actor = excluded.actor, correlation_id = excluded.correlation_id,
                      epoch = handle_changes.epoch + 1, attempts = CASE WHEN handle_changes.refused THEN 0 ELSE handle_changes.attempts + {OfTheDead} END, not_before = excluded.not_before, leased_until = excluded.leased_until,
                      problem = NULL, refused = excluded.refused, created_at = excluded.created_at
                    """,
                    new { id = user.Id, handle, actor.Name, actor.CorrelationId, now, until = now + Lease, no = false });
                var taken = await IdentifierRows.ReplaceAsync(transaction, user, context.Tenant(tenant));
                if (taken.Count > 0)
                {
                    transaction.RollBack = true;
                    return (null, new UserChangeResult.Taken(taken));
                }

                return (await ReadAsync(transaction, user.Id), null);
            },
            cancellation);

    /// <summary>Lends changes that are due and nobody's.</summary>
    public Task<List<HandleChange>> ClaimAsync(int most, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var now = context.Now();
                var skipLocked = transaction.Dialect == Dialect.PostgreSql ? " FOR UPDATE SKIP LOCKED" : "";
                var ids = await transaction.QueryAsync<long>(
                    $"""
                    SELECT user_id FROM handle_changes WHERE refused = @no AND not_before <= @now AND (leased_until IS NULL OR leased_until <= @now)
                    ORDER BY not_before LIMIT @most{skipLocked}
                    """,
                    new { no = false, now, most });
                var claimed = new List<HandleChange>();
                foreach (var id in ids)
                {
                    // What a node sent before it died may still arrive: that nothing could any more is no longer so.
                    await transaction.ExecuteAsync(
                        $"""
                        UPDATE handle_changes SET epoch = epoch + 1, attempts = attempts + {OfTheDead}, problem = CASE WHEN leased_until IS NULL THEN problem END, leased_until = @until
                        WHERE user_id = @id
                        """,
                        new { id, until = now + Lease });
                    claimed.Add((await ReadAsync(transaction, id))!);
                }

                return claimed;
            },
            cancellation);

    /// <summary>
    /// Takes the row of the user's account on loan, as the provisioning does: what a parallel round of that read before the change can't be sent or written after it.
    /// A row of which a creation may be on its way is left alone.
    /// </summary>
    public Task<HandleAccount> TakeAccountAsync(HandleChange change, string system, CancellationToken cancellation)
    {
        var key = new ProvisioningKey(context.Tenant(change.Tenant).UserSystem, new AccountId(change.Uuid.ToString("D")), system);
        return context.Database.TransactAsync<HandleAccount>(
            async transaction =>
            {
                var now = context.Now();
                if (await ProvisioningTable.ReadForUpdateAsync(transaction, key) is not { } row)
                {
                    return new NoHandleAccount(key);
                }

                if (row.LeasedUntil > now)
                {
                    return new BusyHandleAccount();
                }

                if (row is { TargetId: null, State: nameof(ProvisioningState.Intent) or nameof(ProvisioningState.Compensating) })
                {
                    return new ArrivingHandleAccount();
                }

                await ProvisioningTable.LendAsync(transaction, key, LeaseHolder.Current, now + Lease);
                return new HeldHandleAccount(key, row.Epoch + 1, row.TargetId is null ? null : AccountId.FromText(row.TargetId));
            },
            cancellation);
    }

    /// <summary>Ends the loan of the account. Where another has it by now, what was sent under it may have been written last: the account is looked at again.</summary>
    public Task GiveBackAsync(HeldHandleAccount account, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                if (await ProvisioningTable.GiveBackAsync(transaction, account.Key, account.Epoch) == 0
                    && await ProvisioningTable.ReadForUpdateAsync(transaction, account.Key) is { } lost)
                {
                    await ProvisioningTable.AskAsync(transaction, lost, LookAgain.OfLateWrite, Enum.Parse<ProvisioningLane>(lost.Lane), lost.CorrelationId, context.Now());
                }

                return true;
            },
            // Given back or asked twice comes to the same.
            _ => Task.FromResult(default(Settled<bool>)),
            cancellation);

    /// <summary>
    /// The user has the new handle alone. Null where another has the change or the account by now, or the account was begun meanwhile.
    /// </summary>
    /// <param name="change">The change.</param>
    /// <param name="account">The account; null where no system keeps handles any more.</param>
    /// <param name="cancellation">Gives up.</param>
    public Task<UserChangeResult?> FlipAsync(HandleChange change, HandleAccount? account, CancellationToken cancellation)
        => context.Database.TransactAsync<UserChangeResult?>(
            async transaction =>
            {
                var now = context.Now();
                if (await HeldForUpdateAsync(transaction, change) is not { } user || !await IsStillAsync(transaction, account, now))
                {
                    transaction.RollBack = true;
                    return null;
                }

                await transaction.ExecuteAsync("DELETE FROM handle_changes WHERE user_id = @UserId", new { change.UserId });
                var result = user.Handle == change.Handle ? new UserChangeResult.Changed(user) : await SaveAsync(transaction, user, change, now);
                if (account is NoHandleAccount none)
                {
                    await ProvisioningTable.ForgetAsync(transaction, none.Key);
                }

                return result;
            },
            // Only the holder of this epoch ends it: a change that is gone was ended by the commit whose answer was lost.
            async transaction => await ReadAsync(transaction, change.UserId) is null && await UserReader.FindByIdAsync(transaction, change.UserId) is { } user
                ? new Settled<UserChangeResult?>(true, new UserChangeResult.Changed(user))
                : default,
            cancellation);

    /// <summary>The other system will never take it: the new handle is free again, and the old one stays. False where another has the change by now.</summary>
    public Task<bool> RefuseAsync(HandleChange change, string problem, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var now = context.Now();
                if (await HeldForUpdateAsync(transaction, change) is not { } user)
                {
                    return false;
                }

                await transaction.ExecuteAsync(
                    "UPDATE handle_changes SET refused = @yes, leased_until = NULL, problem = @problem WHERE user_id = @UserId", new { yes = true, problem = StoredText.Of(problem), change.UserId });
                await IdentifierRows.ReplaceAsync(transaction, user, context.Tenant(change.Tenant));
                await AuditTrail.AddAsync(transaction, user.Id, change.Tenant, new Actor(change.Actor, change.CorrelationId), "handle.refused", now);
                return true;
            },
            cancellation);

    /// <summary>As above, because somebody has it over there.</summary>
    public async Task RefuseTakenAsync(HandleChange change, string problem, CancellationToken cancellation)
    {
        if (await RefuseAsync(change, problem, cancellation))
        {
            await IdentifierConflicts.RecordHandleAsync(context, change.Tenant, change.Handle!, new Actor(change.Actor, change.CorrelationId), cancellation);
        }
    }

    /// <summary>It could not be told or done now; it is tried again later. False where another has the change by now.</summary>
    public Task<bool> PostponeAsync(HandleChange change, string problem, TimeSpan? retryAfter, CancellationToken cancellation)
        => PostponeAsync(change, problem, retryAfter, LongestDelay, cancellation);

    /// <summary>It was refused, which says nothing yet: it is asked for once more when no earlier request can arrive any more. False where another has the change by now.</summary>
    public Task<bool> HoldAsync(HandleChange change, CancellationToken cancellation)
        => PostponeAsync(change, RefusedTooEarly, Provisioner.LateTime, LongestDelay, cancellation);

    /// <summary>The account is being made or worked on: the change is looked at again soon. False where another has the change by now.</summary>
    public Task<bool> AwaitAccountAsync(HandleChange change, string problem, CancellationToken cancellation)
        => PostponeAsync(change, problem, null, LongestWait, cancellation);

    private Task<bool> PostponeAsync(HandleChange change, string problem, TimeSpan? retryAfter, TimeSpan longest, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var doubled = FirstDelay * Math.Pow(2, Math.Min(change.Attempts, 20));
                var delay = doubled < longest ? doubled : longest;
                return await transaction.ExecuteAsync(
                    """
                    UPDATE handle_changes SET attempts = attempts + 1, not_before = @at, leased_until = NULL, problem = @problem
                    WHERE user_id = @UserId AND epoch = @Epoch AND refused = @no
                    """,
                    new { at = context.Now() + (retryAfter > delay ? retryAfter.Value : delay), problem = StoredText.Of(problem), change.UserId, change.Epoch, no = false }) == 1;
            },
            cancellation);

    /// <summary>How the user's change stands; null where none is under way and none was refused.</summary>
    public Task<HandleChangeState?> StateAsync(User user, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction => await transaction.QueryFirstOrDefaultAsync<ChangeRow>(
                "SELECT handle, refused, problem FROM handle_changes WHERE user_id = @Id", new { user.Id }) is { } row
                ? new HandleChangeState(row.Handle, row.Refused, row.Refused ? row.Problem : null)
                : null,
            cancellation);

    /// <summary>Whether the account is as it was taken. Where there was no row, one that nobody else sees keeps others from beginning one until this transaction ends.</summary>
    private static async Task<bool> IsStillAsync(Transaction transaction, HandleAccount? account, DateTimeOffset now) => account switch
    {
        NoHandleAccount none => await ProvisioningTable.InsertAsync(transaction, none.Key, ProvisioningLane.Backfill, anew: false, correlationId: null, now),
        HeldHandleAccount held => (await ProvisioningTable.ReadForUpdateAsync(transaction, held.Key))?.Epoch == held.Epoch,
        _ => account is null,
    };

    private async Task<UserChangeResult> SaveAsync(Transaction transaction, User user, HandleChange change, DateTimeOffset now)
    {
        var after = user with { Handle = change.Handle };
        // Saving has the provisioning look again: the account may want more than the handle.
        var taken = await UserRow.SaveAsync(context, transaction, user, after, change.CorrelationId, now);
        if (taken.Count > 0)
        {
            throw new InvalidOperationException("A handle that was reserved for the user is somebody else's.");
        }

        await AuditTrail.AddAsync(transaction, user.Id, change.Tenant, new Actor(change.Actor, change.CorrelationId), "handle.changed", now);
        return new UserChangeResult.Changed(after with { Version = user.Version + 1, UpdatedAt = now });
    }

    private static UserChangeResult.Invalid Waiting()
    {
        var errors = new FieldErrors();
        errors.Add("handle", "handle.change-under-way", "Another change of your handle is under way. Wait until it is done, then change it again.");
        return new UserChangeResult.Invalid(errors);
    }

    private static Task<HandleChange?> ReadAsync(Transaction transaction, long id)
        => transaction.QueryFirstOrDefaultAsync<HandleChange>(
            $"SELECT {HandleChange.Columns} FROM handle_changes c JOIN users u ON u.id = c.user_id WHERE c.user_id = @id", new { id });

    /// <summary>The user, locked, if this loan still stands.</summary>
    private static async Task<User?> HeldForUpdateAsync(Transaction transaction, HandleChange change)
    {
        var user = await UserReader.FindForUpdateAsync(transaction, change.UserId);
        var epoch = await transaction.ScalarAsync<long?>(
            "SELECT epoch FROM handle_changes WHERE user_id = @UserId AND refused = @no", new { change.UserId, no = false });
        return epoch == change.Epoch ? user : null;
    }

    private sealed record ChangeRow
    {
        public string? Handle { get; init; }

        public bool Refused { get; init; }

        public DateTimeOffset? LeasedUntil { get; init; }

        public string? Problem { get; init; }
    }
}
