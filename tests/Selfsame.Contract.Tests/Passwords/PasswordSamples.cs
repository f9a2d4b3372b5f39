using System.Text;
using Selfsame.Core;
using Selfsame.Store.Passwords;

namespace Selfsame.Contract.Tests.Passwords;

/// <summary>Settings and a source of salts for the tests of passwords.</summary>
internal static class PasswordSamples
{
    /// <summary>The costs that the product ships with.</summary>
    internal static PasswordSettings Shipped { get; } = new() { ToNfc = text => text.Normalize(NormalizationForm.FormC) };

    /// <summary>The least work that the settings allow, about 5 ms.</summary>
    internal static PasswordSettings Cheap { get; } = Shipped with { Argon2Memory = 7_168, Argon2Passes = 1, Pbkdf2Iterations = 100_000 };

    internal static PasswordSettings WithoutSodium { get; } = Cheap with { Libraries = new PasswordLibraries { Sodium = [] } };

    internal static BoundedPasswordHashing Create(PasswordSettings settings) => new(settings, RandomSource.System);

    /// <summary>Checks one stored hash with the cheap settings.</summary>
    internal static async Task<PasswordCheck> Verify(string? storedHash, string password, PasswordSettings? settings = null)
    {
        using var hashing = Create(settings ?? Cheap);
        return await hashing.VerifyAsync(storedHash, password, TestContext.Current.CancellationToken);
    }

    /// <summary>Gives 0, 1, 2, … so that a salt is known beforehand.</summary>
    internal sealed class CountingBytes : RandomSource
    {
        public override void Fill(Span<byte> bytes)
        {
            for (var index = 0; index < bytes.Length; index++)
            {
                bytes[index] = (byte)index;
            }
        }
    }
}
