using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>
/// The hash of an id. Accounts of two systems have one id when their texts are equal, whatever types hold them, and most ids are numbers or uuids.
/// </summary>
internal static class IdMarks
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ValueHash Of(KeyedHash hash, long number)
    {
        Span<byte> bytes = stackalloc byte[9];
        bytes[0] = 1;
        BinaryPrimitives.WriteInt64LittleEndian(bytes[1..], number);
        return hash.Of(bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ValueHash Of(KeyedHash hash, Guid uuid)
    {
        Span<byte> bytes = stackalloc byte[17];
        bytes[0] = 2;
        uuid.TryWriteBytes(bytes[1..]);
        return hash.Of(bytes);
    }

    public static ValueHash Of(KeyedHash hash, AccountId id)
    {
        var text = id.ToString();
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number.ToString(CultureInfo.InvariantCulture) == text)
        {
            return Of(hash, number);
        }

        if (Guid.TryParseExact(text, "D", out var uuid) && uuid.ToString("D") == text)
        {
            return Of(hash, uuid);
        }

        // UTF-16, for an id may hold half a surrogate pair.
        return hash.Of([3, .. Encoding.Unicode.GetBytes(text)]);
    }
}
