using Selfsame.Store.Passwords;

namespace Selfsame.Bench.Stores;

/// <summary>Hashing that does no work: every password gets the same text, and that text verifies.</summary>
internal sealed class NoHashing(string hash) : PasswordHashing
{
    /// <summary>As long as an Argon2id hash of ours, so that the rows are as large.</summary>
    public const string Placeholder =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    public override string Description => "no hashing at all: a benchmark";

    public override ValueTask<string?> HashAsync(string password, CancellationToken cancellationToken) => new(hash);

    public override ValueTask<PasswordCheck> VerifyAsync(string? storedHash, string password, CancellationToken cancellationToken)
        => new(storedHash == hash ? PasswordCheck.Right : PasswordCheck.Wrong);
}
