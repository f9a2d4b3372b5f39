using Selfsame.Core.Accounts;

namespace Selfsame.Connectors.Supabase;

/// <summary>
/// Which hashes Supabase Auth takes for a new user (GoTrue, internal/crypto/password.go): bcrypt, and the PHC strings of argon2i and argon2id in version 19.
/// Firebase's scrypt, which it takes too, is told by none of our sources.
/// </summary>
internal static class SupabasePasswords
{
    public const string Formats = "bcrypt and argon2";

    private const int BcryptLength = 60;

    public static PasswordHashRules Rules { get; } = new()
    {
        Formats = Formats,
        Takes = Takes,
        Without = "It gets a random password that nobody keeps; its owner sets one by a recovery mail, which 'apply --notify' sends.",
    };

    public static bool Takes(string hash)
        => (hash.StartsWith("$2", StringComparison.Ordinal) && hash.Length == BcryptLength && hash.Split('$') is ["", "2a" or "2b" or "2y", { Length: 2 }, _])
            || hash.Split('$') is ["", "argon2i" or "argon2id", "v=19", _, _, _];
}
