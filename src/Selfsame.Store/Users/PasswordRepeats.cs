using Selfsame.Store.Links;
using Selfsame.Store.Sessions;

namespace Selfsame.Store.Users;

/// <summary>
/// Tells a double click, or a retry after a lost answer, of what sets a password: shortly before, the password was set, and the one that is sent is the present one. That is
/// tried as at the sign-in, with its back-off, so that a spent link is no way to guess (decision 0203).
/// </summary>
internal sealed class PasswordRepeats(StoreContext context)
{
    /// <summary>Longer than clients retry.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    private readonly PasswordProof proof = new(context);

    /// <summary>The user whose link was spent a moment ago and whose password is this; null where it is no repeat.</summary>
    public async Task<User?> FindAsync(string tenant, string token, string purpose, string? newPassword, SignInOrigin origin, CancellationToken cancellation)
    {
        var (link, user) = await context.Database.ReadAsync(
            transaction => LinkTokens.FindSpentAsync(transaction, token, tenant, purpose, context.Now() - Window), cancellation);
        return EmailTakeover.IsSame(user?.Email, link?.Email) ? await PresentAsync(user, newPassword, origin, cancellation) : null;
    }

    /// <summary>The user, as it is now, whose password was changed to this a moment ago; null where it is no repeat.</summary>
    public async Task<User?> FindAsync(User user, string? newPassword, SignInOrigin origin, CancellationToken cancellation)
    {
        var changed = await context.Database.ReadAsync(
            async transaction => await transaction.ScalarAsync<long>(
                "SELECT count(*) FROM audit_events WHERE user_id = @Id AND event = 'password.changed' AND at >= @since", new { user.Id, since = context.Now() - Window }) > 0
                    ? await UserReader.FindByIdAsync(transaction, user.Id)
                    : null,
            cancellation);
        return await PresentAsync(changed, newPassword, origin, cancellation);
    }

    private async Task<User?> PresentAsync(User? user, string? password, SignInOrigin origin, CancellationToken cancellation)
        => user is { CanSignIn: true } && await proof.CheckAsync(user, password, origin, cancellation) is PasswordProofResult.Right ? user : null;
}
