using System.Globalization;
using System.Security.Cryptography;
using Selfsame.Core;

namespace Selfsame.Store.Passwords;

/// <summary>
/// Hashes by Argon2id, or by PBKDF2 where libsodium is missing, on a bounded number of own threads behind a bounded
/// queue: a thousand sign-ups at once need the memory of <see cref="PasswordSettings.Threads"/> hashes. Verifies our own
/// hashes and those of Django, ASP.NET Core Identity, bcrypt and Argon2 PHC strings (docs/passwords.md).
/// </summary>
public sealed class BoundedPasswordHashing : PasswordHashing, IDisposable
{
    private const int SaltLength = 16;
    private const int KeyLength = 32;

    private readonly PasswordSettings settings;
    private readonly RandomSource random;
    private readonly PasswordText text;
    private readonly NativeArgon2 argon2;
    private readonly NativeBcrypt bcrypt;
    private readonly MemoryBudget memory;
    private readonly PasswordQueue queue;
    private readonly string currentPrefix;
    private readonly StoredHash dummy;
    private long computed;

    /// <param name="settings">Costs and bounds.</param>
    /// <param name="random">Salts come from here; it is only used on the callers' threads.</param>
    /// <exception cref="ArgumentOutOfRangeException">A setting is outside its range.</exception>
    public BoundedPasswordHashing(PasswordSettings settings, RandomSource random)
    {
        settings.EnsureValid();
        this.settings = settings;
        this.random = random;
        text = new PasswordText(settings.ToNfc);
        argon2 = new NativeArgon2(settings.Libraries);
        bcrypt = new NativeBcrypt(settings.Libraries);
        UsesArgon2 = settings.Scheme == PasswordScheme.Argon2id && argon2.SodiumName is not null;
        memory = new MemoryBudget(Math.Max(settings.Threads * settings.Argon2Memory, StoredHashLimits.MaximumArgon2Memory));
        currentPrefix = UsesArgon2
            ? string.Create(CultureInfo.InvariantCulture, $"$argon2id$v=19$m={settings.Argon2Memory},t={settings.Argon2Passes},p=1$")
            : string.Create(CultureInfo.InvariantCulture, $"{StoredHashReader.Pbkdf2Prefix}{settings.Pbkdf2Iterations}$");
        dummy = NewHash(NextSalt(), RandomKey());
        queue = new PasswordQueue(settings.Threads, settings.MaximumWaiting);
    }

    /// <summary>Whether new hashes are Argon2id.</summary>
    public bool UsesArgon2 { get; }

    /// <inheritdoc/>
    public override string Description => string.Create(CultureInfo.InvariantCulture, $"{DescribeScheme()}; {settings.Threads} at once{DescribeLimits()}");

    /// <summary>How many wait for a thread now.</summary>
    public int Waiting => queue.Waiting;

    /// <summary>How many hashes have been computed, checks included.</summary>
    public long Computed => Interlocked.Read(ref computed);

    /// <inheritdoc/>
    public override ValueTask<string?> HashAsync(string password, CancellationToken cancellationToken)
    {
        if (!PasswordText.IsEncodable(password) || text.Prepare(password) is not { Length: > 0 } prepared)
        {
            throw new ArgumentException("Check the password against the policy before it is hashed.", nameof(password));
        }
        var salt = NextSalt();
        var task = queue.TryEnqueue<string?>(() => Hash(prepared, salt), cancellationToken);
        return task is null ? new ValueTask<string?>(default(string)) : new ValueTask<string?>(task);
    }

    /// <inheritdoc/>
    public override ValueTask<PasswordCheck> VerifyAsync(string? storedHash, string password, CancellationToken cancellationToken)
    {
        // No account has such a password, whoever it is: answered at once without telling anything about the user.
        if (!PasswordText.IsEncodable(password))
        {
            return new ValueTask<PasswordCheck>(PasswordCheck.Wrong);
        }
        var task = queue.TryEnqueue(() => Verify(storedHash, password), cancellationToken);
        return task is null ? new ValueTask<PasswordCheck>(PasswordCheck.Busy) : new ValueTask<PasswordCheck>(task);
    }

    /// <inheritdoc/>
    public override bool CanVerify(string storedHash)
        => IsNoPassword(storedHash) || (StoredHashReader.Read(storedHash) is { } stored && CanCompute(stored));

    /// <summary>Ends the threads. What runs is finished; what waits fails with <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose() => queue.Dispose();

    private string Hash(string prepared, byte[] salt)
    {
        var octets = PasswordText.ToOctets(prepared);
        var key = new byte[KeyLength];
        try
        {
            Derive(NewHash(salt, key), octets, key);
            return $"{currentPrefix}{ToUnpaddedBase64(salt)}${ToUnpaddedBase64(key)}";
        }
        finally
        {
            CryptographicOperations.ZeroMemory(octets);
        }
    }

    private PasswordCheck Verify(string? storedHash, string typed)
    {
        var noPassword = IsNoPassword(storedHash);
        var stored = noPassword ? null : StoredHashReader.Read(storedHash!);
        if (stored is null || !CanCompute(stored))
        {
            Compare(dummy, typed);
            return noPassword ? PasswordCheck.Wrong : PasswordCheck.CannotVerify;
        }
        return Compare(stored, typed) switch
        {
            MatchedForm.Prepared when IsCurrent(storedHash!, stored) => PasswordCheck.Right,
            MatchedForm.None => PasswordCheck.Wrong,
            _ => PasswordCheck.RightButRehash,
        };
    }

    /// <summary>An empty field, and what Django ("!") and Unix ("*", "!") store for "no password".</summary>
    private static bool IsNoPassword([System.Diagnostics.CodeAnalysis.NotNullWhen(false)] string? storedHash)
        => string.IsNullOrEmpty(storedHash) || storedHash[0] is '!' or '*';

    /// <summary>
    /// Our own hashes are of the prepared form; other systems hashed what was typed. The same rule for all, and for the
    /// dummy, keeps the time the same.
    /// </summary>
    private MatchedForm Compare(StoredHash stored, string typed)
    {
        var prepared = text.Prepare(typed);
        if (Matches(stored, prepared))
        {
            return MatchedForm.Prepared;
        }
        return !string.Equals(prepared, typed, StringComparison.Ordinal) && Matches(stored, typed) ? MatchedForm.AsTyped : MatchedForm.None;
    }

    private bool Matches(StoredHash stored, string password)
    {
        var octets = PasswordText.ToOctets(password);
        try
        {
            return stored switch
            {
                BcryptHash hash => MatchesBcrypt(hash, octets),
                Argon2Hash hash => MatchesKey(hash, hash.Key, octets),
                Pbkdf2Hash hash => MatchesKey(hash, hash.Key, octets),
                _ => throw new InvalidOperationException($"No check for {stored.GetType().Name}."),
            };
        }
        finally
        {
            CryptographicOperations.ZeroMemory(octets);
        }
    }

    private bool MatchesKey(StoredHash hash, byte[] expected, byte[] octets)
    {
        Span<byte> key = stackalloc byte[StoredHashLimits.MaximumKeyLength];
        key = key[..expected.Length];
        Derive(hash, octets, key);
        var equal = CryptographicOperations.FixedTimeEquals(key, expected);
        CryptographicOperations.ZeroMemory(key);
        return equal;
    }

    private bool MatchesBcrypt(BcryptHash hash, byte[] octets)
    {
        Interlocked.Increment(ref computed);
        if (!hash.OfSha256)
        {
            return bcrypt.Matches(hash.Encoded, octets);
        }
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> hexadecimal = stackalloc byte[SHA256.HashSizeInBytes * 2];
        SHA256.HashData(octets, digest);
        Convert.TryToHexStringLower(digest, hexadecimal, out _);
        var matches = bcrypt.Matches(hash.Encoded, hexadecimal);
        CryptographicOperations.ZeroMemory(digest);
        CryptographicOperations.ZeroMemory(hexadecimal);
        return matches;
    }

    private void Derive(StoredHash hash, byte[] octets, Span<byte> key)
    {
        Interlocked.Increment(ref computed);
        if (hash is Pbkdf2Hash pbkdf2)
        {
            Rfc2898DeriveBytes.Pbkdf2(octets, pbkdf2.Salt, key, pbkdf2.Iterations, pbkdf2.Algorithm);
            return;
        }
        var (parameters, salt, _) = (Argon2Hash)hash;
        memory.Take(parameters.Memory);
        try
        {
            argon2.Compute(parameters, octets, salt, key);
        }
        finally
        {
            memory.Return(parameters.Memory);
        }
    }

    private bool CanCompute(StoredHash stored) => stored switch
    {
        BcryptHash => bcrypt.IsAvailable,
        Argon2Hash hash => argon2.CanCompute(hash.Parameters, hash.Salt.Length),
        _ => true,
    };

    private bool IsCurrent(string storedHash, StoredHash stored)
    {
        var (salt, key) = stored switch
        {
            Argon2Hash hash => (hash.Salt, hash.Key),
            Pbkdf2Hash hash => (hash.Salt, hash.Key),
            _ => ([], []),
        };
        var wanted = storedHash.StartsWith(currentPrefix, StringComparison.Ordinal)
            // A node that misses libsodium must not weaken what its peers made.
            || (!UsesArgon2 && settings.Scheme == PasswordScheme.Argon2id && storedHash.StartsWith("$argon2id$", StringComparison.Ordinal));
        return wanted && salt.Length == SaltLength && key.Length == KeyLength;
    }

    private StoredHash NewHash(byte[] salt, byte[] key) => UsesArgon2
        ? new Argon2Hash(
            new Argon2Parameters(
                Argon2Variant.Argon2id, Argon2Parameters.CurrentVersion, settings.Argon2Memory, settings.Argon2Passes, Lanes: 1),
            salt, key)
        : new Pbkdf2Hash(HashAlgorithmName.SHA512, settings.Pbkdf2Iterations, salt, key);

    private string DescribeScheme()
    {
        if (UsesArgon2)
        {
            return string.Create(
                CultureInfo.InvariantCulture,
                $"Argon2id ({settings.Argon2Memory} KiB, t={settings.Argon2Passes}, p=1) by {argon2.SodiumName}");
        }
        var reason = settings.Scheme == PasswordScheme.Argon2id
            ? ", because libsodium was not found (on Debian: apt-get install libsodium23)"
            : "";
        return string.Create(CultureInfo.InvariantCulture, $"PBKDF2-HMAC-SHA-512 ({settings.Pbkdf2Iterations} iterations){reason}");
    }

    /// <summary>What users may bring along that this machine can't check; nothing where it can.</summary>
    private string DescribeLimits() => argon2.HasReference
        ? ""
        : "; Argon2 hashes that users bring along are checked with p=1 and a salt of 16 octets only, for all others there must be libargon2 (on Debian: apt-get install libargon2-1)";

    private byte[] NextSalt()
    {
        var salt = new byte[SaltLength];
        random.Fill(salt);
        return salt;
    }

    private byte[] RandomKey()
    {
        var key = new byte[KeyLength];
        random.Fill(key);
        return key;
    }

    private static string ToUnpaddedBase64(byte[] octets) => Convert.ToBase64String(octets).TrimEnd('=');

    private enum MatchedForm
    {
        None,
        Prepared,
        AsTyped,
    }
}
