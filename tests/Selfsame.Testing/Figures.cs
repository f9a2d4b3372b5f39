namespace Selfsame.Testing;

/// <summary>What tests counted, for whoever runs them: <c>./test</c> shows it at its end. Numbers only, nobody's name.</summary>
public static class Figures
{
    private static readonly Lock Gate = new();

    /// <summary>Adds a test's figures to those of the others.</summary>
    public static void Add(IReadOnlyList<string> lines)
    {
        var folder = System.IO.Directory.CreateDirectory(Path.Combine(Checkout.Root, "artifacts"));
        lock (Gate)
        {
            File.AppendAllLines(Path.Combine(folder.FullName, "figures.txt"), lines);
        }
    }
}
