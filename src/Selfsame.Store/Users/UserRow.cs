using Selfsame.Core.Accounts;
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
    /// <param name="now">The instant of the change.</param>
    /// <param name="groups">Whether the caller changes the user's groups, too.</param>
    public static async Task<IReadOnlySet<string>> SaveAsync(
        StoreContext context, Transaction transaction, User before, User user, DateTimeOffset now, bool groups = false)
    {
        await transaction.ExecuteAsync(
            """
            UPDATE users SET username = @Username, email = @Email, email_verified_at = @EmailVerifiedAt, phone = @Phone,
              phone_verified_at = @PhoneVerifiedAt, handle = @Handle, password_hash = @PasswordHash, first_name = @FirstName,
              last_name = @LastName, locale = @Locale, role = @Role, is_active = @IsActive, is_staff = @IsStaff,
              is_superuser = @IsSuperuser, deleted_at = @DeletedAt, version = version + 1, updated_at = @now
            WHERE id = @Id
            """,
            new
            {
                user.Username,
                user.Email,
                user.EmailVerifiedAt,
                user.Phone,
                user.PhoneVerifiedAt,
                user.Handle,
                user.PasswordHash,
                user.FirstName,
                user.LastName,
                user.Locale,
                user.Role,
                user.IsActive,
                user.IsStaff,
                user.IsSuperuser,
                user.DeletedAt,
                now,
                user.Id,
            });
        var tenant = context.Tenant(user.Tenant);
        if (Identifiers(before) != Identifiers(user) && await IdentifierRows.ReplaceAsync(transaction, user, tenant) is { Count: > 0 } taken)
        {
            return taken;
        }

        await UserEvents.QueueChangeAsync(context, transaction, before, user, groups, now);
        if (tenant.ProvisionTo.Count > 0)
        {
            await ProvisioningRows.RequeueAsync(transaction, tenant.UserSystem, new AccountId(user.Uuid.ToString("D")), "The user changed.", now);
        }

        return new HashSet<string>();
    }

    private static (string?, string?, string?, DateTimeOffset?, string?) Identifiers(User user) => (user.Username, user.Email, user.Phone, user.PhoneVerifiedAt, user.Handle);
}
