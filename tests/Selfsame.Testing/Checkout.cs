namespace Selfsame.Testing;

/// <summary>Where things are in this checkout. The environment overrides what a machine may keep elsewhere.</summary>
public static class Checkout
{
    /// <summary>The folder of Selfsame.slnx, found by walking up from the test's executable.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>
    /// The executable `selfsame` of the tests' own configuration, or SELFSAME_EXECUTABLE. An <see cref="InvalidOperationException"/>
    /// says how to build it.
    /// </summary>
    public static string Executable =>
        Existing("SELFSAME_EXECUTABLE", Path.Combine(Root, "src", "Selfsame.Cli", "bin", Configuration, "net10.0", "selfsame"),
            $"Build it: dotnet build -c {Configuration} src/Selfsame.Cli");

    /// <summary>tests/node, with the npm packages installed in it.</summary>
    public static string NodeFolder
    {
        get
        {
            var folder = Path.Combine(Root, "tests", "node");
            return Directory.Exists(Path.Combine(folder, "node_modules"))
                ? folder
                : throw new InvalidOperationException("The npm packages for the tests are not installed. Run `npm ci --ignore-scripts` in tests/node.");
        }
    }

    /// <summary>tests/node/pds, with the PDS and the PLC directory installed in it.</summary>
    public static string PersonalDataServerFolder
    {
        get
        {
            var folder = Path.Combine(Root, "tests", "node", "pds");
            return Directory.Exists(Path.Combine(folder, "node_modules"))
                ? folder
                : throw new InvalidOperationException("The PDS for the tests is not installed. Run ./test once: it installs it, in two to three minutes.");
        }
    }

    /// <summary>Where tests leave what a person may want to look at: screenshots, logs. Not under version control.</summary>
    public static string Artifacts => Directory.CreateDirectory(Path.Combine(Root, "artifacts")).FullName;

    private static string Configuration { get; } =
        AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}Debug{Path.DirectorySeparatorChar}", StringComparison.Ordinal) ? "Debug" : "Release";

    /// <summary>The path that the environment variable names, else <paramref name="path"/>; it must exist.</summary>
    internal static string Existing(string variable, string path, string advice)
    {
        var chosen = Environment.GetEnvironmentVariable(variable) is { Length: > 0 } named ? named : path;
        return Path.Exists(chosen) ? chosen : throw new InvalidOperationException($"{chosen} is missing. {advice} (or set {variable}).");
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Selfsame.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"No Selfsame.slnx in or above {AppContext.BaseDirectory}: run the tests from a checkout.");
    }
}
