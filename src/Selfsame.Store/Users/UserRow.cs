using Selfsame.Core.Accounts;
using Selfsame.Core.Provisioning;
using Selfsame.Databases;
using Selfsame.Store.Provisioning;

namespace Selfsame.Store.Users;

/// <summary>Writes a user's whole row and identifiers back after a change.</summary>
internal static class UserRow
{
    /// <summary>
    /// Updates the row of <paramref name="user"/> and its identifiers, queues what is told about it, and has the user's accounts in other systems
    /// looked at again. Returns the fields that are taken; with any, the caller rolls back. The caller holds the row
    /// (<see cref="UserReader.FindForUpdateAsync(Transaction, long)"/>).
    /// </summary>
    /// <param name="context">The store.</param>
    /// <param name="transaction">The caller's.</param>
    /// <param name="before">The row as it is.</param>
    /// <param name="user">As it is to be.</param>
    /// <param name="correlationId">Leads to the request that changes it; null where nothing does.</param>
    /// <param name="now">The instant of the change.</param>
    /// <param name="groups">Whether the caller changes the user's groups, too.</param>
    /// <param name="afterwards">What the caller does besides when nothing is taken, in the same round trip.</param>
    public static async Task<IReadOnlySet<string>> SaveAsync(
        StoreContext context, Transaction transaction, User before, User user, string? correlationId, DateTimeOffset now, bool groups = false,
        IReadOnlyList<Statement>? afterwards = null)
    {
        var tenant = context.Tenant(user.Tenant);
        Statement[] readRows = tenant.ProvisionTo.Count == 0
            ? []
            : [ProvisioningTable.SelectForUpdate(transaction.Dialect, tenant.UserSystem, new AccountId(user.Uuid.ToString("D")))];
        List<StoredRow> rows;
        if (Identifiers(before) == Identifiers(user))
        {
            rows = await transaction.BatchAsync<StoredRow>([Update(user, now), .. readRows]);
        }
        else
        {
            await transaction.BatchAsync(Update(user, now));
            if (await IdentifierRows.ReplaceAsync(transaction, user, tenant) is { Count: > 0 } taken)
            {
                return taken;
            }

            rows = await transaction.BatchAsync<StoredRow>(readRows);
        }

        await transaction.BatchAsync(
        [
            .. UserEvents.OfChange(context, before, user, groups, now),
            .. rows.SelectMany(row => ProvisioningTable.Ask(row, "The user changed.", ProvisioningLane.Interactive, correlationId, now)),
            .. afterwards ?? [],
        ]);
        return new HashSet<string>();
    }

    private static Statement Update(User user, DateTimeOffset now) => new(
        """
        UPDATE users SET username = $2, email = $3, email_verified_at = $4, phone = $5, phone_verified_at = $6, handle = $7, password_hash = $8,
          first_name = $9, last_name = $10, locale = $11, role = $12, is_active = $13, is_staff = $14, is_superuser = $15, deleted_at = $16,
          version = version + 1, updated_at = $17
        WHERE id = $1
        """,
        user.Id, user.Username, user.Email, user.EmailVerifiedAt, user.Phone, user.PhoneVerifiedAt, user.Handle, user.PasswordHash,
        user.FirstName, user.LastName, user.Locale, user.Role, user.IsActive, user.IsStaff, user.IsSuperuser, user.DeletedAt, now);

    private static (string?, string?, string?, DateTimeOffset?, string?) Identifiers(User user) => (user.Username, user.Email, user.Phone, user.PhoneVerifiedAt, user.Handle);
}
