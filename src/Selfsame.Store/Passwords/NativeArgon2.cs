using System.Runtime.InteropServices;

namespace Selfsame.Store.Passwords;

/// <summary>
/// Computes Argon2 by libsodium's <c>crypto_pwhash</c> or the reference library's <c>argon2_hash</c>, whichever can.
/// Loaded by name at run time, because either may be missing and which are tried is a setting.
/// </summary>
internal sealed unsafe class NativeArgon2
{
    private const int SodiumSaltLength = 16;

    private readonly delegate* unmanaged[Cdecl]<byte*, ulong, byte*, ulong, byte*, ulong, nuint, int, int> sodiumHash;
    private readonly delegate* unmanaged[Cdecl]<
        uint, uint, uint, byte*, nuint, byte*, nuint, byte*, nuint, byte*, nuint, int, uint, int> referenceHash;

    internal NativeArgon2(PasswordLibraries libraries)
    {
        if (NativeFile.TryLoad(libraries.Sodium, ["sodium_init", "crypto_pwhash"]) is { } sodium)
        {
            var initialize = (delegate* unmanaged[Cdecl]<int>)sodium.Functions[0];
            // 0 the first time, 1 when it was initialized before.
            if (initialize() >= 0)
            {
                SodiumName = sodium.Name;
                sodiumHash = (delegate* unmanaged[Cdecl]<byte*, ulong, byte*, ulong, byte*, ulong, nuint, int, int>)sodium.Functions[1];
            }
        }
        if (NativeFile.TryLoad(libraries.Argon2, ["argon2_hash"]) is { } reference)
        {
            referenceHash = (delegate* unmanaged[Cdecl]<
                uint, uint, uint, byte*, nuint, byte*, nuint, byte*, nuint, byte*, nuint, int, uint, int>)reference.Functions[0];
        }
    }

    /// <summary>The file that libsodium was loaded from, or null.</summary>
    internal string? SodiumName { get; }

    /// <summary>Whether every Argon2 hash can be computed, and not only what libsodium takes.</summary>
    internal bool HasReference => referenceHash is not null;

    internal bool CanCompute(Argon2Parameters parameters, int saltLength) =>
        referenceHash is not null || SodiumCanCompute(parameters, saltLength);

    /// <exception cref="InsufficientMemoryException">The library could not get the memory.</exception>
    internal void Compute(Argon2Parameters parameters, ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, Span<byte> key)
    {
        fixed (byte* passwordStart = password, saltStart = salt, keyStart = key)
        {
            var result = SodiumCanCompute(parameters, salt.Length)
                ? sodiumHash(
                    keyStart, (ulong)key.Length, passwordStart, (ulong)password.Length, saltStart,
                    (ulong)parameters.Passes, (nuint)parameters.Memory * 1024, (int)parameters.Variant)
                : referenceHash(
                    (uint)parameters.Passes, (uint)parameters.Memory, (uint)parameters.Lanes, passwordStart, (nuint)password.Length,
                    saltStart, (nuint)salt.Length, keyStart, (nuint)key.Length, null, 0,
                    (int)parameters.Variant, (uint)parameters.Version);
            if (result != 0)
            {
                throw new InsufficientMemoryException(
                    $"Argon2 with {parameters.Memory} KiB failed with code {result}. "
                    + "Give the process more memory or fewer hashing threads.");
            }
        }
    }

    private bool SodiumCanCompute(Argon2Parameters parameters, int saltLength) =>
        sodiumHash is not null && parameters.Version == Argon2Parameters.CurrentVersion && parameters.Lanes == 1
        && saltLength == SodiumSaltLength
        && (parameters.Variant == Argon2Variant.Argon2id || (parameters.Variant == Argon2Variant.Argon2i && parameters.Passes >= 3));
}

/// <summary>The numbers are those of both libraries.</summary>
internal enum Argon2Variant
{
    Argon2d = 0,
    Argon2i = 1,
    Argon2id = 2,
}

/// <param name="Variant">Which of the three functions.</param>
/// <param name="Version">16 or 19 (RFC 9106 section 3.1 describes 19).</param>
/// <param name="Memory">m, in KiB.</param>
/// <param name="Passes">t.</param>
/// <param name="Lanes">p.</param>
internal readonly record struct Argon2Parameters(Argon2Variant Variant, int Version, int Memory, int Passes, int Lanes)
{
    internal const int CurrentVersion = 19;
}

/// <summary>A loaded native library and the functions asked for, in order.</summary>
internal sealed record NativeFile(string Name, nint[] Functions)
{
    /// <summary>The first of the files that loads and has all of the functions, or null.</summary>
    internal static NativeFile? TryLoad(IReadOnlyList<string> names, ReadOnlySpan<string> functions)
    {
        foreach (var name in names)
        {
            if (!NativeLibrary.TryLoad(name, typeof(NativeFile).Assembly, null, out var handle))
            {
                continue;
            }
            var found = new nint[functions.Length];
            var complete = true;
            for (var index = 0; index < functions.Length; index++)
            {
                complete &= NativeLibrary.TryGetExport(handle, functions[index], out found[index]);
            }
            if (complete)
            {
                return new NativeFile(name, found);
            }
            NativeLibrary.Free(handle);
        }
        return null;
    }
}
