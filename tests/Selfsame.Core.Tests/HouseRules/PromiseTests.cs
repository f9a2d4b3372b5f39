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

    /// <summary>Every test in the sources, as <c>ClassName.Test_name</c>; a file's tests count for each class that it declares.</summary>
    private static readonly Lazy<HashSet<string>> Tests = new(() =>
        [.. from file in SourceTree.CSharpFiles("tests")
            let source = SourceTree.Read(file)
            from Match test in Test().Matches(source)
            from Match type in Class().Matches(source)
            select $"{type.Groups["name"].Value}.{test.Groups["name"].Value}"]);

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

    [GeneratedRegex(@"\bclass (?<name>\w+)")]
    private static partial Regex Class();

    [GeneratedRegex(@"\[(Fact|Theory)\b[^\n]*(\s*\[[^\n]*|\s*//[^\n]*)*\s*public [^\n(]*?(?<name>\w+)\(")]
    private static partial Regex Test();
}
