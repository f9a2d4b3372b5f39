using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Mail;
using Selfsame.Store.Requests;
using Selfsame.Store.Sessions;

namespace Selfsame.Store.Users;

/// <summary>What became of setting a password.</summary>
public abstract record PasswordChangeResult
{
    public sealed record Changed(User User) : PasswordChangeResult;

    public sealed record LinkInvalid : PasswordChangeResult;

    public sealed record WrongPassword : PasswordChangeResult;

    /// <summary>Too many wrong passwords, or too many new ones from one network; nothing was hashed.</summary>
    public sealed record TryLater(TimeSpan After, RateLimitState? State) : PasswordChangeResult;

    public sealed record Invalid(FieldErrors Errors) : PasswordChangeResult;

    public sealed record Busy : PasswordChangeResult;
}

/// <summary>Sets passwords: by the old one, or by a link in a mail.</summary>
public sealed class PasswordChanges(StoreContext context)
{
    private readonly PasswordProof proof = new(context);
    private readonly PasswordRepeats repeats = new(context);

    /// <summary>
    /// Queues a mail with a link if there is such a user; nothing tells whether there is. Where the account is closed and nobody ever proved its address, the link
    /// makes that free.
    /// </summary>
    public Task<RateLimitState?> RequestResetAsync(string tenant, string? login, string? network, Actor actor, CancellationToken cancellation)
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
                else if (user is { CanSignIn: true, Email: not null } && await EmailVerification.MayMailAsync(context, transaction, user, now))
                {
                    var token = context.Random.NextToken();
                    var expires = now + context.Tenant(tenant).PasswordResetLifetime;
                    await LinkTokens.InsertAsync(transaction, token, tenant, LinkPurpose.ResetPassword, user.Id, user.Email, now, expires);
                    var text = MailTexts.ResetPassword(user.Email, new Uri(context.PublicAddress(tenant), $"reset-password?token={token}"));
                    await MailOutbox.QueueAsync(context, transaction, tenant, user.Id, text, now);
                    await AuditTrail.AddAsync(transaction, user.Id, tenant, actor, "password.reset-requested", now);
                }

                return limit;
            },
            // A lost commit answer: asked once more, which is one mail too many at worst.
            _ => Task.FromResult(default(Settled<RateLimitState?>)),
            cancellation);

    /// <summary>
    /// Queues a mail by which a person who moved in without a password sets one. False for somebody who can't sign in, has no address, or has
    /// been mailed too often of late.
    /// </summary>
    public Task<bool> InviteAsync(string tenant, Guid uuid, Actor actor, CancellationToken cancellation)
        => context.Database.TransactAsync(
            async transaction =>
            {
                var now = context.Now();
                var user = await UserReader.FindAsync(transaction, tenant, uuid);
                if (user is not { CanSignIn: true, Email: not null } || !await EmailVerification.MayMailAsync(context, transaction, user, now))
                {
                    return false;
                }

                var token = context.Random.NextToken();
                var site = context.PublicAddress(tenant);
                await LinkTokens.InsertAsync(
                    transaction, token, tenant, LinkPurpose.ResetPassword, user.Id, user.Email, now, now + context.Tenant(tenant).InvitationLifetime);
                var text = MailTexts.ChoosePassword(user.Email, new Uri(site, $"reset-password?token={token}"), new Uri(site, "forgot-password"));
                await MailOutbox.QueueAsync(context, transaction, tenant, user.Id, text, now);
                await AuditTrail.AddAsync(transaction, user.Id, tenant, actor, "password.invited", now);
                return true;
            },
            // A lost commit answer: invited once more, which is one mail too many at worst.
            _ => Task.FromResult(default(Settled<bool>)),
            cancellation);

    /// <summary>Whether a reset link is good; changes nothing.</summary>
    public Task<bool> IsLinkGoodAsync(string tenant, string token, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction => await LinkTokens.PeekAsync(transaction, token, tenant, LinkPurpose.ResetPassword, context.Now()) is not null,
            cancellation);

    /// <summary>
    /// Sets the password by a link. The link came by mail, so the mailbox is proved: an address that nobody had proved
    /// becomes this person's, and what was set before is dropped. A repeat is answered as the first was.
    /// </summary>
    public async Task<PasswordChangeResult> ResetAsync(
        string tenant, string token, string? newPassword, SignInOrigin origin, Actor actor, CancellationToken cancellation)
    {
        var result = await ResetOnceAsync(tenant, token, newPassword, origin, actor, cancellation);
        return result is PasswordChangeResult.LinkInvalid
            && await repeats.FindAsync(tenant, token, LinkPurpose.ResetPassword, newPassword, origin, cancellation) is { } user
                ? new PasswordChangeResult.Changed(user)
                : result;
    }

    private async Task<PasswordChangeResult> ResetOnceAsync(
        string tenant, string token, string? newPassword, SignInOrigin origin, Actor actor, CancellationToken cancellation)
    {
        var owner = await context.Database.ReadAsync(
            async transaction =>
            {
                var link = await LinkTokens.PeekAsync(transaction, token, tenant, LinkPurpose.ResetPassword, context.Now());
                return link?.UserId is { } id ? await UserReader.FindByIdAsync(transaction, id) : null;
            },
            cancellation);
        if (owner is null)
        {
            return new PasswordChangeResult.LinkInvalid();
        }

        var (hash, failure) = await HashAsync(newPassword, owner, origin, cancellation);
        // Of the try that reached COMMIT: what it wrote is recognised by it when the answer is lost.
        DateTimeOffset now = default;
        return failure ?? await context.Database.TransactAsync<PasswordChangeResult>(
            async transaction =>
            {
                now = context.Now();
                var (link, user) = await LinkTokens.RedeemAsync(transaction, token, tenant, LinkPurpose.ResetPassword, now);
                if (user is not { CanSignIn: true } || user.Email != link!.Email)
                {
                    transaction.RollBack = true;
                    return new PasswordChangeResult.LinkInvalid();
                }

                var changed = user with { PasswordHash = hash, EmailVerifiedAt = user.EmailVerifiedAt ?? now };
                await UserRow.SaveAsync(context, transaction, user, changed, actor.CorrelationId, now);
                await (user.EmailVerifiedAt is null
                    ? CredentialReset.DropAllAsync(transaction, user, now)
                    : CredentialReset.AfterPasswordChangeAsync(transaction, user, null, now));
                await KnownSources.RememberAsync(context, transaction, user.Uuid, origin, now);
                await TellAsync(transaction, changed, actor, "password.reset", now);
                return new PasswordChangeResult.Changed(changed);
            },
            async transaction => await LinkTokens.FindRedeemedAsync(transaction, token, tenant, LinkPurpose.ResetPassword, now) is { } found
                ? new Settled<PasswordChangeResult>(true, new PasswordChangeResult.Changed(found))
                : default,
            cancellation);
    }

    /// <summary>Sets the password by the old one; the session in use stays, all others end. A repeat is answered as the first was.</summary>
    public async Task<PasswordChangeResult> ChangeAsync(
        User user, string? oldPassword, string? newPassword, Guid keepSession, SignInOrigin origin, Actor actor, CancellationToken cancellation)
    {
        var result = await ChangeOnceAsync(user, oldPassword, newPassword, keepSession, origin, actor, cancellation);
        return result is PasswordChangeResult.WrongPassword && await repeats.FindAsync(user, newPassword, origin, cancellation) is { } changed
            ? new PasswordChangeResult.Changed(changed)
            : result;
    }

    private async Task<PasswordChangeResult> ChangeOnceAsync(
        User user, string? oldPassword, string? newPassword, Guid keepSession, SignInOrigin origin, Actor actor, CancellationToken cancellation)
    {
        // First, for it tells nothing: whoever knows the old password must not use up attempts by a bad new one.
        if (Refuse(newPassword, user) is { } invalid)
        {
            return invalid;
        }

        var check = await proof.CheckAsync(user, oldPassword, origin, cancellation);
        if (check is not PasswordProofResult.Right)
        {
            return check switch
            {
                PasswordProofResult.TryLater later => new PasswordChangeResult.TryLater(later.After, later.State),
                PasswordProofResult.Busy => new PasswordChangeResult.Busy(),
                _ => new PasswordChangeResult.WrongPassword(),
            };
        }

        var hash = await context.Passwords.HashAsync(newPassword!, cancellation);
        return hash is null ? new PasswordChangeResult.Busy() : await context.Database.TransactAsync<PasswordChangeResult>(
            async transaction =>
            {
                var now = context.Now();
                var present = await UserReader.FindForUpdateAsync(transaction, user.Id);
                if (present is not { CanSignIn: true } || present.PasswordHash != user.PasswordHash)
                {
                    return new PasswordChangeResult.WrongPassword();
                }

                var changed = present with { PasswordHash = hash };
                await UserRow.SaveAsync(context, transaction, present, changed, actor.CorrelationId, now);
                await CredentialReset.AfterPasswordChangeAsync(transaction, changed, keepSession, now);
                await TellAsync(transaction, changed, actor, "password.changed", now);
                return new PasswordChangeResult.Changed(changed);
            },
            async transaction => await UserReader.FindByIdAsync(transaction, user.Id) is { } found && found.PasswordHash == hash
                ? new Settled<PasswordChangeResult>(true, new PasswordChangeResult.Changed(found))
                : default,
            cancellation);
    }

    private async Task<(string? Hash, PasswordChangeResult? Failure)> HashAsync(string? password, User user, SignInOrigin origin, CancellationToken cancellation)
    {
        if (Refuse(password, user) is { } invalid)
        {
            return (null, invalid);
        }

        if (await LinkTokens.CountHashAsync(context, user.Tenant, origin.Network, cancellation) is { Allowed: false } full)
        {
            return (null, new PasswordChangeResult.TryLater(full.ResetsIn, full));
        }

        var hash = await context.Passwords.HashAsync(password!, cancellation);
        return hash is null ? (null, new PasswordChangeResult.Busy()) : (hash, null);
    }

    private PasswordChangeResult.Invalid? Refuse(string? password, User user)
    {
        if (context.PasswordPolicy.Check(password, user.Username, user.Email) is not { } refusal)
        {
            return null;
        }

        var errors = new FieldErrors();
        errors.Add("newPassword", refusal);
        return new PasswordChangeResult.Invalid(errors);
    }

    private async Task TellAsync(Transaction transaction, User user, Actor actor, string @event, DateTimeOffset now)
    {
        await AuditTrail.AddAsync(transaction, user.Id, user.Tenant, actor, @event, now);
        if (user.Email is not null)
        {
            var text = MailTexts.PasswordChanged(user.Email, new Uri(context.PublicAddress(user.Tenant), "forgot-password"));
            await MailOutbox.QueueAsync(context, transaction, user.Tenant, user.Id, text, now);
        }
    }
}
