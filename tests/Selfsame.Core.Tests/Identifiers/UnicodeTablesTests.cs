using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Selfsame.Core.Identifiers;
using Selfsame.Core.Identifiers.Unicode;

namespace Selfsame.Core.Tests.Identifiers;

public sealed class UnicodeTablesTests
{
    private static readonly string[] ContextScripts = ["Greek", "Hebrew", "Hiragana", "Katakana", "Han"];
    private readonly UnicodeOracle oracle = UnicodeOracle.Instance;

    [Fact]
    public void Every_code_point_has_the_properties_that_the_Unicode_files_give_it()
    {
        foreach (var point in UnicodeFiles.TellingPoints)
        {
            var properties = CharacterProperties.Of(point);
            var right = properties.IdentifierClass.ToString() == oracle.IdentifierClass(point)
                && (oracle.Category[point] is null || properties.BidiClass.ToString() == (oracle.Bidi[point] ?? "L"))
                && properties.CombiningClass == oracle.Combining[point]
                && properties.JoiningType.ToString().StartsWith(JoiningName(oracle.Joining[point]), StringComparison.Ordinal)
                && properties.Script == ScriptOf(oracle.Script[point])
                && properties.IsMark == (oracle.Category[point]?[0] == 'M')
                && properties.IsCased == oracle.Has(point, "Cased")
                && properties.IsCaseIgnorable == oracle.Has(point, "Case_Ignorable")
                && properties.IsWhiteSpace == oracle.Has(point, "White_Space")
                && properties.MayChangeInNfc == (oracle.Has(point, "NFC_QC=N") || oracle.Has(point, "NFC_QC=M"))
                && properties.Decomposes == oracle.Decomposes(point)
                && properties.IsHidden == IsHidden(point)
                && CharacterProperties.DecimalDigitValue(point) == oracle.DigitValues.GetValueOrDefault(point, -1);
            Require(right, point);
        }
    }

    [Fact]
    public void Every_code_point_is_mapped_in_a_domain_name_as_UTS_46_says()
    {
        foreach (var (points, fields) in UnicodeFiles.Ranges("IdnaMappingTable.txt"))
        {
            var expected = fields[0] switch
            {
                "valid" or "deviation" => DomainStatus.Valid,
                "ignored" => DomainStatus.Ignored,
                "mapped" => DomainStatus.Mapped,
                _ => DomainStatus.Disallowed,
            };
            foreach (var point in points)
            {
                var isMapped = CodePointMapping.Domain.TryFind(point, out var target);
                Require(CharacterProperties.Of(point).DomainStatus == expected && isMapped == (expected == DomainStatus.Mapped)
                    && target.SequenceEqual(isMapped ? UnicodeFiles.Text(fields[1]) : ""), point);
            }
        }
    }

    [Fact]
    public void Every_code_point_has_the_case_the_width_and_the_skeleton_of_the_Unicode_files()
    {
        foreach (var text in Characters())
        {
            Require(LowerCase.Map(text) == oracle.Lower(text) && CodePointMapping.Width.Apply(text) == oracle.Width(text)
                && Lookalikes.Skeleton(text) == oracle.Skeleton(text), char.ConvertToUtf32(text, 0));
        }
    }

    [Fact]
    public void Every_code_point_is_keyed_or_refused_in_a_username_as_the_oracle_says()
    {
        foreach (var text in Characters())
        {
            var key = UserName.TryParse(text, out var userName, out _) ? userName.Key : null;
            Require(key == oracle.UserNameKey(text), char.ConvertToUtf32(text, 0));
        }
    }

    [Fact]
    public void The_committed_tables_are_what_the_generator_writes_from_the_committed_inputs()
    {
        var files = Directory.GetFiles(UnicodeFiles.TablesFolder, "*.g.cs");
        files.Length.ShouldBe(6);
        foreach (var file in files)
        {
            var source = File.ReadAllText(file);
            var inputs = Regex.Matches(source, "^//   (\\S+) sha256 ([0-9a-f]{64})$", RegexOptions.Multiline);
            inputs.Count.ShouldBe(11);
            foreach (Match input in inputs)
            {
                Convert.ToHexStringLower(SHA256.HashData(UnicodeFiles.Input(input.Groups[1].Value))).ShouldBe(input.Groups[2].Value, file);
            }

            var body = source[(source.IndexOf("Unicode;\n\n", StringComparison.Ordinal) + 10)..];
            source.ShouldContain($"// Body sha256 {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(body)))}\n");
        }
    }

    [Fact]
    public void The_rule_version_names_the_Unicode_version_of_the_inputs()
    {
        var firstLine = Encoding.UTF8.GetString(UnicodeFiles.Input("DerivedCoreProperties.txt")).Split('\n')[0];
        firstLine.ShouldBe($"# DerivedCoreProperties-{KeyRules.Version.Split("unicode-")[1]}.txt");
    }

    private static IEnumerable<string> Characters() =>
        UnicodeFiles.TellingPoints.Where(point => point is < 0xD800 or > 0xDFFF).Select(char.ConvertFromUtf32);

    // An assertion that builds its message only when it fails: these loops go through all of Unicode.
    private static void Require(bool holds, int point)
    {
        if (!holds)
        {
            Assert.Fail($"{CodePoints.Name(point)} differs from the Unicode files.");
        }
    }

    private bool IsHidden(int point) => oracle.Category[point] is null or "Cs" or "Co" or "Cc" or "Zs" or "Zl" or "Zp"
        || (oracle.Has(point, "Default_Ignorable_Code_Point") && !oracle.Has(point, "Join_Control"));

    private static ContextScript ScriptOf(string? script) =>
        (ContextScript)Math.Min(Array.IndexOf(ContextScripts, script) + 1, (int)ContextScript.HiraganaKatakanaOrHan);

    private static string JoiningName(string? type) => type switch
    {
        "L" => "Left",
        "R" => "Right",
        "D" => "Dual",
        "T" => "Transparent",
        "C" => "JoinCausing",
        _ => "Non",
    };
}
