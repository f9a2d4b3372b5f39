using Selfsame.Testing;

namespace Selfsame.Core.Tests.HouseRules;

/// <summary>The files that we write and commit, as paths relative to the checkout with forward slashes.</summary>
internal static class SourceTree
{
    private static readonly string[] TopLevelOutputs = ["data", "artifacts"];
    private static readonly string[] Outputs = [".git", ".vs", "bin", "obj", "node_modules", "TestResults"];
    private static readonly string[] TextEndings =
        [".cs", ".cshtml", ".css", ".csproj", ".editorconfig", ".gitignore", ".js", ".json", ".md", ".mjs", ".props", ".py", ".sh", ".slnx", ".sql", ".txt", ".yaml", ".yml"];

    /// <summary>Every text file that is not generated, installed or built; files without an ending are scripts.</summary>
    public static IReadOnlyList<string> TextFiles { get; } =
        [.. Files("").Where(file => Path.GetExtension(file) is var ending && (ending.Length == 0 || TextEndings.Contains(ending))).Order(StringComparer.Ordinal)];

    /// <summary>The text files that are code: not prose, not data, not a library of others.</summary>
    public static IEnumerable<string> CodeFiles =>
        TextFiles.Where(file => !file.EndsWith(".md", StringComparison.Ordinal) && !file.EndsWith(".txt", StringComparison.Ordinal)
            && !file.EndsWith(".json", StringComparison.Ordinal) && !file.Contains("/wwwroot/lib/", StringComparison.Ordinal));

    /// <summary>The C# files under a folder.</summary>
    public static IEnumerable<string> CSharpFiles(string folder) =>
        TextFiles.Where(file => file.StartsWith(folder + "/", StringComparison.Ordinal) && file.EndsWith(".cs", StringComparison.Ordinal));

    public static string Read(string file) => File.ReadAllText(Path.Combine(Checkout.Root, file));

    public static IEnumerable<(int Number, string Text)> Lines(string file) =>
        File.ReadLines(Path.Combine(Checkout.Root, file)).Select((text, index) => (index + 1, text));

    private static IEnumerable<string> Files(string folder)
    {
        var path = Path.Combine(Checkout.Root, folder);
        var inner = Directory.EnumerateDirectories(path).Select(Path.GetFileName).OfType<string>()
            .Where(name => !Outputs.Contains(name) && !(folder.Length == 0 && TopLevelOutputs.Contains(name)))
            .SelectMany(name => Files(Relative(name)));
        return Directory.EnumerateFiles(path).Select(file => Relative(Path.GetFileName(file))).Concat(inner);

        string Relative(string name) => folder.Length == 0 ? name : $"{folder}/{name}";
    }
}
