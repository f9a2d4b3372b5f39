using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Selfsame.Core.Reconciliation;
using Selfsame.Databases;
using Selfsame.Server.Hosting;

namespace Selfsame.Server.Reconciliation;

/// <summary>The file that the config names under <c>decisions</c>; one decision a line is added at its end, what stands there stays as it is.</summary>
public sealed partial class DecisionsFile
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BetweenTries = TimeSpan.FromMilliseconds(20);
    private static readonly JsonSerializerOptions Quoting = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string? config;
    private readonly string path;

    private DecisionsFile(string? config, string path)
    {
        this.config = config;
        this.path = path;
    }

    /// <summary>The path, as a person reads it.</summary>
    public string Path => path;

    /// <summary>Where a file that the config names stands: beside the config, wherever the command is run.</summary>
    public static string PathOf(string? config, string named)
        => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(config ?? ConfigFile.DefaultName) ?? "", named);

    /// <summary>The file that the config at <paramref name="config"/> names, begun where it is not there; throws <see cref="ConfigException"/> where it names none.</summary>
    public static DecisionsFile Of(string? config)
    {
        var topology = ConfigFile.Read(config, path => File.Exists(path) ? File.ReadAllText(path) : "");
        var path = PathOf(config, topology.DecisionsFile ?? throw new ConfigException(
            $"{config ?? ConfigFile.DefaultName} names no file for decisions. Write 'decisions: decisions.yaml' into it"
            + (topology.Decisions.All.Count > 0 ? ", and move the list that stands there now into that file." : ".")));
        using (new FileStream(path, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite))
        {
            return new DecisionsFile(config, path);
        }
    }

    /// <summary>Adds a decision, after looking that the whole file can then be read and contradicts nothing; false where it is decided already.</summary>
    /// <param name="verdict">What was decided.</param>
    /// <param name="accounts">About whom, as <c>system/id</c>.</param>
    /// <param name="finding">The only kind of finding that is ignored; null for every kind.</param>
    /// <param name="reason">Why.</param>
    /// <param name="options">Of those who share its data folder one adds at a time: between reading and replacing the file another's line would be lost.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="ConfigException">It can't be added, and why; nothing is written.</exception>
    public async Task<bool> AddAsync(
        Verdict verdict, IReadOnlyList<string> accounts, string? finding, string reason, ServerOptions options, CancellationToken cancellation)
    {
        await using var turn = await WaitForTurnAsync(options, cancellation);
        return Add(verdict, accounts, finding, reason);
    }

    // The file of decisions can't be the lock itself: it is replaced. Whoever dies lets go of it.
    private async Task<FileStream> WaitForTurnAsync(ServerOptions options, CancellationToken cancellation)
    {
        PrivateFiles.CreateFolder(options.DataFolder);
        var lockFile = System.IO.Path.Combine(options.DataFolder, "decisions.lock");
        var began = options.Clock.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(lockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (options.Clock.GetElapsedTime(began) < LongestWait)
            {
                await Task.Delay(BetweenTries, options.Clock, cancellation);
            }
            catch (IOException exception)
            {
                throw new ConfigException($"nothing was written to {path}: {exception.Message} If no other selfsame decide is running, look at the rights of that file.");
            }
        }
    }

    private bool Add(Verdict verdict, IReadOnlyList<string> accounts, string? finding, string reason)
    {
        var before = File.ReadAllText(path);
        var after = $"{before}{(before.Length == 0 || before.EndsWith('\n') ? "" : "\n")}{Line(verdict, accounts, finding, reason)}\n";
        var known = ConfigFile.Read(config, _ => before).Decisions.All;
        var all = ReadAfter(after).All;
        var added = all.Count == known.Count + 1 ? all[^1] : null;
        if (added is null || added.Verdict != verdict || added.Finding != finding || added.Reason != reason || !added.Accounts.Select(account => account.ToString()).SequenceEqual(accounts))
        {
            throw new ConfigException($"{path} is laid out so that nothing can be added at its end. Write it as a list with a line for each, or add this yourself:\n{Line(verdict, accounts, finding, reason)}");
        }

        if (known.Any(decision => decision.Verdict == verdict && decision.Finding == finding && added.Accounts.All(decision.Accounts.Contains)))
        {
            return false;
        }

        if (File.ReadAllText(path) != before)
        {
            throw new ConfigException($"{path} was changed by somebody else just now. Run this again.");
        }

        Write(after);
        return true;
    }

    private PersonDecisions ReadAfter(string text)
    {
        try
        {
            return ConfigFile.Read(config, _ => text).Decisions;
        }
        catch (ConfigException exception)
        {
            throw new ConfigException($"this can't be decided, and nothing was written: with it {exception.Message}");
        }
    }

    /// <summary>Old or new, never half; with the rights that it has, for several may work with it.</summary>
    private void Write(string text)
    {
        var target = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? System.IO.Path.GetFullPath(path);
        var temporary = $"{target}.{Environment.ProcessId}.tmp";
        using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(stream.SafeFileHandle, File.GetUnixFileMode(target));
            }

            stream.Write(Encoding.UTF8.GetBytes(text));
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, target, overwrite: true);
        PrivateFiles.Flush(System.IO.Path.GetDirectoryName(target)!);
    }

    private static string Line(Verdict verdict, IReadOnlyList<string> accounts, string? finding, string reason)
        => $"- {{ {verdict.ToString().ToLowerInvariant()}: [{string.Join(", ", accounts.Select(Scalar))}], {(finding is null ? "" : $"finding: {finding}, ")}reason: {JsonSerializer.Serialize(reason, Quoting)} }}";

    // Every JSON text is a YAML scalar.
    private static string Scalar(string text) => Plain().IsMatch(text) ? text : JsonSerializer.Serialize(text, Quoting);

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9_-]*/[A-Za-z0-9_-]+$", RegexOptions.CultureInvariant)]
    private static partial Regex Plain();
}
