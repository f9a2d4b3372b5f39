using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Selfsame.Testing;

/// <summary>
/// A throwaway PostgreSQL 15 on 127.0.0.1: its own data folder, its own port, no password, no Unix socket. It dies with the test process.
/// Tests that only need a database share one server (<see cref="SharedAsync"/>) and take a fresh database each.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string Owner = "selfsame";
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);
    private static readonly Lazy<Task<PostgresServer>> Shared = new(StartSharedAsync);

    private readonly TemporaryFolder folder;
    private readonly ChildProcess process;
    private int databases;

    private PostgresServer(TemporaryFolder folder, ChildProcess process, int port)
    {
        this.folder = folder;
        this.process = process;
        Port = port;
    }

    /// <summary>The port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>The process id of the postmaster.</summary>
    public int ProcessId => process.Id;

    /// <summary>What the server has logged so far.</summary>
    public string Log => process.StandardError.Text;

    /// <summary>The server that the tests of this process share; fsync off.</summary>
    public static Task<PostgresServer> SharedAsync() => Shared.Value;

    /// <summary>
    /// Makes a data folder and starts a server on it. With <paramref name="fsync"/> it is as durable, and as slow, as a real one.
    /// An <see cref="InvalidOperationException"/> names the missing package, or holds the server's log.
    /// </summary>
    public static async Task<PostgresServer> StartAsync(bool fsync = false)
    {
        using var timeout = new CancellationTokenSource(StartTimeout);
        var folder = new TemporaryFolder();
        try
        {
            var user = Environment.IsPrivilegedProcess ? "postgres" : null;
            var data = await MakeDataFolderAsync(folder, user, timeout.Token);
            return await StartOnFreePortAsync(folder, data, user, fsync, timeout.Token);
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    /// <summary>Creates an empty database and returns its Npgsql connection string.</summary>
    public Task<string> CreateDatabaseAsync(CancellationToken cancellationToken = default) => CreateDatabaseAsync("", cancellationToken);

    /// <summary>As <see cref="CreateDatabaseAsync(CancellationToken)"/>, with further options of CREATE DATABASE.</summary>
    public async Task<string> CreateDatabaseAsync(string options, CancellationToken cancellationToken = default)
    {
        var name = $"test_{Interlocked.Increment(ref databases)}";
        await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
        await connection.OpenAsync(cancellationToken);
        // By default the seven megabytes of each would go through the log as well, in twice the time.
        await using var create = new NpgsqlCommand($"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy {options}", connection);
        await create.ExecuteNonQueryAsync(cancellationToken);
        return ConnectionString(name);
    }

    /// <summary>The Npgsql connection string of a database of this server.</summary>
    public string ConnectionString(string database) => $"Host=127.0.0.1;Port={Port};Username={Owner};Database={database}";

    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        folder.Dispose();
    }

    private static async Task<PostgresServer> StartSharedAsync()
    {
        var server = await StartAsync();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.End();
        return server;
    }

    /// <summary>
    /// At the end of our process. The runner takes an end of more than ten seconds for a thread that hangs, and the hundreds of databases that are in the
    /// folder by then take longer to remove: a process does it for which nobody waits. What it leaves, the next run removes.
    /// </summary>
    private void End()
    {
        process.KillNow();
        // Pipes of its own: whoever reads our output to its end must not wait for it either.
        using var removal = Process.Start(new ProcessStartInfo("rm", ["-rf", "--", folder.Path])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });
    }

    /// <summary>The folder of PostgreSQL's programs, psql among them.</summary>
    public static string Programs => Checkout.Existing("SELFSAME_POSTGRESQL_BIN", "/usr/lib/postgresql/15/bin", "Install the Debian package postgresql-15");

    private static string Program(string name) => Path.Combine(Programs, name);

    private static async Task<string> MakeDataFolderAsync(TemporaryFolder folder, string? user, CancellationToken cancellationToken)
    {
        var data = folder["data"];
        if (user is not null)
        {
            // PostgreSQL refuses to run as root, so the folder belongs to the user that the package made.
            await RunAsync("chown", [user, folder.Path], null, cancellationToken);
        }

        string[] arguments = ["-D", data, "--no-sync", "--auth=trust", $"--username={Owner}", "--encoding=UTF8", "--locale=C.UTF-8"];
        await RunAsync(Program("initdb"), arguments, user, cancellationToken, folder.Path);
        return data;
    }

    private static async Task RunAsync(string program, string[] arguments, string? user, CancellationToken cancellationToken, string? inFolder = null)
    {
        var result = await ChildProcess.RunAsync(program, arguments, user: user, folder: inFolder, cancellationToken: cancellationToken);
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} ended with code {result.ExitCode}:\n{result.StandardOutput}{result.StandardError}");
        }
    }

    /// <summary>PostgreSQL cannot be asked for any free port, and between our finding one and its binding it another process may take it.</summary>
    private static async Task<PostgresServer> StartOnFreePortAsync(
        TemporaryFolder folder, string data, string? user, bool fsync, CancellationToken cancellationToken)
    {
        const int attempts = 5;
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort();
            var process = ChildProcess.Start(Program("postgres"), Arguments(data, port, fsync), user: user, folder: folder.Path);
            var line = await process.StandardError.FirstAsync(
                line => line.Contains("ready to accept connections", StringComparison.Ordinal), cancellationToken);
            if (line is not null)
            {
                return new PostgresServer(folder, process, port);
            }

            var log = process.StandardError.Text;
            await process.DisposeAsync();
            if (attempt == attempts || !log.Contains("Address already in use", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"PostgreSQL did not start:\n{log}");
            }
        }
    }

    private static string[] Arguments(string data, int port, bool fsync)
    {
        var durable = fsync ? "on" : "off";
        string[] settings =
        [
            "listen_addresses=127.0.0.1", $"port={port}", "unix_socket_directories=", "max_connections=200",
            $"fsync={durable}", $"full_page_writes={durable}", "jit=off", "shared_buffers=128MB", "lc_messages=C",
        ];
        return ["-D", data, .. settings.SelectMany(setting => (string[])["-c", setting])];
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
