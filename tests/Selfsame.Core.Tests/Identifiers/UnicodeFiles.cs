using System.IO.Compression;

namespace Selfsame.Core.Tests.Identifiers;

/// <summary>The committed Unicode 15.0.0 files: the generator's inputs and the published tests.</summary>
internal static class UnicodeFiles
{
    public static string Root { get; } = FindRoot();

    public static string TablesFolder => Path.Combine(Root, "src/Selfsame.Core/Identifiers/Unicode");

    public static string DataFolder => Path.Combine(Root, "tests/Selfsame.Core.Tests/Identifiers/Data");

    /// <summary>
    /// Every code point, but only some of those in long uniform stretches: ideographs, Hangul syllables, private use and empty
    /// planes. Of these the first and last two of each 256 are always there.
    /// </summary>
    public static IEnumerable<int> TellingPoints => Enumerable.Range(0, 0x110000).Where(point =>
        point is < 0x3400 or (> 0x9FF0 and < 0xAC00) or (> 0xD790 and < 0xE010) or (> 0xF8F0 and < 0x17000) or (> 0x18CD0 and < 0x1FC00)
            or (> 0x2F7F0 and < 0x2FA30) or (>= 0xE0000 and < 0xE0200)
        || (point & 0xFE) is 0 or 0xFE || (point < 0x32400 && point % 29 == 0));

    public static byte[] Input(string name) => Read(Path.Combine(Root, "tools/unicode/unicode-15.0.0.zip"), name);

    /// <summary>The fields of every line that has any, without comments.</summary>
    public static IEnumerable<string[]> Rows(string name) => Rows(Input(name));

    public static IEnumerable<string[]> TestRows(string name) => Rows(Read(Path.Combine(DataFolder, "unicode-tests-15.0.0.zip"), name));

    /// <summary>Rows whose first field is a code point or a range: the range, and the fields after it.</summary>
    public static IEnumerable<(IEnumerable<int> Points, string[] Fields)> Ranges(string name)
    {
        foreach (var row in Rows(name))
        {
            var ends = row[0].Split("..");
            var first = Convert.ToInt32(ends[0], 16);
            yield return (Enumerable.Range(first, Convert.ToInt32(ends[^1], 16) - first + 1), row[1..]);
        }
    }

    public static int[] Points(string text) =>
        [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(point => Convert.ToInt32(point, 16))];

    public static string Text(string points) => string.Concat(Points(points).Select(char.ConvertFromUtf32));

    private static IEnumerable<string[]> Rows(byte[] content)
    {
        using var reader = new StreamReader(new MemoryStream(content));
        while (reader.ReadLine() is { } line)
        {
            var data = line.Split('#')[0];
            if (!string.IsNullOrWhiteSpace(data) && data[0] != '@')
            {
                yield return [.. data.Split(';').Select(field => field.Trim())];
            }
        }
    }

    private static byte[] Read(string archive, string name)
    {
        using var zip = ZipFile.OpenRead(archive);
        using var stream = zip.GetEntry(name)!.Open();
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Selfsame.slnx")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run outside the repository.");
        }

        return folder.FullName;
    }
}
