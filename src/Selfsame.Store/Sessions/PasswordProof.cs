using Selfsame.Core.Identifiers;
using Selfsame.Databases;
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

        return await attempts.CheckAsync(user.Tenant, user.PasswordHash, password, claim, origin, cancellation) switch
        {
            PasswordCheck.Right or PasswordCheck.RightButRehash => new PasswordProofResult.Right(claim),
            PasswordCheck.Busy => new PasswordProofResult.Busy(),
            _ => new PasswordProofResult.Wrong(),
        };
    }

    /// <summary>The hash of a new password, after the present one was shown; null when too many wait. Where none is made the attempt is given back: it was right.</summary>
    public async Task<string?> HashAsync(User user, PasswordProofResult.Right proof, string newPassword, SignInOrigin origin, CancellationToken cancellation)
    {
        string? hash = null;
        try
        {
            hash = await context.Passwords.HashAsync(newPassword, cancellation);
        }
        finally
        {
            if (hash is null)
            {
                await attempts.TakeBackAsync(user.Tenant, proof.Claim, origin);
            }
        }

        return hash;
    }

    /// <summary>In the transaction of what the password was asked for.</summary>
    public Task ForgiveAsync(Transaction transaction, User user, PasswordProofResult.Right proof, SignInOrigin origin, DateTimeOffset now)
        => transaction.BatchAsync(Forgive(user, proof, origin, now));

    /// <summary>As above, for the caller's batch.</summary>
    public IReadOnlyList<Statement> Forgive(User user, PasswordProofResult.Right proof, SignInOrigin origin, DateTimeOffset now)
        => attempts.Forgive(user, proof.Claim, origin, now);

    /// <summary>The bucket of those who sign in by the address; who has none signs in by username.</summary>
    private static string KeyOf(User user)
        => LoginName.TryParse(user.Email ?? user.Username, out var name, out _)
            ? name.Key
            : throw new InvalidOperationException("A stored identifier no longer has a key; the key rules changed.");
}

/// <summary>What became of asking for the password.</summary>
internal abstract record PasswordProofResult
{
    public sealed record Right(SignInClaim Claim) : PasswordProofResult;

    public sealed record Wrong : PasswordProofResult;

    public sealed record TryLater(TimeSpan After, RateLimitState? State) : PasswordProofResult;

    public sealed record Busy : PasswordProofResult;
}
