using Selfsame.Core.Identifiers;
using Selfsame.Databases;
using Selfsame.Store.Audit;
using Selfsame.Store.Links;
using Selfsame.Store.Mail;

namespace Selfsame.Store.Users;

/// <summary>
/// Frees an address that a closed account holds, disabled or deleted, and that nobody ever proved: by a link in a mail to it. Who could sign in to the account would
/// get the account itself (<see cref="PasswordChanges"/>); a closed one stays closed (decision 0202).
/// </summary>
public sealed class EmailRelease(StoreContext context)
{
    /// <summary>Queues the mail, in the caller's transaction, unless the address got several of late.</summary>
    internal static async Task RequestAsync(StoreContext context, Transaction transaction, User holder, Actor actor, DateTimeOffset now)
    {
        if (!await EmailVerification.MayMailAsync(context, transaction, holder, now))
        {
            return;
        }

        var token = context.Random.NextToken();
        var expires = now + context.Tenant(holder.Tenant).VerificationLifetime;
        await LinkTokens.InsertAsync(transaction, token, holder.Tenant, LinkPurpose.ReleaseEmail, holder.Id, holder.Email, now, expires);
        var text = MailTexts.ReleaseEmail(holder.Email!, new Uri(context.PublicAddress(holder.Tenant), $"release-email?token={token}"));
        await MailOutbox.QueueAsync(context, transaction, holder.Tenant, holder.Id, text, now);
        await AuditTrail.AddAsync(transaction, holder.Id, holder.Tenant, actor, "email.release-requested", now);
    }

    /// <summary>What the link is good for; changes nothing.</summary>
    public Task<LinkState> PeekAsync(string tenant, string token, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction =>
            {
                var (link, holder) = await LinkTokens.PeekWithUserAsync(transaction, token, tenant, LinkPurpose.ReleaseEmail, context.Now());
                return IsHeld(holder, link) ? LinkState.Good : await StateOfSpentAsync(transaction, tenant, token);
            },
            cancellation);

    /// <summary>Uses the link up and frees the address: <see cref="LinkState.Done"/>, as for a repeat. A lost commit answer is settled by that, too.</summary>
    public async Task<LinkState> ExecuteAsync(string tenant, string token, Actor actor, CancellationToken cancellation)
        => await context.Database.TransactAsync(
            async transaction =>
            {
                var now = context.Now();
                var (link, holder) = await LinkTokens.RedeemAsync(transaction, token, tenant, LinkPurpose.ReleaseEmail, now);
                if (!IsHeld(holder, link) || !EmailAddress.TryParse(link!.Email, out var email, out _))
                {
                    transaction.RollBack = true;
                    return await StateOfSpentAsync(transaction, tenant, token);
                }

                await EmailTakeover.StripAsync(context, transaction, holder!, email, "email.released", null, actor.CorrelationId, now);
                return LinkState.Done;
            },
            async transaction => await StateOfSpentAsync(transaction, tenant, token) == LinkState.Done ? new Settled<LinkState>(true, LinkState.Done) : default,
            cancellation);

    /// <summary>Whether the account is still closed, and the address in it still proved by nobody.</summary>
    private static bool IsHeld(User? holder, LinkToken? link)
        => holder is { CanSignIn: false, EmailVerifiedAt: null } && holder.Email == link?.Email;

    private static async Task<LinkState> StateOfSpentAsync(Transaction transaction, string tenant, string token)
    {
        var (link, holder) = await LinkTokens.FindSpentAsync(transaction, token, tenant, LinkPurpose.ReleaseEmail, DateTimeOffset.UnixEpoch);
        return holder is not null && !EmailTakeover.IsSame(holder.Email, link!.Email) && !EmailTakeover.IsSame(holder.Username, link.Email) ? LinkState.Done : LinkState.Gone;
    }
}
