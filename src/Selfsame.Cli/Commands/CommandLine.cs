using System.CommandLine;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Selfsame.Core;
using Selfsame.Core.Accounts;
using Selfsame.Databases;

namespace Selfsame.Cli.Commands;

/// <summary>Runs the command line: errors that a person can mend go to stderr as one sentence, with the agreed exit code.</summary>
internal static partial class CommandLine
{
    private const int SignalKill = 9;

    // A server ends its requests within 30 s, and an apply the change that it is at: the process must be there for it.
    private static readonly TimeSpan TimeToEnd = TimeSpan.FromSeconds(40);

    /// <summary>Names a crash point at which the process kills itself, for the kill -9 tests; <c>name</c> or <c>name:count</c>.</summary>
    private const string CrashVariable = "SELFSAME_CRASH_AT";

    public static async Task<int> RunAsync(RootCommand root, string[] arguments)
    {
        try
        {
            var parsed = root.Parse(arguments);
            var exitCode = await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = TimeToEnd,
            });
            return parsed.Errors.Count > 0 ? ExitCode.Error : exitCode;
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("Interrupted. Run the same command again to go on.");
            return ExitCode.Interrupted;
        }
        catch (SystemUnavailableException exception) when (exception.Unforeseen is { } unforeseen)
        {
            await Console.Error.WriteLineAsync($"selfsame: {exception.Message} Correct what stands there, or report this: {unforeseen}");
            return ExitCode.Error;
        }
        catch (Exception exception) when (exception is InvalidOperationException or IOException or UnauthorizedAccessException
            or System.Data.Common.DbException or DatabaseException or CryptographicException)
        {
            await Console.Error.WriteLineAsync($"selfsame: {exception.Message}");
            return ExitCode.Error;
        }
        catch (Exception exception)
        {
            await Console.Error.WriteLineAsync($"selfsame: this is a mistake in Selfsame, or a value that it should have refused with a better sentence: {exception}");
            return ExitCode.Error;
        }
    }

    /// <summary>A path that was named, whole; an empty one, as of a variable that is not set, is refused.</summary>
    public static string FullPath(string option, string path)
        => string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal)
            ? throw new InvalidOperationException($"'{option}' names nothing. If it stands for a variable, that one is not set.")
            : Path.GetFullPath(path);

    /// <summary>The crash points of this process: none, unless a test asked for one.</summary>
    public static CrashPoints CrashPointsFromEnvironment()
    {
        if (Environment.GetEnvironmentVariable(CrashVariable) is not { Length: > 0 } wanted)
        {
            return CrashPoints.None;
        }

        var parts = wanted.Split(':');
        var left = parts.Length > 1 ? int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) : 1;
        return new CrashPoints(name =>
        {
            if (name == parts[0] && Interlocked.Decrement(ref left) == 0)
            {
                _ = Kill(Environment.ProcessId, SignalKill);
            }
        });
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}

/// <summary>What the process's exit code tells.</summary>
internal static class ExitCode
{
    public const int Clean = 0;

    /// <summary>An error or a wrong use.</summary>
    public const int Error = 1;

    /// <summary>Findings, pending or skipped changes, refused lines.</summary>
    public const int Findings = 2;

    /// <summary>A guard or the lock stopped it; nothing changed.</summary>
    public const int Stopped = 3;

    /// <summary>Interrupted; can be resumed.</summary>
    public const int Interrupted = 130;
}
