using System.Text;

namespace Selfsame.Core.Tests.Identifiers;

/// <summary>
/// What the rules say, told naively and straight from the Unicode files: arrays by code point, definitions transcribed from
/// the standards, no fast path, and nothing of the generator or of the code under test.
/// </summary>
internal sealed class UnicodeOracle
{
    private readonly Dictionary<string, HashSet<int>> properties = [];
    private readonly Dictionary<int, int[]> canonical = [];
    private readonly Dictionary<int, int[]> compatible = [];
    private readonly Dictionary<int, int[]> all;
    private readonly Dictionary<int, int[]> width = [];
    private readonly Dictionary<int, int[]> lower = [];
    private readonly Dictionary<(int First, int Second), int> composites = [];
    private readonly Dictionary<int, int[]> confusables = [];

    private UnicodeOracle()
    {
        ReadUnicodeData();
        all = canonical.Concat(compatible).ToDictionary();
        foreach (var name in (string[])["DerivedCoreProperties.txt", "PropList.txt", "HangulSyllableType.txt", "DerivedNormalizationProps.txt"])
        {
            foreach (var (points, fields) in UnicodeFiles.Ranges(name))
            {
                properties.TryAdd(string.Join('=', fields), []);
                properties[string.Join('=', fields)].UnionWith(points);
            }
        }

        Fill("extracted/DerivedBidiClass.txt", Bidi);
        Fill("extracted/DerivedJoiningType.txt", Joining);
        Fill("Scripts.txt", Script);
        foreach (var row in UnicodeFiles.Rows("SpecialCasing.txt").Where(row => row.Length < 6 || row[4].Length == 0))
        {
            lower[Convert.ToInt32(row[0], 16)] = UnicodeFiles.Points(row[1]);
        }

        foreach (var (point, to) in canonical.Where(pair => !Has(pair.Key, "Full_Composition_Exclusion")))
        {
            composites.Add((to[0], to[1]), point);
        }

        foreach (var row in UnicodeFiles.Rows("confusables.txt"))
        {
            confusables.Add(Convert.ToInt32(row[0].TrimStart('\uFEFF'), 16), UnicodeFiles.Points(row[1]));
        }
    }

    public static UnicodeOracle Instance { get; } = new();

    public string?[] Category { get; } = new string?[0x110000];

    public int[] Combining { get; } = new int[0x110000];

    public string?[] Bidi { get; } = new string?[0x110000];

    public string?[] Joining { get; } = new string?[0x110000];

    public string?[] Script { get; } = new string?[0x110000];

    public Dictionary<int, int> DigitValues { get; } = [];

    public bool Has(int point, string property) => properties.TryGetValue(property, out var members) && members.Contains(point);

    public bool Decomposes(int point) => canonical.ContainsKey(point);

    public int[] Prototype(int point) => confusables.GetValueOrDefault(point, [point]);

    public static int[] Points(string text) => [.. text.EnumerateRunes().Select(rune => rune.Value)];

    public static string Text(IEnumerable<int> points) => string.Concat(points.Select(char.ConvertFromUtf32));

    public string Trim(string text)
    {
        var points = Points(text);
        return Text(points.SkipWhile(IsBlank).Reverse().SkipWhile(IsBlank).Reverse());

        bool IsBlank(int point) => Has(point, "White_Space");
    }

    public string Nfd(string text) => Text(Decompose(Points(text), canonical));

    public string Nfc(string text) => Text(Compose(Decompose(Points(text), canonical)));

    public string Nfkc(string text) =>
        Text(Compose(Decompose(Points(text), all)));

    public string Width(string text) => Text(Points(text).SelectMany(point => width.GetValueOrDefault(point, [point])));

    /// <summary>toLowercase with Final_Sigma of table 3-17: some cased letter before, none after, only case-ignorable between.</summary>
    public string Lower(string text)
    {
        var points = Points(text);
        return Text(points.SelectMany((point, at) =>
            point == 0x3A3 && Reaches(points[..at].Reverse()) && !Reaches(points[(at + 1)..]) ? [0x3C2] : lower.GetValueOrDefault(point, [point])));

        bool Reaches(IEnumerable<int> row)
        {
            foreach (var point in row)
            {
                if (Has(point, "Cased"))
                {
                    return true;
                }

                if (!Has(point, "Case_Ignorable"))
                {
                    return false;
                }
            }

            return false;
        }
    }

    public string Skeleton(string text) => Nfd(Text(Points(Nfd(text)).SelectMany(Prototype)));

    /// <summary>RFC 8264 section 8, in the words of the RFC; HasCompat by toNFKC(cp) != cp.</summary>
    public string IdentifierClass(int point) => point switch
    {
        0xDF or 0x3C2 or 0x6FD or 0x6FE or 0xF0B or 0x3007 => "Valid",
        0xB7 or 0x375 or 0x5F3 or 0x5F4 or 0x30FB or (>= 0x660 and <= 0x669) or (>= 0x6F0 and <= 0x6F9) => "ContextO",
        0x640 or 0x7FA or 0x302E or 0x302F or (>= 0x3031 and <= 0x3035) or 0x303B => "Disallowed",
        _ when Category[point] is null && !Has(point, "Noncharacter_Code_Point") => "Unassigned",
        >= 0x21 and <= 0x7E => "Valid",
        0x200C or 0x200D => "ContextJ",
        _ when Has(point, "L") || Has(point, "V") || Has(point, "T") => "Disallowed",
        _ when Has(point, "Default_Ignorable_Code_Point") || Has(point, "Noncharacter_Code_Point") => "Disallowed",
        _ when Category[point] == "Cc" => "Control",
        _ when Category[point] != "Cs" && HasCompatible(point) => "Disallowed",
        _ => Category[point] is "Ll" or "Lu" or "Lo" or "Nd" or "Lm" or "Mn" or "Mc" ? "Valid" : "Disallowed",
    };

    /// <summary>The key of a username; null when it is refused.</summary>
    public string? UserNameKey(string text)
    {
        var shown = Nfc(Trim(text));
        var key = Nfc(Lower(Width(shown)));
        var points = Points(key);
        var allowed = points.Length > 0 && !key.Contains('@') && points.Select((point, at) => IsAllowed(points, at)).All(yes => yes)
            && new[] { shown, key }.All(form => Points(form).Length <= 64 && Encoding.UTF8.GetByteCount(form) <= 255)
            && (!points.Any(point => Bidi[point] is "R" or "AL" or "AN") || FollowsBidiRule(points));
        return allowed ? key : null;
    }

    /// <summary>RFC 5893 section 2, on the classes as one string of short names.</summary>
    public bool FollowsBidiRule(int[] points)
    {
        var classes = points.Select(point => Bidi[point] ?? "L").ToList();
        var ending = classes.AsEnumerable().Reverse().SkipWhile(name => name == "NSM").FirstOrDefault("none");
        return classes[0] switch
        {
            "R" or "AL" => classes.TrueForAll(name => name is "R" or "AL" or "AN" or "EN" or "ES" or "CS" or "ET" or "ON" or "BN" or "NSM")
                && ending is "R" or "AL" or "EN" or "AN" && !(classes.Contains("EN") && classes.Contains("AN")),
            "L" => classes.TrueForAll(name => name is "L" or "EN" or "ES" or "CS" or "ET" or "ON" or "BN" or "NSM") && ending is "L" or "EN",
            _ => false,
        };
    }

    /// <summary>Whether the IdentifierClass lets a character stand where it does.</summary>
    public bool IsAllowed(int[] points, int at) => IdentifierClass(points[at]) switch
    {
        "Valid" => true,
        "ContextJ" => (at > 0 && Combining[points[at - 1]] == 9) || (points[at] == 0x200C
            && points[..at].Reverse().SkipWhile(point => Joining[point] == "T").Take(1).Any(point => Joining[point] is "L" or "D")
            && points[(at + 1)..].SkipWhile(point => Joining[point] == "T").Take(1).Any(point => Joining[point] is "R" or "D")),
        "ContextO" => points[at] switch
        {
            0xB7 => points[..at].TakeLast(1).Concat(points[(at + 1)..].Take(1)).SequenceEqual([0x6C, 0x6C]),
            0x375 => points[(at + 1)..].Take(1).Any(point => Script[point] == "Greek"),
            0x5F3 or 0x5F4 => points[..at].TakeLast(1).Any(point => Script[point] == "Hebrew"),
            0x30FB => points.Any(point => Script[point] is "Hiragana" or "Katakana" or "Han"),
            < 0x6F0 => !points.Any(point => point is >= 0x6F0 and <= 0x6F9),
            _ => !points.Any(point => point is >= 0x660 and <= 0x669),
        },
        _ => false,
    };

    private bool HasCompatible(int point) =>
        (canonical.ContainsKey(point) || compatible.ContainsKey(point)) && Nfkc(char.ConvertFromUtf32(point)) != char.ConvertFromUtf32(point);

    private static void Fill(string file, string?[] values)
    {
        foreach (var (points, fields) in UnicodeFiles.Ranges(file))
        {
            foreach (var point in points)
            {
                values[point] = fields[0];
            }
        }
    }

    private void ReadUnicodeData()
    {
        var first = 0;
        foreach (var row in UnicodeFiles.Rows("UnicodeData.txt"))
        {
            var point = Convert.ToInt32(row[0], 16);
            first = row[1].EndsWith("Last>", StringComparison.Ordinal) ? first : point;
            for (var member = first; member <= point; member++)
            {
                Category[member] = row[2];
                Combining[member] = int.Parse(row[3], null);
            }

            if (row[5].Length > 0)
            {
                var to = UnicodeFiles.Points(row[5].Split('>')[^1]);
                (row[5][0] == '<' ? compatible : canonical).Add(point, to);
                if (row[5].StartsWith("<wide>", StringComparison.Ordinal) || row[5].StartsWith("<narrow>", StringComparison.Ordinal))
                {
                    width.Add(point, to);
                }
            }

            if (row[2] == "Nd")
            {
                DigitValues.Add(point, int.Parse(row[6], null));
            }

            if (row[13].Length > 0)
            {
                lower.Add(point, UnicodeFiles.Points(row[13]));
            }
        }
    }

    private List<int> Decompose(IEnumerable<int> points, Dictionary<int, int[]> mapping)
    {
        var result = points.SelectMany(point => Expand(point, mapping)).ToList();
        // The Canonical Ordering Algorithm as it is written: exchange neighbours until none is out of order.
        for (var exchanged = true; exchanged;)
        {
            exchanged = false;
            for (var at = 1; at < result.Count; at++)
            {
                if (Combining[result[at]] != 0 && Combining[result[at - 1]] > Combining[result[at]])
                {
                    (result[at], result[at - 1]) = (result[at - 1], result[at]);
                    exchanged = true;
                }
            }
        }

        return result;
    }

    private static IEnumerable<int> Expand(int point, Dictionary<int, int[]> mapping)
    {
        if (point is >= 0xAC00 and <= 0xD7A3)
        {
            var tail = (point - 0xAC00) % 28;
            int[] two = [0x1100 + (point - 0xAC00) / 588, 0x1161 + (point - 0xAC00) % 588 / 28];
            return tail == 0 ? two : [.. two, 0x11A7 + tail];
        }

        return mapping.TryGetValue(point, out var to) ? to.SelectMany(part => Expand(part, mapping)) : [point];
    }

    private List<int> Compose(List<int> points)
    {
        for (var at = 1; at < points.Count; at++)
        {
            var starter = points.FindLastIndex(at - 1, point => Combining[point] == 0);
            if (starter < 0 || !TryComposite(points[starter], points[at], out var composite))
            {
                continue;
            }

            // D115: blocked by a starter, or by a mark of the same or a higher class, between the two.
            var between = points[(starter + 1)..at];
            if (between.TrueForAll(point => Combining[point] != 0 && Combining[point] < Combining[points[at]]))
            {
                points[starter] = composite;
                points.RemoveAt(at--);
            }
        }

        return points;
    }

    private bool TryComposite(int first, int second, out int composite)
    {
        composite = (first, second) switch
        {
            ( >= 0x1100 and <= 0x1112, >= 0x1161 and <= 0x1175) => 0xAC00 + ((first - 0x1100) * 21 + second - 0x1161) * 28,
            ( >= 0xAC00 and <= 0xD7A3, >= 0x11A8 and <= 0x11C2) when (first - 0xAC00) % 28 == 0 => first + second - 0x11A7,
            _ => composites.GetValueOrDefault((first, second), -1),
        };
        return composite >= 0;
    }
}
