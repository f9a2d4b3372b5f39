namespace Selfsame.Store.Passwords;

/// <summary>
/// Makes and checks password hashes. The real one is <see cref="BoundedPasswordHashing"/>; a simulation or a
/// benchmark brings its own, which does no work.
/// </summary>
public abstract class PasswordHashing
{
    /// <summary>One line for the log at start-up: which scheme new hashes use, at what cost, and why.</summary>
    public abstract string Description { get; }

    /// <summary>
    /// Hashes a password that <see cref="PasswordPolicy"/> has accepted. The answer is self-describing text
    /// (scheme, cost, salt, hash) of at most 128 ASCII characters.
    /// </summary>
    /// <returns>The text to store, or null when too many are already waiting: answer 503 with Retry-After.</returns>
    /// <exception cref="ArgumentException">
    /// The policy would have refused the password as no text: empty, too long, with NUL, or not Unicode.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled while it waited for its turn.</exception>
    public abstract ValueTask<string?> HashAsync(string password, CancellationToken cancellationToken);

    /// <summary>
    /// Checks a password against what is stored. Pass null for an unknown user: the same work is done as for a
    /// wrong password, so that the time taken does not tell one from the other.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled while it waited for its turn.</exception>
    public abstract ValueTask<PasswordCheck> VerifyAsync(string? storedHash, string password, CancellationToken cancellationToken);

    /// <summary>Whether a stored hash can be checked with what this machine has; what says "no password" has nothing to check.</summary>
    public virtual bool CanVerify(string storedHash) => true;
}
