using Selfsame.Core.Accounts;
using Selfsame.Databases;
using Selfsame.Store.Provisioning;

namespace Selfsame.Store.Users;

/// <summary>Writes a user's whole row and identifiers back after a change.</summary>
internal static class UserRow
{
    /// <summary>
    /// Updates the row of <paramref name="user"/> and its identifiers, and has the user's accounts in other systems looked at again. Returns the fields that are taken; with any,
    /// the caller rolls back. The caller holds the row (<see cref="UserReader.FindForUpdateAsync(Transaction, long)"/>).
    /// </summary>
    public static async Task<IReadOnlySet<string>> SaveAsync(Transaction transaction, User user, TenantSettings tenant, DateTimeOffset now)
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
        if (tenant.ProvisionTo.Count > 0)
        {
            await ProvisioningRows.RequeueAsync(transaction, tenant.UserSystem, new AccountId(user.Uuid.ToString("D")), "The user changed.", now);
        }

        return await IdentifierRows.ReplaceAsync(transaction, user, tenant);
    }
}
