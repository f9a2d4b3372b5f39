namespace Selfsame.Core.Accounts;

/// <summary>
/// Creates accounts in a system that gives ids itself. There an account is ours when the password signs in that was
/// stored before the creation left: an equal handle or e-mail is never proof (promise 3).
/// </summary>
public interface ICreatesWithPassword : IConnectedSystem
{
    /// <summary>
    /// Makes one account with these fields and this password. <see cref="CreatedAccount"/> names the id that the system gave;
    /// any other outcome is as for <see cref="ICreatesAccounts.CreateAsync"/>.
    /// </summary>
    Task<CreationOutcome> CreateAsync(Fields fields, string password, CancellationToken cancellation);

    /// <summary>
    /// Looks for the account that an earlier <see cref="CreateAsync"/> with the same fields and password may have made; throws
    /// <see cref="SystemUnavailableException"/> where that can't be told now.
    /// </summary>
    Task<Ownership> FindOursAsync(Fields fields, string password, CancellationToken cancellation);
}

/// <summary>What came of one creation with a password.</summary>
public abstract record CreationOutcome;

/// <summary>The account is there; the connector has checked that the id which it was answered is that of an account with these identifiers.</summary>
public sealed record CreatedAccount(AccountId Id) : CreationOutcome;

/// <summary>It was not made, or nobody knows.</summary>
public sealed record NotCreated(WriteOutcome Outcome) : CreationOutcome;

/// <summary>Whose the account is that stands where ours would.</summary>
public abstract record Ownership;

/// <summary>The stored password signs in.</summary>
public sealed record Ours(AccountId Id) : Ownership;

/// <summary>No account has these identifiers.</summary>
public sealed record Nobodys : Ownership;

/// <summary>Somebody has one of these identifiers and the stored password does not sign in.</summary>
/// <param name="Fields">The fields that another has.</param>
/// <param name="Evidence">A sentence for the administrator.</param>
public sealed record Anothers(IReadOnlyList<string> Fields, string Evidence) : Ownership;
