using System.Runtime.CompilerServices;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>A growing list of values in blocks, so that growing copies nothing of what is there but in the first block.</summary>
internal sealed class Blocks<T>
    where T : unmanaged
{
    private const int Bits = 16;
    private const int Mask = (1 << Bits) - 1;

    private readonly List<T[]> blocks = [new T[16]];

    public long Length { get; private set; }

    /// <summary>The length, where it is a number of accounts.</summary>
    public int Count => checked((int)Length);

    public ref T this[long index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref blocks[(int)(index >> Bits)][index & Mask];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(T value)
    {
        var (block, place) = ((int)(Length >> Bits), Length & Mask);
        if (block == blocks.Count)
        {
            blocks.Add(new T[1 << Bits]);
        }
        else if (place == blocks[block].Length)
        {
            var grown = blocks[block];
            Array.Resize(ref grown, 2 * grown.Length);
            blocks[block] = grown;
        }

        blocks[block][place] = value;
        Length++;
    }

    public void Clear()
    {
        blocks.Clear();
        blocks.Add(new T[16]);
        Length = 0;
    }
}
