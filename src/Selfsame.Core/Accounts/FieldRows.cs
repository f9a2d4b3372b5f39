using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Accounts;

/// <summary>How a value of a <see cref="FieldRows"/> stands there.</summary>
public enum FieldForm : byte
{
    Null,

    /// <summary>UTF-8.</summary>
    Text,

    /// <summary>UTF-8 of a <see cref="NativeValue"/>; <see cref="FieldSlot.Bits"/> is its type's number in <see cref="FieldRows.NativeTypes"/>.</summary>
    Native,

    /// <summary>16 bytes, the first digit first: the native value of type <c>uuid</c>.</summary>
    Uuid,

    /// <summary><see cref="FieldSlot.Bits"/>.</summary>
    Integer,

    /// <summary><see cref="FieldSlot.Bits"/> is the IEEE 754 double.</summary>
    Number,

    /// <summary><see cref="FieldSlot.Bits"/> is 0 or 1.</summary>
    Boolean,

    Bytes,

    /// <summary>A text that has no UTF-8, because it holds half a surrogate pair, in UTF-16.</summary>
    BrokenText,
}

/// <summary>One value: its form, and where its bytes stand or what its bits are.</summary>
public readonly record struct FieldSlot(FieldForm Form, int Start, int Length, long Bits);

/// <summary>
/// Some rows of a few fields each, without an object per value: the rows of one portion, which the reader fills again for the next.
/// Rows are filled value by value, field by field.
/// </summary>
public sealed class FieldRows(int fields)
{
    private readonly List<string> nativeTypes = [];
    private FieldSlot[] slots = new FieldSlot[64 * fields];
    private byte[] bytes = [];
    private int slotCount;
    private int byteCount;

    public int Count => slotCount / fields;

    /// <summary>The names of native types, by number.</summary>
    public IReadOnlyList<string> NativeTypes => nativeTypes;

    public ref readonly FieldSlot this[int row, int field] => ref slots[(row * fields) + field];

    public ReadOnlySpan<byte> BytesOf(in FieldSlot slot) => bytes.AsSpan(slot.Start, slot.Length);

    /// <summary>Empties it; values that stand in <paramref name="buffer"/> are named by their place there from now on.</summary>
    public void Clear(byte[]? buffer = null)
    {
        bytes = buffer ?? bytes;
        slotCount = 0;
        byteCount = 0;
    }

    /// <summary>Takes back the values of the last row, which was begun or whole.</summary>
    public void DropLastRow() => slotCount = (slotCount - 1) / fields * fields;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(FieldForm form, int start, int length, long bits = 0)
    {
        if (slotCount == slots.Length)
        {
            Grow();
        }

        slots[slotCount++] = new FieldSlot(form, start, length, bits);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddBits(FieldForm form, long bits) => Add(form, 0, 0, bits);

    public void AddNull() => Add(FieldForm.Null, 0, 0);

    /// <summary>The number of a native type.</summary>
    public int NativeType(string name)
    {
        var index = nativeTypes.IndexOf(name);
        if (index < 0)
        {
            index = nativeTypes.Count;
            nativeTypes.Add(name);
        }

        return index;
    }

    /// <summary>Copies a value that exists as an object.</summary>
    public void Add(FieldValue value)
    {
        switch (value.IsNull ? null : value.AsNative ?? value.Raw)
        {
            case null: AddNull(); break;
            case string text: AddText(FieldForm.Text, text, 0); break;
            case NativeValue native: AddText(FieldForm.Native, native.Text, NativeType(native.Type)); break;
            case long number: AddBits(FieldForm.Integer, number); break;
            case double number: AddBits(FieldForm.Number, BitConverter.DoubleToInt64Bits(number)); break;
            case bool boolean: AddBits(FieldForm.Boolean, boolean ? 1 : 0); break;
            case byte[] binary:
                binary.CopyTo(Room(binary.Length));
                Add(FieldForm.Bytes, byteCount - binary.Length, binary.Length);
                break;
            default: throw new InvalidOperationException("A record holds a value of another type.");
        }
    }

    /// <summary>The value's text as <see cref="FieldValue.ToString"/> gives it; empty for null.</summary>
    public string TextOf(in FieldSlot slot) => slot.Form switch
    {
        FieldForm.Null => "",
        FieldForm.Text or FieldForm.Native => Encoding.UTF8.GetString(BytesOf(slot)),
        FieldForm.Uuid => new Guid(BytesOf(slot), bigEndian: true).ToString("D"),
        FieldForm.Integer => slot.Bits.ToString(CultureInfo.InvariantCulture),
        FieldForm.Number => FieldValue.Number(BitConverter.Int64BitsToDouble(slot.Bits)).ToString(),
        FieldForm.Boolean => FieldValue.Boolean(slot.Bits != 0).ToString(),
        FieldForm.BrokenText => new string(MemoryMarshal.Cast<byte, char>(BytesOf(slot))),
        _ => FieldValue.Bytes(BytesOf(slot).ToArray()).ToString(),
    };

    /// <summary>As <see cref="FieldValue.IsTruthy"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool IsTruthy(in FieldSlot slot) => slot.Form switch
    {
        FieldForm.Boolean or FieldForm.Integer => slot.Bits != 0,
        FieldForm.Number => BitConverter.Int64BitsToDouble(slot.Bits) != 0,
        FieldForm.Text or FieldForm.Native => FieldValue.SaysYes(TextOf(slot)),
        FieldForm.Uuid or FieldForm.BrokenText => true,
        _ => false,
    };

    private void Grow() => Array.Resize(ref slots, 2 * slots.Length);

    private void AddText(FieldForm form, string text, int type)
    {
        if (CodePoints.IndexOfLoneSurrogate(text) >= 0)
        {
            var units = MemoryMarshal.AsBytes(text.AsSpan());
            units.CopyTo(Room(units.Length));
            Add(FieldForm.BrokenText, byteCount - units.Length, units.Length);
            return;
        }

        var length = Encoding.UTF8.GetByteCount(text);
        Encoding.UTF8.GetBytes(text, Room(length));
        Add(form, byteCount - length, length, type);
    }

    private Span<byte> Room(int length)
    {
        if (byteCount + length > bytes.Length)
        {
            Array.Resize(ref bytes, Math.Max(byteCount + length, Math.Max(1024, 2 * bytes.Length)));
        }

        byteCount += length;
        return bytes.AsSpan(byteCount - length, length);
    }
}
