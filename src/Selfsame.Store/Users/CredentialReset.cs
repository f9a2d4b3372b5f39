using Selfsame.Databases;
using Selfsame.Store.Links;
using Selfsame.Store.Sessions;

namespace Selfsame.Store.Users;

/// <summary>Drops whatever lets somebody in, in the caller's transaction.</summary>
internal static class CredentialReset
{
    private static readonly string[] AllPurposes =
        [LinkPurpose.VerifyEmail, LinkPurpose.ResetPassword, LinkPurpose.ChangeEmail, LinkPurpose.RevertEmail, LinkPurpose.ReleaseEmail];

    private static readonly string[] PasswordPurposes = [LinkPurpose.VerifyEmail, LinkPurpose.ResetPassword, LinkPurpose.ChangeEmail];

    /// <summary>
    /// A new password ends the sessions (but the one in use) and the unused links that could set another. The link by
    /// which an earlier address takes its change back stays: it is the owner's way out when the thief changed both.
    /// </summary>
    public static async Task AfterPasswordChangeAsync(Transaction transaction, User user, Guid? keepSession, DateTimeOffset now)
    {
        await SessionStore.EndAllAsync(transaction, user.Id, keepSession);
        await LinkTokens.RevokeAsync(transaction, user.Id, PasswordPurposes, now);
    }

    /// <summary>An address that an administrator sets is the owner's other way out: no earlier one may take the user back (and set a password) after that.</summary>
    public static Task AfterCorrectionAsync(Transaction transaction, User user, DateTimeOffset now)
        => LinkTokens.RevokeAsync(transaction, user.Id, AllPurposes, now);

    /// <summary>Everything that was set before somebody proved the mailbox: sessions, links, known browsers and networks.</summary>
    public static async Task DropAllAsync(Transaction transaction, User user, DateTimeOffset now)
    {
        await SessionStore.EndAllAsync(transaction, user.Id);
        await LinkTokens.RevokeAsync(transaction, user.Id, AllPurposes, now);
        await transaction.ExecuteAsync("DELETE FROM known_sources WHERE user_id = @id", new { id = user.Id });
    }
}
