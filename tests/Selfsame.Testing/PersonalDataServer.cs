using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;

namespace Selfsame.Testing;

/// <summary>How a PDS of the tests is set up.</summary>
public sealed record PersonalDataServerOptions
{
    /// <summary>Whether an account needs an invite code.</summary>
    public bool InviteRequired { get; init; } = true;

    /// <summary>Whether it limits requests: 100 creations in five minutes.</summary>
    public bool RateLimits { get; init; }

    /// <summary>
    /// Where the PLC directory keeps DIDs: the <c>postgres://</c> address of an empty database, so that they outlive a stop. Null keeps them in
    /// memory.
    /// </summary>
    public string? DirectoryDatabase { get; init; }
}

/// <summary>
/// A real ATProto PDS and the PLC directory that it registers DIDs with (tests/node/pds), both on free ports of 127.0.0.1. They die with the test
/// process. Tests that only need a PDS share one (<see cref="SharedAsync"/>), each with handles of its own.
/// </summary>
public sealed class PersonalDataServer : IAsyncDisposable
{
    /// <summary>The domain under which it gives handles.</summary>
    public const string HandleDomain = "at.example.com";

    /// <summary>The administrator's password.</summary>
    public const string AdminPassword = "the-administrators-password";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(90);
    private static readonly Lazy<Task<PersonalDataServer>> Shared = new(() => StartAsync());

    private readonly TemporaryFolder folder;
    private readonly PersonalDataServerOptions options;
    private readonly ChildProcess pds;
    private ChildProcess directory;

    private PersonalDataServer(TemporaryFolder folder, PersonalDataServerOptions options, ChildProcess directory, int directoryPort, ChildProcess pds, int port)
    {
        this.folder = folder;
        this.options = options;
        this.directory = directory;
        this.pds = pds;
        DirectoryPort = directoryPort;
        Port = port;
    }

    /// <summary>The PDS's port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>The PLC directory's port on 127.0.0.1; the same after a stop and a start.</summary>
    public int DirectoryPort { get; }

    public string Url => $"http://127.0.0.1:{Port}";

    public string DirectoryUrl => $"http://127.0.0.1:{DirectoryPort}";

    /// <summary>The servers that the tests of this process share: invites required, no rate limits, DIDs in memory.</summary>
    public static Task<PersonalDataServer> SharedAsync() => Shared.Value;

    /// <summary>Starts both, in three to five seconds. An <see cref="InvalidOperationException"/> holds what they complained about.</summary>
    public static async Task<PersonalDataServer> StartAsync(PersonalDataServerOptions? options = null)
    {
        options ??= new PersonalDataServerOptions();
        using var timeout = new CancellationTokenSource(StartTimeout);
        var folder = new TemporaryFolder();
        ChildProcess? directory = null;
        try
        {
            (directory, var directoryPort) = await StartOnFreePortAsync("plc.cjs", port => DirectoryEnvironment(options, port), timeout.Token);
            var (pds, port) = await StartOnFreePortAsync("pds.cjs", port => Environment(options, folder, directoryPort, port), timeout.Token);
            return new PersonalDataServer(folder, options, directory, directoryPort, pds, port);
        }
        catch
        {
            await (directory?.DisposeAsync() ?? ValueTask.CompletedTask);
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Kills the PLC directory; in memory it forgets every DID.</summary>
    public ValueTask StopDirectoryAsync() => directory.DisposeAsync();

    /// <summary>Starts the PLC directory again, on its old port.</summary>
    public async Task StartDirectoryAsync()
    {
        using var timeout = new CancellationTokenSource(StartTimeout);
        var (started, log) = await TryStartAsync("plc.cjs", DirectoryEnvironment(options, DirectoryPort), timeout.Token);
        directory = started ?? throw new InvalidOperationException($"The PLC directory did not start again:\n{log}");
    }

    /// <summary>Stops the PLC directory in its tracks (SIGSTOP): it takes connections and answers nothing.</summary>
    public Task HoldDirectoryAsync() => SignalDirectoryAsync("STOP");

    /// <summary>Lets a held directory go on.</summary>
    public Task ResumeDirectoryAsync() => SignalDirectoryAsync("CONT");

    /// <summary>The PLC directory answers the next <paramref name="count"/> operations with this status and does not take them.</summary>
    public async Task RefuseOperationsAsync(HttpStatusCode status, int count)
    {
        using var timeout = new CancellationTokenSource(StartTimeout);
        var known = directory.StandardOutput.Snapshot.Count(IsRefusing);
        var seen = 0;
        await directory.StandardInput.WriteLineAsync(JsonSerializer.Serialize(new { status = (int)status, count }).AsMemory(), timeout.Token);
        await directory.StandardInput.FlushAsync(timeout.Token);
        await directory.StandardOutput.FirstAsync(line => IsRefusing(line) && ++seen > known, timeout.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await pds.DisposeAsync();
        await directory.DisposeAsync();
        folder.Dispose();
    }

    private static bool IsRefusing(string line) => line.StartsWith("Refusing", StringComparison.Ordinal);

    private async Task SignalDirectoryAsync(string signal)
    {
        var result = await ChildProcess.RunAsync("kill", [$"-{signal}", directory.Id.ToString(CultureInfo.InvariantCulture)]);
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"The PLC directory took no {signal}: {result.StandardError}");
        }
    }

    /// <summary>The PDS writes its own address into DID documents, so its port must be known before it starts; another process may take it until then.</summary>
    private static async Task<(ChildProcess Process, int Port)> StartOnFreePortAsync(
        string script, Func<int, Dictionary<string, string?>> environment, CancellationToken cancellationToken)
    {
        const int attempts = 5;
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort();
            var (process, log) = await TryStartAsync(script, environment(port), cancellationToken);
            if (process is not null)
            {
                return (process, port);
            }

            if (attempt == attempts || !log.Contains("EADDRINUSE", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"{script} did not start (it needs Node.js 20):\n{log}");
            }
        }
    }

    private static async Task<(ChildProcess? Process, string Log)> TryStartAsync(
        string script, Dictionary<string, string?> environment, CancellationToken cancellationToken)
    {
        var nodeFolder = Checkout.PersonalDataServerFolder;
        var process = ChildProcess.Start("node", [Path.Combine(nodeFolder, script)], environment, folder: nodeFolder);
        if (await process.StandardOutput.FirstAsync(line => line == "Listening", cancellationToken) is not null)
        {
            return (process, "");
        }

        var log = process.StandardOutput.Text + process.StandardError.Text;
        await process.DisposeAsync();
        return (null, log);
    }

    private static Dictionary<string, string?> DirectoryEnvironment(PersonalDataServerOptions options, int port) => new()
    {
        ["PLC_PORT"] = port.ToString(CultureInfo.InvariantCulture),
        ["PLC_DATABASE_URL"] = options.DirectoryDatabase,
        ["LOG_LEVEL"] = "warn",
    };

    private static Dictionary<string, string?> Environment(PersonalDataServerOptions options, TemporaryFolder folder, int directoryPort, int port) => new()
    {
        ["PDS_PORT"] = port.ToString(CultureInfo.InvariantCulture),
        ["PDS_HOSTNAME"] = "localhost",
        ["PDS_SERVICE_HANDLE_DOMAINS"] = $".{HandleDomain}",
        ["PDS_DATA_DIRECTORY"] = folder["pds"],
        ["PDS_BLOBSTORE_DISK_LOCATION"] = folder["blobs"],
        ["PDS_DID_PLC_URL"] = $"http://127.0.0.1:{directoryPort}",
        ["PDS_ADMIN_PASSWORD"] = AdminPassword,
        ["PDS_JWT_SECRET"] = "a-secret-of-tests",
        ["PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)),
        ["PDS_INVITE_REQUIRED"] = options.InviteRequired ? "true" : "false",
        ["PDS_RATE_LIMITS_ENABLED"] = options.RateLimits ? "true" : "false",
        ["PDS_DEV_MODE"] = "true",
        ["PDS_DISABLE_SSRF_PROTECTION"] = "true",
        ["LOG_ENABLED"] = "true",
        ["LOG_LEVEL"] = "warn",
        ["NODE_ENV"] = "production",
    };

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
