using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Selfsame.Store.Passwords;

/// <summary>
/// Reads every format we verify. Whatever it does not know, or what is malformed or beyond
/// <see cref="StoredHashLimits"/>, is null; it never throws.
/// </summary>
internal static class StoredHashReader
{
    internal const string Pbkdf2Prefix = "$pbkdf2-sha512$i=";

    private const string BcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private static readonly SearchValues<char> BcryptCharacters = SearchValues.Create(BcryptAlphabet);

    internal static StoredHash? Read(string stored)
    {
        if (stored.Length is 0 or > StoredHashLimits.MaximumLength || !Ascii.IsValid(stored))
        {
            return null;
        }
        if (!stored.Contains('$'))
        {
            return ReadIdentity(stored);
        }
        var parts = stored.Split('$');
        return parts[0].Length == 0 ? ReadModular(stored, parts) : ReadDjango(stored, parts);
    }

    /// <summary>A hash of the form <c>$scheme$…</c>: ours, PHC strings, bcrypt.</summary>
    private static StoredHash? ReadModular(string stored, string[] parts) => parts[1] switch
    {
        "argon2d" => ReadArgon2(Argon2Variant.Argon2d, parts),
        "argon2i" => ReadArgon2(Argon2Variant.Argon2i, parts),
        "argon2id" => ReadArgon2(Argon2Variant.Argon2id, parts),
        "pbkdf2-sha512" => ReadOurPbkdf2(parts),
        "2a" or "2b" or "2y" => ReadBcrypt(stored, parts, ofSha256: false),
        _ => null,
    };

    /// <summary>Django's <c>algorithm$…</c> (docs.djangoproject.com, "Password management in Django").</summary>
    private static StoredHash? ReadDjango(string stored, string[] parts)
    {
        var rest = stored[(parts[0].Length + 1)..];
        return parts[0] switch
        {
            "pbkdf2_sha256" => ReadDjangoPbkdf2(HashAlgorithmName.SHA256, parts),
            "pbkdf2_sha1" => ReadDjangoPbkdf2(HashAlgorithmName.SHA1, parts),
            "argon2" => ReadArgon2InDjango(rest),
            "bcrypt_sha256" => ReadBcrypt(rest, rest.Split('$'), ofSha256: true),
            "bcrypt" => ReadBcrypt(rest, rest.Split('$'), ofSha256: false),
            _ => null,
        };
    }

    private static Pbkdf2Hash? ReadDjangoPbkdf2(HashAlgorithmName algorithm, string[] parts) =>
        parts.Length == 4 && TryReadNumber(parts[1], out var iterations) && TryReadBase64(parts[3], out var key)
            ? WithinLimits(new Pbkdf2Hash(algorithm, iterations, Encoding.ASCII.GetBytes(parts[2]), key))
            : null;

    /// <summary><c>$pbkdf2-sha512$i=220000$salt$hash</c>, both in unpadded base64.</summary>
    private static Pbkdf2Hash? ReadOurPbkdf2(string[] parts) =>
        parts.Length == 5 && parts[2].StartsWith("i=", StringComparison.Ordinal) && TryReadNumber(parts[2][2..], out var iterations)
        && TryReadUnpaddedBase64(parts[3], out var salt) && TryReadUnpaddedBase64(parts[4], out var key)
            ? WithinLimits(new Pbkdf2Hash(HashAlgorithmName.SHA512, iterations, salt, key))
            : null;

    /// <summary>Django writes its prefix, then the PHC string: <c>argon2$argon2id$v=19$…</c>.</summary>
    private static StoredHash? ReadArgon2InDjango(string rest)
    {
        var modular = "$" + rest;
        var parts = modular.Split('$');
        return parts[1].StartsWith("argon2", StringComparison.Ordinal) ? ReadModular(modular, parts) : null;
    }

    /// <summary>
    /// <c>$argon2id$v=19$m=19456,t=2,p=1$salt$hash</c>; without <c>v=</c> it is version 16. Key ids and associated data
    /// are not read.
    /// </summary>
    private static Argon2Hash? ReadArgon2(Argon2Variant variant, string[] parts)
    {
        var version = 16;
        var next = 2;
        if (parts.Length == 6)
        {
            if (!TryReadField(parts[next++], "v=", out version) || version is not (16 or 19))
            {
                return null;
            }
        }
        else if (parts.Length != 5)
        {
            return null;
        }
        var costs = parts[next].Split(',');
        if (costs.Length != 3 || !TryReadField(costs[0], "m=", out var memory) || !TryReadField(costs[1], "t=", out var passes)
            || !TryReadField(costs[2], "p=", out var lanes)
            || !TryReadUnpaddedBase64(parts[next + 1], out var salt) || !TryReadUnpaddedBase64(parts[next + 2], out var key))
        {
            return null;
        }
        return WithinLimits(new Argon2Hash(new Argon2Parameters(variant, version, memory, passes, lanes), salt, key));
    }

    private static BcryptHash? ReadBcrypt(string encoded, string[] parts, bool ofSha256) =>
        encoded.Length == BcryptHash.EncodedLength && parts.Length == 4 && parts[0].Length == 0 && parts[1] is "2a" or "2b" or "2y"
        && parts[2].Length == 2 && TryReadNumber(parts[2], out var cost) && cost is >= 4 and <= StoredHashLimits.MaximumBcryptCost
        && !parts[3].AsSpan().ContainsAnyExcept(BcryptCharacters)
            ? new BcryptHash(encoded, ofSha256)
            : null;

    /// <summary>
    /// ASP.NET Core Identity (dotnet/aspnetcore <c>PasswordHasher.cs</c>): base64 of a format marker, then for version 3
    /// three big-endian numbers (function, iterations, salt length), salt and key; for version 2 a fixed form.
    /// </summary>
    private static Pbkdf2Hash? ReadIdentity(string stored)
    {
        if (!TryReadBase64(stored, out var octets) || octets.Length == 0)
        {
            return null;
        }
        return octets[0] switch
        {
            0x00 when octets.Length == 49 => new Pbkdf2Hash(HashAlgorithmName.SHA1, 1_000, octets[1..17], octets[17..]),
            0x01 when octets.Length > 13 => ReadIdentityVersion3(octets),
            _ => null,
        };
    }

    private static Pbkdf2Hash? ReadIdentityVersion3(byte[] octets)
    {
        HashAlgorithmName? algorithm = BinaryPrimitives.ReadUInt32BigEndian(octets.AsSpan(1)) switch
        {
            0 => HashAlgorithmName.SHA1,
            1 => HashAlgorithmName.SHA256,
            2 => HashAlgorithmName.SHA512,
            _ => null,
        };
        var iterations = BinaryPrimitives.ReadUInt32BigEndian(octets.AsSpan(5));
        var saltLength = BinaryPrimitives.ReadUInt32BigEndian(octets.AsSpan(9));
        if (algorithm is null || iterations > StoredHashLimits.MaximumIterations || saltLength > octets.Length - 13)
        {
            return null;
        }
        var saltEnd = 13 + (int)saltLength;
        return WithinLimits(new Pbkdf2Hash(algorithm.Value, (int)iterations, octets[13..saltEnd], octets[saltEnd..]));
    }

    private static Pbkdf2Hash? WithinLimits(Pbkdf2Hash hash) =>
        hash.Iterations is >= 1 and <= StoredHashLimits.MaximumIterations
        && hash.Salt.Length is >= 1 and <= StoredHashLimits.MaximumSaltLength
        && hash.Key.Length is >= StoredHashLimits.MinimumKeyLength and <= StoredHashLimits.MaximumKeyLength
            ? hash
            : null;

    private static Argon2Hash? WithinLimits(Argon2Hash hash)
    {
        // RFC 9106 section 3.1 asks for at least 8 KiB a lane; both libraries for at least 8 octets of salt.
        var (_, _, memory, passes, lanes) = hash.Parameters;
        var valid = lanes is >= 1 and <= StoredHashLimits.MaximumArgon2Lanes
            && memory >= 8 * lanes && memory <= StoredHashLimits.MaximumArgon2Memory
            && passes is >= 1 and <= StoredHashLimits.MaximumArgon2Passes && memory * passes <= StoredHashLimits.MaximumArgon2Work
            && hash.Salt.Length is >= 8 and <= StoredHashLimits.MaximumSaltLength
            && hash.Key.Length is >= StoredHashLimits.MinimumKeyLength and <= StoredHashLimits.MaximumKeyLength;
        return valid ? hash : null;
    }

    private static bool TryReadField(string text, string name, out int value)
    {
        value = 0;
        return text.StartsWith(name, StringComparison.Ordinal) && TryReadNumber(text[name.Length..], out value);
    }

    private static bool TryReadNumber(string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    /// <summary>Base64 without padding (PHC string format), and nothing between its characters.</summary>
    private static bool TryReadUnpaddedBase64(string text, out byte[] octets)
    {
        if (!text.Contains('=') && text.Length % 4 != 1)
        {
            return TryReadBase64(text.PadRight((text.Length + 3) / 4 * 4, '='), out octets);
        }
        octets = [];
        return false;
    }

    private static bool TryReadBase64(string text, out byte[] octets)
    {
        octets = [];
        if (text.AsSpan().ContainsAny(" \t\r\n") || !Base64.IsValid(text, out var length))
        {
            return false;
        }
        octets = new byte[length];
        return Convert.TryFromBase64String(text, octets, out var written) && written == length;
    }
}
