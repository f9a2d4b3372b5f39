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

    public bool Correlates(IdentifierKind? kind) => kind is { } given ? correlatingKinds[(int)given] : ById;

    /// <summary>One account of each system, by its number there, and no other of the two, has a value of that kind (null: the id).</summary>
    public void Pair(IdentifierKind? kind, int left, int right)
    {
        ref var one = ref source.Partners[left];
        ref var back = ref target.Partners[right];
        var found = Contact.Shares;
        if (Correlates(kind))
        {
            var crowded = (one != 0 && one != right + 1) || (back != 0 && back != left + 1);
            var proves = kind != IdentifierKind.Email || rule.TrustEmail
                || ((source.System[left] & target.System[right] & Traits.EmailVerified) != 0);
            found |= (crowded ? Contact.Crowded : Contact.None) | (proves ? Contact.Proved : Contact.None);
            one = one == 0 ? right + 1 : one;
            back = back == 0 ? left + 1 : back;
        }

        if (one == right + 1 && back == left + 1)
        {
            found |= kind is { } given ? KindBit(given) : Contact.SameId;
        }

        source.Contacts[left] |= found;
        target.Contacts[right] |= found;
    }

    /// <summary>Accounts of both systems, more than a pair, have a value of that kind.</summary>
    public void Crowd(IdentifierKind? kind, IEnumerable<int> left, IEnumerable<int> right)
    {
        var found = Contact.Shares | (Correlates(kind) ? Contact.Crowded : Contact.None);
        foreach (var account in left)
        {
            source.Contacts[account] |= found;
        }

        foreach (var account in right)
        {
            target.Contacts[account] |= found;
        }
    }

    /// <summary>Marks every account about which the rule may find something.</summary>
    public void Judge()
    {
        var agree = !NeedsRecords && FormsAgree();
        for (var left = 0; left < source.System.Count; left++)
        {
            if (agree && PartnerOfSource(left) is var right and >= 0 && Agrees(left, right))
            {
                source.Contacts[left] |= Contact.Confirmed;
                target.Contacts[right] |= Contact.Confirmed;
            }
        }

        source.MarkLoud(everybody: NeedsRecords);
        target.MarkLoud(everybody: NeedsRecords);
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

        return target.Owns(account) && target.Partners[account - Target.First] - 1 is var left and >= 0
            && PartnerOfSource(left) == account - Target.First
                ? Source.First + left
                : null;
    }

    // −1 where it has none.
    private int PartnerOfSource(int left)
    {
        var right = source.Partners[left] - 1;
        return right >= 0 && (source.Contacts[left] & (Contact.Crowded | Contact.Proved)) == Contact.Proved
            && (target.Contacts[right] & Contact.Crowded) == 0 && target.Partners[right] == left + 1
                ? right
                : -1;
    }

    private bool Agrees(int left, int right)
    {
        var contact = source.Contacts[left];
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

    private static Contact KindBit(IdentifierKind kind) => (Contact)((int)Contact.FirstKind << (int)kind);

    /// <summary>The accounts of one of the two systems.</summary>
    private sealed class Side(ScannedSystem system, int number)
    {
        /// <summary>By account, the number of its partner in the other system, counted from 1; 0 for none.</summary>
        public int[] Partners { get; } = new int[system.Count];

        public Contact[] Contacts { get; } = new Contact[system.Count];

        public ScannedSystem System => system;

        public int Number => number;

        public string[] Shared => system.Sides[number].Shared;

        public bool Owns(int account) => account >= system.First && account - system.First < system.Count;

        // Whom nobody over there can be, and whom the rule does not want there, is left alone.
        public void MarkLoud(bool everybody)
        {
            for (var account = 0; account < Contacts.Length; account++)
            {
                var contact = Contacts[account];
                if (everybody || ((contact & Contact.Confirmed) == 0 && ((contact & (Contact.Shares | Contact.Crowded)) != 0 || !system.IsQuietAlone(number, account))))
                {
                    system[account] |= Traits.Loud;
                }
            }
        }
    }
}
