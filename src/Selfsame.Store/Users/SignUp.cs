using System.Data.Common;
using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Mail;
using Selfsame.Store.Requests;
using Selfsame.Store.Sessions;

namespace Selfsame.Store.Users;

/// <summary>Everything about one sign-up but the form itself.</summary>
public sealed record SignUpRequest
{
    public required string Tenant { get; init; }

    public required SignUpForm Form { get; init; }

    public required Actor Actor { get; init; }

    /// <summary>What makes a repeat of this call recognisable; null when the caller sent nothing.</summary>
    public IdempotentCall? Call { get; init; }

    /// <summary>Whom the creation limit counts: an address or a /64; null for callers it does not apply to.</summary>
    public string? RateLimitSubject { get; init; }

    /// <summary>A hash that recognises the browser at which the form was filled in.</summary>
    public byte[]? Browser { get; init; }

    /// <summary>Where the person sits, known to be theirs from now on; null where somebody else makes the user.</summary>
    public SignInOrigin? Origin { get; init; }
}

/// <summary>What became of a sign-up.</summary>
public abstract record SignUpResult
{
    /// <summary>The user was made.</summary>
    public sealed record Created(User User, bool IsReplay) : SignUpResult;

    /// <summary>The tenant hides who is registered: the one answer for free and taken addresses.</summary>
    public sealed record Accepted(bool IsReplay) : SignUpResult;

    /// <summary>Nothing was written; these fields are in use, all of them named.</summary>
    public sealed record Taken(IReadOnlySet<string> Fields) : SignUpResult
    {
        /// <summary>Those of the fields whose holder was deleted and can still be restored by an administrator.</summary>
        public IReadOnlySet<string> HeldByDeleted { get; init; } = new HashSet<string>();

        /// <summary>Who they are, by field; for administrators only.</summary>
        public IReadOnlyDictionary<string, Guid> DeletedHolders { get; init; } = new Dictionary<string, Guid>();
    }

    /// <summary>Nothing was written; these fields are wrong.</summary>
    public sealed record Invalid(FieldErrors Errors) : SignUpResult;

    /// <summary>Nothing was written; the caller made or tried too many accounts.</summary>
    public sealed record LimitReached(RateLimitState State) : SignUpResult;

    /// <summary>The idempotency key belongs to another payload.</summary>
    public sealed record KeyReused : SignUpResult;

    /// <summary>The first call with this idempotency key is still under way.</summary>
    public sealed record InProgress : SignUpResult;

    /// <summary>Too many passwords wait to be hashed.</summary>
    public sealed record Busy : SignUpResult;

    /// <summary>Where the creation limit stands, when it was asked.</summary>
    public RateLimitState? RateLimit { get; init; }
}

/// <summary>
/// Makes a user in one transaction: user, identifiers, provisioning rows, mail, audit event (promise 1). Nothing is
/// looked up before it is inserted; the primary key of <c>identifiers</c> decides.
/// </summary>
public sealed class SignUp(StoreContext context)
{
    /// <summary>The places at which a crash is tested.</summary>
    public static IReadOnlyList<string> CrashPointNames { get; } =
        ["sign-up.password-hashed", "sign-up.rows-written", "sign-up.committed"];

    private const int LongestKey = 255;

    private readonly SignUpRepeats repeats = new(context);

    /// <summary>What is wrong with the form's fields, without making anybody.</summary>
    public FieldErrors Check(string tenant, SignUpForm form)
    {
        var errors = new FieldErrors();
        _ = NewUser.Check(form, context.Tenant(tenant), context, errors);
        return errors;
    }

    /// <summary>Checks, hashes, then decides by inserting. Never throws for anything that a caller can do.</summary>
    public async Task<SignUpResult> ExecuteAsync(SignUpRequest request, CancellationToken cancellation)
    {
        var tenant = context.Tenant(request.Tenant);
        var errors = new FieldErrors();
        if (request.Call is { Key: var key } && (key.Length is 0 or > LongestKey || key.Any(character => character is < ' ' or > '~')))
        {
            errors.Add("idempotencyKey", "idempotency-key.shape", $"An idempotency key is 1 to {LongestKey} printable ASCII characters.");
        }

        var candidate = NewUser.Check(request.Form, tenant, context, errors);
        if (candidate is null)
        {
            return new SignUpResult.Invalid(errors);
        }

        try
        {
            if (await EarlyAnswerAsync(request, tenant, cancellation) is { } early)
            {
                return early;
            }
        }
        catch (LockTimeoutException) when (request.Call is not null)
        {
            return new SignUpResult.InProgress();
        }

        if (await HashAsync(candidate.Password, cancellation) is not { } hashed)
        {
            return new SignUpResult.Busy();
        }

        context.CrashPoints.Reach("sign-up.password-hashed");
        candidate = candidate with { User = candidate.User with { PasswordHash = hashed.Hash ?? candidate.User.PasswordHash } };
        var result = await InsertAsync(request, tenant, candidate, cancellation);
        context.CrashPoints.Reach("sign-up.committed");
        if (result is SignUpResult.Taken taken)
        {
            await IdentifierConflicts.RecordAsync(context, candidate.User, taken.Fields, anew: true, request.Actor, cancellation);
            var holders = await IdentifierRows.FindDeletedHoldersAsync(context, candidate.User, taken.Fields, cancellation);
            taken = taken with { HeldByDeleted = holders.Keys.ToHashSet(StringComparer.Ordinal), DeletedHolders = holders };
            return IsHidden(request, tenant) ? await TellOwnerAsync(request, tenant, candidate, cancellation) : taken;
        }

        return result is SignUpResult.Created && IsHidden(request, tenant)
            ? new SignUpResult.Accepted(IsReplay: false) { RateLimit = result.RateLimit }
            : result;
    }

    /// <summary>Spares the password hash for a caller whose limit is reached or whose call was answered, and counts the attempt; decides nothing else.</summary>
    private Task<SignUpResult?> EarlyAnswerAsync(SignUpRequest request, TenantSettings tenant, CancellationToken cancellation)
    {
        var isCounted = request.RateLimitSubject is not null && (tenant.SignUpLimit.Count > 0 || tenant.SignUpAttemptLimit.Count > 0);
        if (request.Call is null && !isCounted)
        {
            return Task.FromResult<SignUpResult?>(null);
        }

        // What counts the attempts writes; where they have no limit, it stays a read.
        return tenant.SignUpAttemptLimit.Count == 0 || request.RateLimitSubject is null
            ? context.Database.ReadAsync(transaction => EarlyAnswerAsync(transaction, request, tenant), cancellation)
            : context.Database.TransactAsync(
                transaction => EarlyAnswerAsync(transaction, request, tenant),
                // A lost commit answer: counted once more at worst.
                _ => Task.FromResult(default(Settled<SignUpResult?>)),
                cancellation);
    }

    private async Task<SignUpResult?> EarlyAnswerAsync(Transaction transaction, SignUpRequest request, TenantSettings tenant)
    {
        var now = context.Now();
        if (await repeats.FindAsync(transaction, request, now) is { } known)
        {
            return known;
        }

        RateLimitState? state = await RateLimits.ReadAsync(transaction, request.Tenant, tenant.SignUpLimit, request.RateLimitSubject, now);
        if (state.Allowed)
        {
            // Each attempt costs a hash: claimed before it, or parallel ones would all pass. One that proves to be a repeat gives its claim back.
            state = await RateLimits.CountAsync(transaction, request.Tenant, tenant.SignUpAttemptLimit, request.RateLimitSubject, now);
        }

        // The first call may have been answered in between, and be the one that reached the limit.
        return state is { Allowed: false }
            ? await repeats.FindAsync(transaction, request, now) ?? new SignUpResult.LimitReached(state) { RateLimit = state }
            : null;
    }

    private sealed record Hashed(string? Hash);

    private async Task<Hashed?> HashAsync(string? password, CancellationToken cancellation)
    {
        if (password is null)
        {
            return new Hashed(null);
        }

        return await context.Passwords.HashAsync(password, cancellation) is { } hash ? new Hashed(hash) : null;
    }

    private async Task<SignUpResult> InsertAsync(
        SignUpRequest request, TenantSettings tenant, NewUser candidate, CancellationToken cancellation)
    {
        var ownCode = candidate.User.UserCode.Length > 0 ? candidate.User.UserCode : null;
        for (var attempt = 0; attempt < UserCodes.MostAttempts; attempt++)
        {
            var user = candidate.User with { UserCode = ownCode ?? UserCodes.Next(context, tenant, attempt) };
            var batch = new SignUpBatch(context, request, tenant, candidate with { User = user });
            SignUpResult result;
            try
            {
                result = await InsertAtOnceAsync(batch, cancellation) ?? await context.Database.TransactAsync(
                    transaction => InsertOnceAsync(transaction, request, tenant, batch),
                    transaction => SettleAsync(transaction, user),
                    cancellation);
            }
            catch (LockTimeoutException) when (request.Call is not null)
            {
                return new SignUpResult.InProgress();
            }
            catch (DbException)
            {
                // Tokens and mails, too, have ids that we drew.
                if (await LateCommitAsync(request, user, cancellation) is { } done)
                {
                    return done;
                }

                throw;
            }

            if (result is SignUpResult.Taken { Fields: var ours } && ours.Contains("uuid") && await LateCommitAsync(request, user, cancellation) is { } late)
            {
                return late;
            }

            if (ownCode is not null)
            {
                return result;
            }

            if (result is not SignUpResult.Taken { Fields: var fields } || !fields.SetEquals(["userCode"]))
            {
                return result is SignUpResult.Taken taken ? taken with { Fields = taken.Fields.Where(field => field != "userCode").ToHashSet() } : result;
            }
        }

        throw new InvalidOperationException("No free user code was found; the prefix has no room left.");
    }

    /// <summary>
    /// Nearly every sign-up is nobody's repeat, within the limit and of a new person: it goes as one round trip that stays only where that holds (decision 0140). Null where it does
    /// not, and nothing is written then: the transaction that follows finds out why, or that it is over.
    /// </summary>
    private async Task<SignUpResult?> InsertAtOnceAsync(SignUpBatch batch, CancellationToken cancellation)
    {
        var now = context.Now();
        if (batch.AtOnce(now) is not { } statements)
        {
            return null;
        }

        // The rows' crash point is after their commit here: there is no moment of ours in between.
        var result = await context.Database.TryTransactAsync(
            statements,
            row => batch.ReadCreated(row, now),
            rows => rows.Single(),
            async transaction => await SettleAsync(transaction, batch.User) is { Happened: true } settled ? new Settled<SignUpResult?>(true, settled.Value) : default,
            cancellation);
        if (result is not null)
        {
            context.CrashPoints.Reach("sign-up.rows-written");
        }

        return result;
    }

    private async Task<SignUpResult> InsertOnceAsync(Transaction transaction, SignUpRequest request, TenantSettings tenant, SignUpBatch batch)
    {
        var now = context.Now();
        if (await repeats.ClaimAsync(transaction, request, tenant, now) is { } known)
        {
            return known;
        }

        var limit = await RateLimits.CountAsync(transaction, request.Tenant, tenant.SignUpLimit, request.RateLimitSubject, now);
        if (limit is { Allowed: false })
        {
            transaction.RollBack = true;
            return new SignUpResult.LimitReached(limit) { RateLimit = limit };
        }

        var (id, taken) = await batch.WriteAsync(transaction);
        context.CrashPoints.Reach("sign-up.rows-written");
        if (taken.Count > 0)
        {
            transaction.RollBack = true;
            return new SignUpResult.Taken(taken);
        }

        return new SignUpResult.Created(batch.User with { Id = id }, IsReplay: false) { RateLimit = limit };
    }

    /// <summary>After a lost commit answer: our uuid is there exactly when the transaction happened.</summary>
    private static async Task<Settled<SignUpResult>> SettleAsync(Transaction transaction, User user)
    {
        var found = await UserReader.FindAsync(transaction, user.Tenant, user.Uuid);
        return found is null ? default : new Settled<SignUpResult>(true, new SignUpResult.Created(found, IsReplay: false));
    }

    /// <summary>
    /// A uuid that we drew is nobody else's. Where it is taken, our commit, whose answer was lost, was still under way when we settled: our second try waited for it.
    /// </summary>
    private async Task<SignUpResult?> LateCommitAsync(SignUpRequest request, User user, CancellationToken cancellation)
        => request.Form.MovedIn is null ? (await context.Database.ReadAsync(transaction => SettleAsync(transaction, user), cancellation)).Value : null;

    /// <summary>Whether the answer must not tell what was taken. There all identifiers are the address: no username is chosen yet.</summary>
    private static bool IsHidden(SignUpRequest request, TenantSettings tenant)
        => tenant.Disclosure == Disclosure.Hide && request.Form.Administrator is null;

    /// <summary>The hidden answer for a taken address: counted and recorded as a success would be, and the owner gets a mail.</summary>
    private async Task<SignUpResult> TellOwnerAsync(
        SignUpRequest request, TenantSettings tenant, NewUser candidate, CancellationToken cancellation)
    {
        try
        {
            return await context.Database.TransactAsync(
                async transaction =>
                {
                    var now = context.Now();
                    if (await repeats.ClaimAsync(transaction, request, tenant, now) is { } known)
                    {
                        return known;
                    }

                    var limit = await RateLimits.CountAsync(transaction, request.Tenant, tenant.SignUpLimit, request.RateLimitSubject, now);
                    if (limit is { Allowed: false })
                    {
                        transaction.RollBack = true;
                        return new SignUpResult.LimitReached(limit) { RateLimit = limit };
                    }

                    await QueueOwnerMailAsync(transaction, request.Tenant, candidate, now);
                    await SignUpBatch.StoreAnswerAsync(transaction, request, StoredAnswer.Accepted);
                    return new SignUpResult.Accepted(IsReplay: false) { RateLimit = limit };
                },
                transaction => SettleHiddenAsync(transaction, request),
                cancellation);
        }
        catch (LockTimeoutException) when (request.Call is not null)
        {
            return new SignUpResult.InProgress();
        }
    }

    /// <summary>After a lost commit answer: told by the call's record. A call without one is done again, which counts twice at worst.</summary>
    private async Task<Settled<SignUpResult>> SettleHiddenAsync(Transaction transaction, SignUpRequest request)
        => request.Call is { } call
            && await IdempotencyRecords.PeekAsync(transaction, context.Secrets, request.Tenant, call, context.Now()) is not null
            ? new Settled<SignUpResult>(true, new SignUpResult.Accepted(IsReplay: false))
            : default;

    private async Task QueueOwnerMailAsync(Transaction transaction, string tenant, NewUser candidate, DateTimeOffset now)
    {
        var owner = (await UserReader.FindHoldersAsync(transaction, context.Tenant(tenant), candidate.Email!)).FirstOrDefault();
        if (owner is { Email: not null } && await OwnerNotice.ComposeAsync(context, transaction, owner, now) is { } text)
        {
            await MailOutbox.QueueAsync(context, transaction, tenant, owner.Id, text, now);
        }
    }
}
