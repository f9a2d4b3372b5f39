using Selfsame.Core.Identifiers;
using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Mail;
using Selfsame.Store.Requests;
using Selfsame.Store.Sessions;

namespace Selfsame.Store.Users;

/// <summary>What became of a step of an e-mail change.</summary>
public abstract record EmailChangeResult
{
    /// <summary>A link went to the new address; nothing has changed yet. Also the answer for an address that is taken.</summary>
    public sealed record LinkSent : EmailChangeResult;

    public sealed record Changed(User User) : EmailChangeResult;

    public sealed record LinkInvalid : EmailChangeResult;

    /// <summary>The address was proved by somebody else meanwhile.</summary>
    public sealed record Taken : EmailChangeResult;

    public sealed record WrongPassword : EmailChangeResult;

    public sealed record Invalid(FieldErrors Errors) : EmailChangeResult;

    /// <summary>The new address got several mails already.</summary>
    public sealed record TooMany(RateLimitState State) : EmailChangeResult;

    /// <summary>Too many wrong passwords, or too many new ones from one network; nothing was hashed.</summary>
    public sealed record TryLater(TimeSpan After, RateLimitState? State) : EmailChangeResult;

    public sealed record Busy : EmailChangeResult;
}

/// <summary>Moves a user to another address: verify the new one, tell the old one, let the old one take it back.</summary>
public sealed class EmailChange(StoreContext context)
{
    private readonly PasswordProof proof = new(context);
    private readonly PasswordRepeats repeats = new(context);

    /// <summary>Sends the link to the new address.</summary>
    public async Task<EmailChangeResult> RequestAsync(
        User user, string? newEmail, string? password, SignInOrigin origin, Actor actor, CancellationToken cancellation)
    {
        if (!EmailAddress.TryParse(newEmail, out var email, out var refusal))
        {
            var errors = new FieldErrors();
            errors.Add("email", refusal);
            return new EmailChangeResult.Invalid(errors);
        }

        var check = await proof.CheckAsync(user, password, origin, cancellation);
        if (check is not PasswordProofResult.Right)
        {
            return check switch
            {
                PasswordProofResult.TryLater later => new EmailChangeResult.TryLater(later.After, later.State),
                PasswordProofResult.Busy => new EmailChangeResult.Busy(),
                _ => new EmailChangeResult.WrongPassword(),
            };
        }

        var taken = false;
        var result = await context.Database.TransactAsync<EmailChangeResult>(
            async transaction =>
            {
                var now = context.Now();
                if (await UserReader.FindForUpdateAsync(transaction, user.Id) is not { CanSignIn: true } present || present.PasswordHash != user.PasswordHash)
                {
                    return new EmailChangeResult.WrongPassword();
                }

                if (await EmailVerification.CountMailAsync(context, transaction, user with { Email = email.Value }, now) is { Allowed: false } full)
                {
                    // Resets count too, but only for addresses that are registered: where that is hidden, so is the count.
                    return context.Tenant(user.Tenant).Disclosure == Disclosure.Hide ? new EmailChangeResult.LinkSent() : new EmailChangeResult.TooMany(full);
                }

                var holder = await HolderAsync(transaction, user, email);
                taken = holder is not null;
                if (await ComposeAsync(transaction, user, email, holder, now) is { } text)
                {
                    await MailOutbox.QueueAsync(context, transaction, user.Tenant, user.Id, text, now);
                }

                await AuditTrail.AddAsync(transaction, user.Id, user.Tenant, actor, "email.change-requested", now);
                return new EmailChangeResult.LinkSent();
            },
            // A lost commit answer: asked once more, which is one mail too many at worst.
            _ => Task.FromResult(default(Settled<EmailChangeResult>)),
            cancellation);
        return taken ? await RecordTakenAsync(result, user, email.Value, actor, cancellation) : result;
    }

    /// <summary>What the link that went to the new address is good for, where this user is signed in; changes nothing.</summary>
    public Task<LinkState> PeekAsync(User user, string token, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction =>
            {
                var link = await LinkTokens.PeekAsync(transaction, token, user.Tenant, LinkPurpose.ChangeEmail, context.Now());
                return link?.UserId == user.Id ? LinkState.Good : await FindConfirmedAsync(transaction, user, token) is null ? LinkState.Gone : LinkState.Done;
            },
            cancellation);

    /// <summary>
    /// The new address is proved by a link, opened where the user is signed in: a mistyped address must not win an account. A repeat is answered as the first was.
    /// </summary>
    public async Task<EmailChangeResult> ConfirmAsync(User user, string token, Actor actor, CancellationToken cancellation)
    {
        var result = await ConfirmOnceAsync(user, token, actor, cancellation);
        return result is EmailChangeResult.LinkInvalid
            && await context.Database.ReadAsync(transaction => FindConfirmedAsync(transaction, user, token), cancellation) is { } changed
                ? new EmailChangeResult.Changed(changed)
                : result;
    }

    /// <summary>The user as it is now, where the spent link was for the address that it has.</summary>
    private static async Task<User?> FindConfirmedAsync(Transaction transaction, User user, string token)
    {
        var (link, owner) = await LinkTokens.FindSpentAsync(transaction, token, user.Tenant, LinkPurpose.ChangeEmail, DateTimeOffset.UnixEpoch);
        return owner?.Id == user.Id && owner is { CanSignIn: true, EmailVerifiedAt: not null } && EmailTakeover.IsSame(owner.Email, link!.Email) ? owner : null;
    }

    private async Task<EmailChangeResult> ConfirmOnceAsync(User user, string token, Actor actor, CancellationToken cancellation)
    {
        // Of the try that reached COMMIT: what it wrote is recognised by it when the answer is lost.
        DateTimeOffset now = default;
        string? wanted = null;
        var result = await context.Database.TransactAsync<EmailChangeResult>(
            async transaction =>
            {
                now = context.Now();
                var (link, owner) = await LinkTokens.RedeemAsync(transaction, token, user.Tenant, LinkPurpose.ChangeEmail, now);
                var present = owner?.Id == user.Id ? owner : null;
                if (present is not { CanSignIn: true } || !EmailAddress.TryParse(link!.Email, out var email, out _))
                {
                    transaction.RollBack = true;
                    return new EmailChangeResult.LinkInvalid();
                }

                wanted = email.Value;
                await EmailTakeover.FreeUnverifiedAsync(context, transaction, email, present, actor.CorrelationId, now);
                var changed = Moved(present, email) with { EmailVerifiedAt = now };
                var taken = await UserRow.SaveAsync(context, transaction, present, changed, actor.CorrelationId, now);
                if (taken.Count > 0)
                {
                    transaction.RollBack = true;
                    return new EmailChangeResult.Taken();
                }

                await AuditTrail.AddAsync(transaction, user.Id, user.Tenant, actor, "email.changed", now);
                await TellOldAddressAsync(transaction, present, email.Value, now);
                return new EmailChangeResult.Changed(changed);
            },
            transaction => SettleAsync(transaction, user.Tenant, token, LinkPurpose.ChangeEmail, now),
            cancellation);
        return result is EmailChangeResult.Taken ? await RecordTakenAsync(result, user, wanted, actor, cancellation) : result;
    }

    /// <summary>Whether a link that takes a change back is good; changes nothing.</summary>
    public Task<bool> IsRevertLinkGoodAsync(string tenant, string token, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction => await LinkTokens.PeekAsync(transaction, token, tenant, LinkPurpose.RevertEmail, context.Now()) is not null,
            cancellation);

    /// <summary>The old address takes the change back, sets a new password and ends all sessions. A repeat is answered as the first was.</summary>
    public async Task<EmailChangeResult> RevertAsync(
        string tenant, string token, string? newPassword, SignInOrigin origin, Actor actor, CancellationToken cancellation)
    {
        var result = await RevertOnceAsync(tenant, token, newPassword, origin, actor, cancellation);
        return result is EmailChangeResult.LinkInvalid
            && await repeats.FindAsync(tenant, token, LinkPurpose.RevertEmail, newPassword, origin, cancellation) is { } reverted
                ? new EmailChangeResult.Changed(reverted)
                : result;
    }

    private async Task<EmailChangeResult> RevertOnceAsync(
        string tenant, string token, string? newPassword, SignInOrigin origin, Actor actor, CancellationToken cancellation)
    {
        var (link, user) = await context.Database.ReadAsync(
            async transaction =>
            {
                var found = await LinkTokens.PeekAsync(transaction, token, tenant, LinkPurpose.RevertEmail, context.Now());
                return (found, found?.UserId is { } id ? await UserReader.FindByIdAsync(transaction, id) : null);
            },
            cancellation);
        if (link is null || user is null)
        {
            return new EmailChangeResult.LinkInvalid();
        }

        if (context.PasswordPolicy.Check(newPassword, user.Username, user.Email, link.Email) is { } refusal)
        {
            var errors = new FieldErrors();
            errors.Add("newPassword", refusal);
            return new EmailChangeResult.Invalid(errors);
        }

        if (await LinkTokens.CountHashAsync(context, tenant, origin.Network, cancellation) is { Allowed: false } full)
        {
            return new EmailChangeResult.TryLater(full.ResetsIn, full);
        }

        var hash = await context.Passwords.HashAsync(newPassword!, cancellation);
        if (hash is null)
        {
            return new EmailChangeResult.Busy();
        }

        DateTimeOffset now = default;
        var result = await context.Database.TransactAsync(
            transaction => RevertOnceAsync(transaction, tenant, token, hash, origin, actor, now = context.Now()),
            transaction => SettleAsync(transaction, tenant, token, LinkPurpose.RevertEmail, now),
            cancellation);
        return result is EmailChangeResult.Taken ? await RecordTakenAsync(result, user, link.Email, actor, cancellation) : result;
    }

    private async Task<EmailChangeResult> RecordTakenAsync(EmailChangeResult result, User user, string? wanted, Actor actor, CancellationToken cancellation)
    {
        await IdentifierConflicts.RecordAsync(context, user with { Email = wanted }, new HashSet<string>(StringComparer.Ordinal) { "email" }, anew: false, actor, cancellation);
        return result;
    }

    /// <summary>After a lost commit answer: the link is used up, and that by us, exactly when the transaction happened.</summary>
    private static async Task<Settled<EmailChangeResult>> SettleAsync(
        Transaction transaction, string tenant, string token, string purpose, DateTimeOffset now)
        => await LinkTokens.FindRedeemedAsync(transaction, token, tenant, purpose, now) is { } found
            ? new Settled<EmailChangeResult>(true, new EmailChangeResult.Changed(found))
            : default;

    private async Task<EmailChangeResult> RevertOnceAsync(
        Transaction transaction, string tenant, string token, string hash, SignInOrigin origin, Actor actor, DateTimeOffset now)
    {
        var (link, user) = await LinkTokens.RedeemAsync(transaction, token, tenant, LinkPurpose.RevertEmail, now);
        if (user is not { CanSignIn: true } || !EmailAddress.TryParse(link!.Email, out var email, out _))
        {
            transaction.RollBack = true;
            return new EmailChangeResult.LinkInvalid();
        }

        await EmailTakeover.FreeUnverifiedAsync(context, transaction, email, user, actor.CorrelationId, now);
        var reverted = Moved(user, email) with { EmailVerifiedAt = now, PasswordHash = hash };
        var taken = await UserRow.SaveAsync(context, transaction, user, reverted, actor.CorrelationId, now);
        if (taken.Count > 0)
        {
            transaction.RollBack = true;
            return new EmailChangeResult.Taken();
        }

        await CredentialReset.DropAllAsync(transaction, user, now);
        await KnownSources.RememberAsync(context, transaction, user.Uuid, origin, now);
        await AuditTrail.AddAsync(transaction, user.Id, tenant, actor, "email.change-reverted", now);
        return new EmailChangeResult.Changed(reverted);
    }

    /// <summary>A username that is the address follows it: left behind, it would hold an address that its user no longer has.</summary>
    private static User Moved(User user, EmailAddress email) => user with
    {
        Email = email.Value,
        Username = EmailTakeover.IsSame(user.Username, user.Email) ? email.Value : user.Username,
    };

    /// <summary>A link for a free or unproved address; for one that somebody else has proved, a note to its owner, or nothing soon after the last.</summary>
    private async Task<MailText?> ComposeAsync(Transaction transaction, User user, EmailAddress email, User? holder, DateTimeOffset now)
    {
        if (holder is not null)
        {
            return await OwnerNotice.ComposeAsync(context, transaction, holder, now);
        }

        var token = context.Random.NextToken();
        var expires = now + context.Tenant(user.Tenant).VerificationLifetime;
        await LinkTokens.InsertAsync(transaction, token, user.Tenant, LinkPurpose.ChangeEmail, user.Id, email.Value, now, expires);
        return MailTexts.ConfirmNewEmail(email.Value, new Uri(context.PublicAddress(user.Tenant), $"confirm-email?token={token}"));
    }

    /// <summary>The other user who has proved the address; null where it can be had.</summary>
    private async Task<User?> HolderAsync(Transaction transaction, User user, EmailAddress email)
        => (await UserReader.FindHoldersAsync(transaction, context.Tenant(user.Tenant), email))
            .Find(holder => holder.Id != user.Id && EmailTakeover.HasProved(context, holder, email));

    private async Task TellOldAddressAsync(Transaction transaction, User before, string newEmail, DateTimeOffset now)
    {
        if (before.Email is null)
        {
            return;
        }

        if (before.EmailVerifiedAt is null)
        {
            if (await EmailVerification.MayMailAsync(context, transaction, before, now))
            {
                var note = MailTexts.UnverifiedEmailChanged(before.Email, context.PublicAddress(before.Tenant));
                await MailOutbox.QueueAsync(context, transaction, before.Tenant, before.Id, note, now);
            }

            return;
        }

        var token = context.Random.NextToken();
        var expires = now + context.Tenant(before.Tenant).EmailRevertLifetime;
        await LinkTokens.InsertAsync(transaction, token, before.Tenant, LinkPurpose.RevertEmail, before.Id, before.Email, now, expires);
        var revert = new Uri(context.PublicAddress(before.Tenant), $"revert-email?token={token}");
        await MailOutbox.QueueAsync(context, transaction, before.Tenant, before.Id, MailTexts.EmailChanged(before.Email, newEmail, revert), now);
    }
}
