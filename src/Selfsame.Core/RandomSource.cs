using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Selfsame.Core;

/// <summary>
/// Where every random value comes from: tokens, uuids, user codes, jitter. Injected, so that the simulation can
/// repeat a run from its seed. The system's source is cryptographically strong; a seeded one is for tests only.
/// </summary>
public abstract class RandomSource
{
    /// <summary>The operating system's cryptographic generator.</summary>
    public static RandomSource System { get; } = new SystemRandomSource();

    /// <summary>Fills all of <paramref name="bytes"/>.</summary>
    public abstract void Fill(Span<byte> bytes);

    /// <summary>A random uuid, version 4 (RFC 9562 section 5.4).</summary>
    public Guid NextUuid()
    {
        Span<byte> bytes = stackalloc byte[16];
        Fill(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>An unbiased integer in [0, <paramref name="exclusiveMaximum"/>).</summary>
    public int NextInt32(int exclusiveMaximum)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMaximum);
        Span<byte> bytes = stackalloc byte[8];
        var range = (ulong)exclusiveMaximum;
        var limit = ulong.MaxValue - (ulong.MaxValue % range);
        while (true)
        {
            Fill(bytes);
            var value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            if (value < limit)
            {
                return (int)(value % range);
            }
        }
    }

    /// <summary>A secret of <paramref name="byteCount"/> random bytes as unpadded base64url (RFC 4648 section 5).</summary>
    public string NextToken(int byteCount = 32)
    {
        var bytes = new byte[byteCount];
        Fill(bytes);
        return Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    private sealed class SystemRandomSource : RandomSource
    {
        public override void Fill(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);
    }
}
