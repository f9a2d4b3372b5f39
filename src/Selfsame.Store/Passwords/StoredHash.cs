using System.Security.Cryptography;

namespace Selfsame.Store.Passwords;

/// <summary>A stored hash, read and within <see cref="StoredHashLimits"/>.</summary>
internal abstract record StoredHash;

/// <summary>PBKDF2 (RFC 8018 section 5.2) with HMAC over <paramref name="Algorithm"/>.</summary>
internal sealed record Pbkdf2Hash(HashAlgorithmName Algorithm, int Iterations, byte[] Salt, byte[] Key) : StoredHash;

/// <summary>Argon2 (RFC 9106).</summary>
internal sealed record Argon2Hash(Argon2Parameters Parameters, byte[] Salt, byte[] Key) : StoredHash;

/// <param name="Encoded"><c>$2b$12$</c> and 53 more.</param>
/// <param name="OfSha256">
/// Whether bcrypt was given the lower-case hexadecimal SHA-256 of the password, as by Django's <c>bcrypt_sha256</c>.
/// </param>
internal sealed record BcryptHash(string Encoded, bool OfSha256) : StoredHash
{
    internal const int EncodedLength = 60;
    internal const int SettingLength = 29;
    internal const int PasswordLength = 72;
}
