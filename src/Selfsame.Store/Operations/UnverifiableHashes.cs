namespace Selfsame.Store.Operations;

/// <summary>Password hashes of users who moved in that this machine can't check: those people can't sign in.</summary>
public static class UnverifiableHashes
{
    /// <summary>How many there are, of how many that other systems made or that are older than today's.</summary>
    public static Task<(int Unverifiable, int Others)> CountAsync(StoreContext context, CancellationToken cancellation)
        => context.Database.ReadAsync(
            async transaction =>
            {
                var hashes = await transaction.QueryAsync<string>(
                    "SELECT password_hash FROM users WHERE deleted_at IS NULL AND password_hash IS NOT NULL AND password_hash NOT LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'");
                return (hashes.Count(hash => !context.Passwords.CanVerify(hash)), hashes.Count);
            },
            cancellation);
}
