using System.Data.Common;
using Selfsame.Core.Identifiers;
using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Passwords;
using Selfsame.Store.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Store.Sessions;

/// <summary>Where a sign-in comes from.</summary>
/// <param name="Address">As the account page shows it.</param>
/// <param name="Network">The address, or an IPv6 /64: what limits and back-off count by.</param>
/// <param name="Browser">The long-lived random value of the browser's cookie; null where there is none.</param>
/// <param name="UserAgent">As the account page shows it.</param>
public sealed record SignInOrigin(string? Address, string? Network, string? Browser, string? UserAgent);

/// <summary>What became of an attempt to sign in.</summary>
public abstract record SignInResult
{
    /// <summary>The token is told once, here.</summary>
    public sealed record SignedIn(User User, IReadOnlyList<string> Groups, Session Session, string Token) : SignInResult;

    /// <summary>Unknown user, wrong password, disabled or deleted: one answer for all.</summary>
    public sealed record Refused : SignInResult;

    /// <summary>Too many attempts; nothing was hashed.</summary>
    public sealed record TryLater(TimeSpan After, RateLimitState? State) : SignInResult;

    /// <summary>Where the network's limit stands after an attempt that it let pass; null where there is none.</summary>
    public RateLimitState? RateLimit { get; init; }

    /// <summary>Too many passwords wait to be hashed.</summary>
    public sealed record Busy : SignInResult;
}

/// <summary>Signs a user in by username or e-mail and password.</summary>
public sealed class SignIn(StoreContext context)
{
    // What the rows of a success's one batch begin with.
    private const string Saved = "saved";
    private const string Group = "group";

    private readonly SignInAttempts attempts = new(context);

    /// <summary>
    /// Claims the attempt, verifies, then writes the success. An unknown user costs the same as a known one: a claim
    /// and one hash.
    /// </summary>
    public async Task<SignInResult> ExecuteAsync(
        string tenant, string? login, string? password, SignInOrigin origin, SessionKind kind, Actor actor, CancellationToken cancellation)
    {
        if (string.IsNullOrEmpty(password) || !PasswordText.IsEncodable(password))
        {
            return new SignInResult.Refused();
        }

        // What can't be keyed is nobody's, and takes the same way; it may hold what no database takes (NUL), so it isn't looked for.
        var key = LoginName.TryParse(login, out var name, out _) ? name.Key : $"\n{login}";
        var (user, known) = await attempts.FindAsync(tenant, name?.Key ?? "", origin, cancellation);
        // Where it is hidden who is registered, a sign-up makes nobody known yet: who just tried the address would see by the limits that it was free.
        var claim = await attempts.ClaimAsync(tenant, key, user is not null && MustProveAddressFirst(user) ? null : known, origin, cancellation);
        if (!claim.Allowed)
        {
            return new SignInResult.TryLater(claim.RetryAfter, claim.State);
        }

        var check = await attempts.CheckAsync(tenant, user is { CanSignIn: true } ? user.PasswordHash : null, password, claim, origin, cancellation);
        if (check == PasswordCheck.CannotVerify)
        {
            LogMessages.HashCannotBeVerified(context.Logger, user!.Uuid);
        }

        if (user is null || check is not (PasswordCheck.Right or PasswordCheck.RightButRehash) || MustProveAddressFirst(user))
        {
            return check == PasswordCheck.Busy ? new SignInResult.Busy() : new SignInResult.Refused { RateLimit = claim.State };
        }

        var newHash = check == PasswordCheck.RightButRehash ? await RenewAsync(user, password, claim, origin, cancellation) : null;
        var result = await SucceedAsync(user, newHash, claim, origin, kind, actor, cancellation)
            ?? await CheckPresentAsync(user, password, claim, origin, kind, actor, cancellation);

        // A success is given back, and so is what nobody checked.
        return result with { RateLimit = claim.State is { } state ? state with { Remaining = state.Remaining + (result is SignInResult.Refused ? 0 : 1) } : null };
    }

    /// <summary>The hash of a password that was right, as new ones are made; null when too many wait, then it stays as it is. Who leaves meanwhile gets the attempt back.</summary>
    private async Task<string?> RenewAsync(User user, string password, SignInClaim claim, SignInOrigin origin, CancellationToken cancellation)
    {
        try
        {
            return await context.Passwords.HashAsync(password, cancellation);
        }
        catch (OperationCanceledException)
        {
            await attempts.ForgiveAsync(user, claim, origin);
            throw;
        }
    }

    /// <summary>
    /// The hash is no longer the one that was checked: another sign-in at the same time has made it anew, or the password was changed. The present one decides, and is
    /// not made anew again.
    /// </summary>
    private async Task<SignInResult> CheckPresentAsync(
        User user, string password, SignInClaim claim, SignInOrigin origin, SessionKind kind, Actor actor, CancellationToken cancellation)
    {
        var present = await context.Database.ReadAsync(transaction => UserReader.FindByIdAsync(transaction, user.Id), cancellation);
        if (present is not { CanSignIn: true } || MustProveAddressFirst(present))
        {
            return new SignInResult.Refused();
        }

        return await attempts.CheckAsync(present.Tenant, present.PasswordHash, password, claim, origin, cancellation) switch
        {
            PasswordCheck.Right or PasswordCheck.RightButRehash
                => await SucceedAsync(present, null, claim, origin, kind, actor, cancellation) ?? new SignInResult.Refused(),
            PasswordCheck.Busy => new SignInResult.Busy(),
            _ => new SignInResult.Refused(),
        };
    }

    /// <summary>
    /// Where it is hidden who is registered: signing in right after a sign-up would tell whether the address had been free.
    /// </summary>
    private bool MustProveAddressFirst(User user)
        => context.Tenant(user.Tenant).Disclosure == Disclosure.Hide
            && user is { Email: not null, EmailVerifiedAt: null, IsStaff: false, IsSuperuser: false };

    /// <summary>Writes the success; null where the user, as it was checked, is not there any more.</summary>
    private async Task<SignInResult?> SucceedAsync(
        User user, string? newHash, SignInClaim claim, SignInOrigin origin, SessionKind kind, Actor actor, CancellationToken cancellation)
    {
        // Of this call, not of one try: after a lost commit answer the session is found by it.
        var token = context.Random.NextToken();
        var now = context.Now();
        var session = SessionStore.New(context, user, origin, kind, now);
        var save = SaveSuccess(user, newHash, now);
        IReadOnlyList<Statement> others =
        [
            .. attempts.Forgive(user, claim, origin, now),
            SessionStore.Insert(session, token),
            AuditTrail.InsertByUuid(user.Uuid, user.Tenant, actor, "session.started", now),
            Groups.Select(user.Id, Group),
        ];

        SignInResult Conclude(List<(string Kind, string Value)> rows)
            => new SignInResult.SignedIn(user with { LastSignInAt = now }, rows.FindAll(row => row.Kind == Group).ConvertAll(row => row.Value), session, token);

        async Task<Settled<SignInResult?>> SettleAsync(Transaction transaction)
            => await SessionStore.FindAsync(transaction, user.Tenant, token, context.Now()) is { } found
                ? new Settled<SignInResult?>(
                    true, new SignInResult.SignedIn(found.User, await Groups.ReadAsync(transaction, found.User.Id), found.Session, token))
                : default;

        return context.Database.Dialect == Dialect.PostgreSql
            ? await context.Database.TryTransactAsync([AllOrNothing.Of([new StatementPart("saved", save, Rows: 1)], answer: null), .. others], Read, Conclude, SettleAsync, cancellation)
            : await context.Database.TransactAsync<SignInResult?>(
                async transaction =>
                {
                    var rows = await transaction.BatchAsync([save, .. others], Read);
                    transaction.RollBack = !rows.Exists(row => row.Kind == Saved);
                    return transaction.RollBack ? null : Conclude(rows);
                },
                SettleAsync,
                cancellation);
    }

    private static (string Kind, string Value) Read(DbDataReader row) => (row.GetString(0), row.GetString(1));

    /// <summary>
    /// Answers with <see cref="Saved"/>, or with nothing: then nobody is signed in. By id, and only an UPDATE: it can never insert
    /// anybody (CASES 7). The hash is compared, so that a password that was changed a moment ago does not sign in any more.
    /// </summary>
    private static Statement SaveSuccess(User user, string? newHash, DateTimeOffset now)
        => new(
            """
            UPDATE users SET last_sign_in_at = $1, password_hash = coalesce($2, password_hash)
            WHERE id = $3 AND password_hash = $4 AND is_active AND deleted_at IS NULL
            RETURNING 'saved', ''
            """,
            now, newHash, user.Id, user.PasswordHash);
}
