using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>128 bits that stand for a value.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct ValueHash(ulong High, ulong Low);

/// <summary>
/// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and the authors' reference
/// implementation for 128 bits) under a key of 128 random bits. It is a pseudo-random function: who does not know the key, which is drawn for each audit and
/// never leaves it, can't make two values whose hashes are equal, and of 2³² values two are equal by chance once in 2⁶⁵ audits.
/// </summary>
internal sealed class KeyedHash
{
    private readonly ulong key0;
    private readonly ulong key1;

    public KeyedHash(RandomSource random)
    {
        Span<byte> key = stackalloc byte[16];
        random.Fill(key);
        (key0, key1) = (BinaryPrimitives.ReadUInt64LittleEndian(key), BinaryPrimitives.ReadUInt64LittleEndian(key[8..]));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public ValueHash Of(ReadOnlySpan<byte> value)
    {
        var v0 = key0 ^ 0x736f6d6570736575;
        var v1 = key1 ^ 0x646f72616e646f6d ^ 0xee;
        var v2 = key0 ^ 0x6c7967656e657261;
        var v3 = key1 ^ 0x7465646279746573;
        var last = (ulong)value.Length << 56;
        while (value.Length >= 8)
        {
            var word = BinaryPrimitives.ReadUInt64LittleEndian(value);
            v3 ^= word;
            Round(ref v0, ref v1, ref v2, ref v3);
            Round(ref v0, ref v1, ref v2, ref v3);
            v0 ^= word;
            value = value[8..];
        }

        for (var index = 0; index < value.Length; index++)
        {
            last |= (ulong)value[index] << (8 * index);
        }

        v3 ^= last;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= last;
        v2 ^= 0xee;
        for (var round = 0; round < 4; round++)
        {
            Round(ref v0, ref v1, ref v2, ref v3);
        }

        var low = v0 ^ v1 ^ v2 ^ v3;
        v1 ^= 0xdd;
        for (var round = 0; round < 4; round++)
        {
            Round(ref v0, ref v1, ref v2, ref v3);
        }

        return new ValueHash(v0 ^ v1 ^ v2 ^ v3, low);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v3;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
