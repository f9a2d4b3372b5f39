using System.CommandLine;
using Selfsame.Bench.Stores;
using Selfsame.Server.Hosting;
using Selfsame.Server.Reconciliation;

namespace Selfsame.Bench.Servers;

/// <summary>The command <c>serve</c>: our server in a process of its own, with no limit on calls.</summary>
internal static class MeasuredServer
{
    public const string Name = "serve";
    public const string NoHashingOption = "--no-hashing";
    public const string SecretVariable = "SELFSAME_SECRET_KEY";

    public static Command Command()
    {
        var data = new Option<string>("--data") { Required = true };
        var database = new Option<string?>("--database");
        var config = new Option<string?>("--config");
        var noHashing = new Option<bool>(NoHashingOption);
        var command = new Command(Name, "Our server, to be measured.") { data, database, config, noHashing };
        command.SetAction((parsed, cancellation) =>
        {
            var options = new ServerOptions
            {
                Urls = ["http://127.0.0.1:0"],
                DataFolder = parsed.GetValue(data)!,
                Database = parsed.GetValue(database),
                SecretKey = Environment.GetEnvironmentVariable(SecretVariable),
                Tenants = [BenchStore.Tenant],
                Passwords = parsed.GetValue(noHashing) ? new NoHashing(NoHashing.Placeholder) : null,
            };
            return RunAsync(parsed.GetValue(config) is { } file ? ConfigFile.Apply(ConfigFile.Read(file), options) : options, cancellation);
        });
        return command;
    }

    private static async Task<int> RunAsync(ServerOptions options, CancellationToken cancellation)
    {
        await using var server = await SelfsameServer.CreateAsync(options, cancellation);
        await server.StartAsync(cancellation);
        Console.WriteLine(ServerProcess.ListeningOn + server.Address);
        var shutdown = server.WaitForShutdownAsync(cancellation);

        // On a thread of its own, for reading from the console blocks it; if it fails, whoever asked must not wait.
        var answering = Task.Run(() => new BareHashing(server.Context.Passwords).AnswerAsync(Console.In, Console.Out), cancellation);
        await await Task.WhenAny(shutdown, answering);
        await shutdown;
        return 0;
    }
}
