namespace Selfsame.Core.Accounts;

/// <summary>What a dry run of the code's making came to.</summary>
/// <param name="Code">A code that nobody has now; empty where none could be found.</param>
/// <param name="Index">The index that keeps codes unique, by whatever name; empty where there is none, and then no account is made.</param>
public sealed record UserCodeTrial(string Code, string Index);

/// <summary>Gives each account that it makes a user code.</summary>
public interface IMakesUserCodes : IConnectedSystem
{
    /// <summary>Makes a code as for a new account, and keeps nothing; null where the config gives none. Throws <see cref="SystemUnavailableException"/>.</summary>
    Task<UserCodeTrial?> TryUserCodeAsync(CancellationToken cancellation);
}
