using Selfsame.Databases;
using Selfsame.Store.Mail;

namespace Selfsame.Store.Users;

/// <summary>What the owner of an address is mailed when somebody asks for the address once more.</summary>
internal static class OwnerNotice
{
    /// <summary>The mail; null soon after the last one. Where the account is closed it says so, for neither a sign-in nor a new password leads into it (CASES 8).</summary>
    public static async Task<MailText?> ComposeAsync(StoreContext context, Transaction transaction, User owner, DateTimeOffset now)
    {
        if (!await EmailVerification.MayTellOwnerAsync(context, transaction, owner, now))
        {
            return null;
        }

        var site = context.PublicAddress(owner.Tenant);
        var forgotten = new Uri(site, "forgot-password");
        return owner.CanSignIn
            ? MailTexts.AlreadyRegistered(owner.Email!, new Uri(site, "sign-in"), forgotten)
            : MailTexts.AccountClosed(
                owner.Email!, owner.DeletedAt + context.Tenant(owner.Tenant).DeletionGracePeriod, site, owner.EmailVerifiedAt is null ? forgotten : null);
    }
}
