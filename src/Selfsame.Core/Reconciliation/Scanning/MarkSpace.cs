using System.Runtime.InteropServices;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>That an account has a value.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly record struct Mark(ValueHash Hash, int Account);

/// <summary>
/// The values of one kind (ids, usernames …) of all accounts of all systems, as hashes: 20 bytes each. They are kept in parts by the first bits of the
/// hash, each small enough to be grouped within the processor's cache.
/// </summary>
internal sealed class MarkSpace(MarkPool pool)
{
    private const int PartBits = 10;
    private const int Parts = 1 << PartBits;
    private const int FilterBits = 12;

    private readonly Part[] parts = new Part[Parts];

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

    /// <summary>Hands over the accounts that share a value, value by value; what is handed over is good during the call.</summary>
    public void Group(IMarkGroups groups)
    {
        var workspace = new GroupWorkspace(pool);
        foreach (var part in parts)
        {
            workspace.Group(part, groups);
        }
    }

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
    public const int ChunkSize = 128;

    private const int SlabBits = 9;
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
            slabs.Add(new Mark[ChunkSize]);
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

    public Span<Mark> Chunk(int chunk) => slabs[(chunk - 1) >> SlabBits].AsSpan(((chunk - 1) & (SlabChunks - 1)) * ChunkSize, ChunkSize);
}

/// <summary>Takes the accounts of each value.</summary>
internal interface IMarkGroups
{
    /// <summary>One account has it.</summary>
    void Single(int account);

    /// <summary>Two have it.</summary>
    void Pair(int one, int other);

    /// <summary>More have it.</summary>
    void Several(ReadOnlySpan<int> accounts);
}

/// <summary>Groups the marks of one part by a hash table that is used again for the next part.</summary>
internal sealed class GroupWorkspace(MarkPool pool)
{
    private Mark[] marks = [];
    private int[] heads = [];
    private int[] next = [];
    private int[] members = [];
    private int slots;

    public void Group(in MarkSpace.Part part, IMarkGroups groups)
    {
        if (part.Count == 0)
        {
            return;
        }

        Gather(part);
        Link(part.Count);
        HandOver(part.Count, groups);
    }

    private void Gather(in MarkSpace.Part part)
    {
        if (marks.Length < part.Count)
        {
            marks = new Mark[part.Count + (part.Count / 8)];
            next = new int[marks.Length];
        }

        var at = 0;
        for (var chunk = part.First; at < part.Count; chunk = pool.After(chunk))
        {
            var count = Math.Min(part.Count - at, MarkPool.ChunkSize);
            pool.Chunk(chunk)[..count].CopyTo(marks.AsSpan(at));
            at += count;
        }
    }

    /// <summary>Each slot of the table leads to the last mark of one value, and each mark to the one before it; counted from 1.</summary>
    private void Link(int count)
    {
        var size = 16;
        while (size < 2 * count)
        {
            size *= 2;
        }

        if (heads.Length < size)
        {
            heads = new int[size];
        }

        slots = size;
        Array.Clear(heads, 0, size);

        for (var index = 0; index < count; index++)
        {
            var hash = marks[index].Hash;
            var slot = (int)hash.Low & (size - 1);
            while (heads[slot] != 0 && marks[heads[slot] - 1].Hash != hash)
            {
                slot = (slot + 1) & (size - 1);
            }

            next[index] = heads[slot];
            heads[slot] = index + 1;
        }
    }

    private void HandOver(int count, IMarkGroups groups)
    {
        foreach (var head in heads.AsSpan(0, slots))
        {
            if (head == 0)
            {
                continue;
            }

            var second = next[head - 1];
            if (second == 0)
            {
                groups.Single(marks[head - 1].Account);
            }
            else if (next[second - 1] == 0)
            {
                groups.Pair(marks[head - 1].Account, marks[second - 1].Account);
            }
            else
            {
                HandOverSeveral(head, count, groups);
            }
        }
    }

    private void HandOverSeveral(int head, int count, IMarkGroups groups)
    {
        if (members.Length < count)
        {
            members = new int[count];
        }

        var found = 0;
        for (var mark = head; mark != 0; mark = next[mark - 1])
        {
            members[found++] = marks[mark - 1].Account;
        }

        groups.Several(members.AsSpan(0, found));
    }
}
