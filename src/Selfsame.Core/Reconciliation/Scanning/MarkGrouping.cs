using System.Runtime.CompilerServices;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>Groups the marks of several systems' spaces of one kind, part by part, by a hash table that is used again for the next.</summary>
/// <param name="spaces">Each system's space, and the number of its first account among those of all.</param>
internal sealed class MarkGrouping((MarkSpace Space, int First)[] spaces)
{
    private Mark[] marks = [];
    private int[] heads = [];
    private int[] next = [];
    private int[] members = [];
    private MarkPair[] pairs = [];
    private int slots;

    /// <summary>
    /// Hands over the accounts that share a value, value by value; what is handed over is good during the call. Of several workers each takes other parts.
    /// </summary>
    public void Group(IMarkGroups groups, int worker = 0, int workers = 1)
    {
        for (var part = worker; part < MarkSpace.Parts; part += workers)
        {
            var count = Gather(part);
            if (count > 0)
            {
                Link(count);
                HandOver(count, groups);
            }
        }
    }

    private int Gather(int part)
    {
        var count = 0;
        foreach (var (space, _) in spaces)
        {
            count += space.CountOf(part);
        }

        if (marks.Length < count)
        {
            marks = new Mark[count + (count / 8)];
            next = new int[marks.Length];
            pairs = new MarkPair[marks.Length / 2];
        }

        var at = 0;
        foreach (var (space, first) in spaces)
        {
            space.CopyTo(marks.AsSpan(at, space.CountOf(part)), part, first);
            at += space.CountOf(part);
        }

        return count;
    }

    /// <summary>Each slot of the table leads to the last mark of one value, and each mark to the one before it; counted from 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void HandOver(int count, IMarkGroups groups)
    {
        var found = 0;
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
                pairs[found++] = new MarkPair(marks[head - 1].Account, marks[second - 1].Account);
            }
            else
            {
                HandOverSeveral(head, count, groups);
            }
        }

        groups.Pairs(pairs.AsSpan(0, found));
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
