namespace Selfsame.Core.Accounts;

/// <summary>
/// How accounts that are created in a system come by their password. A system without these rules takes whatever the config maps: its
/// own application knows the forms that it verifies.
/// </summary>
public sealed record PasswordHashRules
{
    /// <summary>The forms of hashes that its accounts may carry, for people: <c>bcrypt and argon2</c>.</summary>
    public required string Formats { get; init; }

    /// <summary>Whether an account may carry this hash: whoever has the password signs in with it.</summary>
    public required Predicate<string> Takes { get; init; }

    /// <summary>A sentence on what becomes of an account that is created without one.</summary>
    public required string Without { get; init; }
}

/// <summary>Mails the owner of an account a link by which they set a password.</summary>
public interface ISendsRecoveryMails : IConnectedSystem
{
    /// <summary>
    /// Asks for one mail to the account's address. <see cref="Done"/> when it was taken for sending, <see cref="Drifted"/> when the account is
    /// gone, else as for a change. Asked twice, it may be sent twice.
    /// </summary>
    Task<WriteOutcome> SendRecoveryMailAsync(AccountId id, CancellationToken cancellation);
}
