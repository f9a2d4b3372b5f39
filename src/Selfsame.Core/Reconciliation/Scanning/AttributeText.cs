using System.Buffers.Binary;
using System.Buffers.Text;
using System.Runtime.CompilerServices;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>A value of an attribute as bytes that are equal only for equal facts, where <see cref="AttributeForms.AgreeWith"/> says so.</summary>
internal static class AttributeText
{
    private const int LongestNumber = 32;

    private enum Tag : byte
    {
        Null = 2,
        Text,
        Bytes,
        BrokenText,
    }

    /// <summary>Makes sure that a value without bytes of its own fits behind <paramref name="length"/>.</summary>
    public static void Reserve(ref byte[] buffer, int length, int more = 0)
    {
        if (buffer.Length < length + more + LongestNumber + 5)
        {
            Array.Resize(ref buffer, 2 * (length + more + LongestNumber + 5));
        }
    }

    /// <summary>Appends the value; the new length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Append(FieldRows rows, in FieldSlot slot, ref byte[] buffer, int length)
    {
        Reserve(ref buffer, length, slot.Length + LongestNumber);
        var text = buffer.AsSpan(length + 5);
        var written = slot.Form switch
        {
            FieldForm.Null => 0,
            FieldForm.Integer or FieldForm.Boolean => Write(slot.Bits, text),
            FieldForm.Number or FieldForm.Uuid => WriteText(rows, slot, text),
            _ => Copy(rows.BytesOf(slot), text),
        };
        buffer[length] = (byte)(slot.Form switch
        {
            FieldForm.Null => Tag.Null,
            FieldForm.Bytes => Tag.Bytes,
            FieldForm.BrokenText => Tag.BrokenText,
            _ => Tag.Text,
        });
        BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(length + 1), written);
        return length + 5 + written;
    }

    private static int Write(long number, Span<byte> text) => Utf8Formatter.TryFormat(number, text, out var written) ? written : throw new InvalidOperationException();

    private static int WriteText(FieldRows rows, in FieldSlot slot, Span<byte> text) => System.Text.Encoding.UTF8.GetBytes(rows.TextOf(slot), text);

    private static int Copy(ReadOnlySpan<byte> bytes, Span<byte> text)
    {
        bytes.CopyTo(text);
        return bytes.Length;
    }
}

/// <summary>In which forms a system holds the values of one attribute.</summary>
internal sealed class AttributeForms
{
    private readonly HashSet<string> nativeTypes = [];
    private int forms;
    private long lastNative = -1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void See(in FieldSlot slot, FieldRows rows)
    {
        forms |= 1 << (int)slot.Form;
        if (slot.Form == FieldForm.Native && slot.Bits != lastNative)
        {
            lastNative = slot.Bits;
            nativeTypes.Add(rows.NativeTypes[(int)slot.Bits]);
        }
        else if (slot.Form == FieldForm.Uuid)
        {
            nativeTypes.Add("uuid");
        }
    }

    /// <summary>
    /// Whether values of both systems that are written alike are the same fact (<see cref="FieldValue.SameFactAs"/>): a text "1" and a true are not, nor
    /// are two native types; a 1 and a true are.
    /// </summary>
    public bool AgreeWith(AttributeForms other)
        => nativeTypes.Union(other.nativeTypes).Count() <= 1
            && !Meet(other, FieldForm.Text, FieldForm.Boolean) && !Meet(other, FieldForm.Text, FieldForm.Number)
            && !Meet(other, FieldForm.Boolean, FieldForm.Number) && !Meet(other, FieldForm.Boolean, FieldForm.Native) && !Meet(other, FieldForm.Number, FieldForm.Native)
            && !Meet(other, FieldForm.Boolean, FieldForm.Uuid) && !Meet(other, FieldForm.Number, FieldForm.Uuid)
            && !Meet(other, FieldForm.BrokenText, FieldForm.BrokenText);

    private bool Meet(AttributeForms other, FieldForm one, FieldForm second)
        => (Holds(one) && other.Holds(second)) || (Holds(second) && other.Holds(one));

    private bool Holds(FieldForm form) => (forms & (1 << (int)form)) != 0;
}
