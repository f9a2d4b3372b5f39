namespace Selfsame.Core.Identifiers.Unicode;

/// <summary>The Bidi Rule of RFC 5893 section 2, for a label or a username.</summary>
internal static class BidiRule
{
    /// <summary>Whether the text holds a right-to-left character (R, AL or AN), so that the rule applies.</summary>
    public static bool Applies(ReadOnlySpan<int> codePoints)
    {
        foreach (var codePoint in codePoints)
        {
            if (CharacterProperties.Of(codePoint).BidiClass is BidiClass.R or BidiClass.AL or BidiClass.AN)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether all six conditions hold. Empty text satisfies none of them.</summary>
    public static bool IsSatisfied(ReadOnlySpan<int> codePoints)
    {
        if (codePoints.IsEmpty)
        {
            return false;
        }

        return CharacterProperties.Of(codePoints[0]).BidiClass switch
        {
            BidiClass.R or BidiClass.AL => IsRightToLeft(codePoints),
            BidiClass.L => IsLeftToRight(codePoints),
            _ => false,
        };
    }

    /// <summary>Conditions 2, 3 and 4.</summary>
    private static bool IsRightToLeft(ReadOnlySpan<int> codePoints)
    {
        bool european = false, arabic = false;
        foreach (var codePoint in codePoints)
        {
            switch (CharacterProperties.Of(codePoint).BidiClass)
            {
                case BidiClass.EN:
                    european = true;
                    break;
                case BidiClass.AN:
                    arabic = true;
                    break;
                case BidiClass.R or BidiClass.AL or BidiClass.ES or BidiClass.CS or BidiClass.ET or BidiClass.ON or BidiClass.BN
                    or BidiClass.NSM:
                    break;
                default:
                    return false;
            }
        }

        return !(european && arabic) && Last(codePoints) is BidiClass.R or BidiClass.AL or BidiClass.EN or BidiClass.AN;
    }

    /// <summary>Conditions 5 and 6.</summary>
    private static bool IsLeftToRight(ReadOnlySpan<int> codePoints)
    {
        foreach (var codePoint in codePoints)
        {
            if (CharacterProperties.Of(codePoint).BidiClass is not (BidiClass.L or BidiClass.EN or BidiClass.ES or BidiClass.CS
                or BidiClass.ET or BidiClass.ON or BidiClass.BN or BidiClass.NSM))
            {
                return false;
            }
        }

        return Last(codePoints) is BidiClass.L or BidiClass.EN;
    }

    /// <summary>The class of the last character that is no nonspacing mark.</summary>
    private static BidiClass Last(ReadOnlySpan<int> codePoints)
    {
        for (var index = codePoints.Length - 1; index > 0; index--)
        {
            var bidiClass = CharacterProperties.Of(codePoints[index]).BidiClass;
            if (bidiClass != BidiClass.NSM)
            {
                return bidiClass;
            }
        }

        return CharacterProperties.Of(codePoints[0]).BidiClass;
    }
}
