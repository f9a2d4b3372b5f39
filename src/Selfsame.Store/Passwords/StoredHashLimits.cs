namespace Selfsame.Store.Passwords;

/// <summary>
/// What a stored hash may cost to check. Hashes come in from other systems, so that a hostile or damaged one must not
/// stop the sign-ins of everybody else: beyond a limit it is <see cref="PasswordCheck.CannotVerify"/>, unread.
/// At the limits one check takes about four seconds of one core and 256 MiB.
/// </summary>
public static class StoredHashLimits
{
    /// <summary>Characters of the stored text.</summary>
    public const int MaximumLength = 512;

    /// <summary>PBKDF2 iterations. Django 6.0 uses 1,200,000.</summary>
    public const int MaximumIterations = 5_000_000;

    /// <summary>Argon2 memory in KiB: 256 MiB. Django uses 100 MiB.</summary>
    public const int MaximumArgon2Memory = 262_144;

    /// <summary>Argon2 passes. With many lanes each costs four rounds of threads, however small the memory.</summary>
    public const int MaximumArgon2Passes = 64;

    /// <summary>Argon2 memory in KiB times passes.</summary>
    public const int MaximumArgon2Work = 2_097_152;

    /// <summary>Argon2 lanes (p). Django uses 8.</summary>
    public const int MaximumArgon2Lanes = 16;

    /// <summary>bcrypt's cost, a power of two. 12 is usual.</summary>
    public const int MaximumBcryptCost = 16;

    /// <summary>Octets of a salt.</summary>
    public const int MaximumSaltLength = 128;

    /// <summary>Octets of the hash itself: a shorter one could be hit by chance, and an empty one by everybody.</summary>
    public const int MinimumKeyLength = 16;

    public const int MaximumKeyLength = 64;
}
