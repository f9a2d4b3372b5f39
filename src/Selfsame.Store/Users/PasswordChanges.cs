using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Mail;
using Selfsame.Store.Passwords;
using Selfsame.Store.Requests;

namespace Selfsame.Store.Users;

/// <summary>What became of setting a password.</summary>
public abstract record PasswordChangeResult
{
    public sealed record Changed(User User) : PasswordChangeResult;

    public sealed record LinkInvalid : PasswordChangeResult;

    public sealed record WrongPassword : PasswordChangeResult;

    public sealed record Invalid(FieldErrors Errors) : PasswordChangeResult;

    public sealed record Busy : PasswordChangeResult;
}

/// <summary>Sets passwords: by the old one, or by a link in a mail.</summary>
public sealed class PasswordChanges(StoreContext context)
{
    /// <summary>Queues a mail with a link if there is such a user; nothing tells whether there is.</summary>
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

                var user = await UserReader.FindByLoginKeyAsync(transaction, tenant, name.Key);
                if (user is { CanSignIn: true, Email: not null } && await EmailVerification.MayMailAsync(context, transaction, user, now))
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
            cancellation);

    /// <summary>Whether a reset link is good; changes nothing.</summary>
    public Task<bool> IsLinkGoodAsync(string tenant, string token, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction => await LinkTokens.PeekAsync(transaction, token, tenant, LinkPurpose.ResetPassword, context.Now()) is not null,
            cancellation);

    /// <summary>
    /// Sets the password by a link. The link came by mail, so the mailbox is proved: an address that nobody had proved
    /// becomes this person's, and what was set before is dropped.
    /// </summary>
    public async Task<PasswordChangeResult> ResetAsync(string tenant, string token, string? newPassword, Actor actor, CancellationToken cancellation)
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

        var (hash, failure) = await HashAsync(newPassword, owner, cancellation);
        return failure ?? await context.Database.TransactAsync<PasswordChangeResult>(
            async transaction =>
            {
                var now = context.Now();
                var link = await LinkTokens.RedeemAsync(transaction, token, tenant, LinkPurpose.ResetPassword, now);
                var user = link?.UserId is { } id ? await UserReader.FindForUpdateAsync(transaction, id) : null;
                if (user is not { CanSignIn: true } || user.Email != link!.Email)
                {
                    transaction.RollBack = true;
                    return new PasswordChangeResult.LinkInvalid();
                }

                var changed = user with { PasswordHash = hash, EmailVerifiedAt = user.EmailVerifiedAt ?? now };
                await UserRow.SaveAsync(transaction, changed, context.Tenant(tenant), now);
                await (user.EmailVerifiedAt is null
                    ? CredentialReset.DropAllAsync(transaction, user, now)
                    : CredentialReset.AfterPasswordChangeAsync(transaction, user, null, now));
                await TellAsync(transaction, changed, actor, "password.reset", now);
                return new PasswordChangeResult.Changed(changed);
            },
            cancellation);
    }

    /// <summary>Sets the password by the old one; the session in use stays, all others end.</summary>
    public async Task<PasswordChangeResult> ChangeAsync(
        User user, string? oldPassword, string? newPassword, Guid keepSession, Actor actor, CancellationToken cancellation)
    {
        if (await VerifyAsync(context, user, oldPassword, cancellation) is var check && check != PasswordCheck.Right)
        {
            return check == PasswordCheck.Busy ? new PasswordChangeResult.Busy() : new PasswordChangeResult.WrongPassword();
        }

        var (hash, failure) = await HashAsync(newPassword, user, cancellation);
        return failure ?? await context.Database.TransactAsync<PasswordChangeResult>(
            async transaction =>
            {
                var now = context.Now();
                var present = await UserReader.FindForUpdateAsync(transaction, user.Id);
                if (present is not { CanSignIn: true } || present.PasswordHash != user.PasswordHash)
                {
                    return new PasswordChangeResult.WrongPassword();
                }

                var changed = present with { PasswordHash = hash };
                await UserRow.SaveAsync(transaction, changed, context.Tenant(user.Tenant), now);
                await CredentialReset.AfterPasswordChangeAsync(transaction, changed, keepSession, now);
                await TellAsync(transaction, changed, actor, "password.changed", now);
                return new PasswordChangeResult.Changed(changed);
            },
            cancellation);
    }

    /// <summary>Whether this is the user's password; a hash that should be renewed counts as right.</summary>
    internal static async Task<PasswordCheck> VerifyAsync(StoreContext context, User user, string? password, CancellationToken cancellation)
    {
        if (string.IsNullOrEmpty(password) || !PasswordText.IsEncodable(password))
        {
            return PasswordCheck.Wrong;
        }

        var check = await context.Passwords.VerifyAsync(user.PasswordHash, password, cancellation);
        return check == PasswordCheck.RightButRehash ? PasswordCheck.Right : check;
    }

    private async Task<(string? Hash, PasswordChangeResult? Failure)> HashAsync(string? password, User user, CancellationToken cancellation)
    {
        if (context.PasswordPolicy.Check(password, user.Username, user.Email) is { } refusal)
        {
            var errors = new FieldErrors();
            errors.Add("newPassword", refusal);
            return (null, new PasswordChangeResult.Invalid(errors));
        }

        var hash = await context.Passwords.HashAsync(password!, cancellation);
        return hash is null ? (null, new PasswordChangeResult.Busy()) : (hash, null);
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
