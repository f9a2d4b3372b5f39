using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>One worker's share: takes the accounts that share a value, tells the rules' matches, and marks those that are duplicates within a system.</summary>
internal sealed class ScanGroups : IMarkGroups
{
    private readonly IReadOnlyList<ScannedSystem> systems;
    private readonly int[] firsts;
    private readonly RuleMatch[][] between;
    private readonly int[][] distinct;
    private readonly List<int>[] members;
    private readonly List<MarkPair>[] paired;
    private readonly PairedTies ties = new();
    private RuleMatch[][] told = [];
    private IdentifierKind? kind;
    private bool correlating;

    public ScanGroups(IReadOnlyList<ScannedSystem> systems, IReadOnlyList<RuleMatch> matches)
    {
        this.systems = systems;
        firsts = [.. systems.Select(system => system.First)];
        between = [.. from left in systems
                      from right in systems
                      select matches.Where(match => match.Source == left && match.Target == right).ToArray()];
        paired = [.. between.Select(_ => new List<MarkPair>())];
        distinct = [.. systems.Select(_ => new int[IdentifierKinds.All.Count + 1])];
        members = [.. systems.Select(_ => new List<int>())];
    }

    public int Distinct(ScannedSystem system, IdentifierKind of)
        => distinct[Enumerable.Range(0, systems.Count).First(index => systems[index] == system)][(int)of + 1];

    /// <summary>What comes next are values of that kind, for the matches that correlate by it or for those that do not.</summary>
    public void Begin(IdentifierKind? of, bool correlating)
    {
        (kind, this.correlating) = (of, correlating);
        told = [.. between.Select(matches => matches.Where(match => match.Correlates(of) == correlating).ToArray())];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Single(int account) => CountOne(IndexOf(account));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Pairs(ReadOnlySpan<MarkPair> pairs)
    {
        foreach (var (one, other) in pairs)
        {
            var (here, there) = (IndexOf(one), IndexOf(other));
            if (here == there)
            {
                Several([one, other]);
                continue;
            }

            CountOne(here);
            CountOne(there);
            PairUp(here, one - firsts[here], there, other - firsts[there]);
            PairUp(there, other - firsts[there], here, one - firsts[here]);
        }

        for (var place = 0; place < told.Length; place++)
        {
            foreach (var match in told[place])
            {
                match.Pairs(kind, CollectionsMarshal.AsSpan(paired[place]), ties);
            }

            paired[place].Clear();
        }
    }

    public void Several(ReadOnlySpan<int> accounts)
    {
        foreach (var list in members)
        {
            list.Clear();
        }

        foreach (var account in accounts)
        {
            var index = IndexOf(account);
            members[index].Add(account - firsts[index]);
        }

        for (var index = 0; index < members.Length; index++)
        {
            if (members[index].Count > 0)
            {
                CountOne(index);
            }

            if (members[index].Count > 1)
            {
                MarkDuplicates(index);
            }
        }

        for (var left = 0; left < members.Length; left++)
        {
            for (var right = 0; right < members.Length; right++)
            {
                TellOf(left, right);
            }
        }
    }

    private void MarkDuplicates(int index)
    {
        var system = systems[index];
        if (kind is null)
        {
            throw CheckedSystem.TwoWithOneId(system.Config.Name, system.Ids[members[index][0]]);
        }

        foreach (var account in members[index])
        {
            system[account] |= Traits.Loud;
        }
    }

    private void TellOf(int left, int right)
    {
        if (members[left].Count == 1 && members[right].Count == 1)
        {
            var pair = new MarkPair(members[left][0], members[right][0]);
            foreach (var match in told[Between(left, right)])
            {
                match.Pairs(kind, [pair], ties);
            }
        }
        else if (members[left].Count > 0 && members[right].Count > 0)
        {
            foreach (var match in told[Between(left, right)])
            {
                match.Crowd(kind, members[left], members[right]);
            }
        }
    }

    private void PairUp(int left, int one, int right, int other)
    {
        if (told[Between(left, right)].Length > 0)
        {
            paired[Between(left, right)].Add(new MarkPair(one, other));
        }
    }

    private int Between(int left, int right) => (left * firsts.Length) + right;

    // Each space is taken once for the matches that correlate by it, if there are any or not, and is counted then.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CountOne(int index) => distinct[index][kind is { } given ? (int)given + 1 : 0] += correlating ? 1 : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int IndexOf(int account)
    {
        var index = firsts.Length - 1;
        while (firsts[index] > account)
        {
            index--;
        }

        return index;
    }
}
