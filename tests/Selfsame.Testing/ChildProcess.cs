using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;

namespace Selfsame.Testing;

/// <summary>
/// A process that never outlives the tests: the kernel kills it when the test process dies, however that dies
/// (prctl(2), PR_SET_PDEATHSIG, through setpriv(1)).
/// </summary>
public sealed class ChildProcess : IAsyncDisposable
{
    // The death signal follows the thread that forked, and the thread pool retires idle threads: one thread that stays forks them all.
    private static readonly BlockingCollection<Action> Launches = StartLauncher();

    private readonly Process process;
    private readonly TaskCompletionSource outputEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int openStreams = 2;

    private ChildProcess(Process process)
    {
        this.process = process;
        Id = process.Id;
    }

    public int Id { get; }

    public bool HasExited => process.HasExited;

    public StreamWriter StandardInput => process.StandardInput;

    public OutputLines StandardOutput { get; } = new();

    public OutputLines StandardError { get; } = new();

    /// <summary>Starts a program whose output is collected by line. As <paramref name="user"/>, if one is named (needs root).</summary>
    public static ChildProcess Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null, string? user = null, string? folder = null)
    {
        var child = new ChildProcess(StartProcess(program, arguments, environment, user, folder));
        child.process.OutputDataReceived += (_, line) => child.Take(child.StandardOutput, line.Data);
        child.process.ErrorDataReceived += (_, line) => child.Take(child.StandardError, line.Data);
        child.process.BeginOutputReadLine();
        child.process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Runs a program to its end. Standard input is <paramref name="standardInput"/>, then its end.</summary>
    public static async Task<CommandResult> RunAsync(
        string program,
        IEnumerable<string> arguments,
        ReadOnlyMemory<byte> standardInput = default,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? user = null,
        string? folder = null,
        CancellationToken cancellationToken = default)
    {
        using var process = StartProcess(program, arguments, environment, user, folder);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            await WriteAsync(process.StandardInput, standardInput, cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return new CommandResult(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }

    /// <summary>SIGKILL, as kill -9; the process may have ended already.</summary>
    public void Kill() => process.Kill();

    /// <summary>
    /// SIGKILL, and waits for the end of the process but not of its output: for the end of our own process, which must not wait for threads of the pool
    /// that tests have left busy.
    /// </summary>
    public void KillNow()
    {
        process.Kill();
        process.WaitForExit(TimeSpan.FromSeconds(5));
    }

    /// <summary>Waits for the end of the process and of its output; returns the exit code (128 + n after signal n).</summary>
    public async Task<int> WaitForExitAsync(CancellationToken cancellationToken)
    {
        await process.WaitForExitAsync(cancellationToken);
        await outputEnded.Task.WaitAsync(cancellationToken);
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private static Process StartProcess(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment, string? user, string? folder)
    {
        var start = new ProcessStartInfo("setpriv")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            WorkingDirectory = folder ?? "",
        };
        string[] asUser = user is null ? [] : ["--reuid", user, "--regid", user, "--clear-groups"];
        foreach (var argument in (string[])["--pdeathsig", "KILL", .. asUser, "--", program, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }

        var started = new TaskCompletionSource<Process>();
        Launches.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception error)
            {
                started.SetException(error);
            }
        });
        return started.Task.GetAwaiter().GetResult();
    }

    private static BlockingCollection<Action> StartLauncher()
    {
        var launches = new BlockingCollection<Action>();
        var launcher = new Thread(() =>
        {
            foreach (var launch in launches.GetConsumingEnumerable())
            {
                launch();
            }
        })
        { IsBackground = true, Name = "Launcher of child processes" };
        launcher.Start();
        return launches;
    }

    private static async Task WriteAsync(StreamWriter standardInput, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await standardInput.BaseStream.WriteAsync(bytes, cancellationToken);
            standardInput.Close();
        }
        catch (IOException)
        {
            // The program ended without reading its input: its exit code and output say why, and the caller sees them.
        }
    }

    private void Take(OutputLines lines, string? line)
    {
        lines.Add(line);
        if (line is null && Interlocked.Decrement(ref openStreams) == 0)
        {
            outputEnded.SetResult();
        }
    }
}
