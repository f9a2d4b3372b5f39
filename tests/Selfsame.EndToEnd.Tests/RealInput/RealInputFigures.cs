using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.RealInput;

/// <summary>What was counted on real people, for whoever runs the tests: <c>./test</c> shows it at its end. Numbers only, nobody's name.</summary>
public static class RealInputFigures
{
    private static readonly SemaphoreSlim Gate = new(1);

    /// <summary>Adds a test's figures to those of the others, and to its own output.</summary>
    public static async Task AddAsync(IReadOnlyList<string> lines)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', lines));
        var folder = Directory.CreateDirectory(Path.Combine(Checkout.Root, "artifacts"));
        await Gate.WaitAsync();
        try
        {
            await File.AppendAllLinesAsync(Path.Combine(folder.FullName, "real-input.txt"), lines);
        }
        finally
        {
            Gate.Release();
        }
    }
}
