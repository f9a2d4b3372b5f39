using Selfsame.Core.Identifiers;
using Selfsame.Databases;
using Selfsame.Store.Audit;

namespace Selfsame.Store.Users;

/// <summary>
/// An unverified address does not hold itself for ever: whoever proves the mailbox takes it from the user who only
/// claimed it, and whatever let that user in is dropped.
/// </summary>
internal static class EmailTakeover
{
    /// <summary>Frees the address for <paramref name="winner"/> of those who hold it, or its mailbox, and never proved it; otherwise changes nothing.</summary>
    public static async Task FreeUnverifiedAsync(
        StoreContext context, Transaction transaction, EmailAddress email, User winner, string? correlationId, DateTimeOffset now)
    {
        foreach (var found in await UserReader.FindHoldersAsync(transaction, context.Tenant(winner.Tenant), email))
        {
            var holder = found.Id == winner.Id ? null : await UserReader.FindForUpdateAsync(transaction, found.Id);
            if (holder is not null && !HasProved(context, holder, email))
            {
                await StripAsync(context, transaction, holder, email, "email.taken-over", $"by user:{winner.Uuid}", correlationId, now);
                LogMessages.EmailTakenOver(context.Logger, holder.Uuid, winner.Uuid);
            }
        }
    }

    /// <summary>Whether this very address, or its mailbox, is proved: a username in its form is not, whatever other address its user has proved.</summary>
    public static bool HasProved(StoreContext context, User holder, EmailAddress email)
        => holder.EmailVerifiedAt is not null && Holds(context, holder, email);

    /// <summary>Whether both are addresses, and one.</summary>
    public static bool IsSame(string? one, string? other) => Parse(one) is { } address && Parse(other)?.Key == address.Key;

    /// <summary>Takes the address from its holder, and whatever let the holder in.</summary>
    internal static async Task StripAsync(
        StoreContext context, Transaction transaction, User holder, EmailAddress email, string @event, string? detail, string? correlationId, DateTimeOffset now)
    {
        var stripped = holder with
        {
            Email = Holds(context, holder, email) ? null : holder.Email,
            Username = Parse(holder.Username)?.Key == email.Key ? null : holder.Username,
            PasswordHash = null,
        };
        await UserRow.SaveAsync(context, transaction, holder, stripped, correlationId, now);
        await CredentialReset.DropAllAsync(transaction, holder, now);
        await AuditTrail.AddAsync(transaction, holder.Id, holder.Tenant, Actor.System, @event, now, detail);
    }

    private static bool Holds(StoreContext context, User holder, EmailAddress email)
        => Parse(holder.Email) is { } own
            && (own.Key == email.Key || (context.Tenant(holder.Tenant).Mailboxes == LookalikePolicy.Refuse && own.Mailbox == email.Mailbox));

    private static EmailAddress? Parse(string? text) => EmailAddress.TryParse(text, out var email, out _) ? email : null;
}
