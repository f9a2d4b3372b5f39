using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Mail;
using Selfsame.Store.Requests;
using Selfsame.Store.Sessions;

namespace Selfsame.Store.Users;

/// <summary>What, besides the link, shows that the person who signed up is the one who opens it.</summary>
public sealed record VerificationProof
{
    /// <summary>The user who is signed in where the link was opened.</summary>
    public Guid? SignedInUser { get; init; }

    /// <summary>A hash that recognises the browser; see <see cref="SignUpRequest.Browser"/>.</summary>
    public byte[]? Browser { get; init; }

    /// <summary>The password chosen at sign-up.</summary>
    public string? Password { get; init; }

    /// <summary>A new password, for somebody who did not choose the present one.</summary>
    public string? NewPassword { get; init; }

    /// <summary>From where the password is tried: attempts are counted as those to sign in.</summary>
    public SignInOrigin Origin { get; init; } = new(null, null, null, null);

    public override string ToString() => "VerificationProof";
}

/// <summary>What became of opening a verification link.</summary>
public abstract record VerificationResult
{
    public sealed record Verified(User User) : VerificationResult;

    /// <summary>The link is spent because what it was for is done: its address is verified, and still the user's.</summary>
    public sealed record AlreadyVerified(User User) : VerificationResult;

    /// <summary>Unknown, used, expired, or for an address that the user no longer has.</summary>
    public sealed record LinkInvalid : VerificationResult;

    /// <summary>
    /// The mailbox is proved, but not that its owner chose the password: ask for it, or for a new one. Otherwise
    /// somebody could register another person's address, wait for the click, and share the account.
    /// </summary>
    public sealed record PasswordNeeded(bool WrongPassword) : VerificationResult;

    public sealed record Invalid(FieldErrors Errors) : VerificationResult;

    /// <summary>Too many passwords were tried; nothing was hashed.</summary>
    public sealed record TryLater(TimeSpan After, RateLimitState? State) : VerificationResult;

    public sealed record Busy : VerificationResult;
}

/// <summary>Marks an e-mail address as proved.</summary>
public sealed class EmailVerification(StoreContext context)
{
    /// <summary>At most this many verification mails per address and hour.</summary>
    private static readonly RateLimit PerRecipient = new("mail-to-recipient", 5, TimeSpan.FromHours(1));

    /// <summary>What strangers cause: one is enough to know.</summary>
    private static readonly RateLimit TellingOwner = new("already-registered", 1, TimeSpan.FromHours(1));

    private readonly PasswordProof passwordProof = new(context);
    private readonly PasswordRepeats repeats = new(context);

    /// <summary>Whether the link is good and would verify without a password; changes nothing.</summary>
    public async Task<VerificationResult> PeekAsync(string tenant, string token, VerificationProof proof, CancellationToken cancellation)
    {
        var (link, user) = await ReadAsync(tenant, token, cancellation);
        if (link is null || user is null)
        {
            return await FindVerifiedAsync(tenant, token, cancellation) is { } verified ? new VerificationResult.AlreadyVerified(verified) : new VerificationResult.LinkInvalid();
        }

        return IsSamePerson(link, user, proof) ? new VerificationResult.Verified(user) : new VerificationResult.PasswordNeeded(false);
    }

    /// <summary>Uses the link up and verifies the address. A repeat is told that it is verified, unless it comes with a password that is not the one that was set.</summary>
    public async Task<VerificationResult> VerifyAsync(
        string tenant, string token, VerificationProof proof, Actor actor, CancellationToken cancellation)
    {
        var result = await VerifyOnceAsync(tenant, token, proof, actor, cancellation);
        if (result is not VerificationResult.LinkInvalid)
        {
            return result;
        }

        var verified = proof.NewPassword is null
            ? await FindVerifiedAsync(tenant, token, cancellation)
            : await repeats.FindAsync(tenant, token, LinkPurpose.VerifyEmail, proof.NewPassword, proof.Origin, cancellation);
        return verified is { EmailVerifiedAt: not null } ? new VerificationResult.AlreadyVerified(verified) : result;
    }

    private async Task<VerificationResult> VerifyOnceAsync(
        string tenant, string token, VerificationProof proof, Actor actor, CancellationToken cancellation)
    {
        var (link, user) = await ReadAsync(tenant, token, cancellation);
        if (link is null || user is null)
        {
            return new VerificationResult.LinkInvalid();
        }

        // Where a link of a mail is opened is known from then on; where a password was right is known already.
        SignInOrigin? remembered = proof.Origin;
        string? newHash = null;
        if (proof.NewPassword is not null)
        {
            if (context.PasswordPolicy.Check(proof.NewPassword, user.Username, user.Email) is { } refusal)
            {
                var errors = new FieldErrors();
                errors.Add("newPassword", refusal);
                return new VerificationResult.Invalid(errors);
            }

            if (await LinkTokens.CountHashAsync(context, tenant, proof.Origin.Network, cancellation) is { Allowed: false } full)
            {
                return new VerificationResult.TryLater(full.ResetsIn, full);
            }

            newHash = await context.Passwords.HashAsync(proof.NewPassword, cancellation);
            if (newHash is null)
            {
                return new VerificationResult.Busy();
            }
        }
        else if (!IsSamePerson(link, user, proof))
        {
            var check = await passwordProof.CheckAsync(user, proof.Password, proof.Origin, cancellation);
            if (check is not PasswordProofResult.Right)
            {
                return check switch
                {
                    PasswordProofResult.TryLater later => new VerificationResult.TryLater(later.After, later.State),
                    PasswordProofResult.Busy => new VerificationResult.Busy(),
                    _ => new VerificationResult.PasswordNeeded(proof.Password is not null),
                };
            }

            remembered = null;
        }

        return await RedeemAsync(tenant, token, user.PasswordHash, newHash, remembered, actor, cancellation);
    }

    /// <summary>Sends the link again; nothing tells whether the address is registered.</summary>
    public Task<RateLimitState?> RequestAsync(string tenant, string? login, string? network, Actor actor, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var now = context.Now();
                var limit = await RateLimits.CountAsync(transaction, tenant, context.Tenant(tenant).PasswordResetLimit, network, now);
                if (limit is { Allowed: false } || !Core.Identifiers.LoginName.TryParse(login, out var name, out _))
                {
                    return limit;
                }

                var user = await UserReader.FindByLoginAsync(transaction, context.Tenant(tenant), name);
                if (user is { CanSignIn: false, Email: not null, EmailVerifiedAt: null })
                {
                    await EmailRelease.RequestAsync(context, transaction, user, actor, now);
                }
                else if (user is { CanSignIn: true, Email: not null, EmailVerifiedAt: null }
                    && await MayMailAsync(context, transaction, user, now))
                {
                    var token = context.Random.NextToken();
                    var expires = now + context.Tenant(tenant).VerificationLifetime;
                    await LinkTokens.InsertAsync(transaction, token, tenant, LinkPurpose.VerifyEmail, user.Id, user.Email, now, expires);
                    var text = MailTexts.VerifyEmail(user.Email, new Uri(context.PublicAddress(tenant), $"verify-email?token={token}"));
                    await MailOutbox.QueueAsync(context, transaction, tenant, user.Id, text, now);
                    await AuditTrail.AddAsync(transaction, user.Id, tenant, actor, "email.verification-requested", now);
                }

                return limit;
            },
            // A lost commit answer: asked once more, which is one mail too many at worst.
            _ => Task.FromResult(default(Settled<RateLimitState?>)),
            cancellation);

    /// <summary>Whether another mail may go to this user's address: nobody is flooded through us.</summary>
    internal static async Task<bool> MayMailAsync(StoreContext context, Transaction transaction, User user, DateTimeOffset now)
        => await CountMailAsync(context, transaction, user, now) is { Allowed: true };

    /// <summary>As <see cref="MayMailAsync(StoreContext, Transaction, User, DateTimeOffset)"/>, with where the limit of the address stands.</summary>
    internal static Task<RateLimitState?> CountMailAsync(StoreContext context, Transaction transaction, User user, DateTimeOffset now)
        => CountMailAsync(context, transaction, user, PerRecipient, now);

    /// <summary>Whether the owner of an address may be told, once more, that somebody tried to register it.</summary>
    internal static async Task<bool> MayTellOwnerAsync(StoreContext context, Transaction transaction, User owner, DateTimeOffset now)
        => await CountMailAsync(context, transaction, owner, TellingOwner, now) is { Allowed: true };

    private static Task<RateLimitState?> CountMailAsync(
        StoreContext context, Transaction transaction, User user, RateLimit limit, DateTimeOffset now)
    {
        // By mailbox: other spellings of an address reach the same person.
        var mailbox = Core.Identifiers.EmailAddress.TryParse(user.Email, out var email, out _) ? email.Mailbox : user.Email!;
        var subject = Convert.ToHexString(context.Secrets.Hash("recipient", mailbox));
        return RateLimits.CountAsync(transaction, user.Tenant, limit, subject, now);
    }

    private Task<(LinkToken? Link, User? User)> ReadAsync(string tenant, string token, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction =>
            {
                var (link, user) = await LinkTokens.PeekWithUserAsync(transaction, token, tenant, LinkPurpose.VerifyEmail, context.Now());
                return (link, IsOpen(user, link) ? user : null);
            },
            cancellation);

    /// <summary>Whose address the link was for, where that is verified by now, by this link or otherwise.</summary>
    private Task<User?> FindVerifiedAsync(string tenant, string token, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction =>
            {
                var (link, user) = await LinkTokens.FindSpentAsync(transaction, token, tenant, LinkPurpose.VerifyEmail, DateTimeOffset.UnixEpoch);
                return user is { CanSignIn: true, EmailVerifiedAt: not null } && EmailTakeover.IsSame(user.Email, link!.Email) ? user : null;
            },
            cancellation);

    /// <summary>Whether there is something to verify. A link of a verified address is spent: it could still set a password.</summary>
    private static bool IsOpen(User? user, LinkToken? link)
        => user is { CanSignIn: true, EmailVerifiedAt: null } && user.Email == link?.Email;

    private static bool IsSamePerson(LinkToken link, User user, VerificationProof proof)
        => proof.SignedInUser == user.Uuid
            || (user.PasswordHash is not null && link.Browser is not null && proof.Browser is not null
                && System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(link.Browser, proof.Browser));

    private Task<VerificationResult> RedeemAsync(
        string tenant,
        string token,
        string? checkedHash,
        string? newHash,
        SignInOrigin? remembered,
        Actor actor,
        CancellationToken cancellation)
    {
        // Of the try that reached COMMIT: what it wrote is recognised by it when the answer is lost.
        DateTimeOffset now = default;
        return context.Database.TransactAsync<VerificationResult>(
            async transaction =>
            {
                now = context.Now();
                var (link, user) = await LinkTokens.RedeemAsync(transaction, token, tenant, LinkPurpose.VerifyEmail, now);
                if (user is null || !IsOpen(user, link) || user.PasswordHash != checkedHash)
                {
                    transaction.RollBack = true;
                    return new VerificationResult.LinkInvalid();
                }

                if (newHash is not null)
                {
                    await CredentialReset.DropAllAsync(transaction, user, now);
                }

                var verified = user with { EmailVerifiedAt = now, PasswordHash = newHash ?? user.PasswordHash };
                await UserRow.SaveAsync(context, transaction, user, verified, actor.CorrelationId, now, afterwards:
                [
                    LinkTokens.Revoke(user.Id, LinkPurpose.VerifyEmail, now),
                    AuditTrail.Insert(user.Id, tenant, actor, "email.verified", now, newHash is null ? null : "with a new password"),
                    .. remembered is null ? [] : KnownSources.Remember(context, verified.Uuid, remembered, now),
                ]);
                return new VerificationResult.Verified(verified);
            },
            async transaction => await LinkTokens.FindRedeemedAsync(transaction, token, tenant, LinkPurpose.VerifyEmail, now) is { } found
                ? new Settled<VerificationResult>(true, new VerificationResult.Verified(found))
                : default,
            cancellation);
    }
}
