namespace Selfsame.Store.Passwords;

/// <summary>What <see cref="PasswordHashing.VerifyAsync"/> found.</summary>
public enum PasswordCheck
{
    /// <summary>Not the password, or no usable hash is stored.</summary>
    Wrong,

    /// <summary>The password, and the stored hash is as the settings want it.</summary>
    Right,

    /// <summary>The password, but the hash is of another scheme or cost: hash the password again and store that.</summary>
    RightButRehash,

    /// <summary>
    /// What is stored cannot be checked here: no known format, a cost beyond <see cref="StoredHashLimits"/>, or its
    /// library is missing. Answer the person as for <see cref="Wrong"/> and log it (never the hash itself); the owner
    /// gets in by a password reset.
    /// </summary>
    CannotVerify,

    /// <summary>Too many are already waiting; nothing was checked: answer 503 with Retry-After.</summary>
    Busy,
}
