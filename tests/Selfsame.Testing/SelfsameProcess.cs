using System.Text;
using System.Text.RegularExpressions;

namespace Selfsame.Testing;

/// <summary>The built executable, as a user runs it: a server that can be killed, or one command.</summary>
public sealed partial class SelfsameProcess : IAsyncDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private readonly ChildProcess process;

    private SelfsameProcess(ChildProcess process, Uri address)
    {
        this.process = process;
        Address = address;
    }

    /// <summary>What it answers on: http://127.0.0.1:PORT/.</summary>
    public Uri Address { get; }

    /// <summary>The same server as a browser must call it where passkeys are involved: http://localhost:PORT/.</summary>
    public Uri LocalhostAddress => new UriBuilder(Address) { Host = "localhost" }.Uri;

    public int ProcessId => process.Id;

    public bool HasExited => process.HasExited;

    public OutputLines StandardOutput => process.StandardOutput;

    public OutputLines StandardError => process.StandardError;

    /// <summary>
    /// Starts <c>selfsame serve</c> on a free port and waits until it listens. An <see cref="InvalidOperationException"/> holds its
    /// output if it ends before, or does not get there in a minute.
    /// </summary>
    /// <param name="dataFolder">The data folder (<c>--data</c>).</param>
    /// <param name="arguments">Further arguments: <c>--database</c>, <c>--config</c> …</param>
    /// <param name="environment">Further environment variables, such as SELFSAME_CRASH_AT; null unsets one.</param>
    /// <param name="url">Where to listen; port 0 takes a free one.</param>
    public static async Task<SelfsameProcess> ServeAsync(
        string dataFolder,
        IEnumerable<string>? arguments = null,
        IReadOnlyDictionary<string, string?>? environment = null,
        string url = "http://127.0.0.1:0")
    {
        string[] all = ["serve", "--urls", url, "--data", dataFolder, .. arguments ?? []];
        var process = ChildProcess.Start(Checkout.Executable, all, environment);
        using var timeout = new CancellationTokenSource(Timeout);
        string failure;
        try
        {
            if (await process.StandardOutput.FirstAsync(line => ListeningOn().IsMatch(line), timeout.Token) is { } line)
            {
                return new SelfsameProcess(process, new Uri(ListeningOn().Match(line).Groups["address"].Value));
            }

            failure = $"ended with code {await process.WaitForExitAsync(timeout.Token)} before it listened";
        }
        catch (OperationCanceledException)
        {
            failure = $"did not listen within {Timeout.TotalSeconds} s";
        }

        await process.DisposeAsync();
        throw new InvalidOperationException(
            $"selfsame {string.Join(' ', all)} {failure}.\nStandard output:\n{process.StandardOutput.Text}\nStandard error:\n{process.StandardError.Text}");
    }

    /// <summary>Runs one command to its end, within a minute. Standard input is <paramref name="standardInput"/> in UTF-8, then its end.</summary>
    public static Task<CommandResult> RunAsync(
        IEnumerable<string> arguments, string standardInput = "", IReadOnlyDictionary<string, string?>? environment = null, string? folder = null) =>
        RunAsync(arguments, Encoding.UTF8.GetBytes(standardInput), environment, folder);

    /// <summary>As above, for input that is not valid UTF-8.</summary>
    public static async Task<CommandResult> RunAsync(
        IEnumerable<string> arguments, ReadOnlyMemory<byte> standardInput, IReadOnlyDictionary<string, string?>? environment = null, string? folder = null)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        return await ChildProcess.RunAsync(Checkout.Executable, arguments, standardInput, environment, user: null, folder, timeout.Token);
    }

    /// <summary>kill -9.</summary>
    public void Kill() => process.Kill();

    /// <summary>Waits until it has ended; the exit code is 137 after kill -9.</summary>
    public async Task<int> WaitForExitAsync(TimeSpan? timeout = null)
    {
        using var limit = new CancellationTokenSource(timeout ?? Timeout);
        return await process.WaitForExitAsync(limit.Token);
    }

    public ValueTask DisposeAsync() => process.DisposeAsync();

    [GeneratedRegex(@"Listening on (?<address>http://127\.0\.0\.1:\d+)")]
    private static partial Regex ListeningOn();
}
