using System.Globalization;

namespace Selfsame.Testing;

/// <summary>A folder of its own under the system's temporary folder, gone when disposed of.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private const string Prefix = "selfsame-test-";

    static TemporaryFolder() => RemoveLeftOvers();

    /// <summary>Creates the folder, readable by its owner only.</summary>
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory($"{Prefix}{Environment.ProcessId}-").FullName;

    /// <summary>The absolute path.</summary>
    public string Path { get; }

    /// <summary>The absolute path of a file or folder in it.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (Directory.Exists(Path))
        {
            Directory.Delete(Path, recursive: true);
        }
    }

    /// <summary>A killed test run leaves its folders behind: the names bear the process that made them, so the next run can remove them.</summary>
    private static void RemoveLeftOvers()
    {
        foreach (var folder in Directory.EnumerateDirectories(System.IO.Path.GetTempPath(), $"{Prefix}*"))
        {
            var maker = System.IO.Path.GetFileName(folder)[Prefix.Length..].Split('-')[0];
            if (int.TryParse(maker, CultureInfo.InvariantCulture, out var processId) && !Directory.Exists($"/proc/{processId}"))
            {
                try
                {
                    Directory.Delete(folder, recursive: true);
                }
                catch (DirectoryNotFoundException)
                {
                    // Another process is removing it as well.
                }
                catch (Exception error) when (error is IOException or UnauthorizedAccessException)
                {
                    Console.Error.WriteLine($"The folder {folder} of an earlier test run cannot be removed: {error.Message}");
                }
            }
        }
    }
}
