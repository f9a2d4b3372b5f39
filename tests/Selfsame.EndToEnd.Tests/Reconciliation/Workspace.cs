using Microsoft.Data.Sqlite;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Reconciliation;

/// <summary>A folder with a config and SQLite files, in which commands are run as a person runs them.</summary>
internal sealed class Workspace : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public Workspace(string config)
    {
        File.WriteAllText(folder["selfsame.yaml"], config);
    }

    public string Folder => folder.Path;

    public string Data => folder["data"];

    public string this[string name] => folder[name];

    /// <summary>APP_DB, which a config may name, and what is added.</summary>
    public IReadOnlyDictionary<string, string?> Environment(params (string Name, string Value)[] further)
        => further.Append(("APP_DB", folder["app.db"])).ToDictionary(pair => pair.Item1, pair => (string?)pair.Item2);

    public Task<CommandResult> RunAsync(params string[] arguments) => SelfsameProcess.RunAsync(arguments, environment: Environment(), folder: folder.Path);

    public Task<CommandResult> RunAsync(string crashAt, string[] arguments)
        => SelfsameProcess.RunAsync(arguments, environment: Environment(("SELFSAME_CRASH_AT", crashAt)), folder: folder.Path);

    /// <summary>Runs a command that must end with <paramref name="exitCode"/>.</summary>
    public async Task<CommandResult> ExpectAsync(int exitCode, params string[] arguments)
    {
        var result = await RunAsync(arguments);
        result.ExitCode.ShouldBe(exitCode, $"{string.Join(' ', arguments)}\n{result.StandardOutput}\n{result.StandardError}");
        return result;
    }

    /// <summary>Runs SQL on a file of the folder; the rows, each as its columns joined by a bar.</summary>
    public IReadOnlyList<string> Sql(string file, string sql) => OtherProgram.Sql(folder[file], sql);

    public SqliteConnection Open(string file)
    {
        var connection = new SqliteConnection($"Data Source={folder[file]};Pooling=False");
        connection.Open();
        return connection;
    }

    public void Dispose() => folder.Dispose();
}
