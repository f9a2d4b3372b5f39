using System.Runtime.CompilerServices;
using System.Text;
using Selfsame.Core.Accounts;

namespace Selfsame.Core.Reconciliation.Scanning;

/// <summary>What is kept of an account besides its marks.</summary>
[Flags]
internal enum Traits : ushort
{
    None = 0,

    /// <summary>Something about it may be a finding: it is read as a whole.</summary>
    Loud = 1,

    EmailVerified = 2,

    /// <summary>The first of the bits that say which kinds of identifiers it has.</summary>
    FirstKind = 4,
}

/// <summary>
/// What a scan keeps of one system's accounts: primary key, the hashes of its id and its keys, traits, a digest of what each rule compares.
/// </summary>
internal sealed class ScannedSystem
{
    private const int LongestKey = 1024;
    private const int FirstSideBit = 8;

    private readonly KeyedHash hash;
    private readonly IdentifierKeying keying;
    private readonly bool keysAscii;
    private readonly MarkPool pool = new();
    private readonly MarkSpace ids;
    private readonly MarkSpace[] kinds;
    private readonly Blocks<Traits> traits = new();
    private readonly Blocks<ulong>[] digests;
    private readonly AttributeForms[][] forms;
    private readonly long[] having = new long[IdentifierKinds.All.Count];
    private readonly HashSet<ValueHash>[] refused = [.. IdentifierKinds.All.Select(_ => new HashSet<ValueHash>())];
    private readonly byte[] keyBuffer = new byte[LongestKey];
    private byte[] attributeBuffer = new byte[256];

    public ScannedSystem(SystemConfig config, RuleSide[] sides, KeyedHash hash, IdentifierKeying keying)
    {
        (Config, Sides, this.hash, this.keying) = (config, sides, hash, keying);
        // The short cut is one through these rules; any other must be asked value by value.
        keysAscii = keying == IdentifierKeys.TryKey;
        Fields = new ScanFields(config, sides);
        ids = new MarkSpace(pool);
        kinds = [.. IdentifierKinds.All.Select(_ => new MarkSpace(pool))];
        Uuids = new MarkSpace(pool);
        digests = [.. sides.Select(_ => new Blocks<ulong>())];
        forms = [.. sides.Select(side => side.Shared.Select(_ => new AttributeForms()).ToArray())];
    }

    public SystemConfig Config { get; }

    /// <summary>The number of its first account among those of all systems, when all are filled.</summary>
    public int First { get; private set; }

    public int Count => traits.Count;

    public RuleSide[] Sides { get; }

    public ScanFields Fields { get; }

    public PackedIds Ids { get; } = new();

    public long Verified { get; private set; }

    /// <summary>Accounts that have an e-mail which is not verified.</summary>
    public long Unverified { get; private set; }

    public long WithUuid { get; private set; }

    /// <summary>The uuids, where the config names their field.</summary>
    public MarkSpace Uuids { get; }

    /// <summary>The hashes of the ids (null), or of the keys of one kind.</summary>
    public MarkSpace Space(IdentifierKind? kind) => kind is { } given ? kinds[(int)given] : ids;

    public ref Traits this[int account] => ref traits[account];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Digest(int side, int account) => digests[side][account];

    public AttributeForms Forms(int side, int attribute) => forms[side][attribute];

    public long Having(IdentifierKind kind) => having[(int)kind];

    /// <summary>How many different values of a kind have no key.</summary>
    public int Refused(IdentifierKind kind) => refused[(int)kind].Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Has(int account, IdentifierKind kind) => (traits[account] & KindBit(kind)) != 0;

    /// <summary>Whether an account without a partner is no finding under the rule of that side.</summary>
    public bool IsQuietAlone(int side, int account) => (traits[account] & SideBit(side)) != 0;

    /// <summary>Numbers the accounts of all systems one after the other.</summary>
    public static void Number(IEnumerable<ScannedSystem> systems)
    {
        var first = 0;
        foreach (var system in systems)
        {
            system.First = first;
            first = checked(first + system.Count);
        }
    }

    public void Add(FieldRows rows)
    {
        for (var row = 0; row < rows.Count; row++)
        {
            Add(rows, row);
        }
    }

    /// <summary>Every whole account as rows of the scanned fields.</summary>
    public void Add(IReadOnlyList<Account> accounts, FieldRows rows)
    {
        rows.Clear();
        foreach (var account in accounts)
        {
            foreach (var field in Fields.Names)
            {
                rows.Add(account.Record.ValueOrNull(field));
            }
        }

        Add(rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Add(FieldRows rows, int row)
    {
        var account = traits.Count;
        AddId(rows, row, account);
        var found = Traits.None;
        var hasEmail = false;
        foreach (var (kind, place) in Fields.Identifiers)
        {
            ref readonly var slot = ref rows[row, place];
            if (IsBlank(rows, slot))
            {
                found |= slot.Length > 0 && Config.Unique.Contains(kind) ? Traits.Loud : Traits.None;
            }
            else
            {
                found |= KindBit(kind) | AddKey(kind, rows, slot, account);
                having[(int)kind]++;
                hasEmail |= kind == IdentifierKind.Email;
            }
        }

        if (Fields.EmailVerified is { } verified && rows.IsTruthy(rows[row, verified]))
        {
            found |= Traits.EmailVerified;
            Verified++;
        }
        else if (hasEmail)
        {
            Unverified++;
        }

        foreach (var needed in Fields.Needed)
        {
            ref readonly var slot = ref rows[row, needed];
            found |= slot.Form == FieldForm.Null || slot is { Form: FieldForm.Text or FieldForm.BrokenText, Length: 0 } ? Traits.Loud : Traits.None;
        }

        traits.Add(found | AddUuid(rows, row, account) | AddSides(rows, row));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddId(FieldRows rows, int row, int account)
    {
        ref readonly var slot = ref rows[row, Fields.Id[0]];
        if (Fields.Id.Length == 1 && slot.Form == FieldForm.Integer)
        {
            Ids.Add(slot.Bits);
            ids.Add(IdMarks.Of(hash, slot.Bits), account);
            return;
        }

        if (Fields.Id.Length == 1 && slot.Form == FieldForm.Uuid)
        {
            var uuid = new Guid(rows.BytesOf(slot), bigEndian: true);
            Ids.Add(uuid);
            ids.Add(IdMarks.Of(hash, uuid), account);
            return;
        }

        var parts = new string[Fields.Id.Length];
        for (var part = 0; part < parts.Length; part++)
        {
            parts[part] = rows.TextOf(rows[row, Fields.Id[part]]);
        }

        var id = new AccountId(parts);
        Ids.Add(id);
        ids.Add(IdMarks.Of(hash, id), account);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Traits AddKey(IdentifierKind kind, FieldRows rows, in FieldSlot slot, int account)
    {
        var isNoText = IsNoText(kind, rows, slot);
        if (keysAscii && !isNoText && slot.Form is FieldForm.Text or FieldForm.Native && slot.Length <= LongestKey
            && IdentifierKeys.TryKeyAscii(kind, rows.BytesOf(slot), keyBuffer))
        {
            kinds[(int)kind].Add(hash.Of(keyBuffer.AsSpan(0, slot.Length)), account);
            return Traits.None;
        }

        var text = rows.TextOf(slot);
        if (!isNoText && keying(kind, text, out var key, out _))
        {
            kinds[(int)kind].Add(hash.Of(Encoding.UTF8.GetBytes(key)), account);
            return Config.Unique.Contains(kind) && IdentifierForms.Mended(kind, text) is not null ? Traits.Loud : Traits.None;
        }

        refused[(int)kind].Add(hash.Of(Encoding.Unicode.GetBytes(text)));
        return Traits.Loud;
    }

    /// <summary>Whether there is no identifier: null, empty, nothing but blanks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsBlank(FieldRows rows, in FieldSlot slot) => slot.Form switch
    {
        FieldForm.Null => true,
        FieldForm.Text or FieldForm.Native => slot.Length == 0 || (MayBeBlank(rows.BytesOf(slot)[0]) && IdentifierForms.IsBlank(rows.TextOf(slot))),
        FieldForm.BrokenText => slot.Length == 0,
        _ => false,
    };

    // The first octets of White_Space in UTF-8 (PropList.txt): ASCII, U+0085 and U+00A0, U+1680, U+2000 to U+205F, U+3000.
    private static bool MayBeBlank(byte first) => first is <= (byte)' ' or 0xC2 or 0xE1 or 0xE2 or 0xE3;

    // As IdentifierForms.NotText of the value.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsNoText(IdentifierKind kind, FieldRows rows, in FieldSlot slot) => slot.Form switch
    {
        FieldForm.Text => false,
        FieldForm.Native => IdentifierForms.NotText(kind, rows.NativeTypes[(int)slot.Bits], (char)rows.BytesOf(slot)[0]) is not null,
        FieldForm.Integer or FieldForm.Number => IdentifierForms.IsName(kind),
        FieldForm.Boolean or FieldForm.Bytes => true,
        _ => false,
    };

    private Traits AddUuid(FieldRows rows, int row, int account)
    {
        if (Fields.Uuid is not { } place)
        {
            return Traits.None;
        }

        ref readonly var slot = ref rows[row, place];
        if (slot.Form == FieldForm.Null)
        {
            return Traits.Loud;
        }

        WithUuid++;
        Uuids.Add(hash.Of(Encoding.Unicode.GetBytes(rows.TextOf(slot).ToUpperInvariant())), account);
        return Traits.None;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Traits AddSides(FieldRows rows, int row)
    {
        var found = Traits.None;
        for (var side = 0; side < Sides.Length; side++)
        {
            var (alone, shared) = Fields.Sides[side];
            // Where it is not mapped it is never true; where no bit is left for a side, its accounts are read as a whole.
            if (Sides[side].Alone is not null && (alone is not { } place || !rows.IsTruthy(rows[row, place])))
            {
                found |= SideBit(side);
            }

            if (shared.Length > 0)
            {
                digests[side].Add(DigestOf(rows, row, side, shared));
            }
        }

        return found;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private ulong DigestOf(FieldRows rows, int row, int side, int[] shared)
    {
        var length = 0;
        for (var attribute = 0; attribute < shared.Length; attribute++)
        {
            ref readonly var slot = ref rows[row, shared[attribute]];
            if (Sides[side].Shared[attribute] == AccountMapping.EmailVerified)
            {
                attributeBuffer[length++] = rows.IsTruthy(slot) ? (byte)1 : (byte)0;
            }
            else
            {
                forms[side][attribute].See(slot, rows);
                length = AttributeText.Append(rows, slot, ref attributeBuffer, length);
            }

            AttributeText.Reserve(ref attributeBuffer, length);
        }

        // Digests are compared pair by pair, never with all others: 64 bits that nobody can forge are enough.
        return hash.Of(attributeBuffer.AsSpan(0, length)).Low;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Traits KindBit(IdentifierKind kind) => (Traits)((int)Traits.FirstKind << (int)kind);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Traits SideBit(int side) => side < 16 - FirstSideBit ? (Traits)(1 << (side + FirstSideBit)) : Traits.None;
}
