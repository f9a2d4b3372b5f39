using System.Text.Json;
using Selfsame.Testing;

namespace Selfsame.EndToEnd.Tests.Commands;

/// <summary>The sandbox of <c>selfsame demo</c>, in which commands are run as a person runs them.</summary>
internal sealed class Sandbox : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public string Folder => folder["box"];

    public string this[string file] => Path.Combine(Folder, file);

    public static async Task<Sandbox> MakeAsync()
    {
        var sandbox = new Sandbox();
        var made = await SelfsameProcess.RunAsync(["demo", "--sandbox-only", "--folder", sandbox.Folder]);
        made.ExitCode.ShouldBe(0, made.StandardError);
        return sandbox;
    }

    /// <summary>Runs a command that must end with <paramref name="exitCode"/>.</summary>
    public async Task<CommandResult> ExpectAsync(int exitCode, params string[] arguments) => await ExpectAsync(exitCode, [], arguments);

    public async Task<CommandResult> ExpectAsync(int exitCode, Dictionary<string, string?> environment, string[] arguments)
    {
        var result = await SelfsameProcess.RunAsync(arguments, "", environment, Folder);
        result.ExitCode.ShouldBe(exitCode, $"{string.Join(' ', arguments)}\n{result.StandardOutput}\n{result.StandardError}");
        return result;
    }

    public async Task<JsonElement> JsonAsync(int exitCode, params string[] arguments)
        => JsonDocument.Parse((await ExpectAsync(exitCode, [.. arguments, "--json"])).StandardOutput).RootElement;

    /// <summary>Runs SQL on a file of the sandbox; the rows, each as its columns joined by a bar.</summary>
    public IReadOnlyList<string> Sql(string file, string sql) => OtherProgram.Sql(this[file], sql);

    public void Dispose() => folder.Dispose();
}
