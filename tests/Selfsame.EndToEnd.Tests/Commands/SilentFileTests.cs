using System.Globalization;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

/// <summary>A file that blocks whoever opens it.</summary>
[Trait("needs", "executable")]
public sealed class SilentFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task SIGTERM_ends_an_audit_that_waits_for_a_pipe()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await ChildProcess.RunAsync("mkfifo", [folder["people.csv"]], cancellationToken: patience.Token);
        File.WriteAllText(folder["selfsame.yaml"], "systems:\n  people: { connector: files, path: people.csv, id: id, identifiers: { email: mail } }\n");
        await using var audit = ChildProcess.Start(Checkout.Executable, ["audit"], folder: folder.Path);
        while (!IsReading(audit.Id))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), patience.Token);
        }

        await ChildProcess.RunAsync("kill", ["-TERM", audit.Id.ToString(CultureInfo.InvariantCulture)], cancellationToken: patience.Token);

        (await audit.WaitForExitAsync(patience.Token)).ShouldBe(130);
        audit.StandardError.Text.ShouldContain("Interrupted");
    }

    // The thread that reads a file bears its name.
    private static bool IsReading(int process)
        => Directory.EnumerateDirectories($"/proc/{process}/task").Any(thread => File.ReadAllText(Path.Combine(thread, "comm")).StartsWith("File ", StringComparison.Ordinal));
}
