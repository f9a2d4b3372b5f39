using System.Collections.Concurrent;
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

    private readonly DerivedKeys present;
    private readonly DerivedKeys? previous;
    private readonly Func<byte[]> nextNonce;

    /// <param name="secret">What everything is protected with.</param>
    /// <param name="random">For nonces.</param>
    /// <param name="previous">While the secret is being changed, the one before it: it still opens what it protected. Else empty.</param>
    public SecretKeys(ReadOnlySpan<byte> secret, Core.RandomSource random, ReadOnlySpan<byte> previous = default)
    {
        if (secret.Length < MinimumBytes || previous.Length is > 0 and < MinimumBytes)
        {
            throw new ArgumentException($"The installation's secret must have at least {MinimumBytes} bytes.", nameof(secret));
        }

        present = new DerivedKeys(secret.ToArray());
        this.previous = previous.Length == 0 ? null : new DerivedKeys(previous.ToArray());
        nextNonce = () =>
        {
            var nonce = new byte[NonceBytes];
            random.Fill(nonce);
            return nonce;
        };
    }

    /// <summary>Whether a previous secret still opens what it protected.</summary>
    public bool IsChanging => previous is not null;

    /// <summary>A keyed hash (HMAC-SHA256) of <paramref name="value"/>: tells whether two are equal, and nothing else.</summary>
    public byte[] Hash(string purpose, string value)
        => Hash(present, purpose, value);

    /// <summary>Whether <paramref name="hash"/> is that of <paramref name="value"/> under the present secret or, while it is being changed, under the previous one.</summary>
    public bool IsHash(string purpose, string value, ReadOnlySpan<byte> hash)
        => CryptographicOperations.FixedTimeEquals(Hash(present, purpose, value), hash)
            || (previous is not null && CryptographicOperations.FixedTimeEquals(Hash(previous, purpose, value), hash));

    /// <summary>Encrypts (AES-256-GCM): nonce, tag, ciphertext.</summary>
    public byte[] Protect(string purpose, string plaintext)
    {
        var plain = Encoding.UTF8.GetBytes(plaintext);
        var result = new byte[NonceBytes + TagBytes + plain.Length];
        var nonce = nextNonce();
        nonce.CopyTo(result, 0);
        using var cipher = new AesGcm(present.For(purpose), TagBytes);
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

        return TryOpen(present, purpose, data, out var text) || (previous is not null && TryOpen(previous, purpose, data, out text))
            ? text
            : throw new CryptographicException("The protected value was altered, or protected with another secret.");
    }

    /// <summary>The same value under the present secret; null where it is protected with that already. Throws as <see cref="Unprotect"/>.</summary>
    public byte[]? ProtectAgain(string purpose, ReadOnlySpan<byte> data)
        => data.Length >= NonceBytes + TagBytes && TryOpen(present, purpose, data, out _) ? null : Protect(purpose, Unprotect(purpose, data));

    /// <summary>A value by which two nodes find out that they were given different secrets.</summary>
    public byte[] CheckValue() => Hash("check", "selfsame");

    /// <summary>The check value of the previous secret; null where there is none.</summary>
    public byte[]? PreviousCheckValue()
        => previous is null ? null : Hash(previous, "check", "selfsame");

    private static byte[] Hash(DerivedKeys keys, string purpose, string value) => HMACSHA256.HashData(keys.For(purpose), Encoding.UTF8.GetBytes(value));

    private static bool TryOpen(DerivedKeys keys, string purpose, ReadOnlySpan<byte> data, out string text)
    {
        var plain = new byte[data.Length - NonceBytes - TagBytes];
        using var cipher = new AesGcm(keys.For(purpose), TagBytes);
        try
        {
            cipher.Decrypt(data[..NonceBytes], data[(NonceBytes + TagBytes)..], data.Slice(NonceBytes, TagBytes), plain);
        }
        catch (AuthenticationTagMismatchException)
        {
            text = "";
            return false;
        }

        text = Encoding.UTF8.GetString(plain);
        return true;
    }

    /// <summary>The keys of one secret, each derived once: purposes are a few constants.</summary>
    private sealed class DerivedKeys(byte[] secret)
    {
        private readonly ConcurrentDictionary<string, byte[]> byPurpose = new(StringComparer.Ordinal);

        public byte[] For(string purpose)
            => byPurpose.GetOrAdd(purpose, _ => HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, info: Encoding.UTF8.GetBytes($"selfsame/{purpose}")));
    }
}
