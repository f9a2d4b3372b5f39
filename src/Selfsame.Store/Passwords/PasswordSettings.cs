namespace Selfsame.Store.Passwords;

/// <summary>The scheme of new hashes. Both are always verified.</summary>
public enum PasswordScheme
{
    /// <summary>Argon2id (RFC 9106) by libsodium; PBKDF2 where libsodium is missing.</summary>
    Argon2id,

    /// <summary>PBKDF2 with HMAC-SHA-512 (RFC 8018 section 5.2), also where libsodium is there.</summary>
    Pbkdf2Sha512,
}

/// <summary>How new passwords are hashed, and how much work may run and wait.</summary>
public sealed record PasswordSettings
{
    /// <summary>
    /// Unicode normalization form C by pinned tables (RFC 8265 section 4.2.2 asks for NFC). Given from outside, because
    /// the runtime's own follows the machine's ICU, and a hash must mean the same on every node and after every update.
    /// It is called on several threads at once.
    /// </summary>
    public required Func<string, string> ToNfc { get; init; }

    public PasswordScheme Scheme { get; init; } = PasswordScheme.Argon2id;

    /// <summary>Argon2's m: memory of one hash in KiB, 7,168 to <see cref="StoredHashLimits.MaximumArgon2Memory"/>.</summary>
    public int Argon2Memory { get; init; } = 19_456;

    /// <summary>Argon2's t: passes over the memory.</summary>
    public int Argon2Passes { get; init; } = 2;

    /// <summary>Iterations of PBKDF2-HMAC-SHA-512, 100,000 to <see cref="StoredHashLimits.MaximumIterations"/>.</summary>
    public int Pbkdf2Iterations { get; init; } = 220_000;

    /// <summary>How many hashes are worked on at once, each on a thread of its own.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>How many may wait for a thread before the next is told <see cref="PasswordCheck.Busy"/>.</summary>
    public int MaximumWaiting { get; init; } = 10_000;

    public PasswordLibraries Libraries { get; init; } = new();

    /// <summary>Throws if a value would make hashes that are too weak, or that we would refuse to verify.</summary>
    internal void EnsureValid()
    {
        EnsureWithin(Argon2Memory, 7_168, StoredHashLimits.MaximumArgon2Memory, nameof(Argon2Memory));
        var maximumPasses = Math.Min(StoredHashLimits.MaximumArgon2Passes, StoredHashLimits.MaximumArgon2Work / Argon2Memory);
        EnsureWithin(Argon2Passes, 1, maximumPasses, nameof(Argon2Passes));
        EnsureWithin(Pbkdf2Iterations, 100_000, StoredHashLimits.MaximumIterations, nameof(Pbkdf2Iterations));
        EnsureWithin(Threads, 1, 1_024, nameof(Threads));
        EnsureWithin(MaximumWaiting, 0, 1_000_000, nameof(MaximumWaiting));
    }

    private static void EnsureWithin(int value, int minimum, int maximum, string name)
    {
        if (value < minimum || value > maximum)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be between {minimum} and {maximum}.");
        }
    }
}

/// <summary>File names of the native libraries, tried in order. An empty list does without that library.</summary>
public sealed record PasswordLibraries
{
    /// <summary>For new Argon2id hashes, and for those of others with one lane.</summary>
    public IReadOnlyList<string> Sodium { get; init; } = ["libsodium.so.23", "libsodium.so.26", "libsodium"];

    /// <summary>For Argon2 hashes of others that libsodium cannot compute: several lanes, argon2d, other salt lengths.</summary>
    public IReadOnlyList<string> Argon2 { get; init; } = ["libargon2.so.1", "libargon2"];

    /// <summary>For bcrypt: libxcrypt's <c>crypt_rn</c>.</summary>
    public IReadOnlyList<string> Crypt { get; init; } = ["libcrypt.so.1", "libcrypt.so.2", "libcrypt"];
}
