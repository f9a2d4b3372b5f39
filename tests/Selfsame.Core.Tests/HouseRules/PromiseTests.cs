using System.Text.RegularExpressions;

namespace Selfsame.Core.Tests.HouseRules;

/// <summary>docs/promises.md says which tests keep which promise; here it is held to that.</summary>
public sealed partial class PromiseTests
{
    private const string Promises = "docs/promises.md";

    [Fact]
    public void Every_promise_names_a_test() =>
        Rows().Where(row => TestNames(row.Text).Count == 0).Select(row => $"{Promises}:{row.Number} names no test").ShouldBeEmpty();

    [Fact]
    public void Every_test_that_a_promise_names_exists()
    {
        var missing =
            from row in Rows()
            from name in TestNames(row.Text)
            where !Tests.Value.Contains(name)
            select $"{Promises}:{row.Number}: there is no test {name}";

        missing.ShouldBeEmpty();
    }

    [Fact]
    public void The_promises_are_read() => Rows().ShouldNotBeEmpty();

    [Fact]
    public void A_test_is_its_classs_and_those_that_derive_from_it()
    {
        const string first =
            """
            public abstract class SuiteTests(int size)
            {
                private sealed class Part
                {
                    [Fact]
                    public void A_part_is_small() => Small();
                }

                [Theory]
                [InlineData(1)]
                // With a reason.
                public async Task It_holds(int number)
            }

            internal sealed class Other;

            public sealed partial class OneTests() : SuiteTests(1)
            {
                [Fact]
                public void One_is_one() => One();
            }
            """;

        TestsIn([first, "public sealed partial class OneTests\n{\n    [Fact]\n    public void One_is_partial() => One();\n}\n"]).ShouldBe(
            ["Part.A_part_is_small", "SuiteTests.It_holds", "OneTests.It_holds", "OneTests.One_is_one", "OneTests.One_is_partial"], ignoreOrder: true);
    }

    /// <summary>Every test in the sources, as <c>ClassName.Test_name</c>.</summary>
    private static readonly Lazy<HashSet<string>> Tests = new(() => TestsIn(SourceTree.CSharpFiles("tests").Select(SourceTree.Read)));

    /// <summary>A test is the class's around it: of the declarations before it the last that is indented less, for every source is formatted. Classes inherit the tests of their base.</summary>
    private static HashSet<string> TestsIn(IEnumerable<string> sources)
    {
        var own = new List<(string Class, string Test)>();
        var bases = new List<(string Class, string Base)>();
        foreach (var source in sources)
        {
            var classes = Class().Matches(source).ToList();
            bases.AddRange(classes.Where(type => type.Groups["base"].Success).Select(type => (type.Groups["name"].Value, type.Groups["base"].Value)));
            own.AddRange(
                from Match test in Test().Matches(source)
                let around = classes.FindLast(type => type.Index < test.Index && type.Groups["indent"].Length < test.Groups["indent"].Length)
                where around is not null
                select (around.Groups["name"].Value, test.Groups["name"].Value));
        }

        var tests = own.Select(test => $"{test.Class}.{test.Test}").ToHashSet(StringComparer.Ordinal);
        var ofClass = own.ToLookup(test => test.Class, test => test.Test, StringComparer.Ordinal);
        var basesOf = bases.ToLookup(type => type.Class, type => type.Base, StringComparer.Ordinal);
        foreach (var type in bases.Select(type => type.Class).Distinct(StringComparer.Ordinal))
        {
            var above = new Queue<string>(basesOf[type]);
            while (above.TryDequeue(out var name))
            {
                tests.UnionWith(ofClass[name].Select(test => $"{type}.{test}"));
                basesOf[name].ToList().ForEach(above.Enqueue);
            }
        }

        return tests;
    }

    /// <summary>The rows of all tables, without their headings.</summary>
    private static IEnumerable<(int Number, string Text)> Rows()
    {
        var lines = SourceTree.Lines(Promises).ToList();
        return lines.Where((line, index) => line.Text.StartsWith('|') && !Separator().IsMatch(line.Text)
            && !(index + 1 < lines.Count && Separator().IsMatch(lines[index + 1].Text)));
    }

    private static List<string> TestNames(string row) => [.. TestName().Matches(row).Select(match => match.Groups["name"].Value)];

    [GeneratedRegex(@"`(?<name>[A-Z]\w*\.[A-Za-z]\w*_\w+)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^\|[\s:|-]+$")]
    private static partial Regex Separator();

    [GeneratedRegex(@"^(?<indent> *)([a-z]+ )*class (?<name>\w+)(<[^>\n]*>)?(\((?:[^()\n]|\([^()\n]*\))*\))?(\s*:\s*(?<base>\w+))?", RegexOptions.Multiline)]
    private static partial Regex Class();

    [GeneratedRegex(@"(?<=^(?<indent> *))\[(Fact|Theory)\b[^\n]*(\s*\[[^\n]*|\s*//[^\n]*)*\s*public [^\n(]*?(?<name>\w+)\(", RegexOptions.Multiline)]
    private static partial Regex Test();
}
