using System.Diagnostics;

namespace Selfsame.Store.Runs;

/// <summary>The process that applies, so that a colleague is told who holds the lease.</summary>
/// <param name="Machine">The machine, its boot and the space of its process numbers (a container has its own): only within one can processes be told apart.</param>
/// <param name="ProcessId">The process there.</param>
public sealed record LeaseHolder(string Machine, int ProcessId)
{
    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";
    private const string ProcessSpaceLink = "/proc/self/ns/pid";

    /// <summary>This process.</summary>
    public static LeaseHolder Current { get; } = new($"{Environment.MachineName} {BootId()} {new FileInfo(ProcessSpaceLink).LinkTarget}".TrimEnd(), Environment.ProcessId);

    /// <summary>
    /// Whether the process surely no longer runs. Only a process of the same machine and boot can be judged; a process
    /// number that was given out again counts as running, and the lease's end decides.
    /// </summary>
    public bool IsGone(LeaseHolder asker) => Machine == asker.Machine && ProcessId != asker.ProcessId && !IsRunning(ProcessId);

    /// <summary>For people: the process and the machine.</summary>
    public override string ToString() => $"process {ProcessId} on {Machine.Split(' ')[0]}";

    private static bool IsRunning(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return !process.HasExited;
        }
        catch (ArgumentException)
        {
            // The documented answer for a process that is not running.
            return false;
        }
    }

    private static string BootId() => File.Exists(BootIdFile) ? File.ReadAllText(BootIdFile).Trim() : "";
}
