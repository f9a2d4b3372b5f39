using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>That an account, by its number, has a value.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct Mark(ValueHash Hash, int Account);

/// <summary>
/// The values of one kind (ids, usernames …) of all accounts of a system, as hashes: 20 bytes each. They are kept in parts by the first bits of the
/// hash, each small enough to be grouped within the processor's cache.
/// </summary>
internal sealed class MarkSpace(MarkPool pool)
{
    public const int Parts = 1 << PartBits;

    private const int PartBits = 10;
    private const int FilterBits = 12;

    private readonly Part[] parts = new Part[Parts];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(ValueHash hash, int account)
    {
        ref var part = ref parts[hash.High >> (64 - PartBits)];
        var place = part.Count % MarkPool.ChunkSize;
        if (place == 0)
        {
            part.Last = pool.NewChunk(after: part.Last);
            part.First = part.Count == 0 ? part.Last : part.First;
        }

        pool.Chunk(part.Last)[place] = new Mark(hash, account);
        part.Count++;
    }

    /// <summary>The accounts that have one of <paramref name="hashes"/>.</summary>
    public IReadOnlyList<int> Find(IReadOnlySet<ValueHash> hashes)
    {
        var found = new List<int>();
        var possible = new bool[1 << FilterBits];
        foreach (var wanted in hashes.GroupBy(hash => hash.High >> (64 - PartBits)))
        {
            Array.Clear(possible);
            FindIn(parts[wanted.Key], wanted.ToHashSet(), possible, found);
        }

        return found;
    }

    /// <summary>How many values a part has.</summary>
    public int CountOf(int part) => parts[part].Count;

    /// <summary>Copies a part's marks, with <paramref name="first"/> added to the numbers of the accounts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void CopyTo(Span<Mark> marks, int part, int first)
    {
        for (var chunk = parts[part].First; marks.Length > 0; chunk = pool.After(chunk))
        {
            var some = pool.Chunk(chunk)[..Math.Min(marks.Length, MarkPool.ChunkSize)];
            for (var index = 0; index < some.Length; index++)
            {
                marks[index] = some[index] with { Account = first + some[index].Account };
            }

            marks = marks[some.Length..];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void FindIn(in Part part, HashSet<ValueHash> wanted, bool[] possible, List<int> found)
    {
        // Most marks of a part are nobody's that is asked for, and a few bits of the hash tell.
        foreach (var hash in wanted)
        {
            possible[hash.Low & ((1 << FilterBits) - 1)] = true;
        }

        var left = part.Count;
        for (var chunk = part.First; left > 0; chunk = pool.After(chunk), left -= MarkPool.ChunkSize)
        {
            foreach (ref readonly var mark in pool.Chunk(chunk)[..Math.Min(left, MarkPool.ChunkSize)])
            {
                if (possible[mark.Hash.Low & ((1 << FilterBits) - 1)] && wanted.Contains(mark.Hash))
                {
                    found.Add(mark.Account);
                }
            }
        }
    }

    /// <summary>A chain of chunks, all full but the last.</summary>
    internal struct Part
    {
        public int First { get; set; }

        public int Last { get; set; }

        public int Count { get; set; }
    }
}

/// <summary>Chunks of marks out of a few large arrays, so that growing copies nothing and leaves little unused.</summary>
internal sealed class MarkPool
{
    /// <summary>How many marks are in a chunk.</summary>
    public const int ChunkSize = 64;

    private const int SlabBits = 10;
    private const int SlabChunks = 1 << SlabBits;

    private readonly List<Mark[]> slabs = [];
    private readonly Blocks<int> next = new();

    /// <summary>The number of a new chunk, which follows on <paramref name="after"/> (0: on none); counted from 1.</summary>
    public int NewChunk(int after)
    {
        var chunk = next.Count;
        next.Add(0);
        if (chunk >> SlabBits == slabs.Count)
        {
            // Only the first grows: of each that did, its smaller selves would be garbage.
            slabs.Add(slabs.Count == 0 ? new Mark[ChunkSize] : new Mark[SlabChunks * ChunkSize]);
        }

        var slab = slabs[^1];
        if ((chunk & (SlabChunks - 1)) * ChunkSize == slab.Length)
        {
            Array.Resize(ref slab, 2 * slab.Length);
            slabs[^1] = slab;
        }

        if (after != 0)
        {
            next[after - 1] = chunk + 1;
        }

        return chunk + 1;
    }

    public int After(int chunk) => next[chunk - 1];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Span<Mark> Chunk(int chunk) => slabs[(chunk - 1) >> SlabBits].AsSpan(((chunk - 1) & (SlabChunks - 1)) * ChunkSize, ChunkSize);
}

/// <summary>The two accounts that have a value.</summary>
internal readonly record struct MarkPair(int One, int Other);

/// <summary>Takes the accounts of each value.</summary>
internal interface IMarkGroups
{
    /// <summary>One account has it.</summary>
    void Single(int account);

    /// <summary>Two have it; of several values at once.</summary>
    void Pairs(ReadOnlySpan<MarkPair> pairs);

    /// <summary>More have it.</summary>
    void Several(ReadOnlySpan<int> accounts);
}
