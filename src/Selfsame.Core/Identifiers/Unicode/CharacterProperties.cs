namespace Selfsame.Core.Identifiers.Unicode;

/// <summary>
/// What Unicode 15.0.0 says of one code point, from the generated table: the runtime and ICU know other versions on
/// other machines and are never asked.
/// </summary>
/// <param name="Bits">The packed record, as <c>tools/unicode/generate.py</c> writes it.</param>
internal readonly record struct CharacterProperties(uint Bits)
{
    /// <summary>The derived property for the PRECIS IdentifierClass (RFC 8264 section 8).</summary>
    public IdentifierClass IdentifierClass => (IdentifierClass)(Bits & 0x7);

    public BidiClass BidiClass => (BidiClass)((Bits >> 3) & 0x1F);

    /// <summary>Canonical_Combining_Class; 0 for a starter.</summary>
    public int CombiningClass => (int)((Bits >> 8) & 0xFF);

    public JoiningType JoiningType => (JoiningType)((Bits >> 16) & 0x7);

    /// <summary>The script, as far as a contextual rule asks for it (RFC 5892 appendix A).</summary>
    public ContextScript Script => (ContextScript)((Bits >> 19) & 0x7);

    /// <summary>General_Category M: nonspacing, spacing and enclosing marks.</summary>
    public bool IsMark => HasBit(22);

    public bool IsCased => HasBit(23);

    public bool IsCaseIgnorable => HasBit(24);

    public bool IsWhiteSpace => HasBit(25);

    /// <summary>NFC_Quick_Check is No or Maybe.</summary>
    public bool MayChangeInNfc => HasBit(26);

    /// <summary>UTS #46, non-transitional, with UseSTD3ASCIIRules.</summary>
    public DomainStatus DomainStatus => (DomainStatus)((Bits >> 27) & 0x3);

    /// <summary>General_Category Nd.</summary>
    public bool IsDecimalDigit => HasBit(29);

    /// <summary>Has a canonical decomposition in the table (a Hangul syllable decomposes by arithmetic).</summary>
    public bool Decomposes => HasBit(30);

    /// <summary>Unassigned, private use, control, separator, or invisible (Default_Ignorable_Code_Point, but not the joiners).</summary>
    public bool IsHidden => HasBit(31);

    /// <summary>The properties of a code point in [0, 0x10FFFF].</summary>
    public static CharacterProperties Of(int codePoint)
    {
        var starts = CharacterTable.Starts;
        int low = 0, high = starts.Length - 1;
        while (low < high)
        {
            var middle = (low + high + 1) >>> 1;
            if (starts[middle] <= codePoint)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return new CharacterProperties(CharacterTable.Properties[CharacterTable.Records[low]]);
    }

    /// <summary>The value of a decimal digit of any script, 0 to 9; −1 for everything else.</summary>
    public static int DecimalDigitValue(int codePoint)
    {
        if (!Of(codePoint).IsDecimalDigit)
        {
            return -1;
        }

        var run = CharacterTable.DigitRuns.BinarySearch(codePoint);
        return (codePoint - CharacterTable.DigitRuns[run >= 0 ? run : ~run - 1]) % 10;
    }

    private bool HasBit(int bit) => (Bits >> bit & 1) != 0;
}

/// <summary>The derived property of RFC 8264 section 8; a control is told apart for the message's sake.</summary>
internal enum IdentifierClass
{
    Valid,
    ContextJ,
    ContextO,
    Disallowed,
    Unassigned,
    Control,
}

/// <summary>Bidi_Class by its short names (UAX #9, table 4).</summary>
internal enum BidiClass
{
    L,
    R,
    AL,
    AN,
    EN,
    ES,
    CS,
    ET,
    ON,
    BN,
    NSM,
    B,
    S,
    WS,
    LRE,
    LRO,
    RLE,
    RLO,
    PDF,
    LRI,
    RLI,
    FSI,
    PDI,
}

/// <summary>Joining_Type (The Unicode Standard, section 9.2).</summary>
internal enum JoiningType
{
    NonJoining,
    LeftJoining,
    RightJoining,
    DualJoining,
    Transparent,
    JoinCausing,
}

/// <summary>The scripts that a contextual rule asks for.</summary>
internal enum ContextScript
{
    Other,
    Greek,
    Hebrew,
    HiraganaKatakanaOrHan,
}

/// <summary>What UTS #46 does with a code point of a domain name.</summary>
internal enum DomainStatus
{
    Valid,
    Ignored,
    Mapped,
    Disallowed,
}
