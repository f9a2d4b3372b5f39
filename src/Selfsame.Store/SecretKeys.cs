using System.Security.Cryptography;
using System.Text;

namespace Selfsame.Store;

/// <summary>
/// Keys derived from the installation's one secret (HKDF-SHA256, RFC 5869), one per purpose. The secret comes from
/// the environment or a file beside the data, never from the database whose contents it protects.
/// </summary>
public sealed class SecretKeys
{
    /// <summary>The secret's least length in bytes.</summary>
    public const int MinimumBytes = 32;

    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    private readonly byte[] secret;
    private readonly Func<byte[]> nextNonce;

    public SecretKeys(ReadOnlySpan<byte> secret, Core.RandomSource random)
    {
        if (secret.Length < MinimumBytes)
        {
            throw new ArgumentException($"The installation's secret must have at least {MinimumBytes} bytes.", nameof(secret));
        }

        this.secret = secret.ToArray();
        nextNonce = () =>
        {
            var nonce = new byte[NonceBytes];
            random.Fill(nonce);
            return nonce;
        };
    }

    /// <summary>A keyed hash (HMAC-SHA256) of <paramref name="value"/>: tells whether two are equal, and nothing else.</summary>
    public byte[] Hash(string purpose, string value)
        => HMACSHA256.HashData(Derive(purpose), Encoding.UTF8.GetBytes(value));

    /// <summary>Encrypts (AES-256-GCM): nonce, tag, ciphertext.</summary>
    public byte[] Protect(string purpose, string plaintext)
    {
        var plain = Encoding.UTF8.GetBytes(plaintext);
        var result = new byte[NonceBytes + TagBytes + plain.Length];
        var nonce = nextNonce();
        nonce.CopyTo(result, 0);
        using var cipher = new AesGcm(Derive(purpose), TagBytes);
        cipher.Encrypt(nonce, plain, result.AsSpan(NonceBytes + TagBytes), result.AsSpan(NonceBytes, TagBytes));
        return result;
    }

    /// <summary>Reverses <see cref="Protect"/>; throws <see cref="CryptographicException"/> when it was altered or the secret differs.</summary>
    public string Unprotect(string purpose, ReadOnlySpan<byte> data)
    {
        if (data.Length < NonceBytes + TagBytes)
        {
            throw new CryptographicException("The protected value is too short.");
        }

        var plain = new byte[data.Length - NonceBytes - TagBytes];
        using var cipher = new AesGcm(Derive(purpose), TagBytes);
        cipher.Decrypt(data[..NonceBytes], data[(NonceBytes + TagBytes)..], data.Slice(NonceBytes, TagBytes), plain);
        return Encoding.UTF8.GetString(plain);
    }

    /// <summary>A value by which two nodes find out that they were given different secrets.</summary>
    public byte[] CheckValue() => Hash("check", "selfsame");

    private byte[] Derive(string purpose)
        => HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: Encoding.UTF8.GetBytes($"selfsame/{purpose}"));
}
