using Selfsame.Core.Identifiers;
using Selfsame.Store.Passwords;
using Selfsame.Store.Requests;
using Selfsame.Store.Users;

namespace Selfsame.Store.Sessions;

/// <summary>
/// Asks a signed-in user for the password once more. Each try is an attempt to sign in, claimed before anything is hashed:
/// whoever stole a session could otherwise guess without end.
/// </summary>
internal sealed class PasswordProof(StoreContext context)
{
    private readonly SignInAttempts attempts = new(context);

    public async Task<PasswordProofResult> CheckAsync(User user, string? password, SignInOrigin origin, CancellationToken cancellation)
    {
        if (string.IsNullOrEmpty(password) || !PasswordText.IsEncodable(password))
        {
            return new PasswordProofResult.Wrong();
        }

        var key = KeyOf(user);
        var (_, known) = await attempts.FindAsync(user.Tenant, key, origin, cancellation);
        var claim = await attempts.ClaimAsync(user.Tenant, key, known, origin, cancellation);
        if (!claim.Allowed)
        {
            return new PasswordProofResult.TryLater(claim.RetryAfter, claim.State);
        }

        var check = await attempts.CheckAsync(user.Tenant, user.PasswordHash, password, claim, origin, cancellation);
        if (check is not (PasswordCheck.Right or PasswordCheck.RightButRehash))
        {
            return check == PasswordCheck.Busy ? new PasswordProofResult.Busy() : new PasswordProofResult.Wrong();
        }

        // At once, whatever becomes of what the password was asked for: it was right. In the transaction of that, everybody of the network would wait for its way to the disk.
        await attempts.ForgiveAsync(user, claim, origin);
        return new PasswordProofResult.Right();
    }

    /// <summary>The bucket of those who sign in by the address; who has none signs in by username.</summary>
    private static string KeyOf(User user)
        => LoginName.TryParse(user.Email ?? user.Username, out var name, out _)
            ? name.Key
            : throw new InvalidOperationException("A stored identifier no longer has a key; the key rules changed.");
}

/// <summary>What became of asking for the password.</summary>
internal abstract record PasswordProofResult
{
    public sealed record Right : PasswordProofResult;

    public sealed record Wrong : PasswordProofResult;

    public sealed record TryLater(TimeSpan After, RateLimitState? State) : PasswordProofResult;

    public sealed record Busy : PasswordProofResult;
}
