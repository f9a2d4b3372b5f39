using System.Text.RegularExpressions;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.RealInput;

/// <summary>
/// Everybody whom Debian's source packages name as maintainer or uploader. The lists are fetched by apt with a configuration of its own under a
/// temporary folder, so that the machine's own lists stay as they are; never stored.
/// </summary>
public static partial class DebianSources
{
    /// <summary>Every distinct spelling of name and address. Where the machine's mirror serves no source lists, an <see cref="InvalidOperationException"/> says what to do.</summary>
    public static async Task<IReadOnlyList<Maintainer>> ReadAsync(string configuration = "/etc/apt")
    {
        var listed = Path.Combine(configuration, "sources.list.d");
        using var folder = new TemporaryFolder();
        foreach (var name in (string[])["parts", "lists/partial", "cache/archives/partial"])
        {
            Directory.CreateDirectory(folder[name]);
        }

        foreach (var file in Existing(listed, "*.sources"))
        {
            await File.WriteAllTextAsync(folder[$"parts/{Path.GetFileName(file)}"], Types().Replace(await File.ReadAllTextAsync(file), "Types: deb-src"));
        }

        foreach (var file in Existing(listed, "*.list").Concat(Existing(configuration, "sources.list")))
        {
            await File.WriteAllTextAsync(folder[$"parts/from-{Path.GetFileNameWithoutExtension(file)}.list"], Binary().Replace(await File.ReadAllTextAsync(file), "deb-src "));
        }

        string[] own =
        [
            "-o", "Dir::Etc::sourcelist=/dev/null", "-o", $"Dir::Etc::sourceparts={folder["parts"]}",
            "-o", $"Dir::State::lists={folder["lists"]}", "-o", $"Dir::Cache={folder["cache"]}",
        ];

        // Another repository of the machine may have no sources: what counts is which lists came.
        var update = await DebianMaintainers.RunAsync("apt-get", ["update", "-qq", .. own]);
        var people = new HashSet<Maintainer>();
        foreach (var list in Directory.EnumerateFiles(folder["lists"], "*_source_Sources*"))
        {
            var text = (await DebianMaintainers.RunAsync("/usr/lib/apt/apt-helper", ["cat-file", list, .. own])).StandardOutput;
            people.UnionWith(People().Matches(text).SelectMany(field => DebianMaintainers.Named(field.Groups["people"].Value)));
        }

        return people.Count > 0
            ? [.. people]
            : throw new InvalidOperationException(
                $"No source list came from the mirrors in {configuration}/sources.list and {listed}. Name one there that serves Debian's source packages (deb-src), and look whether "
                + $"'apt-get update' reaches it. {update.StandardError.Trim()}");
    }

    private static IEnumerable<string> Existing(string folder, string pattern)
        => Directory.Exists(folder) ? Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal) : [];

    [GeneratedRegex("^Types:.*$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Types();

    [GeneratedRegex("^deb ", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Binary();

    // A field goes on in lines that begin with a blank.
    [GeneratedRegex(@"^(Maintainer|Uploaders): (?<people>.*(\n .*)*)", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex People();
}
