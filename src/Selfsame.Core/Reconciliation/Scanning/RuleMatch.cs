using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>What an account has in common with those of a rule's other system.</summary>
[Flags]
internal enum Contact : ushort
{
    None = 0,

    /// <summary>It shares some id or key.</summary>
    Shares = 1,

    /// <summary>Something by which the rule correlates is shared with more than one.</summary>
    Crowded = 2,

    /// <summary>What it shares proves that they are one person.</summary>
    Proved = 4,

    SameId = 8,

    /// <summary>It agrees with its partner, and the rule finds nothing.</summary>
    Confirmed = 16,

    /// <summary>The first of the bits that say which kinds of keys are those of its partner.</summary>
    FirstKind = 32,
}

/// <summary>What one account is to the rule's other system; together, for both are asked for at once.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 2)]
internal struct Tie
{
    /// <summary>The number of its partner there, counted from 1; 0 for none.</summary>
    public int Partner;

    public Contact Contact;
}

/// <summary>Room for the ties of some pairs, used again for the next.</summary>
internal sealed class PairedTies
{
    private Tie[] ones = [];
    private Tie[] others = [];

    public (Tie[] Ones, Tie[] Others) Of(int pairs)
    {
        if (ones.Length < pairs)
        {
            (ones, others) = (new Tie[2 * pairs], new Tie[2 * pairs]);
        }

        return (ones, others);
    }
}

/// <summary>
/// One rule's pairs. Two accounts are partners when everything by which the rule correlates, and that either shares with anybody, it shares with the other
/// alone: then the <see cref="Correlator"/> links them whoever else there is, whatever the order of its rules.
/// </summary>
internal sealed class RuleMatch
{
    private readonly ReconcileRule rule;
    private readonly Side source;
    private readonly Side target;
    private readonly bool[] correlatingKinds = new bool[IdentifierKinds.All.Count];
    private readonly (IdentifierKind Kind, bool MaybeNull)[] sharedKinds;

    public RuleMatch(ReconcileRule rule, ScannedSystem source, ScannedSystem target, SystemFacts targetFacts)
    {
        this.rule = rule;
        // Where a source has none, and the target can't be without, there is no drift.
        sharedKinds = [.. from pair in target.Config.Mapping.Identifiers
                          where source.Config.Mapping.Identifiers.ContainsKey(pair.Key)
                          select (pair.Key, !targetFacts.NotNullFields.Contains(pair.Value))];
        this.source = new Side(source, SideOf(source, isSource: true));
        this.target = new Side(target, SideOf(target, isSource: false));
        foreach (var kind in rule.Correlate.Select(correlation => correlation.Kind).OfType<IdentifierKind>())
        {
            correlatingKinds[(int)kind] = true;
        }

        ById = rule.Correlate.Contains(CorrelationRule.ById);
    }

    public bool ById { get; }

    public ScannedSystem Source => source.System;

    public ScannedSystem Target => target.System;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Correlates(IdentifierKind? kind) => kind is { } given ? correlatingKinds[(int)given] : ById;

    /// <summary>
    /// One account of each system, by its number there, and no other of the two, has a value of that kind (null: the id); of many values, with no account twice.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Pairs(IdentifierKind? kind, ReadOnlySpan<MarkPair> pairs, PairedTies ties)
    {
        // The ties lie scattered: a processor that only collects them waits for many at once, one that decides in between for few.
        var (ones, others) = ties.Of(pairs.Length);
        for (var index = 0; index < pairs.Length; index++)
        {
            ones[index] = source.Ties[pairs[index].One];
            others[index] = target.Ties[pairs[index].Other];
        }

        var same = kind is { } given ? KindBit(given) : Contact.SameId;
        for (var index = 0; index < pairs.Length; index++)
        {
            Pair(kind, same, pairs[index], ref ones[index], ref others[index]);
        }

        for (var index = 0; index < pairs.Length; index++)
        {
            source.Ties[pairs[index].One] = ones[index];
            target.Ties[pairs[index].Other] = others[index];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pair(IdentifierKind? kind, Contact same, MarkPair pair, ref Tie one, ref Tie other)
    {
        var (left, right) = pair;
        var found = Contact.Shares;
        if (Correlates(kind))
        {
            var crowded = (one.Partner != 0 && one.Partner != right + 1) || (other.Partner != 0 && other.Partner != left + 1);
            var proves = kind != IdentifierKind.Email || rule.TrustEmail
                || ((source.System[left] & target.System[right] & Traits.EmailVerified) != 0);
            found |= (crowded ? Contact.Crowded : Contact.None) | (proves ? Contact.Proved : Contact.None);
            one.Partner = one.Partner == 0 ? right + 1 : one.Partner;
            other.Partner = other.Partner == 0 ? left + 1 : other.Partner;
        }

        if (one.Partner == right + 1 && other.Partner == left + 1)
        {
            found |= same;
        }

        one.Contact |= found;
        other.Contact |= found;
    }

    /// <summary>Accounts of both systems, more than a pair, have a value of that kind.</summary>
    public void Crowd(IdentifierKind? kind, IEnumerable<int> left, IEnumerable<int> right)
    {
        var found = Contact.Shares | (Correlates(kind) ? Contact.Crowded : Contact.None);
        foreach (var account in left)
        {
            source.Ties[account].Contact |= found;
        }

        foreach (var account in right)
        {
            target.Ties[account].Contact |= found;
        }
    }

    /// <summary>Marks every account about which the rule may find something.</summary>
    public void Judge(Workers workers)
    {
        if (!NeedsRecords && FormsAgree())
        {
            var count = workers.For(Source.Count);
            Workers.Run(count, worker => Confirm((int)((long)Source.Count * worker / count), (int)((long)Source.Count * (worker + 1) / count)));
        }

        source.MarkLoud(everybody: NeedsRecords);
        target.MarkLoud(everybody: NeedsRecords);
    }

    // Partners are each other's alone, so that workers with other accounts of the source write to other accounts of the target.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Confirm(int from, int to)
    {
        for (var left = from; left < to; left++)
        {
            if (PartnerOfSource(left) is var right and >= 0 && Agrees(left, right))
            {
                source.Ties[left].Contact |= Contact.Confirmed;
                target.Ties[right].Contact |= Contact.Confirmed;
            }
        }
    }

    // What the service remembers of a link, and the handles that a template gives, are in no hash.
    private bool NeedsRecords => rule.Handle is not null || rule.Correlate.Any(correlation => correlation.Link is not null);

    /// <summary>The partner in the rule's other system of an account, both by their numbers among those of all systems; null where it has none.</summary>
    public int? PartnerOf(int account)
    {
        if (source.Owns(account) && PartnerOfSource(account - Source.First) is var right and >= 0)
        {
            return Target.First + right;
        }

        return target.Owns(account) && target.Ties[account - Target.First].Partner - 1 is var left and >= 0
            && PartnerOfSource(left) == account - Target.First
                ? Source.First + left
                : null;
    }

    // −1 where it has none.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int PartnerOfSource(int left)
    {
        var here = source.Ties[left];
        if (here.Partner == 0 || (here.Contact & (Contact.Crowded | Contact.Proved)) != Contact.Proved)
        {
            return -1;
        }

        var there = target.Ties[here.Partner - 1];
        return (there.Contact & Contact.Crowded) == 0 && there.Partner == left + 1 ? here.Partner - 1 : -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool Agrees(int left, int right)
    {
        var contact = source.Ties[left].Contact;
        if (ById && ((contact & Contact.SameId) == 0 || Source.Config.Mapping.Id.Count != Target.Config.Mapping.Id.Count))
        {
            return false;
        }

        foreach (var (kind, maybeNull) in sharedKinds)
        {
            var (here, there) = (Source.Has(left, kind), Target.Has(right, kind));
            var same = here && there ? (contact & KindBit(kind)) != 0 : here == there || (!here && !maybeNull);
            if (!same)
            {
                return false;
            }
        }

        return source.Shared.Length == 0 || Source.Digest(source.Number, left) == Target.Digest(target.Number, right);
    }

    private bool FormsAgree()
        => Enumerable.Range(0, source.Shared.Length).All(attribute => source.Shared[attribute] == AccountMapping.EmailVerified
            || Source.Forms(source.Number, attribute).AgreeWith(Target.Forms(target.Number, attribute)));

    private int SideOf(ScannedSystem system, bool isSource)
        => Enumerable.Range(0, system.Sides.Length).First(side => ReferenceEquals(system.Sides[side].Rule, rule) && system.Sides[side].IsSource == isSource);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Contact KindBit(IdentifierKind kind) => (Contact)((int)Contact.FirstKind << (int)kind);

    /// <summary>The accounts of one of the two systems.</summary>
    private sealed class Side(ScannedSystem system, int number)
    {
        public Tie[] Ties { get; } = new Tie[system.Count];

        public ScannedSystem System => system;

        public int Number => number;

        public string[] Shared => system.Sides[number].Shared;

        public bool Owns(int account) => account >= system.First && account - system.First < system.Count;

        // Whom nobody over there can be, and whom the rule does not want there, is left alone.
        public void MarkLoud(bool everybody)
        {
            for (var account = 0; account < Ties.Length; account++)
            {
                var contact = Ties[account].Contact;
                if (everybody || ((contact & Contact.Confirmed) == 0 && ((contact & (Contact.Shares | Contact.Crowded)) != 0 || !system.IsQuietAlone(number, account))))
                {
                    system[account] |= Traits.Loud;
                }
            }
        }
    }
}
