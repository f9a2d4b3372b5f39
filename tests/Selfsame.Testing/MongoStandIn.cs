using System.Collections.Concurrent;
using System.Text.Json;

namespace Selfsame.Testing;

/// <summary>
/// The stand-in for a MongoDB server (tests/node/mongodb): what it is and is not stands at the head of its <c>server.mjs</c>. One process for each
/// version and kind serves all tests of a run, each in a database of its own; it ends with the tests.
/// </summary>
public sealed class MongoStandIn
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private static readonly ConcurrentDictionary<(string Version, bool ReplicaSet), Lazy<Task<MongoStandIn>>> Servers = new();

    private readonly ChildProcess process;

    private MongoStandIn(ChildProcess process, int port)
    {
        this.process = process;
        ConnectionString = $"mongodb://127.0.0.1:{port}/";
    }

    public string ConnectionString { get; }

    /// <summary>The server of that version ("3.6.0", "5.0.0") and kind, started when it is first asked for.</summary>
    public static Task<MongoStandIn> SharedAsync(string version = "5.0.0", bool replicaSet = true)
        => Servers.GetOrAdd((version, replicaSet), key => new Lazy<Task<MongoStandIn>>(() => StartAsync(key.Version, key.ReplicaSet))).Value;

    /// <summary>What the stand-in complained about: empty unless it has a bug.</summary>
    public string Complaints => process.StandardError.Text;

    private static async Task<MongoStandIn> StartAsync(string version, bool replicaSet)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        var folder = Checkout.NodeFolder;
        var options = JsonSerializer.Serialize(new { version, replicaSet });
        var process = ChildProcess.Start("node", [Path.Combine(folder, "mongodb", "server.mjs"), options], folder: folder);
        if (await process.StandardOutput.FirstAsync(_ => true, timeout.Token) is not { } line)
        {
            var error = process.StandardError.Text;
            await process.DisposeAsync();
            throw new InvalidOperationException($"The MongoDB stand-in did not start (it needs Node.js 20 or newer):\n{error}");
        }

        using var listening = JsonDocument.Parse(line);
        return new MongoStandIn(process, listening.RootElement.GetProperty("port").GetInt32());
    }
}
