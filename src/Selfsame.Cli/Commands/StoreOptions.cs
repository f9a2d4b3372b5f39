using System.CommandLine;
using Selfsame.Core;
using Selfsame.Server.Hosting;
using Selfsame.Server.Reconciliation;

namespace Selfsame.Cli.Commands;

/// <summary>The options of every command that opens the store: where it is, and the config.</summary>
internal sealed class StoreOptions
{
    private readonly Option<string?> data = new("--data") { Description = "The data folder (default: data, or SELFSAME_DATA)." };
    private readonly Option<string?> database = new("--database") { Description = "A PostgreSQL connection string (default: SQLite in the data folder)." };
    private readonly Option<string?> config = new("--config") { Description = "The config (default: selfsame.yaml, if it is there)." };

    public void AddTo(Command command)
    {
        command.Options.Add(data);
        command.Options.Add(database);
        command.Options.Add(config);
    }

    /// <summary>The config that was named, or null for the one at the default place.</summary>
    public string? ConfigPath(ParseResult parsed) => parsed.GetValue(config);

    /// <summary>What the command line, the environment and the config say together.</summary>
    public ServerOptions Read(ParseResult parsed)
    {
        var options = new ServerOptions
        {
            DataFolder = CommandLine.FullPath("--data", parsed.GetValue(data) ?? Setting("SELFSAME_DATA") ?? "data"),
            Database = parsed.GetValue(database) ?? Setting("SELFSAME_DATABASE"),
            SecretKey = Setting("SELFSAME_SECRET_KEY"),
            PreviousSecretKey = Setting("SELFSAME_SECRET_KEY_PREVIOUS"),
            CrashPoints = CommandLine.CrashPointsFromEnvironment(),
            Random = RandomSource.System,
        };
        return ConfigFile.ReadIfThere(ConfigPath(parsed)) is { } topology
            ? ConfigFile.Apply(topology, options) with { ConfigPath = Path.GetFullPath(ConfigPath(parsed) ?? ConfigFile.DefaultName) }
            : options;
    }

    private static string? Setting(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
