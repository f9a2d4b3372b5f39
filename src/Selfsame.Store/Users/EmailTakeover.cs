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
    /// <summary>Frees the address for <paramref name="winner"/> if its present holder never proved it; otherwise changes nothing.</summary>
    public static async Task FreeUnverifiedAsync(
        StoreContext context, Transaction transaction, EmailAddress email, User winner, DateTimeOffset now)
    {
        var found = await UserReader.FindByLoginKeyAsync(transaction, winner.Tenant, email.Key);
        if (found is null || found.Id == winner.Id)
        {
            return;
        }

        var holder = await UserReader.FindForUpdateAsync(transaction, found.Id);
        if (holder is null || HasProved(holder, email))
        {
            return;
        }

        var stripped = holder with
        {
            Email = KeyOf(holder.Email) == email.Key ? null : holder.Email,
            Username = KeyOf(holder.Username) == email.Key ? null : holder.Username,
            PasswordHash = null,
        };
        await UserRow.SaveAsync(context, transaction, holder, stripped, now);
        await CredentialReset.DropAllAsync(transaction, holder, now);
        await AuditTrail.AddAsync(transaction, holder.Id, holder.Tenant, Actor.System, "email.taken-over", now, $"by user:{winner.Uuid}");
        LogMessages.EmailTakenOver(context.Logger, holder.Uuid, winner.Uuid);
    }

    /// <summary>Whether this very address is proved: a username in its form is not, whatever other address its user has proved.</summary>
    public static bool HasProved(User holder, EmailAddress email) => holder.EmailVerifiedAt is not null && KeyOf(holder.Email) == email.Key;

    private static string? KeyOf(string? text)
        => text is not null && EmailAddress.TryParse(text, out var email, out _) ? email.Key : null;
}
