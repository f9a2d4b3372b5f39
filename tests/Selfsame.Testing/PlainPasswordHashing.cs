using System.Security.Cryptography;
using System.Text;
using Selfsame.Store.Passwords;

namespace Selfsame.Testing;

/// <summary>Password hashing without its cost, which counts how often it was asked. For tests only: nothing here is slow or salted.</summary>
public sealed class PlainPasswordHashing : PasswordHashing
{
    private int hashed;
    private int verified;

    public override string Description => "plain, for tests";

    /// <summary>How many passwords were hashed.</summary>
    public int Hashed => Volatile.Read(ref hashed);

    /// <summary>How many passwords were checked, the dummies for unknown users among them.</summary>
    public int Verified => Volatile.Read(ref verified);

    /// <summary>Set, every call is answered as when too many are waiting.</summary>
    public bool IsFull { get; set; }

    /// <summary>Runs in the middle of every check, where the real one takes its time.</summary>
    public Func<Task> WhileVerifying { get; set; } = () => Task.CompletedTask;

    /// <summary>Runs in the middle of every hash.</summary>
    public Func<Task> WhileHashing { get; set; } = () => Task.CompletedTask;

    /// <summary>What an older setting would have stored.</summary>
    public static string Outdated(string password) => $"old${Digest(password)}";

    /// <summary>What is stored for a password.</summary>
    public static string Plain(string password) => $"plain${Digest(password)}";

    public override async ValueTask<string?> HashAsync(string password, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref hashed);
        await WhileHashing();
        return IsFull ? null : Plain(password);
    }

    public override async ValueTask<PasswordCheck> VerifyAsync(string? storedHash, string password, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref verified);
        await WhileVerifying();
        if (IsFull)
        {
            return PasswordCheck.Busy;
        }

        var digest = Digest(password);
        return storedHash switch
        {
            null => PasswordCheck.Wrong,
            _ when storedHash == $"plain${digest}" => PasswordCheck.Right,
            _ when storedHash == $"old${digest}" => PasswordCheck.RightButRehash,
            _ when storedHash.StartsWith("plain$", StringComparison.Ordinal) || storedHash.StartsWith("old$", StringComparison.Ordinal)
                => PasswordCheck.Wrong,
            _ => PasswordCheck.CannotVerify,
        };
    }

    private static string Digest(string password) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(password)));
}
